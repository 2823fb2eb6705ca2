"""Conditional GAN (Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784).

    loss of D    -E log D(x, c) - E log(1 - D(G(z, c), c))
    loss of G    -E log D(G(z, c), c)

A fake has the label of a real image of the same batch, so labels have the data's own frequencies, and the same label goes
to G and to D.

Differs from the paper: convolutional networks instead of maxout layers, Adam instead of SGD. The label joins the latents
in G and the last feature map in D, where a deep network cannot lose it.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.batches import batch_size_of
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class CGAN(DCGAN):
    """DCGAN that is told the class of each image. It trains on (images, labels).

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        num_classes: number of classes; labels are integers in [0, num_classes).
        width: channels at half the image size.
        discriminator_norm: "batch", "layer" or None.
        **options: as in `DCGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 64,
        *,
        num_classes: int = 10,
        width: int = 32,
        discriminator_norm: str | None = None,
        **options: Any,
    ) -> None:
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes!r} is not possible; a conditional model needs at least 2.")
        self.num_classes = num_classes
        super().__init__(image_shape, latent_dim, width=width, discriminator_norm=discriminator_norm, **options)

    def fake_like(self, real: Any) -> Any:
        labels = real[1]
        return self.generator([self.draw_latents(batch_size_of(real)), labels], training=True), labels

    def score(self, batch: Any, training: bool = True) -> Any:
        return super().score(list(batch), training=training)
