"""GAN with a projection discriminator (Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637).

    score D(x, c) = psi(f(x)) + e_c . f(x),   f(x) the features of x, summed over its last map, and psi linear
    loss of D       E max(0, 1 - D(x, c)) + E max(0, 1 + D(G(z, c), c))
    loss of G       -E D(G(z, c), c)

Where classes are log-linear in the features, this is the form of the log-ratio that D estimates: psi for that of images, and
e_c for that of the class given the image. G is told the class by its batch norm alone, of which each class has a scale and
a shift of its own; D has spectral norm in all its layers, e among them.

Differs from the paper: strided networks of SNGAN, where it has residual ones; both networks see batches of the same size,
where the authors' code gives G twice as many; a learning rate that does not decay.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..networks.conditional import projection_discriminator
from .sngan import SNGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ProjectionGAN(SNGAN):
    """SNGAN whose discriminator projects features on the class. It trains on (images, labels).

    Args:
        image_shape: (height, width, channels); any size of at least 5.
        latent_dim: number of latent variables (128).
        num_classes: number of classes; labels are integers in [0, num_classes).
        **options: as in `SNGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 128,
        *,
        num_classes: int = 10,
        **options: Any,
    ) -> None:
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **options)

    def generator_options(self) -> dict[str, Any]:
        return {**super().generator_options(), "norm": "conditional"}

    def default_discriminator(self) -> keras.Model:
        return projection_discriminator(self.image_shape, **self.discriminator_options())
