"""Bayesian GAN (Saatchi and Wilson, 2017, https://arxiv.org/abs/1705.09558).

J generators and M discriminators, each of them a Markov chain that samples weights from a posterior in place of a best
point. With N the size of the data, s the standard deviation of the prior, and means over the samples of a batch:

    U_g(w) / N = E_m,z -log D_m(G_w(z)) + |w|^2 / (2 s^2 N)                           for each generator
    U_d(w) / N = E -log D_w(x) + E_j,z -log(1 - D_w(G_j(z))) + |w|^2 / (2 s^2 N)      for each discriminator

    v <- (1 - a) v - h grad(U / N) + e,   e ~ N(0, 2 a h T / N),   w <- w + v

The step is stochastic gradient Hamiltonian Monte Carlo (Chen et al., 2014, https://arxiv.org/abs/1402.4102) in the scale of
a loss: h is the learning rate of SGD and a = 1 - its momentum. Samples are drawn from all generators alike.

Differs from the paper: the equations and not the authors' code, in which the noise goes through Adam and the prior is a
mean; the chains share a batch of fakes, and J and M count all chains, where the paper has samples of the noise times chains;
no burn-in with Adam. The potential of D takes the mean over the generators, where the paper sums.
"""

import math
from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from ..base import Player
from ..base.arguments import check_number
from ..base.wiring import check_output
from ..data import Batch, Field
from ..data.checks import check_integer
from ..data.labels import Members
from ..networks import dcgan_discriminator, dcgan_generator
from ..networks.mixtures import mixture, panel
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class BayesianGAN(DCGAN):
    """DCGANs whose weights are samples of a posterior.

    `generate(members=2)` draws from the third generator.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        generators: their number J (4; the paper has 20). A network of one's own takes latents [, labels] and the index of
            the generator, such as `networks.mixtures.mixture` makes.
        discriminators: their number M (2, as in the paper). A network of one's own gives scores (batch, 1, M), such as
            `networks.mixtures.panel` makes.
        prior_std: s (1, as in the paper), above 0; None for a flat prior.
        data_size: number N of examples in the data (60,000), which the noise and the prior become small by.
        temperature: T, 0 or more; 1 samples the posterior, and 0 climbs it without noise.
        width: channels of each generator at half the image size, and of each D.
        **options: as in `DCGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        generators: int = 4,
        discriminators: int = 2,
        prior_std: float | None = 1.0,
        data_size: int = 60_000,
        temperature: float = 1.0,
        width: int = 64,
        **options: Any,
    ) -> None:
        self.generators = check_integer(generators, "generators", 1)
        self.discriminators = check_integer(discriminators, "discriminators", 1)
        self.prior_std = None if prior_std is None else check_number(prior_std, "prior_std", above=True)
        self.data_size = check_integer(data_size, "data_size", 1)
        self.temperature = check_number(temperature, "temperature")
        super().__init__(image_shape, latent_dim, width=width, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"generators": 2, **arguments})

    def default_generator(self) -> keras.Model:
        options = self.generator_options()
        return mixture(
            [
                dcgan_generator(self.image_shape, self.latent_dim, name=f"generator_{i}", **options)
                for i in range(self.generators)
            ]
        )

    def default_discriminator(self) -> keras.Model:
        options = self.discriminator_options()
        return panel(
            [dcgan_discriminator(self.image_shape, name=f"discriminator_{i}", **options) for i in range(self.discriminators)]
        )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.SGD(0.005, momentum=0.9) for name in ("discriminator", "generator")}

    def check_optimizers(self, optimizers: dict[str, keras.optimizers.Optimizer]) -> None:
        for name, optimizer in optimizers.items():
            if not isinstance(optimizer, keras.optimizers.SGD) or optimizer.nesterov:
                raise ValueError(
                    f"{name}_optimizer must be keras.optimizers.SGD, whose step with noise samples from the posterior. "
                    f"Received: {type(optimizer).__name__}. Pass such as SGD(0.005, momentum=0.9)."
                )

    def check_shapes(self, shapes: dict[str, tuple[int | None, ...]]) -> None:
        super().check_shapes(shapes)
        if self.discriminators > 1:
            scores = keras.KerasTensor(shapes["discriminator"])
            check_output("the scores of the discriminator", scores, (1, self.discriminators))

    def inputs(self) -> dict[str, Field]:
        return {**super().inputs(), "members": Members(classes=self.generators)}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        """The sum over discriminators, each of which has a potential of its own."""
        return math.prod(real_scores.shape[1:]) * super().discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        """The sum over generators, and for each the mean over discriminators."""
        return self.generators * super().generator_loss(fake_scores)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        return self.prior_loss(self.discriminator)

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.prior_loss(self.generator)

    def prior_loss(self, network: keras.Model) -> Any:
        """|w|^2 / (2 s^2 N) of all weights that are sampled."""
        if self.prior_std is None:
            return 0.0
        squares = [ops.sum(ops.square(variable)) for variable in network.trainable_variables]
        return sum(squares[1:], start=squares[0]) / (2 * self.prior_std**2 * self.data_size)

    def move(self, player: Player, gradients: Sequence[Any]) -> None:
        optimizer = self.optimizers[player.optimizer_name]
        # SGD multiplies it by the rate; at the end of a schedule that is 0.
        rate = ops.maximum(ops.cast(optimizer.learning_rate, "float32"), 1e-12) * self.data_size
        # Where gradients of replicas are added up, each has a share of the same noise, not a part as of `self.normal`.
        scale = ops.sqrt(2.0 * (1.0 - optimizer.momentum) * self.temperature / rate) / self.addends
        noise = [keras.random.normal(gradient.shape, seed=self.seed_generator) for gradient in gradients]
        super().move(player, [gradient + scale * more for gradient, more in zip(gradients, noise, strict=True)])
