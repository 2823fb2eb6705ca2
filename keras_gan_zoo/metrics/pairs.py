"""The diversity of a set by a measure of pairs: its mean over random pairs of distinct images."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import as_labels


class Diversity(NamedTuple):
    """Mean of a measure over random pairs of images."""

    mean: float  # over the pairs, or over the classes' means
    standard_error: float  # taking the pairs as independent (they are nearly, while they are fewer than images)
    pairs: int  # in all
    per_class: dict[int, float] | None = None  # where labels were given


def mean_over_pairs(
    images: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    pairs: int,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> Diversity:
    """Mean and standard error of a measure over random pairs of distinct images.

    `measure` takes 500 pairs or fewer at a time, (m, ...), (m, ...) -> (m,). With labels, integers (n,), pairs are of one
    class, and there are `pairs` of each class.
    """
    check_integer(pairs, "pairs", 2)
    groups = {None: np.arange(len(images))}
    if labels is not None:
        labels = as_labels(labels, len(images))
        groups = {int(c): np.flatnonzero(labels == c) for c in np.unique(labels)}
    rng = np.random.default_rng(seed)
    means, variances = {}, []
    for label, members in groups.items():
        first, second = members[random_pairs(len(members), pairs, rng, "" if label is None else f" of class {label}")]
        values = np.concatenate(
            [measure(images[first[i : i + 500]], images[second[i : i + 500]]) for i in range(0, pairs, 500)]
        )
        means[label] = float(np.mean(values))
        variances.append(np.var(values, ddof=1) / pairs)
    error = float(np.sqrt(np.sum(variances)) / len(groups))
    return Diversity(float(np.mean(list(means.values()))), error, pairs * len(groups), means if labels is not None else None)


def random_pairs(n: int, pairs: int, rng: np.random.Generator, whose: str = "") -> np.ndarray:
    """`pairs` different pairs i != j of n images (`whose`), each unordered pair equally likely: integers (2, pairs)."""
    possible = n * (n - 1) // 2
    if pairs > possible:
        raise ValueError(
            f"pairs must be at most the {possible} different pairs of the {n} images{whose}. Received: pairs={pairs}. Fix: "
            "more images, or fewer pairs."
        )
    # Pairs j < i in their order (1, 0), (2, 0), (2, 1), (3, 0) ...: number k begins row i at i (i - 1) / 2.
    chosen = rng.choice(possible, pairs, replace=False)
    i = ((1.0 + np.sqrt(1.0 + 8.0 * chosen)) / 2.0).astype("int64")
    i -= i * (i - 1) // 2 > chosen
    return np.stack([i, chosen - i * (i - 1) // 2])
