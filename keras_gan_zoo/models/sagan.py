"""Self-attention GAN (Zhang et al., 2018, https://arxiv.org/abs/1805.08318).

    loss of D    E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))
    loss of G    -E D(G(z))
    one map of each network    y = x + gamma attention(x),   gamma = 0 at the start
    each layer of both         W <- W / s,   s an estimate of the largest singular value of W
    rates                      4e-4 for D, 1e-4 for G

Every place of that map looks at all others (`keras_gan_zoo.layers.self_attention`), so that distant parts of an image can
agree. Spectral norm in G too keeps its gradients in bounds, and two time scales let D take a single step in each round
(Heusel et al., 2017, https://arxiv.org/abs/1706.08500).

Differs from the paper: the networks halve and double maps by strided convolutions, where it has residual blocks; classes
join the latents in G and a map in D, where it has conditional batch norm and a projection.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..data.checks import check_integer
from .sngan import SNGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SAGAN(SNGAN):
    """A hinge game with self-attention and spectral norm in both networks.

    Args:
        image_shape: (height, width, channels); any size of at least 5.
        latent_dim: number of latent variables (128).
        attention: halvings of the image at whose map self-attention stands: 2 is the paper's, 32 x 32 places of images of
            128 x 128; 1 is usual for images of 32 x 32. Its cost grows with the square of the places.
        n_critic: discriminator steps in a round (1).
        **options: as in `SNGAN`.
    """

    tiny_width = 16

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 128,
        *,
        attention: int = 1,
        n_critic: int = 1,
        **options: Any,
    ) -> None:
        self.attention = check_integer(attention, "attention", 1)
        super().__init__(image_shape, latent_dim, n_critic=n_critic, **options)

    def generator_options(self) -> dict[str, Any]:
        return {**super().generator_options(), "spectral": True, "attention": self.attention}

    def discriminator_options(self) -> dict[str, Any]:
        return {**super().discriminator_options(), "attention": self.attention}

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        rates = {"discriminator": 4e-4, "generator": 1e-4}
        return {name: keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9) for name, rate in rates.items()}
