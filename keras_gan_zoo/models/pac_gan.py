"""PacGAN (Lin et al., 2017, https://arxiv.org/abs/1712.04086).

D judges packs of m = `packing` samples, all real or all generated, that are joined along their channels and share one score:

    loss of D    -E log D(x_1 ... x_m) - E log(1 - D(G(z_1) ... G(z_m))),   D = sigmoid(score)
    loss of G    -E log D(G(z_1) ... G(z_m))

A generator that has lost modes makes packs whose samples are too much alike. Only the first layer of D is larger.

Differs from the paper: a gradient step takes batch_size samples, so batch_size / m packs, where the paper takes as many
packs as a GAN takes samples; one generator step in a round, where the authors' DCGAN takes two.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base.arguments import does_not_apply
from ..data import Batch
from ..data.checks import check_integer
from ..networks import dcgan_discriminator
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class PacGAN(DCGAN):
    """DCGAN whose discriminator sees several samples at once. It trains on images alone.

    Args:
        image_shape: (height, width, channels) of the images; D takes (height, width, packing * channels).
        latent_dim: number of latent variables.
        packing: samples in a pack (2), of which each minibatch holds a multiple; 1 is the GAN.
        **options: as in `DCGAN`, without `num_classes`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        packing: int = 2,
        **options: Any,
    ) -> None:
        self.packing = check_integer(packing, "packing", 1)
        if options.get("num_classes") is not None:
            why = "the samples of a pack are of several classes"
            raise does_not_apply("num_classes", options["num_classes"], type(self), why)
        super().__init__(image_shape, latent_dim, **options)

    @property
    def batch_multiple(self) -> int:
        return self.packing

    def default_discriminator(self) -> keras.Model:
        *sides, channels = self.image_shape
        return dcgan_discriminator((*sides, self.packing * channels), **self.discriminator_options())

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        """What D says of packs of n samples; "scores" are (n / packing,)."""
        return super().judge({**batch, self.sample: self.packed(batch[self.sample])}, training, by)

    def may_mix_samples(self, by: str = "discriminator") -> bool:
        # So real and generated ones are judged apart, and no pack holds both.
        return self.packing > 1 or super().may_mix_samples(by)

    def score_gradient(self, batch: Batch, by: str = "discriminator") -> Any:
        """d score / d pack, of the pack's shape: penalties are on the slope of what D takes."""
        return self.packed(super().score_gradient(batch, by))

    def packed(self, samples: Any) -> Any:
        """(n, ..., channels) -> (n / packing, ..., packing * channels), neighbors in the batch being packed together."""
        n, *sides, channels = samples.shape
        if n is not None and n % self.packing:
            raise ValueError(
                f"A minibatch must hold a multiple of packing={self.packing} samples. Received: {n}. Choose another "
                "batch_size."
            )
        packs = ops.moveaxis(ops.reshape(samples, (-1, self.packing, *sides, channels)), 1, -2)
        return ops.reshape(packs, (-1, *sides, self.packing * channels))
