"""Bidirectional GAN (Donahue et al., 2016, https://arxiv.org/abs/1605.09782).

An encoder E from images to latents learns beside the generator; the discriminator judges pairs, (x, E(x)) against (G(z), z):

    loss of D          -E log D(x, E(x)) - E log(1 - D(G(z), z))
    loss of G and E    -E log(1 - D(x, E(x))) - E log D(G(z), z)

Both sides of the second loss are swapped, so that E learns too, by the first term alone. Nowhere is an image compared with
its reconstruction; yet at the optimum E inverts G, since only then do the pairs have one distribution.

Differs from the paper: convolutional networks on digits, where it has fully connected ones; spectral norm in D, where it
has batch norm; no weight decay; the codes of E are bounded as the latents are, by a tanh, for its normalization of them;
a learning rate that does not decay. ALI (Dumoulin et al., 2016, https://arxiv.org/abs/1606.00704) is the same game with a
random E.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base import Player
from ..base.arguments import check_size
from ..base.batches import per_sample, stopped
from ..base.encoding import Encoding
from ..base.options import OWN_LOSS
from ..base.wiring import LATENTS
from ..data import Batch
from ..data.checks import check_integer
from ..networks.bigan import joint_discriminator
from ..networks.encoders import dcgan_encoder
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class BiGAN(Encoding, DCGAN):
    """A generator and an encoder that are judged by the pairs which they make. `encode` and `reconstruct` need no training.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (50), U(-1, 1).
        hidden: units of the discriminator's layers over latents and over pairs.
        encoder_width: the encoder's width, where it differs from the generator's.
        discriminator_norm: as in `DCGAN`, "spectral" by default.
        latent_distribution: "uniform" (the paper), to which E is bounded, or "normal", where it is not.
        **options: as in `DCGAN`.
    """

    network_names = (*DCGAN.network_names, "encoder")
    refused_options = {"top_k": "its generator and encoder learn from real pairs too", "saturating": OWN_LOSS}
    averaged_names = inference_names = ("generator", "encoder")

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 50,
        *,
        hidden: int = 256,
        encoder_width: int | None = None,
        discriminator_norm: str | None = "spectral",
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        self.hidden = check_integer(hidden, "hidden", 1)
        self.encoder_width = check_size(encoder_width, "encoder_width")
        super().__init__(
            image_shape,
            latent_dim,
            discriminator_norm=discriminator_norm,
            latent_distribution=latent_distribution,
            **options,
        )

    def default_encoder(self) -> keras.Model:
        return dcgan_encoder(
            self.image_shape,
            self.latent_dim,
            width=self.encoder_width or self.width,
            base_size=self.base_size,
            activation="tanh" if self.options.latent_distribution == "uniform" else None,
        )

    def default_discriminator(self) -> keras.Model:
        return joint_discriminator(
            self.image_shape,
            self.latent_dim,
            width=self.discriminator_width or self.width,
            norm=self.discriminator_norm,
            base_size=self.base_size,
            leak=self.leak,
            hidden=self.hidden,
            num_classes=self.num_classes,
        )

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator, generator._replace(networks=(self.generator, self.encoder))

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "encoder": (LATENTS,)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        """The scores of pairs; samples without latents are judged with their codes."""
        pairs = batch if "latents" in batch else self.with_codes(batch, training)
        inputs = [pairs[name] for name in (self.sample, "latents", *self.conditions())]
        return {"scores": per_sample(getattr(self, by)(inputs, training=training))}

    def with_codes(self, batch: Batch, training: bool = True) -> Batch:
        """A batch with the latents that the encoder gives its samples."""
        return {**batch, "latents": self.encoded(batch[self.sample], training)}

    def discriminator_objective(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        return super().discriminator_objective(stopped(self.with_codes(real)), fake, by)

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        of_real, of_fake = self.judge_pair(self.with_codes(real), fake)
        return self.discriminator_loss(of_fake["scores"], of_real["scores"])
