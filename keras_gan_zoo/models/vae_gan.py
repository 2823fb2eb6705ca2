"""VAE-GAN (Larsen et al., 2015, https://arxiv.org/abs/1512.09300).

A variational auto-encoder whose decoder is the generator of a GAN, and whose reconstructions are measured in what the
discriminator sees: with z ~ N(mean(x), variance(x)) by the encoder, x' = G(z), and samples x_p = G(z_p) of z_p ~ N(0, I),

    prior                KL(N(mean(x), variance(x)) || N(0, I)),   summed over the latents
    reconstruction       |h(x) - h(x')|^2 / 2,   h the features below D's score, summed over them
    loss of the encoder  prior + reconstruction
    loss of D            -E log D(x) - E log(1 - D(x')) - E log(1 - D(x_p))
    loss of G            w reconstruction - E log D(x') - E log D(x_p),   w = `reconstruction_weight`

D does not learn from the reconstruction, which constant features would end, nor the encoder from D's verdict. Pixels are
compared nowhere.

A player waits while it is too far ahead (the authors' code): with costs of D, -E log D(x) and -E log(1 - D(x_p)), D waits
where one is below 0.68 - `margin` and G where one is above 0.68 + `margin`; where both would wait, both move.

Differs from the paper: the encoder, D and G move one after the other, each seeing what the last has become, where the paper
moves all at once; G has the non-saturating loss; D is asked anew for its costs. `margin` is in the authors' code alone, as
are h from a convolution.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base import Player
from ..base.arguments import check_number, check_size
from ..base.batches import per_sample
from ..base.encoding import Encoding
from ..base.wiring import LATENTS, check_output, check_outputs
from ..data import Batch, Field
from ..losses.features import feature_error
from ..losses.variational import gaussian_divergence
from ..networks.encoders import dcgan_encoder
from ..networks.features import with_features
from .dcgan import DCGAN

# Both costs of a discriminator that cannot tell; log 2, as the authors' code has it.
EQUILIBRIUM = 0.68


@keras.saving.register_keras_serializable("keras_gan_zoo")
class VAEGAN(Encoding, DCGAN):
    """A variational auto-encoder that compares images by the features of a discriminator.

    `encode` gives the means of the codes.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (128).
        reconstruction_weight: weight w of the reconstruction in G's loss; it goes with the number of features. The authors'
            code has 1e-6 (faces) and 1e-5 (CIFAR-10).
        margin: cost around 0.68 within which nobody waits (0.4); None where nobody ever waits.
        encoder_width: the encoder's width, where it differs from the generator's.
        **options: as in `DCGAN`.
    """

    network_names = (*DCGAN.network_names, "encoder")
    averaged_names = inference_names = ("generator", "encoder")
    log_names = ("prior", "reconstruction")

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 128,
        *,
        reconstruction_weight: float = 1e-3,
        margin: float | None = 0.4,
        encoder_width: int | None = None,
        **options: Any,
    ) -> None:
        self.reconstruction_weight = check_number(reconstruction_weight, "reconstruction_weight")
        self.margin = None if margin is None else check_number(margin, "margin", above=True)
        self.encoder_width = check_size(encoder_width, "encoder_width")
        super().__init__(image_shape, latent_dim, **options)

    def default_encoder(self) -> keras.Model:
        """Images -> means and logarithms of variances, side by side."""
        width = self.encoder_width or self.width
        return dcgan_encoder(self.image_shape, 2 * self.latent_dim, width=width, base_size=self.base_size)

    def default_discriminator(self) -> keras.Model:
        return with_features(super().default_discriminator())

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.RMSprop(3e-4) for name in ("encoder", "discriminator", "generator")}

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        if self.margin is not None:
            discriminator = discriminator._replace(when=lambda real, fake, losses: self.moves(real, fake)[0])
            generator = generator._replace(when=lambda real, fake, losses: self.moves(real, fake)[1])
        return Player("encoder", (self.encoder,), self.encoder_objective), discriminator, generator

    def moves(self, real: Batch, fake: Batch) -> tuple[Any, Any]:
        """Whether D and G take their steps, by the costs of D on this batch; two booleans."""
        of_real, of_fake = self.judge_pair(real, fake)
        costs = ops.stack([ops.mean(ops.softplus(-of_real["scores"])), ops.mean(ops.softplus(of_fake["scores"]))])
        ahead, behind = ops.any(costs < EQUILIBRIUM - self.margin), ops.any(costs > EQUILIBRIUM + self.margin)
        return ops.logical_or(ops.logical_not(ahead), behind), ops.logical_or(ops.logical_not(behind), ahead)

    def codes(self, samples: Any, training: bool) -> tuple[Any, Any]:
        """Means and logarithms of the variances of the codes of samples, each (batch, latent_dim)."""
        said = self.encoder(samples, training=training)
        return ops.split(check_output("what the encoder says", said, (2 * self.latent_dim,)), 2, axis=-1)

    def encoded(self, samples: Any, training: bool = False) -> Any:
        return self.codes(samples, training)[0]

    def reconstructed(self, real: Batch, means: Any, log_variances: Any) -> Batch:
        """A batch like `real`, of reconstructions from codes that are drawn."""
        latents = means + ops.exp(log_variances / 2) * self.normal(ops.shape(means))
        # Batch norm keeps the statistics of drawn latents, which inference takes, where codes lie elsewhere.
        with self.unwritten(self.generator):
            return {**real, **self.make({**real, "latents": latents}, training=True)}

    def fake_like(self, real: Batch) -> Batch:
        """Samples from the prior, and beside them reconstructions, which teach the encoder nothing."""
        codes = (ops.stop_gradient(x) for x in self.codes(real[self.sample], training=True))
        return {**super().fake_like(real), "reconstructions": self.reconstructed(real, *codes)[self.sample]}

    def replayed_fields(self) -> dict[str, Field]:
        # Reconstructions are judged under the conditions of their fakes, so both are exchanged together.
        return {**super().replayed_fields(), "reconstructions": self.fields()[self.sample]}

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "encoder": (LATENTS,)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = getattr(self, by)(self.with_conditions(self.sample, batch), training=training)
        scores, features = check_outputs(f"the {by}", said, "scores", "features")
        return {"scores": per_sample(scores), "features": features}

    def judge_reconstructions(self, fake: Batch) -> Batch:
        return self.judge(self.noisy({**fake, self.sample: fake["reconstructions"]}))

    def encoder_objective(self, real: Batch, fake: Batch) -> Any:
        means, log_variances = self.codes(real[self.sample], training=True)
        prior = gaussian_divergence(means, log_variances)
        of_real, of_copies = self.judge_pair(real, self.reconstructed(real, means, log_variances))
        error = feature_error(of_real["features"], of_copies["features"])
        self.log("prior", prior)
        self.log("reconstruction", error)
        return prior + error

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        return ops.mean(ops.softplus(self.judge_reconstructions(fake)["scores"]))

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        of_copies = self.judge_reconstructions(fake)
        error = feature_error(self.judge(self.noisy(real))["features"], of_copies["features"])
        return self.generator_loss(of_copies["scores"]) + self.reconstruction_weight * error
