"""What nearest neighbors tell: whether a generator copies training images, or itself, or is told from real data."""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from keras_gan_zoo.metrics.checks import check_features
from keras_gan_zoo.metrics.neighbors import manifold_radii, nearest, points_of, squared_radii


class Memorization(NamedTuple):
    """Distances from n fakes and from m held-out real images to the nearest training images."""

    share_near_train: float  # in [0, 1]
    ks_statistic: float  # of the two-sample test of the fakes' distances against the held-out ones'
    p_value: float
    fake_distances: np.ndarray  # (n,)
    test_distances: np.ndarray  # (m,)
    nearest: np.ndarray  # (n,), index of the training image


class Birthday(NamedTuple):
    """Estimate of the number of different images that a generator makes."""

    support: float  # where no batch has a duplicate, the least that is likely to show none
    share: float  # of the batches have a near duplicate
    batches: int
    threshold: float  # distance below which two images count as one
    bound: str  # "" for an estimate; "at least" where no batch has a duplicate, "at most" where all have one


class NearestNeighborAccuracy(NamedTuple):
    """Shares in [0, 1] of the real, of the generated and of all samples whose nearest other is of their own set."""

    real: float
    fake: float
    both: float


def memorization(train: np.ndarray, test: np.ndarray, fake: np.ndarray) -> Memorization:
    """Whether fakes lie nearer to the training images than unseen real images do.

        share_near_train = share of fakes that are nearer to a training image than 99 % of the held-out images are

    without held-out ones that are in the training set; 0.01 for a generator that does not remember.

    Args:
        train: features (t, dimension) of the images that the generator was trained on.
        test: features (m, dimension) of held-out real images.
        fake: features (n, dimension).

    Raises:
        ValueError: too few features, or held-out images that are all in the training set.
    """
    train, test, fake = check_features(2, train=train, test=test, fake=fake)
    fake_distances, indices = nearest(fake, train)
    test_distances, _ = nearest(test, train)
    # A held-out image that is in the training set too says nothing about how near two different images come.
    if not test_distances.any():
        raise ValueError("test must hold images that train does not. Received: none. Fix: pass held-out images.")
    threshold = np.quantile(test_distances[test_distances > 0], 0.01)
    near = float((fake_distances < threshold).mean())
    result = stats.ks_2samp(fake_distances, test_distances)
    return Memorization(near, float(result.statistic), float(result.pvalue), fake_distances, test_distances, indices)


def birthday_paradox(fake: np.ndarray, real: np.ndarray, batch_size: int = 400, threshold: float | None = None) -> Birthday:
    """Birthday-paradox test of the size of a generator's support (Arora and Zhang, 2017, https://arxiv.org/abs/1706.08224).

        share of batches of s images with a duplicate = 1 - exp(-s (s - 1) / 2 N)

    is solved for the support N. A duplicate is a pair nearer than 99 % of real images are to their nearest neighbors.

    Args:
        fake: features (n, dimension); cut into n // batch_size batches, in their order.
        real: features (m, dimension) of distinct real images, for the threshold.
        batch_size: s; informative where it is near 1.2 sqrt(N).
        threshold: distance in place of the one from `real`.

    Raises:
        ValueError: not a single whole batch, or a threshold below 0.
    """
    fake, real = check_features(2, fake=fake, real=real)
    count = len(fake) // batch_size if batch_size > 1 else 0
    if not count:
        raise ValueError(f"batch_size must be 2 to the number of fakes. Received: {batch_size}, and {len(fake)} fakes.")
    if threshold is None:
        distances = manifold_radii(real, 1)
        if not distances.any():
            raise ValueError("real must hold distinct images. Received: each twice or more. Fix: drop copies.")
        # Distinct images only: copies in the data set are no measure of how near two images come by chance.
        threshold = float(np.quantile(distances[distances > 0], 0.01))
    elif not threshold >= 0:
        raise ValueError(f"threshold must be a distance of at least 0. Received: threshold={threshold}.")
    batches = (fake[i * batch_size : (i + 1) * batch_size] for i in range(count))
    hits = sum(bool(squared_radii(*points_of(batch), 1)[0].min() <= threshold**2) for batch in batches)
    share = hits / count
    bound = {0: "at least", count: "at most"}.get(hits, "")
    # Half a batch beyond what was seen keeps the bounds finite.
    probable = min(max(share, 0.5 / count), 1 - 0.5 / count)
    support = -batch_size * (batch_size - 1) / (2 * math.log1p(-probable))
    return Birthday(support, share, count, threshold, bound)


def nearest_neighbor_accuracy(real: np.ndarray, fake: np.ndarray) -> NearestNeighborAccuracy:
    """Two-sample test: leave-one-out accuracy of the 1-nearest-neighbor classifier of real against generated
    (Lopez-Paz and Oquab, 2017, https://arxiv.org/abs/1610.06545).

        accuracy = share of samples that are nearer to another of their own set than to any of the other set

    One that is as near to both counts as one half. With equal distributions half of both sets are right; a set against its
    copy has accuracy 0. Xu et al., 2018 (https://arxiv.org/abs/1806.07755) read the two accuracies apart: below one half,
    generated samples lie next to real ones more often than chance has it, as copies do; real accuracy low and fake accuracy
    high, generated samples crowd in a few places among the real ones.

    Args:
        real, fake: features (n, dimension), as many of each.

    Raises:
        ValueError: sets of different sizes, which would move the ideal away from one half, fewer than two samples, or
            features that no metric can be taken of.
    """
    real, fake = check_features(2, real=real, fake=fake)
    if len(real) != len(fake):
        raise ValueError(f"real and fake must have as many rows as each other. Received: {len(real)} and {len(fake)} rows.")
    shares = []
    for own, others in ((real, fake), (fake, real)):
        within, between = manifold_radii(own, 1), nearest(own, others)[0]
        shares.append(float((within < between).mean() + 0.5 * (within == between).mean()))
    return NearestNeighborAccuracy(*shares, sum(shares) / 2)
