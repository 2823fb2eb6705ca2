"""What the collapse monitor measures of samples, of classes and of scores."""

import numpy as np


def mean_pairwise_distance(images: np.ndarray, labels: np.ndarray | None = None) -> float:
    """mean |x_i - x_j| over i != j, Euclidean, of images (n, ...); only over pairs of one label if labels are given."""
    flat = images.reshape(len(images), -1).astype("float64")
    # Moved to their mean, so that the differences of nearly equal images are not lost to rounding.
    flat = flat - flat.mean(axis=0)
    squares = (flat**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * flat @ flat.T, 0.0))
    pairs = ~np.eye(len(flat), dtype=bool)
    if labels is not None:
        pairs &= labels[:, None] == labels
    return float(distances[pairs].mean()) if pairs.any() else 0.0


def pixel_std(images: np.ndarray) -> float:
    """Mean over pixels of the standard deviation over images (n, ...)."""
    return float(images.astype("float64").std(axis=0).mean())


def saturated(images: np.ndarray) -> float:
    """Share of values in [-1, 1] whose size is above 0.99."""
    return float((np.abs(images) > 0.99).mean())


def effective_classes(shares: np.ndarray) -> float:
    """exp of the entropy of shares (classes,) that sum to 1: their number for even shares, 1 if one class has all."""
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def ranking(real: np.ndarray, fake: np.ndarray) -> float:
    """P(real > fake) + P(real = fake) / 2 of scores (n,) and (m,): 1 if all are told apart, 0.5 if none is."""
    difference = real[:, None] - fake
    return float((difference > 0).mean() + (difference == 0).mean() / 2)
