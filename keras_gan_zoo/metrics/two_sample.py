"""Two-sample test by nearest neighbors (Lopez-Paz and Oquab, 2017, https://arxiv.org/abs/1610.06545).

As many real as generated samples are put together, and each is classified by the label of its nearest other. With equal
distributions half of both are right. Xu et al., 2018 (https://arxiv.org/abs/1806.07755) read the two accuracies apart:
below one half, generated samples lie next to real ones more often than chance has it, as copies do; real accuracy low and
fake accuracy high, generated samples crowd in a few places among the real ones.
"""

from typing import NamedTuple

import numpy as np

from keras_gan_zoo.metrics.checks import check_features
from keras_gan_zoo.metrics.neighbors import manifold_radii, nearest


class NearestNeighborAccuracy(NamedTuple):
    """Shares in [0, 1] of the real, of the generated and of all samples whose nearest other is of their own set."""

    real: float
    fake: float
    both: float


def nearest_neighbor_accuracy(real: np.ndarray, fake: np.ndarray) -> NearestNeighborAccuracy:
    """Leave-one-out accuracy of the 1-nearest-neighbor classifier of real against generated.

        accuracy = share of samples that are nearer to another of their own set than to any of the other set

    One that is as near to both counts as one half. A set against its copy has accuracy 0.

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
