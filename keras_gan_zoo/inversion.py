"""The latents behind an image, and how far an image is from all that a generator makes (AnoGAN).

    z = argmin L(z),   L(z) = (1 - w) sum |x - G(z)| + w sum |h(x) - h(G(z))|,   score of x = L(z) where the search ends

h are the features of the discriminator below its score, and w = feature_weight. A generator that has learned from normal
images makes nothing else, so what it cannot make is no normal image. The search goes by Adam from a latent vector that is
drawn; nothing of the model moves. Source: Schlegl et al., 2017 (https://arxiv.org/abs/1703.05921).

Differs from the paper: the rate falls along a cosine to 0, so that the search comes to rest; latents of U(-1, 1) are held
there.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .data.checks import check_integer

if TYPE_CHECKING:
    from .base import Game

# The share of the features in the paper.
FEATURE_WEIGHT = 0.1
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Inversion(NamedTuple):
    """Where a search has ended.

    Attributes:
        inputs: name -> array (n, ...) of what the generator takes, as `gan.generate(n, **inputs)` does, with the latents
            that were found.
        samples: what the generator makes of them, (n, ...), images in [-1, 1].
        scores: L at them, (n,); low for what the generator can make.
    """

    inputs: dict[str, np.ndarray]
    samples: np.ndarray
    scores: np.ndarray


def invert(
    gan: "Game",
    images: Any,
    *,
    steps: int = 500,
    learning_rate: float = 0.05,
    feature_weight: float | None = None,
    seed: int = 0,
    batch_size: int = 100,
    **given: Any,
) -> Inversion:
    """Searches the latents of which a generator makes images that are closest to given ones.

    Args:
        gan: a model that makes samples from latents. It is left as it is.
        images: (n, ...), as `fit` takes them: uint8, or floats in [-1, 1] or [0, 1].
        steps: of the search (500).
        learning_rate: of Adam at the start.
        feature_weight: w in [0, 1]. None takes the paper's 0.1 where the model has a trained discriminator whose features
            can be seen, each image's by itself, else 0: a preset that holds the generator alone is searched by pixels
            alone, and so is a model whose discriminator compares the images of a batch.
        seed: of the latents from which the search starts.
        batch_size: images that are searched for together; each is searched for on its own nevertheless.
        **given: inputs that are not searched, (n, ...) or one for all images, such as `labels=3` of conditional models.

    Returns:
        An `Inversion`.

    Raises:
        TypeError: the model makes samples from no latents, or needs an input that is not given.
        ValueError: an argument is out of its range, or features are asked for that there are not.
    """
    from keras import ops

    from .backend import compiled
    from .base.arguments import check_number
    from .data import Latents, Noise, Tokens

    check_integer(steps, "steps", 1)
    check_integer(batch_size, "batch_size", 1)
    check_number(learning_rate, "learning_rate")
    given = {name: value for name, value in given.items() if value is not None}
    fields = gan.inputs() if hasattr(gan, "inputs") else {}
    found = [name for name, field in fields.items() if isinstance(field, Latents) and name not in given]
    found = [name for name in found if not isinstance(fields[name], Noise)]
    if not found:
        raise TypeError(
            f"A search needs latents. Received: {type(gan).__name__}, which makes samples from none that are free."
        )
    for name, field in fields.items():
        if not isinstance(field, Latents) and name not in given:
            raise TypeError(
                f"{name} must be given, since only latents are searched for. Received: {', '.join(given) or 'none'}. Fix: "
                f"pass {name}=..., one for all or each."
            )
    kind = gan.fields()[gan.sample]
    if isinstance(kind, Tokens):
        raise TypeError(f"A search needs samples with a gradient. Received: {type(gan).__name__}, which makes tokens.")
    images = kind.validate(images, "images")
    sought, distance = _distance(gan, feature_weight)
    bounded = [fields[name].distribution == "uniform" for name in found]

    @compiled
    def prepared(real, others):
        batch = {name: fields[name].preprocess(value) for name, value in others.items()}
        with gan.averaged():
            return batch, sought({**batch, gan.sample: real})

    def made_of(latents, others):
        batch = {**others, **dict(zip(found, latents, strict=True))}
        return {**batch, **gan.make(batch, training=False)}

    @compiled
    def step(latents, means, squares, rate, count, real, others):
        with gan.averaged():
            gradients = gan.gradient(lambda z: distance(made_of(z, others), real), latents)
        gradients = [ops.stop_gradient(gradient) for gradient in gradients]
        means = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(means, gradients, strict=True)]
        squares = [BETA_2 * s + (1 - BETA_2) * ops.square(g) for s, g in zip(squares, gradients, strict=True)]
        scale = rate * ops.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        latents = [z - scale * m / (ops.sqrt(s) + EPSILON) for z, m, s in zip(latents, means, squares, strict=True)]
        return [ops.clip(z, -1.0, 1.0) if b else z for z, b in zip(latents, bounded, strict=True)], means, squares

    @compiled
    def ended(latents, real, others):
        with gan.averaged():
            batch = made_of(latents, others)
            return ops.stop_gradient(distance(batch, real)), ops.stop_gradient(batch[gan.sample])

    inputs = gan._drawn(len(images), given, seed)
    samples, scores, latents = [], [], {name: [] for name in found}
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        others = {name: ops.convert_to_tensor(inputs[name][part]) for name in inputs if name not in found}
        others, real = prepared(kind.preprocess(images[part]), others)
        moving = [ops.convert_to_tensor(inputs[name][part]) for name in found]
        means = squares = [ops.zeros_like(value) for value in moving]
        for i in range(steps):
            rate = learning_rate * (1 + math.cos(math.pi * i / steps)) / 2
            now = (ops.convert_to_tensor(value, "float32") for value in (rate, i + 1))
            moving, means, squares = step(moving, means, squares, *now, real, others)
        score, sample = (ops.convert_to_numpy(value) for value in ended(moving, real, others))
        scores.append(score)
        samples.append(sample)
        for name, value in zip(found, moving, strict=True):
            latents[name].append(ops.convert_to_numpy(value))
    inputs |= {name: np.concatenate(parts) for name, parts in latents.items()}
    return Inversion(inputs, np.concatenate(samples), np.concatenate(scores))


def anomaly_scores(gan: "Game", images: Any, **options: Any) -> np.ndarray:
    """How far images are from what a model makes, (n,): by its own encoder where it has one, else by a search.

    Args:
        gan, images: as in `invert`.
        **options: of `invert`; or of the model's own `anomaly_scores`, as FAnoGAN has it.
    """
    own = getattr(gan, "anomaly_scores", None)
    return own(images, **options) if own else invert(gan, images, **options).scores


def _distance(gan, weight):
    """Two functions: what L needs of a batch with real samples; and L of a batch with fakes and of that, (n,)."""
    from keras import ops

    from .base.arguments import check_number
    from .base.wiring import layers_of
    from .networks.features import features_of

    def total(difference):
        return ops.sum(ops.abs(ops.reshape(ops.cast(difference, "float32"), (ops.shape(difference)[0], -1))), axis=1)

    if weight is not None:
        check_number(weight, "feature_weight", 0.0, 1.0)
    features = None
    if weight != 0 and "discriminator" in gan.network_names and "discriminator" not in gan.fresh:
        features = features_of(gan.discriminator)
    conditions = gan.conditions() if getattr(gan, "judges_conditions", False) else {}
    if features is not None:
        # Others look at more than the sample, as that of a BiGAN does, at several, or at what else is in the batch.
        takes_one = len(features.inputs) == 1 + len(conditions)
        takes_one = takes_one and features.inputs[0].shape[1:] == gan.fields()[gan.sample].shape
        if not takes_one or any(getattr(layer, "mixes_samples", False) for layer in layers_of(gan.discriminator)):
            features = None
    if features is None:
        if weight:
            raise ValueError(
                "feature_weight must be 0 where there is no trained discriminator whose features of a single image can be "
                f"seen. Received: feature_weight={weight!r}, for {type(gan).__name__}. Leave it out, or load a preset that "
                "holds the discriminator."
            )
        return (lambda real: [real[gan.sample]]), (lambda fake, real: total(fake[gan.sample] - real[0]))
    weight = FEATURE_WEIGHT if weight is None else weight

    def seen(batch):
        inputs = [batch[gan.sample], *(batch[name] for name in conditions)]
        return features(inputs if conditions else inputs[0], training=False)

    def both(batch):
        return [batch[gan.sample], seen(batch)]

    def distance(fake, real):
        pixels, features = (total(ours - theirs) for ours, theirs in zip(both(fake), real, strict=True))
        return (1 - weight) * pixels + weight * features

    return both, distance
