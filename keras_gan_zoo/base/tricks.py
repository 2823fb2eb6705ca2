"""What the options of a game of two players do: rules for labels, noise, augmentation, and penalties of scores."""

import fractions
import math
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from ..backend import own_part
from ..data import Batch, Field, Images, Noise
from ..losses import zero_centered_penalty
from ..losses.penalties import lecam_penalty
from .augmenting import augmented, mirrored_and_moved
from .batches import batch_size_of
from .replaying import HELD, exchanged, grouped, ungrouped
from .sampler import MAX_BYTES, Sampler

# ADA's probability moves after so many steps, by what would take it from 0 to 1 in so many images.
ADA_STEPS, ADA_IMAGES = 4, 500_000


class Tricks:
    """The rules of `Options`; mixed into `TwoPlayerGame`, whose losses and judges they are about."""

    def labeled_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        """`discriminator_loss` under the label tricks of the options.

        For a loss A(real) + B(fake), smoothing s asks for (1 - s) A(real) + s B(real) + B(fake): cross-entropy with the
        target 1 - s, in any loss's own terms; and that of fakes for (1 - t) B(fake) + t A(fake). Both are written with the
        loss of a pair against constant scores, which adds a constant and no gradient.
        """
        if self.options.label_flipping:
            flipped = self.uniform(ops.shape(real_scores), 0.0, 1.0) < self.options.label_flipping
            real_scores, fake_scores = (
                ops.where(flipped, fake_scores, real_scores),
                ops.where(flipped, real_scores, fake_scores),
            )
        real_scores, fake_scores = self.whole(real_scores), self.whole(fake_scores)
        loss = self.discriminator_loss(real_scores, fake_scores)

        def as_fake(scores):
            """B(scores) - A(scores), but for a constant."""
            none = ops.zeros_like(scores)
            return self.discriminator_loss(none, scores) - self.discriminator_loss(scores, none)

        if self.options.label_smoothing:
            loss = loss + self.options.label_smoothing * as_fake(real_scores)
        if self.options.fake_label_smoothing:
            loss = loss - self.options.fake_label_smoothing * as_fake(fake_scores)
        return loss

    def noisy(self, batch: Batch) -> Batch:
        """Instance noise: adds N(0, sigma^2) to the samples, with sigma falling to 0 as real samples are seen."""
        if not self.options.instance_noise:
            return batch
        samples = batch[self.sample]
        left = ops.maximum(1.0 - ops.cast(self.samples_seen, "float32") / self.options.instance_noise_images, 0.0)
        return {**batch, self.sample: samples + self.options.instance_noise * left * self.normal(ops.shape(samples))}

    def replayed_fields(self) -> dict[str, Field]:
        """What replay keeps of a generated sample: all that the loss of a discriminator may read of it, but for noise."""
        inputs = self.inputs() if isinstance(self, Sampler) else {}
        fields = {**self.fields(), **self.derived_fields(), **inputs}
        return {name: field for name, field in fields.items() if not isinstance(field, Noise)}

    def store_of_fakes(self, by: str) -> dict[str, keras.Variable]:
        """Weights that keep the past fakes of a discriminator, empty: name -> (entries, samples judged together, ...)."""
        size, together = self.options.replay_size, self.batch_multiple
        if size % together:
            raise ValueError(
                f"replay_size must be a multiple of {together}, the samples that are judged together. Received: "
                f"replay_size={size}. Choose a multiple."
            )
        rng = np.random.default_rng(0)
        examples = {name: field.preprocess(field.random(rng, 1)) for name, field in self.replayed_fields().items()}
        if (needed := size * sum(4 * math.prod(example.shape) for example in examples.values())) > MAX_BYTES:
            raise ValueError(
                f"replay_size must be of samples that fit in memory. Received: replay_size={size}, which take "
                f"{needed / 2**40:,.0f} TiB. Choose fewer."
            )
        kinds = {HELD: ((size // together,), "float32")}
        for name, example in examples.items():
            kinds[name] = (size // together, together, *example.shape[1:]), keras.backend.standardize_dtype(example.dtype)
        options = {"initializer": "zeros", "trainable": False}
        return {
            name: self.add_weight(name=f"{by}_past_{name.replace(' ', '_')}", shape=shape, dtype=dtype, **options)
            for name, (shape, dtype) in kinds.items()
        }

    def replayed(self, fake: Batch, by: str = "discriminator") -> Batch:
        """Replay: fakes of which half are exchanged for past ones, which were made under conditions of their own.

        Devices that share a batch share one store, as one device has it.
        """
        if not self.options.replay_size:
            return fake
        inputs = self.inputs() if isinstance(self, Sampler) else {}
        # Inputs that it does not keep are noise, which no judge sees.
        if left := [name for name in fake if name not in self.past_fakes[by] and name not in inputs]:
            raise ValueError(
                f"replay_size must be 0 where fakes have more than replay keeps. Received: {left[0]!r} in those of "
                f"{type(self).__name__}. Fix: override replayed_fields() to name it too, or leave the option out."
            )
        past = {name: variable for name, variable in self.past_fakes[by].items() if name in (HELD, *fake)}
        new = {name: self.whole(fake[name]) for name in past if name != HELD}

        def uniform(shape):
            # Not this replica's part of what is drawn, but the same as all.
            return keras.random.uniform(shape, seed=self.seed_generator)

        seen, kept = exchanged(grouped(new, self.batch_multiple), past, uniform)
        for name, variable in past.items():
            variable.assign(kept[name])
        return {**fake, **tree.map_structure(own_part, ungrouped(seen))}

    def as_judged(self, batch: Batch) -> Batch:
        """A batch as discriminators see it, in both players' steps: augmented, and under noise."""
        return self.noisy(self.augmented(batch))

    @property
    def image_names(self) -> list[str]:
        """The fields that are images."""
        return [name for name, field in self.fields().items() if isinstance(field, Images)]

    def augmented(self, batch: Batch) -> Batch:
        """Augmentation: all images of an example are changed alike."""
        if not self.options.augment:
            return batch
        names = [name for name in self.image_names if name in batch]
        if self.options.ada_target:
            probability = ops.convert_to_tensor(self.ada_probability)
        elif self.options.augment_probability == 1:
            probability = None
        else:
            probability = self.annealed(self.options.augment_probability)
        images = augmented([batch[name] for name in names], self.options.augmentations, self.uniform, probability)
        return {**batch, **dict(zip(names, images, strict=True))}

    def move_probability(self, real_scores: Any) -> None:
        """ADA: after every four steps the probability moves, up where more than the target of the scores are above 0."""
        real_scores = self.whole(real_scores)
        said = ops.mean(ops.sign(ops.stop_gradient(ops.cast(real_scores, "float32"))))
        signs = self.ada_signs + ops.stack([said, ops.ones_like(said)])
        is_time = signs[1] >= ADA_STEPS
        images = ops.cast(ops.shape(real_scores)[0], "float32")
        step = ops.sign(signs[0] / signs[1] - self.options.ada_target) * ADA_STEPS * images / ADA_IMAGES
        moved = ops.clip(self.ada_probability + step, 0.0, 1.0)
        self.ada_probability.assign(ops.where(is_time, moved, ops.convert_to_tensor(self.ada_probability)))
        self.ada_signs.assign(ops.where(is_time, ops.zeros_like(signs), signs))

    def lecam_penalty(self, real_scores: Any, fake_scores: Any, by: str = "discriminator") -> Any:
        """LeCam regularization, against averages of the mean scores without a bias toward their start."""
        held, keep = getattr(self, f"{by}_score_averages"), self.options.lecam_decay
        real_scores, fake_scores = self.whole(real_scores), self.whole(fake_scores)
        means = [ops.mean(ops.stop_gradient(ops.cast(scores, "float32"))) for scores in (real_scores, fake_scores)]
        sums = keep * held + (1.0 - keep) * ops.stack([*means, ops.ones_like(means[0])])
        held.assign(sums)
        penalty = lecam_penalty(real_scores, fake_scores, sums[0] / sums[2], sums[1] / sums[2])
        return self.annealed(self.options.lecam_weight) * penalty

    def inconsistency(self, batch: Batch, scores: Any, by: str = "discriminator") -> Any:
        """E (D(x) - D(T(x)))^2, where T mirrors and moves all images of an example alike."""
        draws = self.uniform((batch_size_of(batch), 3), 0.0, 1.0)
        moved = {name: mirrored_and_moved(batch[name], draws) for name in self.image_names if name in batch}
        again = self.judge(self.as_judged({**batch, **moved}), by=by)["scores"]
        return ops.mean(ops.square(scores - again))

    def loss_of_the_best(self, scores: Any) -> Any:
        """`generator_loss` of the share `top_k` of the scores, the highest of them.

        The loss is a mean over scores. So that of a part of them, whose number need not be known when a round is compiled,
        is that of all with the others set to 0, less what those zeros cost.
        """
        scores = self.whole(scores)
        if self.options.top_k == 1:
            return self.generator_loss(scores)
        count = ops.cast(ops.shape(scores)[0], "float32")
        wanted = ops.clip(ops.ceil(self.annealed(self.options.top_k) * count), 1.0, count)
        ranked = ops.sort(ops.stop_gradient(scores))
        last = ops.take(ranked, ops.cast(count - wanted, "int32"))
        chosen = scores >= last
        kept = ops.sum(ops.cast(chosen, "float32"))
        zeros = ops.zeros_like(scores)
        everything = count * self.generator_loss(ops.where(chosen, scores, zeros))
        return (everything - (count - kept) * self.generator_loss(zeros)) / kept

    def slope_penalty(self, gamma: Any, batch: Batch, by: str = "discriminator") -> Any:
        """gamma / 2 E |grad D(x)|^2 at the samples of a batch."""
        if self.options.r1_share < 1:
            # Spread evenly, so that devices with whole shares of their parts take together what one would. In integers,
            # rounded up: JAX cuts by numbers only that are known when it compiles.
            share = fractions.Fraction(self.options.r1_share).limit_denominator(10_000)
            count = -(-batch_size_of(batch) * share.numerator // share.denominator)
            chosen = ops.arange(count, dtype="int32") * share.denominator // share.numerator
            batch = tree.map_structure(lambda x: ops.take(x, chosen, axis=0), batch)
        return self.annealed(gamma) * zero_centered_penalty(self.score_gradient(batch, by))
