"""The rules of 2014 between a generator and one or more discriminators, on samples of any kind."""

import functools
from typing import Any, ClassVar

import keras
from keras import ops

from ..backend import joining
from ..data import Batch
from ..losses import (
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_generator_loss,
)
from .arguments import does_not_apply
from .augmenting import OF_COLORS
from .batches import joined, per_sample, stopped
from .game import Game
from .player import Player
from .tricks import Tricks
from .wiring import layers_of, mixes, parts_of, squashing


class TwoPlayerGame(Tricks, Game):
    """Discriminators score samples, high for real; the generator makes samples that score high.

    Attributes:
        sample: the field that is generated and judged.
        discriminator_names: the networks that judge; each is a player, and the generator answers all.
        judges_conditions: whether they are told the conditions (CGAN), or not (ACGAN, which finds them).
        symmetric: whether the generator minimizes the discriminator's loss with real and generated samples exchanged, and so
            looks at both (relativistic games), in place of a loss of its own.
        ranks_fakes_first: whether the game itself has fakes score above real samples, so that this is no sign of trouble.
    """

    sample: ClassVar[str] = "images"
    discriminator_names: ClassVar[tuple[str, ...]] = ("discriminator",)
    judges_conditions = True
    symmetric = False
    ranks_fakes_first = False
    network_names = ("generator", "discriminator")
    averaged_names = ("generator",)
    inference_names = ("generator",)
    option_names = (
        "n_critic",
        "label_smoothing",
        "fake_label_smoothing",
        "label_flipping",
        "instance_noise",
        "instance_noise_images",
        "replay_size",
        "r1_gamma",
        "r2_gamma",
        "r1_share",
        "lecam_weight",
        "lecam_decay",
        "consistency_weight",
        "fake_consistency_weight",
        "augment",
        "augment_probability",
        "ada_target",
        "saturating",
        "top_k",
    )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Adam with the rate and beta_1 of DCGAN."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in (*self.discriminator_names, "generator")}

    def players(self) -> tuple[Player, ...]:
        steps = self.options.n_critic
        judges = (
            Player(name, (getattr(self, name),), functools.partial(self.discriminator_objective, by=name), steps)
            for name in self.discriminator_names
        )
        return (*judges, Player("generator", (self.generator,), self.generator_objective))

    def build_options(self) -> None:
        super().build_options()
        held = {"initializer": "zeros", "trainable": False, "dtype": "float32"}
        if self.options.lecam_weight:
            # Sums of the mean scores of real samples, of those of generated ones, and of the weights of both.
            for name in self.discriminator_names:
                averages = self.add_weight(name=f"{name}_score_averages", shape=(3,), **held)
                setattr(self, f"{name}_score_averages", averages)
        if self.options.ada_target:
            self.ada_probability = self.add_weight(name="ada_probability", shape=(), **held)
            # Of the mean signs since the probability has moved, and their number.
            self.ada_signs = self.add_weight(name="ada_signs", shape=(2,), **held)
        if self.options.replay_size:
            self.past_fakes = {name: self.store_of_fakes(name) for name in self.discriminator_names}

    def check(self) -> None:
        super().check()
        for name in ("augment", "consistency_weight", "fake_consistency_weight"):
            if (value := getattr(self.options, name)) and not self.image_names:
                why = f"it is for images, and there are none in {', '.join(self.fields())}"
                raise does_not_apply(name, value, type(self), why)
        for change in set(self.options.augmentations) & set(OF_COLORS):
            for name in self.image_names:
                if (channels := self.fields()[name].shape[-1]) != 3:
                    why = f"{change} is for RGB, and its {name} have {channels} channel{'s' * (channels > 1)}"
                    raise does_not_apply("augment", self.options.augment, type(self), why)
        if self.penalizes_slopes:
            for name in self.discriminator_names:
                # Some layers say that papers penalize slopes through them nevertheless.
                mixing = [layer for layer in layers_of(getattr(self, name)) if mixes(layer)]
                if mixing := [layer for layer in mixing if not getattr(layer, "penalized", False)]:
                    is_norm = isinstance(mixing[0], keras.layers.BatchNormalization)
                    norms = [key for key in ("discriminator_norm", "norm") if is_norm and key in self._arguments]
                    fix = f"{norms[0]}=None or {norms[0]}='layer'" if norms else f"a {name} without it"
                    raise ValueError(
                        f"The {name} of {type(self).__name__} must not mix the samples of a batch, since the input "
                        f"gradient of each is penalized. Received: {type(mixing[0]).__name__} {mixing[0].name!r}. "
                        f"Fix: {fix}, or leave the penalty out."
                    )

    def made_of(self, real: Batch) -> Batch:
        fake = {**real, **self.fake_like(real)}
        return {
            "generator": fake[self.sample],
            **{name: self.judge(fake, by=name)["scores"] for name in self.discriminator_names},
        }

    def check_shapes(self, shapes: dict[str, tuple[int | None, ...]]) -> None:
        owner, wanted = type(self).__name__, self.fields()[self.sample].shape
        made = shapes["generator"]
        if len(made) != 1 + len(wanted) or any(a != b and None not in (a, b) for a, b in zip(made[1:], wanted, strict=True)):
            raise ValueError(
                f"The generator of {owner} must make {self.sample} of shape {tuple(wanted)}. Received: shape {made[1:]}. "
                f"Build another generator, or the model for {made[1:]}."
            )
        for name in self.discriminator_names:
            if len(shapes[name]) not in (1, 3):
                raise ValueError(
                    f"The {name} of {owner} must give one score for each sample, or one for each patch of it. Received: "
                    f"scores of shape {shapes[name]}. End it with Dense(1), or with one filter for patches."
                )
            if (layer := squashing(self, name)) is not None:
                raise ValueError(
                    f"The {name} of {owner} must give raw scores, without bounds. Received: {type(layer).__name__} "
                    f"{layer.name!r} at its end, which bounds them. Leave its activation out; the loss has a sigmoid of its "
                    "own where it needs one."
                )

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        of_samples = self.fields()[self.sample].output_range
        return {"generator": (of_samples,)} if of_samples else {}

    # Objectives --------------------------------------------------------------------------------------------------------

    def discriminator_objective(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        """Loss of a discriminator on a batch of real samples and as many fakes; scalar."""
        return self.judging_loss(real, self.replayed(stopped(fake), by), by)

    def judging_loss(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        """`discriminator_objective`, through which gradients flow to whoever made the fakes."""
        of_real, of_fake = self.judge_pair(real, fake, by)
        loss = self.labeled_loss(of_real["scores"], of_fake["scores"]) + self.penalty(real, fake, by)
        loss = loss + self.discriminator_extra(real, fake, of_real, of_fake)
        if self.options.ada_target and by == self.discriminator_names[0]:
            self.move_probability(of_real["scores"])
        if self.options.lecam_weight:
            loss = loss + self.lecam_penalty(of_real["scores"], of_fake["scores"], by)
        for weight, batch, said in (
            (self.options.consistency_weight, real, of_real),
            (self.options.fake_consistency_weight, fake, of_fake),
        ):
            if weight:
                loss = loss + weight * self.inconsistency(batch, said["scores"], by)
        return loss

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        """Loss of the generator on a batch of fakes, under the conditions of the batch `real`; scalar."""
        loss = 0.0
        for name in self.discriminator_names:
            if self.symmetric:
                of_real, of_fake = self.judge_pair(real, fake, name)
                of_scores = self.discriminator_loss(self.whole(of_fake["scores"]), self.whole(of_real["scores"]))
            else:
                of_fake = self.judge(self.as_judged(fake), by=name)
                of_scores = self.loss_of_the_best(of_fake["scores"])
            loss = loss + of_scores + self.generator_extra(real, fake, of_fake)
        return loss

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        """Scores of real and of generated samples (batch,) -> scalar."""
        return minimax_discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        """Scores of generated samples (batch,) -> scalar."""
        return minimax_generator_loss(fake_scores) if self.options.saturating else non_saturating_generator_loss(fake_scores)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        """What the loss of D has beside scores and penalty, from all that D says of both; scalar."""
        return 0.0

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        """What the loss of G has beside the scores; scalar."""
        return 0.0

    def penalty(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        """What the loss of D has for its slopes: here R1 and R2, where the options ask for them."""
        of_real, of_fake = (
            self.slope_penalty(gamma, batch, by) if gamma else 0.0
            for gamma, batch in ((self.options.r1_gamma, real), (self.options.r2_gamma, fake))
        )
        return of_real + of_fake

    @property
    def penalizes_slopes(self) -> bool:
        """Whether `penalty` takes the input gradient of the score of each sample."""
        return bool(self.options.r1_gamma or self.options.r2_gamma)

    # Judges ------------------------------------------------------------------------------------------------------------

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        """All that a discriminator says of samples, by name; "scores" are among it, (batch,) or (batch, h, w) for patches.

        A network with one output gives its scores; one with several gives a dictionary.
        """
        inputs = self.with_conditions(self.sample, batch) if self.judges_conditions else batch[self.sample]
        said = getattr(self, by)(inputs, training=training)
        said = said if isinstance(said, dict) else {"scores": said}
        return {**said, "scores": per_sample(said["scores"])}

    def score(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Any:
        """Raw scores (batch,), high for real; (batch, h, w) where patches are judged. Override `judge` in place of it."""
        return self.judge(batch, training, by)["scores"]

    def judge_pair(self, real: Batch, fake: Batch, by: str = "discriminator") -> tuple[Batch, Batch]:
        """`judge` of real and of fake samples, in one pass where no layer lets samples influence each other."""
        real, fake = self.as_judged(real), self.as_judged(fake)
        if self.may_mix_samples(by):
            return self.judge(real, by=by), self.judge(fake, by=by)
        with joining(2):
            said = self.judge(joined(real, fake), by=by)
        halves = {name: ops.split(value, 2) for name, value in said.items()}
        return tuple({name: parts[i] for name, parts in halves.items()} for i in range(2))

    def may_mix_samples(self, by: str = "discriminator") -> bool:
        """Whether a judge's score of a sample may depend on the rest of the batch: by a layer that does, or is not known."""
        return any(mixes(part) is not False for part in parts_of(getattr(self, by)))

    def score_gradient(self, batch: Batch, by: str = "discriminator") -> Any:
        """d score / d sample, of the sample's shape, differentiable."""
        # In inference mode, since on JAX a state written inside of a gradient would leak out of its trace.
        return self.gradient(lambda x: self.score({**batch, self.sample: x}, False, by), batch[self.sample])
