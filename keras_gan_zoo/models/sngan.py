"""GAN with spectral normalization (Miyato et al., 2018, https://arxiv.org/abs/1802.05957).

    loss of D    E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))
    loss of G    -E D(G(z))
    each layer of D    W <- W / s,   s an estimate of the largest singular value of W

Every layer of D, convolutions seen as matrices, is held at a norm of 1, so that D is Lipschitz by its construction: there is
nothing to clip and no penalty to weigh. `keras_gan_zoo.layers.spectral_norm` says how s is estimated and differentiated.

Differs from the paper: D halves the image by convolutions of stride 2 alone, where its standard network has a convolution of
stride 1 before each; G and D see batches of the same size, where the authors' code gives G twice as many; a learning rate
that does not decay.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.options import OWN_LOSS
from ..losses import hinge_discriminator_loss, wasserstein_generator_loss
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SNGAN(DCGAN):
    """A hinge game whose discriminator has spectral norm in every layer.

    Args:
        image_shape: (height, width, channels); any size of at least 5.
        latent_dim: number of latent variables (128).
        base_size: longest side of the smallest map (4, as in the paper).
        discriminator_norm: "spectral"; others for comparison.
        n_critic: discriminator steps in a round (5).
        **options: as in `DCGAN`.
    """

    refused_options = {"saturating": OWN_LOSS}
    leak = 0.1

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 128,
        *,
        base_size: int = 4,
        discriminator_norm: str | None = "spectral",
        n_critic: int = 5,
        **options: Any,
    ) -> None:
        super().__init__(
            image_shape,
            latent_dim,
            base_size=base_size,
            discriminator_norm=discriminator_norm,
            n_critic=n_critic,
            **options,
        )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9) for name in ("discriminator", "generator")}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return hinge_discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        return wasserstein_generator_loss(fake_scores)
