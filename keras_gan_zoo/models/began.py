"""Boundary equilibrium GAN (Berthelot et al., 2017, https://arxiv.org/abs/1703.10717).

The discriminator is an autoencoder; the energy of x is its error L(x) = mean |x - D(x)|, and the score is -L(x).

    loss of D      L(x) - k L(G(z))
    loss of G      L(G(z))
    balance        k <- clip(k + rate (gamma L(x) - L(G(z))), 0, 1)
    convergence    L(x) + |gamma L(x) - L(G(z))|              (lower is better; it does not see a collapse)

The game compares mean errors, not images: samples of a single mode are an equilibrium too, once their error is gamma times
that of the data. Only k drives G away from there: D lowers the error at x with weight p_data(x) - k p_G(x), so G leaves a
mode only if the mode holds more than 1 / k times its true share. If k stays near 0, any point that D copies well is an
optimum of G. A balance_rate of 0.001 suits the paper's hundreds of thousands of rounds. Short trainings need a rate that
responds within tens of rounds, a gamma near 1, and a D slower than G (the recipe began_mnist); on points in the plane even
these end on one mode.

Differs from the paper: its optional skip connections and vanishing residuals are left out.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base.arguments import check_number
from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..base.wiring import check_output
from ..data import Batch
from ..losses import autoencoder_error
from ..networks import began_autoencoder, began_decoder
from .gan import GAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class BEGAN(GAN):
    """An autoencoder as discriminator, and a controller that keeps the two players in balance.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: latent variables, and hidden units of the autoencoder (64).
        width: channels of the convolutions (64 or 128 in the paper).
        gamma: diversity ratio E L(G(z)) / E L(x) to be held, in [0, 1]; lower gives sharper, less varied images.
        balance_rate: step of k in a round (lambda_k in the paper), for errors that are means over the pixels.
        latent_distribution: U(-1, 1) in the paper.
        **options: as in `GAN`.
    """

    log_names = ("balance", "convergence")
    refused_options = {"ada_target": NO_BOUNDARY, "saturating": OWN_LOSS} | dict.fromkeys(
        ("lecam_weight", "lecam_decay"), "its balance holds the scores of both kinds where they are"
    )
    tiny_width = 8
    # The error of fakes is held at the share gamma of that of real images.
    ranks_fakes_first = True

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 64,
        *,
        width: int = 64,
        gamma: float = 0.5,
        balance_rate: float = 0.001,
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        self.gamma = check_number(gamma, "gamma", 0, 1)
        self.balance_rate = check_number(balance_rate, "balance_rate")
        super().__init__(image_shape, latent_dim, width=width, latent_distribution=latent_distribution, **options)

    def build_more(self) -> None:
        self.balance = self.add_weight(name="balance", shape=(), initializer="zeros", trainable=False, dtype="float32")

    def default_generator(self) -> keras.Model:
        return began_decoder(self.image_shape, self.latent_dim, width=self.width)

    def default_discriminator(self) -> keras.Model:
        return began_autoencoder(self.image_shape, self.latent_dim, width=self.discriminator_width or self.width)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Adam whose rate is halved after 100,000 steps and again after 200,000."""
        steps, rates = [100_000, 200_000], [8e-5, 4e-5, 2e-5]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay
        return {name: keras.optimizers.Adam(schedule(steps, rates), beta_1=0.5) for name in ("discriminator", "generator")}

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        of_samples = super().reaches()
        return {**of_samples, "discriminator": of_samples.get("generator", ())}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        samples = batch[self.sample]
        copies = check_output(
            f"what the {by} makes of samples", getattr(self, by)(samples, training=training), samples.shape[1:]
        )
        return {"scores": -autoencoder_error(samples, copies)}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return ops.mean(-real_scores) - self.balance * ops.mean(-fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        return ops.mean(-fake_scores)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        self.move_balance(ops.mean(-of_real["scores"]), ops.mean(-of_fake["scores"]))
        return 0.0

    def move_balance(self, real_error: Any, fake_error: Any) -> None:
        """Takes one step of the controller, from the errors under the networks that the round began with."""
        real_error, fake_error = ops.stop_gradient(real_error), ops.stop_gradient(fake_error)
        imbalance = self.gamma * real_error - fake_error
        self.balance.assign(ops.clip(self.balance + self.balance_rate * imbalance, 0.0, 1.0))
        self.log("balance", self.balance)
        self.log("convergence", real_error + ops.abs(imbalance))
