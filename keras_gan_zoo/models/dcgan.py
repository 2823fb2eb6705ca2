"""Deep convolutional GAN (Radford et al., 2015, https://arxiv.org/abs/1511.06434).

The 2014 game with strided convolutions in place of pooling and of hidden fully connected layers, batch norm in both
networks (but for G's output and D's input), ReLU in G, LeakyReLU(0.2) in D, and all weights drawn from N(0, 0.02).

Differs from the paper: kernels of 4 (the authors' torch code) instead of 5 and latents N(0, I) (the same code) instead of
U(-1, 1); images of 28 x 28 go through the same all-convolutional ladder, where the authors' MNIST script has hidden fully
connected layers.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.arguments import check_classes, check_size
from ..networks import dcgan_discriminator, dcgan_generator
from ..networks.dcgan import check_norm, check_output_activation
from .gan import GAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class DCGAN(GAN):
    """The 2014 game between convolutional networks.

    Args:
        image_shape: (height, width, channels); any size of at least 8. (64, 64, 3) with width 64 is the paper's network.
        latent_dim: number of latent variables (100).
        width: channels at half the image size.
        base_size: longest side of the smallest map; 4 makes networks of 28 x 28 one layer deeper than 7.
        discriminator_norm: "batch" (the paper), "layer", "spectral" or None; an input-gradient penalty needs one of the last
            three.
        output_activation: of the generator: "tanh" (the paper); "hard_tanh", min(max(x, -1), 1), for data many of whose
            pixels are black or white, which a tanh nears and does not reach; or None, where images have no bounds until they
            are given.
        num_classes: makes it conditional: it trains on (images, labels), labels being integers in [0, num_classes). None for
            images alone.
        **options: as in `GAN`.
    """

    tiny_width = 8
    # Negative slope of the discriminator's LeakyReLU.
    leak = 0.2

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        width: int = 64,
        base_size: int = 7,
        discriminator_norm: str | None = "batch",
        output_activation: str | None = "tanh",
        num_classes: int | None = None,
        **options: Any,
    ) -> None:
        self.num_classes = check_classes(num_classes)
        self.base_size = check_size(base_size, "base_size")
        self.discriminator_norm = check_norm(discriminator_norm, name="discriminator_norm")
        self.output_activation = check_output_activation(output_activation)
        super().__init__(image_shape, latent_dim, width=width, **options)

    def default_generator(self) -> keras.Model:
        return dcgan_generator(self.image_shape, self.latent_dim, **self.generator_options())

    def generator_options(self) -> dict[str, Any]:
        """Arguments of `dcgan_generator` that follow from those of the constructor."""
        return {
            "width": self.width,
            "base_size": self.base_size,
            "output_activation": self.output_activation,
            "num_classes": self.num_classes,
        }

    def default_discriminator(self) -> keras.Model:
        return dcgan_discriminator(self.image_shape, **self.discriminator_options())

    def discriminator_options(self) -> dict[str, Any]:
        """Arguments of `dcgan_discriminator` that follow from those of the constructor."""
        return {
            "width": self.discriminator_width or self.width,
            "norm": self.discriminator_norm,
            "base_size": self.base_size,
            "leak": self.leak,
            "num_classes": self.num_classes,
        }
