"""Fréchet distance between two sets of features, each summarised by a Gaussian.

    d(a, b) = |m_a - m_b|^2 + tr S_a + tr S_b - 2 tr (S_a S_b)^(1/2)

with means m and covariances S (divided by n - 1). With the features of the Inception network it is the Fréchet
inception distance, FID (Heusel et al., 2017, https://arxiv.org/abs/1706.08500).

The estimate is biased upwards by about 1 / n, so compare values of equal n only, and never across feature spaces.
"""

import json
from pathlib import Path
from typing import Self

import numpy as np
import scipy.linalg


class Moments:
    """Number, mean and covariance of feature vectors, gathered batch by batch in float64.

    Batches are merged by Chan's rule, which stays accurate where sums of squares cancel:

        n = n_1 + n_2,  d = m_2 - m_1,  m = m_1 + d n_2 / n,  C = C_1 + C_2 + d d^T n_1 n_2 / n

    Args:
        dimension: length of a feature vector.
        source: what the features are, as plain strings (extractor, its sha256, data split ...). Saved along, so that a
            distance can refuse moments of another feature space.
    """

    def __init__(self, dimension: int, source: dict[str, str] | None = None):
        self.n = 0
        self.mean = np.zeros(dimension)
        self.source = dict(source or {})
        self._scatter = np.zeros((dimension, dimension))
        self._root = None

    @classmethod
    def of(cls, features: np.ndarray, source: dict[str, str] | None = None) -> Self:
        """Moments of one array of features (n, dimension)."""
        features = np.asarray(features)
        return cls(features.shape[-1], source).update(features)

    @classmethod
    def from_statistics(cls, n: int, mean: np.ndarray, covariance: np.ndarray, source: dict[str, str] | None = None) -> Self:
        """Moments from a known size n, mean (dimension,) and covariance (dimension, dimension; divided by n - 1)."""
        moments = cls(len(mean), source)
        moments.n = int(n)
        moments.mean = np.array(mean, "float64")
        moments._scatter = np.array(covariance, "float64") * (moments.n - 1)
        if moments._scatter.shape != (len(mean), len(mean)):
            raise ValueError(f"Mean {np.shape(mean)} and covariance {np.shape(covariance)} do not fit each other.")
        return moments

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (dimension, dimension), divided by n - 1.

        Raises:
            ValueError: fewer than two vectors so far.
        """
        if self.n < 2:
            raise ValueError(f"A covariance needs 2 feature vectors or more, got {self.n}.")
        return self._scatter / (self.n - 1)

    @property
    def root(self) -> np.ndarray:
        """Factor R (dimension, r) of the covariance R R^T, r = min(n - 1, dimension). Kept until the next update.

        n vectors span n - 1 directions about their mean. Eigenvalues beyond those are rounding errors, and the square
        root would make errors of 1e-16 into errors of 1e-8 each.
        """
        if self._root is None:
            values, vectors = scipy.linalg.eigh(self.covariance)
            rank = min(self.n - 1, self.dimension)
            self._root = vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0.0))
        return self._root

    def update(self, features: np.ndarray) -> Self:
        """Take in a batch of features (n, dimension).

        Raises:
            ValueError: wrong shape, or values that are not finite.
        """
        features = np.asarray(features, "float64")
        if features.ndim != 2 or features.shape[1] != self.dimension:
            raise ValueError(f"Expected features of shape (n, {self.dimension}), got {features.shape}.")
        if not np.isfinite(features).all():
            raise ValueError("Features must be finite.")
        if len(features):
            mean = features.mean(axis=0)
            centred = features - mean
            self._add(len(features), mean, centred.T @ centred)
        return self

    def merge(self, other: "Moments") -> Self:
        """Take in the vectors that `other` has seen, as if they had been given to `update`."""
        if other.dimension != self.dimension:
            raise ValueError(f"Cannot merge moments of {self.dimension} and {other.dimension} dimensions.")
        if other.n:
            self._add(other.n, other.mean, other._scatter)
        return self

    def _add(self, n: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        total = self.n + n
        difference = mean - self.mean
        self.mean = self.mean + difference * (n / total)
        self._scatter = self._scatter + scatter + np.outer(difference, difference) * (self.n * n / total)
        self.n = total
        self._root = None

    def save(self, path: str | Path) -> None:
        """Write n, mean, covariance and source to an .npz file (float64, no pickle)."""
        np.savez(path, n=self.n, mean=self.mean, covariance=self.covariance, source=json.dumps(self.source))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; also any .npz with n, mean and covariance."""
        with np.load(path, allow_pickle=False) as file:
            source = json.loads(str(file["source"])) if "source" in file else {}
            return cls.from_statistics(file["n"], file["mean"], file["covariance"], source)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Fréchet distance of the Gaussians with the moments `a` and `b`, in squared units of the features.

    With S_a = R_a R_a^T and S_b = R_b R_b^T, the eigenvalues of S_a S_b are the squared singular values of R_a^T R_b:

        tr (S_a S_b)^(1/2) = sum of the singular values of R_a^T R_b

    This takes no root of a rounding error: singular values are right to 1e-16 of the largest one, roots of eigenvalues
    to 1e-8. It is exact for fewer vectors than dimensions, and 0 (to rounding) for equal sets.

    Returns:
        A float, 0 or more.

    Raises:
        ValueError: the dimensions differ, or a set has fewer than two vectors.
    """
    if a.dimension != b.dimension:
        raise ValueError(f"Cannot compare moments of {a.dimension} and {b.dimension} dimensions.")
    trace = scipy.linalg.svdvals(a.root.T @ b.root).sum()
    difference = a.mean - b.mean
    distance = difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * trace
    return max(float(distance), 0.0)
