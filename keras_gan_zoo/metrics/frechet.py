"""Fréchet distance between two sets of features, each summarized by a Gaussian; of Inception's features it is FID.

It is biased upwards by about 1 / n, so compare values of equal n only, and never across feature spaces.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.linalg
import scipy.stats

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import as_numbers, as_rows
from keras_gan_zoo.untrusted import read_npz

# Rows that are centered at a time.
BLOCK = 2048


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
        # Sum of the outer products of centered vectors; only the lower half is kept up to date.
        self._scatter = np.zeros((dimension, dimension), order="F")

    @classmethod
    def of(cls, features: np.ndarray, source: dict[str, str] | None = None) -> Self:
        """Moments of one array of features (n, dimension)."""
        features = as_numbers(features, "features")
        return cls(features.shape[-1], source).update(features)

    @classmethod
    def from_statistics(cls, n: int, mean: np.ndarray, covariance: np.ndarray, source: dict[str, str] | None = None) -> Self:
        """Moments from a known size n, mean (dimension,) and covariance (dimension, dimension; divided by n - 1).

        Raises:
            ValueError: shapes that do not fit each other, values that are not finite, a covariance that is not symmetric.
        """
        n = check_integer(np.asarray(n).item(), "n", 0)
        mean, covariance = as_numbers(mean, "mean"), as_numbers(covariance, "covariance")
        if np.ndim(mean) != 1 or np.shape(covariance) != (len(mean), len(mean)):
            raise ValueError(f"mean and covariance must fit each other. Received: {np.shape(mean)}, {np.shape(covariance)}.")
        moments = cls(len(mean), source)
        moments.n = n
        moments.mean = np.array(mean, "float64")
        moments._scatter = np.array(covariance, "float64", order="F") * (moments.n - 1)
        if not (np.isfinite(moments.mean).all() and np.isfinite(moments._scatter).all()):
            raise ValueError("mean and covariance must be finite. Received: NaN or infinity. Fix: find where from.")
        scatter = moments._scatter
        if np.abs(scatter - scatter.T).max(initial=0.0) > 1e-6 * np.abs(scatter).max(initial=0.0):
            raise ValueError("covariance must be symmetric. Received: it is not. Fix: np.cov(features, rowvar=False).")
        return moments

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (dimension, dimension), divided by n - 1.

        Raises:
            ValueError: fewer than two vectors so far, or all of them equal.
        """
        if self.n < 2:
            raise ValueError(f"A covariance must be of 2 feature vectors or more. Received: {self.n}.")
        covariance = self._covariance()
        # What float32 makes of equal vectors differs by up to 1e-7 of their size.
        if np.trace(covariance) <= 1e-13 * (self.mean @ self.mean):
            raise ValueError(f"Feature vectors must vary. Received: {self.n} that are all equal. Fix: look at the images.")
        return covariance

    def _covariance(self):
        """The covariance of any number of vectors; zeros for fewer than two."""
        lower = np.tril(self._scatter) / max(self.n - 1, 1)
        return lower + np.tril(lower, -1).T

    @property
    def root(self) -> np.ndarray:
        """Factor R (dimension, r) of the covariance R R^T, r = min(n - 1, dimension) or less.

        n vectors span n - 1 directions about their mean. Whatever a factor finds beyond those is rounding errors, and the
        square root would make errors of 1e-16 into errors of 1e-8 each.
        """
        covariance, rank = self.covariance, min(self.n - 1, self.dimension)
        variances = covariance.diagonal()
        tolerance = np.finfo("float64").eps * variances.max()
        factor, pivots, found, _ = scipy.linalg.lapack.dpstrf(covariance, tol=tolerance, lower=1)
        root = np.empty((self.dimension, min(found, rank)))
        root[pivots - 1] = np.tril(factor)[:, : root.shape[1]]
        # Cholesky's factor goes astray where rounding, to float32 for instance, has left eigenvalues below 0.
        if abs(np.square(root).sum() - variances.sum()) > 1e-13 * variances.sum():
            values, vectors = scipy.linalg.eigh(covariance)
            if values[0] < -1e-5 * values[-1]:
                raise ValueError(
                    f"A covariance must have no eigenvalue below 0. Received: {values[0]:.3g} beside {values[-1]:.3g}. Fix: "
                    "compute it from features, np.cov(features, rowvar=False)."
                )
            root = vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0.0))
        return root

    def update(self, features: np.ndarray) -> Self:
        """Take in a batch of features (n, dimension); a ValueError for another shape or values that are not finite."""
        features = as_rows(features, "features", at_least=0)
        if features.shape[1] != self.dimension:
            raise ValueError(f"features must have the shape (n, {self.dimension}). Received: {features.shape}.")
        for start in range(0, len(features), BLOCK):
            rows = np.asarray(features[start : start + BLOCK], "float64")
            mean = rows.mean(axis=0)
            difference = self._take(len(rows), mean)
            # As one more row, the difference of the means costs no pass over the scatter.
            rows = np.vstack([rows - mean, difference])
            self._scatter = scipy.linalg.blas.dsyrk(1.0, rows.T, beta=1.0, c=self._scatter, lower=1, overwrite_c=1)
        return self

    def merge(self, other: "Moments") -> Self:
        """Take in the vectors that `other` has seen, as if they had been given to `update`."""
        if other.dimension != self.dimension:
            raise ValueError(f"Moments to merge must be alike. Received: {self.dimension} and {other.dimension} dimensions.")
        if self.source and other.source and self.source != other.source:
            raise ValueError(f"Moments to merge must be of the same features. Received: {self.source} and {other.source}.")
        if other.n:
            difference = self._take(other.n, other.mean)
            self._scatter += other._scatter + np.outer(difference, difference)
        return self

    def _take(self, n: int, mean: np.ndarray) -> np.ndarray:
        """Updates number and mean; returns d (n_1 n_2 / n)^(1/2), whose outer product is due to the scatter."""
        total = self.n + n
        difference = mean - self.mean
        self.mean = self.mean + difference * (n / total)
        weight = np.sqrt(self.n * n / total)
        self.n = total
        return weight * difference

    def arrays(self) -> dict[str, Any]:
        """n, mean, covariance and source, for an .npz file; of any number of vectors, as a shard may hold but one."""
        return {"n": self.n, "mean": self.mean, "covariance": self._covariance(), "source": json.dumps(self.source)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Moments from what `arrays` gave; the source may be missing."""
        source = json.loads(str(arrays["source"])) if "source" in arrays else {}
        return cls.from_statistics(arrays["n"], arrays["mean"], arrays["covariance"], source)

    def save(self, path: str | Path) -> None:
        """Write n, mean, covariance and source to an .npz file (float64, no pickle)."""
        np.savez(path, **self.arrays())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote; also any .npz with n, mean and covariance."""
        file, held = read_npz(path, ("n", "mean", "covariance", "source"))
        if missing := [name for name in ("n", "mean", "covariance") if name not in file]:
            raise ValueError(f"{path} must hold n, mean and covariance. Received: {held}, without {', '.join(missing)}.")
        return cls.from_arrays(file)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Fréchet distance of the Gaussians with the moments `a` and `b`, in squared units of the features, 0 or more.

        d(a, b) = |m_a - m_b|^2 + tr S_a + tr S_b - 2 tr (S_a S_b)^(1/2)

    with means m and covariances S (divided by n - 1). With the features of the Inception network it is the Fréchet inception
    distance, FID (Heusel et al., 2017, https://arxiv.org/abs/1706.08500). With S_b = L L^T,

        tr (S_a S_b)^(1/2) = sum of the square roots of the eigenvalues of L^T S_a L

    which needs neither eigenvectors nor a matrix root. A symmetric solver finds each eigenvalue to about 1e-16 of the
    largest, so a root loses digits where its eigenvalue is small. The loss is estimated from the eigenvalues; below 1e-10
    of the traces it is accepted. Where it could be more, and where a set has no more vectors than dimensions,

        tr (S_a S_b)^(1/2) = sum of the singular values of R_a^T R_b,  with S = R R^T and R of at most n - 1 columns

    takes no root of a rounding error: it is slower, and as exact for any number of vectors and any condition. Equal sets
    have a distance of 0, to about 1e-10 of the trace of their covariance.

    Raises:
        ValueError: the dimensions differ, a set has fewer than two vectors, or they are all equal.
    """
    if a.dimension != b.dimension:
        raise ValueError(f"Moments must have one dimension. Received: {a.dimension} and {b.dimension} dimensions.")
    covariances = a.covariance, b.covariance
    traces = sum(map(np.trace, covariances))
    root = _root_of_full_rank(*covariances) if min(a.n, b.n) > a.dimension else None
    if root is None:
        root = scipy.linalg.svdvals(a.root.T @ b.root).sum()
    difference = a.mean - b.mean
    return max(float(difference @ difference + traces - 2.0 * root), 0.0)


def _root_of_full_rank(a: np.ndarray, b: np.ndarray) -> float | None:
    """tr (a b)^(1/2) of two covariances, or None where roots of eigenvalues are not accurate enough."""
    try:
        # LAPACK's sygv: Cholesky factor of b, the congruence and the eigenvalues in one.
        values = scipy.linalg.eigh(a, b, type=2, eigvals_only=True, driver="gv", check_finite=False)
    except np.linalg.LinAlgError:
        return None
    error = np.finfo("float64").eps * values[-1]
    # Independent errors of one size: they add up as squares, and d sqrt(x) = dx / (2 sqrt(x)).
    if error * np.sqrt((0.25 / np.maximum(values, error)).sum()) > 1e-10 * (np.trace(a) + np.trace(b)):
        return None
    return np.sqrt(values).sum()


class FIDInfinity(NamedTuple):
    """The line of `fid_infinity`."""

    value: float  # the intercept, the distance that infinitely many fakes would have
    slope: float  # of the distance over 1 / n
    standard_error: float  # of the intercept, from the residuals of the line
    sizes: np.ndarray  # numbers of fakes n
    distances: np.ndarray  # at each


def fid_infinity(
    features: np.ndarray, reference: Moments, sizes: int = 15, smallest: int = 5000, seed: int = 0
) -> FIDInfinity:
    """Fréchet distance without its bias from the number of fakes (Chong and Forsyth, 2020, https://arxiv.org/abs/1911.07023).

        FID_n = FID_infinity + slope / n,   least squares over the first n of the shuffled fakes, n = smallest ... all

    The bias from the number of real images stays: the reference is as it is.

    Args:
        features: of the fakes, (n, dimension).
        reference: moments of the real images.
        sizes: number of different n, evenly spaced.
        smallest: the least n.
        seed: of the shuffle.

    Raises:
        ValueError: too few fakes for so many different sizes from `smallest` on, or fewer than 3 sizes.
    """
    features = np.asarray(features)
    if sizes < 3 or not 2 <= smallest <= len(features) - sizes + 1:
        raise ValueError(
            "sizes must be 3 or more, and smallest 2 or more, with at least sizes - 1 further fakes. Received: "
            f"smallest={smallest}, sizes={sizes}, {len(features)} fakes."
        )
    order = np.random.default_rng(seed).permutation(len(features))
    counts = np.linspace(smallest, len(features), sizes).astype(int)
    moments, distances, done = Moments(features.shape[1]), [], 0
    for count in counts:
        moments.update(features[order[done:count]])
        done = count
        distances.append(frechet_distance(reference, moments))
    line = scipy.stats.linregress(1 / counts, distances)
    return FIDInfinity(float(line.intercept), float(line.slope), float(line.intercept_stderr), counts, np.array(distances))
