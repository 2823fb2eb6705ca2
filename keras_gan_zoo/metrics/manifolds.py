"""Overlap of two manifolds, each a union of balls around features: precision and recall, density and coverage."""

from typing import NamedTuple

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import check_features
from keras_gan_zoo.metrics.neighbors import between, points_of, squared_radii


class PrecisionRecall(NamedTuple):
    """Both in [0, 1]; higher is better."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Density is 0 or more, 1 for equal distributions; coverage is in [0, 1]."""

    density: float
    coverage: float


class Manifolds(NamedTuple):
    """The four of `precision_recall` and `density_coverage`."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al., 2019, https://arxiv.org/abs/1904.06991).

        precision = share of fakes within NND_k(x) of a real x,   recall = share of real images within NND_k(y) of a fake y

    NND_k(x) is the distance from x to the k-th nearest other point of its own set; the boundary counts as inside.

    Args:
        real, fake: features (m, dimension) and (n, dimension).
        k: neighbors (3 in the paper).

    Raises:
        ValueError: fewer than k + 1 features, or features that no metric can be taken of.
    """
    return PrecisionRecall(*manifold_metrics(real, fake, k, None)[:2])


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al., 2020, https://arxiv.org/abs/2002.09797).

        density  = 1 / (k n) sum_fakes number of real x that have the fake within NND_k(x)
        coverage = share of real x that have a fake within NND_k(x)

    The boundary counts as outside. For equal distributions the expected density is 1, and the expected coverage
    1 - prod_{l = 1..k} (m - l) / (m + n - l), 0.969 for m = n and k = 5.

    Args:
        real, fake: features (m, dimension) and (n, dimension).
        k: neighbors (5 in the paper).

    Raises:
        ValueError: fewer than k + 1 features, or features that no metric can be taken of.
    """
    return DensityCoverage(*manifold_metrics(real, fake, None, k)[2:])


def manifold_metrics(
    real: np.ndarray, fake: np.ndarray, precision_k: int | None = 3, coverage_k: int | None = 5
) -> Manifolds:
    """`precision_recall` and `density_coverage` from one computation of the distances.

    Args:
        real, fake: features (m, dimension) and (n, dimension).
        precision_k, coverage_k: neighbors of the one and of the other; None leaves it out, and its shares at 0.

    Raises:
        ValueError: too few features for either k, or features that no metric can be taken of.
    """
    ks = [k for k in (precision_k, coverage_k) if k is not None]
    for k in ks:
        check_integer(k, "k", 1)
    real, fake = check_features(max(ks) + 1, real=real, fake=fake)
    reals, fakes = points_of(real, fake)
    radii = dict(zip(ks, squared_radii(reals, *ks), strict=True))
    fake_radii = None if precision_k is None else squared_radii(fakes, precision_k)[0]
    precise = np.zeros(len(fakes), bool)
    recalled, inside, covered = 0, 0, 0
    for _, within in between(reals, fakes):
        if precision_k is not None:
            precise |= within(radii[precision_k][:, None], True).any(axis=0)
            recalled += np.count_nonzero(within(fake_radii, True).any(axis=1))
        if coverage_k is not None:
            opened = within(radii[coverage_k][:, None], False)
            inside += np.count_nonzero(opened)
            covered += np.count_nonzero(opened.any(axis=1))
    density = 0.0 if coverage_k is None else float(inside / len(fakes)) / coverage_k
    return Manifolds(float(precise.mean()), float(recalled / len(reals)), density, float(covered / len(reals)))
