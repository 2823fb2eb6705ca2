"""Energy-based GAN (Zhao et al., 2016, https://arxiv.org/abs/1609.03126).

The discriminator is an auto-encoder, x -> code S(x) -> D(x); the energy of x is E(x) = mean (x - D(x))^2 over its pixels,
and the score is -E(x).

    loss of D    E E(x) + E max(0, m - E(G(z)))
    loss of G    E E(G(z)) + w PT
    PT           1 / (n (n - 1)) sum_i sum_j!=i cos^2(S(G(z_i)), S(G(z_j)))

m = `margin` and w = `pulling_away_weight`. At the equilibrium samples have the energy of the data, and D raises no energy
above the margin. The pulling-away term keeps the codes of a batch of samples apart. G learns through the reconstruction and
through its target, which both are its samples.

Differs from the paper: the energy is a mean over pixels, where its margins of 10 (MNIST) to 80 are for sums; one
architecture, the convolutions of DCGAN without batch norm in D, where each experiment has a search over many; latents
N(0, I); no noise on D's input; a margin that does not decay.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.arguments import check_number
from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..base.wiring import check_output, check_outputs
from ..data import Batch
from ..data.checks import check_integer
from ..losses import wasserstein_generator_loss
from ..losses.energy import energy_discriminator_loss, pulling_away_term, squared_reconstruction_error
from ..networks.encoders import dcgan_autoencoder
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class EBGAN(DCGAN):
    """An auto-encoder as discriminator, which copies real images well and generated ones badly, up to a margin.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        code_dim: numbers in the auto-encoder's code (32).
        margin: energy m up to which those of samples are raised (0.2); above 0. Energies are means over pixels in [-1, 1],
            so a black image that is copied as a gray one has an energy of 1.
        pulling_away_weight: weight w of the pulling-away term (0.1, the paper's EBGAN-PT); 0 for the plain EBGAN.
        discriminator_norm: None, "layer", "spectral", or "batch", with which codes depend on the rest of the batch.
        **options: as in `DCGAN`; with `num_classes` the decoder inside of D is told the labels too.
    """

    log_names = ("pulling_away",)
    refused_options = {"ada_target": NO_BOUNDARY, "saturating": OWN_LOSS} | dict.fromkeys(
        ("lecam_weight", "lecam_decay"), "its margin says how far the energies of both kinds may be apart"
    )

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        code_dim: int = 32,
        margin: float = 0.2,
        pulling_away_weight: float = 0.1,
        discriminator_norm: str | None = None,
        **options: Any,
    ) -> None:
        self.code_dim = check_integer(code_dim, "code_dim", 1)
        self.margin = check_number(margin, "margin", above=True)
        self.pulling_away_weight = check_number(pulling_away_weight, "pulling_away_weight")
        super().__init__(image_shape, latent_dim, discriminator_norm=discriminator_norm, **options)

    def default_discriminator(self) -> keras.Model:
        return dcgan_autoencoder(
            self.image_shape,
            self.code_dim,
            width=self.discriminator_width or self.width,
            norm=self.discriminator_norm,
            base_size=self.base_size,
            leak=self.leak,
            num_classes=self.num_classes,
        )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(1e-3, beta_1=0.5) for name in ("discriminator", "generator")}

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        of_samples = super().reaches()
        return {**of_samples, "discriminator": of_samples.get("generator", ())}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        samples = batch[self.sample]
        said = getattr(self, by)(self.with_conditions(self.sample, batch), training=training)
        copies, codes = check_outputs(f"the {by}", said, "copies", "codes")
        check_output(f"what the {by} makes of samples", copies, samples.shape[1:])
        return {"scores": -squared_reconstruction_error(samples, copies), "codes": codes}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return energy_discriminator_loss(real_scores, fake_scores, self.margin)

    def generator_loss(self, fake_scores: Any) -> Any:
        return wasserstein_generator_loss(fake_scores)

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        term = pulling_away_term(self.whole(of_fake["codes"]))
        self.log("pulling_away", term)
        return self.pulling_away_weight * term
