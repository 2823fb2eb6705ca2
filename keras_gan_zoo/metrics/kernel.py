"""Kernel distance between two sets of features; of Inception's features it is KID (https://arxiv.org/abs/1801.01401).

All in float64: the cubes are large, and the sums nearly cancel.
"""

from typing import NamedTuple

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import check_features


class KernelDistance(NamedTuple):
    """Mean and standard deviation (divisor: number of subsets) of the subsets' unbiased MMD^2."""

    mean: float
    std: float


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
) -> KernelDistance:
    """KID by torch-fidelity's protocol: mean and deviation of `unbiased_mmd` over random subsets.

    The subsets are drawn without replacement by `numpy.random.RandomState(seed)`, each time the fakes first, which are
    torch-fidelity's first input.

    Args:
        real, fake: features (m, dimension) and (n, dimension).
        subsets: number of subsets.
        subset_size: features of each set in a subset.
        seed: of the subsets.

    Raises:
        ValueError: fewer features than `subset_size`, or features that no metric can be taken of.
    """
    check_integer(subset_size, "subset_size", 2), check_integer(subsets, "subsets", 1)
    real, fake = check_features(2, real=real, fake=fake)
    if min(len(real), len(fake)) < subset_size:
        raise ValueError(
            f"subset_size must be at most the number of features. Received: subset_size={subset_size}, {len(real)} real and "
            f"{len(fake)} fake features. Fix: more images, or a smaller subset_size, whose values have another spread."
        )
    rng = np.random.RandomState(seed)
    values = np.empty(subsets)
    for i in range(subsets):
        fakes, reals = (s[rng.choice(len(s), subset_size, replace=False)] for s in (fake, real))
        values[i] = _mmd(reals, fakes, subset_size)
    return KernelDistance(float(values.mean()), float(values.std()))


def unbiased_mmd(real: np.ndarray, fake: np.ndarray, block: int = 1000) -> float:
    """The unbiased MMD^2 of whole sets: less spread than a mean over subsets, in (m + n)^2 dimension operations.

        MMD^2 = sum_{i != j} k(x_i, x_j) / m (m - 1) + sum_{i != j} k(y_i, y_j) / n (n - 1) - 2 mean_{i, j} k(x_i, y_j)
        k(x, y) = (x . y / d + 1)^3

    It is negative now and then for equal distributions; such values are right and are not clipped.

    Args:
        real, fake: features (m, dimension) and (n, dimension).
        block: rows and columns of a kernel matrix that are in memory at a time.

    Raises:
        ValueError: features that no metric can be taken of.
    """
    return _mmd(*check_features(2, real=real, fake=fake), block)


def _mmd(x, y, block):
    m, n = len(x), len(y)
    within = _sum_over_pairs(x, block) / (m * (m - 1)) + _sum_over_pairs(y, block) / (n * (n - 1))
    between = sum(_kernel_sum(a, b) for a in _blocks(x, block) for b in _blocks(y, block)) / (m * n)
    return float(within - 2 * between)


def _sum_over_pairs(x, block):
    """Of the kernel over i != j. It is symmetric, so blocks below the diagonal are not computed."""
    total = 0.0
    for i, a in enumerate(_blocks(x, block)):
        total += _kernel_sum(a, a) - ((np.einsum("nd,nd->n", a, a) / a.shape[1] + 1) ** 3).sum()
        total += 2 * sum(_kernel_sum(a, b) for b in _blocks(x[(i + 1) * block :], block))
    return total


def _blocks(x, block):
    return (x[i : i + block].astype("float64") for i in range(0, len(x), block))


def _kernel_sum(x, y):
    base = x @ y.T / x.shape[1] + 1
    # A dot product of base^2 with base; numpy's own cube takes longer than the product of the matrices.
    return np.vdot(base * base, base)
