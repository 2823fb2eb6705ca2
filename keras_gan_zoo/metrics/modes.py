"""How many modes of a known distribution a generator covers, and how well.

The conventions are those of VEEGAN (https://arxiv.org/abs/1705.07761) and PacGAN (https://arxiv.org/abs/1712.04086): 2,500
samples; a sample belongs to the nearest mode, and is of high quality if it is nearer than three standard deviations to it.
"""

import math
from typing import NamedTuple

import numpy as np

from keras_gan_zoo.metrics.checks import as_numbers

ENOUGH = 20  # samples that make a mode more than a stray hit


class ModeCoverage(NamedTuple):
    """Attributes:
    modes: modes that are nearest to a high-quality sample at least.
    modes20: modes with 20 high-quality samples or more.
    nearest20: modes that are nearest to 20 samples of any quality or more.
    high_quality: share of high-quality samples.
    reverse_kl: KL(shares of the modes among high-quality samples || uniform), in nats; infinite without any such sample.
    jsd: Jensen-Shannon divergence of the same, in nats.
    """

    modes: int
    modes20: int
    nearest20: int
    high_quality: float
    reverse_kl: float
    jsd: float


class CurveCoverage(NamedTuple):
    """Attributes:
    bins: of 50 equally likely parts of the curve, those that n / 500 samples or more are nearest to.
    off_curve: share of samples farther than three standard deviations from the curve.
    """

    bins: int
    off_curve: float


class ClassCoverage(NamedTuple):
    """Attributes:
    modes: classes that occur.
    reverse_kl: KL(shares of the classes || uniform), in nats.
    """

    modes: int
    reverse_kl: float


def mode_coverage(samples: np.ndarray, means: np.ndarray, sigma: float) -> ModeCoverage:
    """Coverage of equally likely isotropic Gaussians.

    Args:
        samples: (n, dimension); 2,500 by convention.
        means: (modes, dimension).
        sigma: their standard deviation.

    Raises:
        ValueError: no samples or means, NaN, another dimension, or a sigma that is not above 0.
    """
    samples, means = _checked(samples), _checked(means, "means")
    _check_sigma(sigma)
    if samples.shape[1] != means.shape[1]:
        raise ValueError(f"samples and means must have one dimension. Received: {samples.shape[1]} and {means.shape[1]}.")
    nearest, distances = _nearest(samples, means)
    good = distances < 3 * sigma
    counts, good_counts = (np.bincount(nearest[chosen], minlength=len(means)) for chosen in (slice(None), good))
    return ModeCoverage(
        int((good_counts > 0).sum()),
        int((good_counts >= ENOUGH).sum()),
        int((counts >= ENOUGH).sum()),
        float(good.mean()),
        *_divergences(good_counts),
    )


def curve_coverage(samples: np.ndarray, curve: np.ndarray, sigma: float, bins: int = 50) -> CurveCoverage:
    """Coverage of a curve with noise, as of the swiss roll.

    Args:
        samples: (n, dimension).
        curve: (m, dimension), points of the curve at equally likely places, in order; 2,000 by convention.
        sigma: standard deviation of the noise.
        bins: parts of the curve.
    """
    samples, curve = _checked(samples), _checked(curve, "curve")
    _check_sigma(sigma)
    nearest, distances = _nearest(samples, curve)
    counts = np.bincount(nearest * bins // len(curve), minlength=bins)
    return CurveCoverage(int((counts >= len(samples) / 500).sum()), float((distances > 3 * sigma).mean()))


def class_coverage(classes: np.ndarray, number: int) -> ClassCoverage:
    """Coverage of equally likely classes, as of the 1,000 triples of digits of stacked MNIST.

    Args:
        classes: integers in [0, number), (n,), as a classifier sees them.
        number: of classes.
    """
    classes = np.asarray(classes)
    if not len(classes) or classes.min() < 0 or classes.max() >= number:
        raise ValueError(f"classes must hold integers from 0 to {number - 1}, at least one. Received: {classes!r}.")
    counts = np.bincount(classes, minlength=number)
    return ClassCoverage(int((counts > 0).sum()), _divergences(counts)[0])


def perfect_high_quality(dimension: int = 2) -> float:
    """Share of a Gaussian's own samples within three standard deviations: 1 - exp(-4.5) = 0.989 in two dimensions.

    A higher share means a shrunken variance, which is a collapse too.
    """
    from scipy.stats import chi2

    return float(chi2.cdf(9, dimension))


def perfect_reverse_kl(modes: int, n: int) -> float:
    """What a perfect sampler's reverse KL is on average, (modes - 1) / 2n, as counts of n samples are not even."""
    return (modes - 1) / (2 * n)


def _checked(points, name="samples"):
    points = as_numbers(points, name).astype("float64")
    if points.ndim != 2 or not len(points):
        raise ValueError(f"{name} must have the shape (n, dimension), n of at least 1. Received: {points.shape}.")
    if not np.isfinite(points).all():
        fix = " Fix: look at its training; the generator has diverged." if name == "samples" else ""
        raise ValueError(f"{name} must be finite. Received: values that are NaN or infinite.{fix}")
    return points


def _check_sigma(sigma):
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be a standard deviation above 0. Received: sigma={sigma}.")


def _nearest(samples, points):
    """Index of the nearest point, and the distance to it, for each sample."""
    index, distance = np.empty(len(samples), int), np.empty(len(samples))
    for start in range(0, len(samples), 500):
        part = slice(start, start + 500)
        squares = np.square(samples[part, None] - points).sum(axis=-1)
        index[part] = squares.argmin(axis=1)
        distance[part] = np.sqrt(squares.min(axis=1))
    return index, distance


def _divergences(counts):
    """KL from uniform and JSD with it, in nats, of a histogram."""
    if not counts.sum():
        return math.inf, math.log(2)
    p, q = counts / counts.sum(), np.full(len(counts), 1 / len(counts))

    def kl(a, b):
        return float((a[a > 0] * np.log(a[a > 0] / b[a > 0])).sum())

    return kl(p, q), (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2
