"""Mode regularized GAN (Che et al., 2016, https://arxiv.org/abs/1612.02136).

An encoder E, which plays on the side of G, reads latents off real images, so that G has to have a place for each of them:

    loss of D         -E log D(x) - E log(1 - D(G(z)))
    loss of G and E   -E log D(G(z)) + a E |x - G(E(x))|^2 - b E log D(G(E(x)))

a = `reconstruction_weight`, b = `realism_weight`. The squared distance sums over all pixels of an image. Where both are 0 it
is the GAN.

With `diffusion` it is MDGAN, which is played in two steps. In the first, reconstructions are brought to the data under a
judge D1 of their own, and in the second G(z) to the reconstructions, which are real to D2:

    loss of D1, D2    -E log D1(x) - E log(1 - D1(G(E(x)))),   -E log D2(G(E(x))) - E log(1 - D2(G(z)))
    loss of G and E   a E |x - G(E(x))|^2 - b E log D1(G(E(x)))
    loss of G         -E log D2(G(z))

Neither form holds E(x) to the distribution of z: G may rebuild all modes from codes that drawn latents do not reach.

Differs from the paper: the sign of the last term, which the paper prints as + in what is minimized although it is to make
reconstructions more real. E and G take one step on the sum of their losses; with `diffusion`, both D move before them.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base import Player
from ..base.arguments import check_number
from ..base.batches import stopped
from ..base.wiring import LATENTS, check_output
from ..data import Batch
from ..networks import dcgan_discriminator
from ..networks.mixtures import panel
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MRGAN(DCGAN):
    """DCGAN whose generator must also rebuild the data from what an encoder makes of them.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        reconstruction_weight: a, of the squared distance, 0 or more.
        realism_weight: b, of D's judgment of reconstructions, 0 or more (0.4; 0.01, with a = 1, for MDGAN).
        diffusion: whether it is MDGAN, whose discriminator holds D2 and D1 side by side: a network of one's own gives scores
            (batch, 1, 2), such as `networks.mixtures.panel` makes.
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
        diffusion: bool = False,
        **options: Any,
    ) -> None:
        self.reconstruction_weight = check_number(reconstruction_weight, "reconstruction_weight")
        self.realism_weight = check_number(realism_weight, "realism_weight")
        self.diffusion = diffusion
        super().__init__(image_shape, latent_dim, **options)

    def default_discriminator(self) -> keras.Model:
        if not self.diffusion:
            return super().default_discriminator()
        options = self.discriminator_options()
        return panel([dcgan_discriminator(self.image_shape, name=name, **options) for name in ("diffusion", "manifold")])

    def default_encoder(self) -> keras.Model:
        """The discriminator's layers, with latents in place of a score."""
        options = self.discriminator_options()
        return dcgan_discriminator(self.image_shape, outputs=self.latent_dim, name="encoder", **options)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.optimizer_names}

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        networks = (self.generator, self.encoder)
        if self.diffusion:
            return discriminator, Player("encoder", networks, self.encoder_objective), generator
        return discriminator, generator._replace(networks=networks)

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "encoder": (LATENTS,)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = super().judge(batch, training, by)
        if not self.diffusion:
            return {**said, "manifold_scores": said["scores"]}
        scores = check_output("the scores of the discriminator", said["scores"], (1, 2))
        return {"scores": scores[:, 0, 0], "manifold_scores": scores[:, 0, 1]}

    def discriminator_objective(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        if not self.diffusion:
            return super().discriminator_objective(real, fake, by)
        copies = stopped({**real, **self.rebuilt(real)})
        of_real, of_copies = self.judge_pair(real, copies, by)
        of_manifold = self.labeled_loss(of_real["manifold_scores"], of_copies["manifold_scores"])
        return of_manifold + super().discriminator_objective(copies, fake, by)

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return 0.0 if self.diffusion else self.encoder_objective(real, fake)

    def encoder_objective(self, real: Batch, fake: Batch) -> Any:
        """The loss of reconstructions."""
        rebuilt = {**real, **self.rebuilt(real)}
        error = ops.mean(self.squared_distance(real[self.sample], rebuilt[self.sample]))
        self.log("reconstruction_error", error)
        realism = self.generator_loss(self.judge(self.noisy(rebuilt))["manifold_scores"])
        return self.reconstruction_weight * error + self.realism_weight * realism

    def rebuilt(self, real: Batch, training: bool = True) -> Batch:
        """G(E(x)), under the conditions of x."""
        latents = self.encoder(self.with_conditions(self.sample, real), training=training)
        check_output("the output of the encoder", latents, (self.latent_dim,))
        # Batch norm keeps the statistics of drawn latents, which inference takes, where codes lie elsewhere.
        with self.unwritten(self.generator):
            return self.make({**real, "latents": latents}, training)

    def squared_distance(self, samples: Any, others: Any) -> Any:
        """|x - y|^2, over all but the first axis: (batch,)."""
        return ops.sum(ops.square(samples - others), axis=tuple(range(1, len(samples.shape))))
