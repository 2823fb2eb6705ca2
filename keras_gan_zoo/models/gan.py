"""Generative adversarial network (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

    value of the game    V = E log D(x) + E log(1 - D(G(z))),   D = sigmoid(score)
    loss of D            -V
    loss of G            -E log D(G(z))      (saturating=True: E log(1 - D(G(z))), the minimax form)

A GAN is a game. A player is a set of networks, an optimizer, an objective and a number of steps; a round lets each player
move in turn. The methods of this class are the whole of the 2014 game, and the template of every other: a variant
overrides those in which its paper differs, and nothing else.

Differs from the paper: G is judged on the samples of D's last step (as in the authors' code of DCGAN) instead of fresh ones,
which saves a pass of G; Adam (2e-4, beta_1 0.5) instead of SGD with growing momentum; Gaussian instead of uniform latents;
tanh and data in [-1, 1] instead of a sigmoid and [0, 1]; kernels only, no output bias from the data's marginals.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from ..base import Base, Player
from ..base.batches import batch_size_of
from ..losses import minimax_discriminator_loss, minimax_generator_loss, non_saturating_generator_loss
from ..networks import mlp_discriminator, mlp_generator


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GAN(Base):
    """The 2014 game, with the fully connected networks of its MNIST experiment.

    Args:
        image_shape: (height, width, channels) of the images; channels 1, 3 or 4.
        latent_dim: number of latent variables.
        width: units of the generator's hidden layers (1200 in the paper); the discriminator has a fifth of it.
        saturating: whether the generator minimises the value of the game itself.
        **options: `generator`, `discriminator` (your own networks), `seed`, `name`, `dtype`, and the fields of `Options`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 100,
        *,
        width: int = 1200,
        saturating: bool = False,
        **options: Any,
    ) -> None:
        self.width, self.saturating = width, saturating
        super().__init__(image_shape, latent_dim, **options)

    def default_generator(self) -> keras.Model:
        """The paper's generator."""
        return mlp_generator(self.image_shape, self.latent_dim, width=self.width)

    def default_discriminator(self) -> keras.Model:
        """The paper's discriminator."""
        return mlp_discriminator(self.image_shape, width=max(self.width // 5, 1))

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Name of a player -> its optimizer."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in ("discriminator", "generator")}

    def players(self) -> tuple[Player, ...]:
        """The players, in the order of their moves; the last one's networks are those that generate."""
        return (
            Player("discriminator", (self.discriminator,), self.discriminator_objective, self.options.n_critic),
            Player("generator", (self.generator,), self.generator_objective),
        )

    def discriminator_objective(self, real: Any, fake: Any) -> Any:
        """Loss of the discriminator on a batch of real samples and as many fakes; scalar."""
        fake = tree.map_structure(ops.stop_gradient, fake)
        real_scores, fake_scores = self.scores(real, fake)
        return self.labelled_loss(real_scores, fake_scores) + self.penalty(real, fake)

    def generator_objective(self, real: Any, fake: Any) -> Any:
        """Loss of the generator on a batch of fakes, under the conditions of the batch `real`; scalar."""
        return self.generator_loss(self.score(self.noisy(fake)))

    def fake_like(self, real: Any) -> Any:
        """As many generated samples as there are in `real`, under the same conditions."""
        latents = self.draw_latents(batch_size_of(real))
        if not self.takes_labels:
            return self.generator(latents, training=True)
        _, labels = real
        return self.generator([latents, labels], training=True), labels

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        """Scores of real and of generated samples (batch,) -> scalar."""
        return minimax_discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        """Scores of generated samples (batch,) -> scalar."""
        return minimax_generator_loss(fake_scores) if self.saturating else non_saturating_generator_loss(fake_scores)

    def penalty(self, real: Any, fake: Any) -> Any:
        """What the loss of D has beside the scores: here R1, where the options ask for it."""
        return self.r1_penalty(real)
