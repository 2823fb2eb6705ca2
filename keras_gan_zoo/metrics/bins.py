"""Number of statistically different bins, NDB: see `number_of_different_bins`."""

from typing import NamedTuple

import numpy as np
from scipy import sparse, stats

from keras_gan_zoo.metrics.checks import check_features

SIGNIFICANCE = 0.05
BLOCK = 2000
ITERATIONS = 100


class Bins(NamedTuple):
    """Comparison of the histograms of K bins; arrays are (K,)."""

    ndb: int  # number of different bins
    jsd: float  # Jensen-Shannon divergence of the two histograms, in nats, from 0 to log 2
    z: np.ndarray  # test statistic
    p_values: np.ndarray  # two-tailed
    real_shares: np.ndarray
    fake_shares: np.ndarray


def compare_histograms(real_counts: np.ndarray, fake_counts: np.ndarray) -> Bins:
    """NDB and JSD of two histograms over the same bins, given as counts (K,) that are 0 or more."""
    real_counts, fake_counts = np.asarray(real_counts, "float64"), np.asarray(fake_counts, "float64")
    are_counts = all(counts.ndim == 1 and ((counts >= 0) & (counts < np.inf)).all() for counts in (real_counts, fake_counts))
    if not are_counts or real_counts.shape != fake_counts.shape:
        raise ValueError(f"Histograms must be counts of one shape (K,). Received: {real_counts} and {fake_counts}.")
    m, n = real_counts.sum(), fake_counts.sum()
    if not m or not n:
        raise ValueError(f"Histograms must hold a sample at least. Received: {m:g} real and {n:g} fake ones.")
    p, q = real_counts / m, fake_counts / n
    pooled = (real_counts + fake_counts) / (m + n)
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / n))
    # A bin that holds nothing, or everything, is not different.
    z = np.divide(p - q, deviation, out=np.zeros_like(p), where=deviation > 0)
    p_values = 2 * stats.norm.sf(np.abs(z))
    middle = (p + q) / 2
    jsd = sum(stats.entropy(share, middle) for share in (p, q)) / 2
    return Bins(int((p_values < SIGNIFICANCE).sum()), float(jsd), z, p_values, p, q)


def number_of_different_bins(real: np.ndarray, fake: np.ndarray, bins: int = 100, seed: int = 0) -> Bins:
    """Number of statistically different bins, NDB (Richardson and Weiss, 2018, https://arxiv.org/abs/1805.12462), and JSD.

    The real features are clustered into K bins by k-means; each fake belongs to the bin of the nearest center. With the
    shares p of m real and q of n fake features in a bin, and the pooled share s,

        z = (p - q) / sqrt( s (1 - s) (1 / m + 1 / n) ),   different where the two-tailed p-value is below 0.05

    so that a perfect generator has NDB / K of about 0.05. Bins of real features that no fake falls in are missing modes. The
    Jensen-Shannon divergence of the two histograms is in nats, from 0 to log 2.

    Args:
        real: features (m, dimension), best of the training images.
        fake: features (n, dimension).
        bins: K; m should be some ten times that.
        seed: of k-means.

    Raises:
        ValueError: fewer distinct real features than bins, or features that no metric can be taken of.
    """
    real, fake = check_features(1, real=real, fake=fake)
    if not 2 <= bins <= len(real):
        raise ValueError(f"bins must be 2 to the number of real features. Received: bins={bins}, {len(real)} real features.")
    center = real.mean(axis=0, dtype="float64")
    # A shift changes no neighbor, and keeps float32 products accurate.
    real, fake = ((features - center).astype("float32") for features in (real, fake))
    assigned, centers = _clusters(real, bins, np.random.default_rng(seed))
    counts = (np.bincount(places, minlength=bins) for places in (assigned, _nearest_center(fake, centers)))
    return compare_histograms(*counts)


def _clusters(features, number, rng):
    """Lloyd's k-means, begun by k-means++: the bin of each row, and the centers, to which the rows are nearest."""
    chosen = [int(rng.integers(len(features)))]
    squares = np.einsum("nd,nd->n", features, features)
    # Squared distance to the nearest of the centers so far.
    nearest = np.full(len(features), np.inf)
    while True:
        new = features[chosen[-1]]
        distances = squares - 2 * (features @ new) + squares[chosen[-1]]
        # Rounding must not leave copies of a center a chance to become one.
        distances[distances < 1e-6 * (squares + squares[chosen[-1]])] = 0
        nearest = np.minimum(nearest, distances)
        if len(chosen) == number:
            break
        if not nearest.any():
            raise ValueError(f"bins must be at most the {len(chosen)} distinct real features. Received: bins={number}.")
        chosen.append(int(rng.choice(len(features), p=nearest / nearest.sum())))
    centers, assigned = features[chosen], None
    for _ in range(ITERATIONS):
        before, assigned = assigned, _nearest_center(features, centers)
        if before is not None and (before == assigned).all():
            break
        members = sparse.csr_array((np.ones(len(features)), (assigned, np.arange(len(features)))), (number, len(features)))
        sizes = members.sum(axis=1)[:, None]
        # A bin that lost all its rows stays where it was.
        centers = np.where(sizes > 0, members @ features / np.maximum(sizes, 1), centers).astype("float32")
    return _nearest_center(features, centers), centers


def _nearest_center(features, centers):
    squares = np.einsum("kd,kd->k", centers, centers)
    parts = [(squares - 2 * features[i : i + BLOCK] @ centers.T).argmin(axis=1) for i in range(0, len(features), BLOCK)]
    return np.concatenate(parts)
