"""How many modes of a known distribution a generator covers, and how well.

The conventions are those of VEEGAN (https://arxiv.org/abs/1705.07761) and PacGAN (https://arxiv.org/abs/1712.04086): 2,500
samples; a sample belongs to the nearest mode, and is of high quality if it is nearer than three standard deviations to it.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from keras_gan_zoo.metrics.checks import as_rows

ENOUGH = 20  # samples that make a mode more than a stray hit


class ModeCoverage(NamedTuple):
    """Coverage of Gaussians; `reverse_kl` and `jsd` are of the modes' shares among high-quality samples, in nats."""

    modes: int  # that are nearest to a high-quality sample at least
    modes20: int  # that are nearest to 20 of them or more
    nearest20: int  # that are nearest to 20 samples of any quality or more
    high_quality: float  # share of the samples
    reverse_kl: float  # KL(shares || uniform), infinite without a high-quality sample
    jsd: float  # Jensen-Shannon divergence of shares and uniform


class CurveCoverage(NamedTuple):
    """Coverage of a curve."""

    bins: int  # parts of the curve that n / 500 samples or more are nearest to
    off_curve: float  # share of samples farther than three standard deviations from the curve


class ClassCoverage(NamedTuple):
    """Coverage of classes."""

    modes: int  # classes that occur
    reverse_kl: float  # KL(shares of the classes || uniform), in nats


def mode_coverage(samples: np.ndarray, means: np.ndarray, sigma: float) -> ModeCoverage:
    """Coverage of equally likely isotropic Gaussians, of means (modes, dimension), by samples (n, dimension)."""
    samples, means = _checked(samples, means, "means", sigma)
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
    """Coverage of a curve with noise of deviation `sigma`, as of the swiss roll, by samples (n, dimension).

    `curve` (m, dimension) has points of it at equally likely places, in order; 2,000 by convention.
    """
    samples, curve = _checked(samples, curve, "curve", sigma)
    nearest, distances = _nearest(samples, curve)
    counts = np.bincount(nearest * bins // len(curve), minlength=bins)
    return CurveCoverage(int((counts >= len(samples) / 500).sum()), float((distances > 3 * sigma).mean()))


def class_coverage(classes: np.ndarray, number: int) -> ClassCoverage:
    """Coverage of equally likely classes, integers (n,) in [0, number), such as the 1,000 of stacked MNIST."""
    classes = np.asarray(classes)
    if not len(classes) or classes.min() < 0 or classes.max() >= number:
        raise ValueError(f"classes must hold integers from 0 to {number - 1}, at least one. Received: {classes!r}.")
    counts = np.bincount(classes, minlength=number)
    return ClassCoverage(int((counts > 0).sum()), _divergences(counts)[0])


def perfect_high_quality(dimension: int = 2) -> float:
    """Share of a Gaussian's own samples within three standard deviations, 1 - exp(-4.5) = 0.989 in two dimensions.

    A higher share means a shrunken variance, which is a collapse too.
    """
    from scipy.stats import chi2

    return float(chi2.cdf(9, dimension))


def perfect_reverse_kl(modes: int, n: int) -> float:
    """What a perfect sampler's reverse KL is on average, (modes - 1) / 2n, as counts of n samples are not even."""
    return (modes - 1) / (2 * n)


def _checked(samples, points, name, sigma):
    samples = as_rows(samples, "samples", fix="look at its training; the generator has diverged").astype("float64")
    points = as_rows(points, name).astype("float64")
    if samples.shape[1] != points.shape[1]:
        raise ValueError(f"samples and {name} must have one dimension. Received: {samples.shape[1]} and {points.shape[1]}.")
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be a standard deviation above 0. Received: sigma={sigma}.")
    return samples, points


def _nearest(samples, points):
    """Index of the nearest point, and the distance to it, for each sample."""
    squares = cdist(samples, points, "sqeuclidean")
    return squares.argmin(axis=1), np.sqrt(squares.min(axis=1))


def _divergences(counts):
    """KL from uniform and JSD with it, in nats, of a histogram."""
    if not counts.sum():
        return math.inf, math.log(2)
    p, q = counts / counts.sum(), np.full(len(counts), 1 / len(counts))

    def kl(a, b):
        return float((a[a > 0] * np.log(a[a > 0] / b[a > 0])).sum())

    return kl(p, q), (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2
