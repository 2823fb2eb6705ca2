"""Mode regularized GAN (Che et al., 2016, https://arxiv.org/abs/1612.02136).

An encoder E, which plays on the side of G, reads latents off real images, so that G has to have a place for each of them:

    loss of D         -E log D(x) - E log(1 - D(G(z)))
    loss of G and E   -E log D(G(z)) + a E |x - G(E(x))|^2 - b E log D(G(E(x)))

a = `reconstruction_weight`, b = `realism_weight`. The squared distance sums over all pixels of an image. Where both are 0 it
is the GAN.

Differs from the paper: the sign of the last term, which the paper prints as + in what is minimized although it is to make
reconstructions more real. E and G take one step on the sum of their losses. MDGAN, which plays in two, is left out.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base import Player
from ..base.arguments import check_number
from ..base.wiring import check_output
from ..data import Batch
from ..networks import dcgan_discriminator
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MRGAN(DCGAN):
    """DCGAN whose generator must also rebuild the data from what an encoder makes of them.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        reconstruction_weight: a, of the squared distance, 0 or more.
        realism_weight: b, of D's judgement of reconstructions, 0 or more (0.4).
        **options: as in `DCGAN`, and `encoder`: images -> latents.
    """

    log_names = ("reconstruction_error",)
    network_names = (*DCGAN.network_names, "encoder")

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        reconstruction_weight: float = 0.2,
        realism_weight: float = 0.4,
        **options: Any,
    ) -> None:
        self.reconstruction_weight = check_number(reconstruction_weight, "reconstruction_weight")
        self.realism_weight = check_number(realism_weight, "realism_weight")
        super().__init__(image_shape, latent_dim, **options)

    def default_encoder(self) -> keras.Model:
        """The discriminator's layers, with latents in place of a score."""
        options = self.discriminator_options()
        return dcgan_discriminator(self.image_shape, outputs=self.latent_dim, name="encoder", **options)

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator, generator._replace(networks=(self.generator, self.encoder))

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        rebuilt = {**real, **self.rebuilt(real)}
        error = ops.mean(self.squared_distance(real[self.sample], rebuilt[self.sample]))
        self.log("reconstruction_error", error)
        realism = self.generator_loss(self.judge(self.noisy(rebuilt))["scores"])
        return self.reconstruction_weight * error + self.realism_weight * realism

    def rebuilt(self, real: Batch, training: bool = True) -> Batch:
        """G(E(x)), under the conditions of x."""
        latents = self.encoder(self.with_conditions(self.sample, real), training=training)
        check_output("the output of the encoder", latents, (self.latent_dim,))
        return self.make({**real, "latents": latents}, training)

    def squared_distance(self, samples: Any, others: Any) -> Any:
        """|x - y|^2, over all but the first axis: (batch,)."""
        return ops.sum(ops.square(samples - others), axis=tuple(range(1, len(samples.shape))))
