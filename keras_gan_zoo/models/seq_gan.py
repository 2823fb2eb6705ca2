"""SeqGAN (Yu et al., 2016, https://arxiv.org/abs/1609.05473).

Tokens are discrete, so no gradient flows from D through a sample to G: G is a policy that chooses token after token, and D's
score of a finished sequence is its reward.

    loss of D         -E log D(x) - E log(1 - D(y)) + w / 2 |output weights|^2,   D = sigmoid(score),   y ~ G
    loss of G         -E sum_t log G(y_t | y_1 ... y_t-1) (Q_t - b_t),   without a gradient through Q and b
    action value      Q_t = mean of D over `rollouts` sequences that keep y_1 ... y_t and draw the rest from G;   Q_T = D(y)
    baseline          b_t = mean of Q_t over the batch, or 0
    likelihood loss   -E mean_t log G(x_t | x_1 ... x_t-1)

Training has three phases, by the number of the round: G learns by likelihood; D learns to tell G's samples from data; both
play.

Differs from the paper: a baseline; the loss of G is the mean over the batch in place of the sum; D takes `n_critic` steps in
a round, each on new data and new samples, in place of 15 passes over 10,000 of each; rollouts are drawn from G itself in
place of a delayed copy (the same in effect as the authors' code, whose copy reads the weights of G).
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from ..base import Player, Sampler, TwoPlayerGame
from ..base.arguments import check_number
from ..data import Batch, Field, Latents, Tokens
from ..data.checks import check_integer, refused
from ..losses.policy import policy_gradient_loss
from ..networks.sequences import (
    FILTERS,
    KERNEL_SIZES,
    continued,
    lstm_generator,
    teacher_forced,
    text_cnn_discriminator,
)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SeqGAN(Sampler, TwoPlayerGame):
    """Sequences of tokens, by policy gradient.

    Args:
        length: tokens in a sequence (20).
        vocabulary: number of tokens (5000); the generator starts from token 0.
        width: units of the generator's LSTM (32).
        embedding: size of the generator's embedding of a token (32).
        discriminator_embedding: size of the discriminator's embedding of a token (64).
        kernel_sizes: widths of the discriminator's kernels, at most `length` (1 to 10, 15, and 20).
        filters: kernels of each width, one number or one for each (100 to 200).
        dropout: share of the discriminator's features that is dropped in training (0.25).
        output_l2: weight w of the discriminator's last layer (0.2).
        rollouts: continuations of each beginning, whose mean score is its action value (16).
        baseline: whether the mean over the batch is subtracted from the action values; the paper has no baseline.
        pretraining_rounds: rounds in which the generator learns by likelihood, in `n_critic` steps each (by default the
            paper's 120 passes over 10,000 sequences, in minibatches of 64).
        discriminator_pretraining_rounds: rounds after those in which only the discriminator moves (by default the paper's
            150 passes).
        n_critic: steps of the discriminator in a round, and of the generator by likelihood.
        **options: `generator` (a step network, see `networks/sequences.py`), `discriminator`, `seed`, `name`, `dtype`, and
            the fields of `Options`.
    """

    sample = "tokens"
    log_names = ("reward",)
    refused_options = {
        "latent_distribution": "tokens are drawn from the generator's probabilities, not made from latents",
        "instance_noise": "tokens are integers, to which no noise can be added",
        "instance_noise_images": "tokens are integers, to which no noise can be added",
        "r1_gamma": "tokens are integers, for which there is no gradient",
        "r2_gamma": "tokens are integers, for which there is no gradient",
        "r1_share": "tokens are integers, for which there is no gradient",
        "lecam_weight": "its discriminator is trained in phases, and such averages would be of other phases",
        "lecam_decay": "its discriminator is trained in phases, and such averages would be of other phases",
        "saturating": "its generator learns from rewards",
        "top_k": "its generator learns from rewards",
        "simultaneous": "its players move in phases",
    }

    def __init__(
        self,
        length: int = 20,
        vocabulary: int = 5000,
        *,
        width: int = 32,
        embedding: int = 32,
        discriminator_embedding: int = 64,
        kernel_sizes: Sequence[int] = KERNEL_SIZES,
        filters: int | Sequence[int] = FILTERS,
        dropout: float = 0.25,
        output_l2: float = 0.2,
        rollouts: int = 16,
        baseline: bool = True,
        pretraining_rounds: int = 1250,
        discriminator_pretraining_rounds: int = 1562,
        n_critic: int = 15,
        **options: Any,
    ) -> None:
        self.length = check_integer(length, "length", 2, 10_001)
        self.vocabulary = check_integer(vocabulary, "vocabulary", 2)
        self.rollouts = check_integer(rollouts, "rollouts", 1)
        self.pretraining_rounds = check_integer(pretraining_rounds, "pretraining_rounds", 0)
        self.discriminator_pretraining_rounds = check_integer(
            discriminator_pretraining_rounds, "discriminator_pretraining_rounds", 0
        )
        self.width = check_integer(width, "width", 1)
        self.embedding = check_integer(embedding, "embedding", 1)
        self.discriminator_embedding = check_integer(discriminator_embedding, "discriminator_embedding", 1)
        self.baseline = baseline
        if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
            raise refused("kernel_sizes", kernel_sizes, f"a list of integers from 1 to length={self.length}")
        self.kernel_sizes = [check_integer(size, "kernel_sizes", 1) for size in kernel_sizes]
        each = list(filters) if isinstance(filters, (list, tuple)) else [filters] * len(self.kernel_sizes)
        self.filters = [check_integer(count, "filters", 1) for count in each]
        self.dropout = check_number(dropout, "dropout", 0, 1, below=True)
        self.output_l2 = check_number(output_l2, "output_l2")
        super().__init__(n_critic=n_critic, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        small = {"width": 8, "embedding": 8, "discriminator_embedding": 8, "kernel_sizes": (1, 2, 3), "filters": 8}
        # Without dropout, which each backend draws in its own way, backends can be compared.
        small["dropout"] = 0.0
        schedule = {"rollouts": 2, "pretraining_rounds": 1, "discriminator_pretraining_rounds": 0, "n_critic": 2}
        return cls(**{"length": 5, "vocabulary": 10, **small, **schedule, **arguments})

    def fields(self) -> dict[str, Field]:
        return {"tokens": Tokens((self.length,), vocabulary=self.vocabulary)}

    def inputs(self) -> dict[str, Field]:
        return {"noise": Latents((self.length,), distribution="uniform")}

    def default_generator(self) -> keras.Model:
        return lstm_generator(self.vocabulary, width=self.width, embedding=self.embedding)

    def default_discriminator(self) -> keras.Model:
        return text_cnn_discriminator(
            self.length,
            self.vocabulary,
            embedding=self.discriminator_embedding,
            kernel_sizes=self.kernel_sizes,
            filters=self.filters,
            dropout=self.dropout,
            # Twice, as the loss of scores is a sum over both sides, where the paper has their mean.
            output_l2=2 * self.output_l2,
        )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """The paper's; those of likelihood and of the game have moments of their own."""
        policies = {name: keras.optimizers.Adam(1e-2, global_clipnorm=5.0) for name in ("likelihood", "generator")}
        return {"discriminator": keras.optimizers.Adam(1e-4), **policies}

    # Phases ------------------------------------------------------------------------------------------------------------

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        likelihood = Player(
            "likelihood", (self.generator,), self.likelihood_objective, self.options.n_critic, self.learns_by_likelihood
        )
        return likelihood, discriminator._replace(when=self.is_judged), generator._replace(when=self.plays)

    def learns_by_likelihood(self, real: Batch, fake: Batch, losses: dict[str, Any]) -> Any:
        """Whether the generator is being pre-trained."""
        return self.rounds < self.pretraining_rounds

    def is_judged(self, real: Batch, fake: Batch, losses: dict[str, Any]) -> Any:
        """Whether the discriminator learns: once the generator is pre-trained."""
        return self.rounds >= self.pretraining_rounds

    def plays(self, real: Batch, fake: Batch, losses: dict[str, Any]) -> Any:
        """Whether the generator plays: once both are pre-trained."""
        return self.rounds >= self.pretraining_rounds + self.discriminator_pretraining_rounds

    # The generator as a policy -----------------------------------------------------------------------------------------

    def make(self, batch: Batch, training: bool) -> Batch:
        return {"tokens": self.drawn(batch["noise"], training=training)}

    def check(self) -> None:
        super().check()
        logits = tuple(self.generator.outputs[0].shape)
        if logits[1:] != (self.vocabulary,):
            raise ValueError(
                f"The generator of SeqGAN must give logits of vocabulary={self.vocabulary} tokens. Received: logits of "
                f"shape {logits}. Fix: pass the vocabulary that it was built for."
            )

    def drawn(self, noise: Any, temperature: float = 1.0, training: bool = False) -> Any:
        """Tokens (n, length) that uniform numbers (n, length) in [-1, 1) decide."""
        blank = ops.zeros(ops.shape(noise), "int32")
        return continued(self.generator, blank, blank[:, 0], (noise + 1.0) / 2.0, temperature, training)

    def log_probabilities(self, tokens: Any, temperature: float = 1.0, training: bool = False) -> Any:
        """log G of each of the tokens (n, length) after those before it; the same shape."""
        logits = teacher_forced(self.generator, tokens, training) / temperature
        return -ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)

    def likelihood_objective(self, real: Batch, fake: Batch) -> Any:
        """Negative log-likelihood of the data, per token."""
        return -ops.mean(self.log_probabilities(real["tokens"], training=True))

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        rewards = self.action_values(fake["tokens"])
        self.log("reward", ops.mean(rewards[:, -1]))
        if self.baseline:
            rewards = rewards - ops.mean(rewards, axis=0)
        return policy_gradient_loss(self.log_probabilities(fake["tokens"], training=True), rewards)

    def action_values(self, tokens: Any) -> Any:
        """Q in [0, 1] of each of the tokens (batch, length) after those before it; the same shape."""
        n, count = ops.shape(tokens)[0], (self.length - 1) * self.rollouts
        given = ops.broadcast_to(ops.arange(1, self.length)[:, None, None], (self.length - 1, self.rollouts, n))
        rolled = self.rolled_out(ops.tile(tokens, (count, 1)), ops.reshape(given, (-1,)))
        judged = ops.sigmoid(self.score({"tokens": ops.concatenate([rolled, tokens])}, training=False))
        means = ops.mean(ops.reshape(judged[: count * n], (self.length - 1, self.rollouts, n)), axis=1)
        return ops.stop_gradient(ops.transpose(ops.concatenate([means, judged[count * n :][None]])))

    def rolled_out(self, tokens: Any, given: Any) -> Any:
        """Sequences that keep the first `given` (n,) of their tokens (n, length) and draw the others."""
        return continued(self.generator, tokens, given, self.uniform(ops.shape(tokens), 0.0, 1.0))

    # Inference ---------------------------------------------------------------------------------------------------------

    def generate(
        self, n: int, *, seed: int | None = None, temperature: float = 1.0, batch_size: int = 256, **given: Any
    ) -> np.ndarray:
        """Draws sequences.

        Args:
            n: number of sequences.
            seed: integer; the same seed gives the same tokens, on every backend up to rounding. None draws new ones.
            temperature: number above 0 that logits are divided by. 1 is what the model was trained for; less gives more
                likely and less varied sequences.
            batch_size: sequences in one pass.
            **given: `noise` (n, length), uniform in [-1, 1); it is drawn if it is not given.

        Returns:
            NumPy array of int32, (n, length).
        """
        check_number(temperature, "temperature", above=True)
        noise = self._drawn(n, given, seed)["noise"]
        return self.mapped(
            lambda x: self.drawn(x, temperature), noise, batch_size=check_integer(batch_size, "batch_size", 1)
        )

    def log_likelihood(self, tokens: Any, *, temperature: float = 1.0, batch_size: int = 256) -> np.ndarray:
        """log G of sequences, the sum over their tokens in nats.

        Args:
            tokens: integers (n, length) in [0, vocabulary).
            temperature: as in `generate`.
            batch_size: sequences in one pass.

        Returns:
            NumPy array (n,); -mean / length of held-out data is NLL-test, and of `generate`'s own sequences the entropy.
        """
        check_number(temperature, "temperature", above=True)
        tokens = self.fields()["tokens"].validate(tokens, "tokens")
        return self.mapped(lambda x: ops.sum(self.log_probabilities(x, temperature), axis=1), tokens, batch_size=batch_size)
