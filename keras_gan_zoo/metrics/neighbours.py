"""Metrics of nearest neighbours in feature space: precision and recall, density and coverage, memorisation, birthdays.

Distances are found in float32 by blocks of a matrix product, about a common centre, in memory that grows with the number of
points and not with its square. What lies closer to a threshold than the rounding of that product is decided anew in
float64, so the results are those of exact distances, equal points included.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from keras_gan_zoo.metrics.checks import check_features

BLOCK = 1000
SPARE = 8  # candidates beyond the k nearest, among which float32 may have confused the order


class PrecisionRecall(NamedTuple):
    """Both in [0, 1]; higher is better."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Density is 0 or more, 1 for equal distributions; coverage is in [0, 1]."""

    density: float
    coverage: float


class Memorisation(NamedTuple):
    """Distances from fakes and from held-out real images to the training images.

    Attributes:
        share_near_train: share of fakes that are nearer to a training image than 99 % of the held-out ones are; 0.01 for a
            generator that does not remember.
        ks_statistic, p_value: two-sample Kolmogorov-Smirnov test of the fakes' distances against the held-out ones'.
        fake_distances: (n,) distance of each fake to the nearest training image.
        test_distances: (m,) the same for held-out images.
        nearest: (n,) index of that training image.
    """

    share_near_train: float
    ks_statistic: float
    p_value: float
    fake_distances: np.ndarray
    test_distances: np.ndarray
    nearest: np.ndarray


class Birthday(NamedTuple):
    """Attributes:
    support: estimated number of different images that the generator makes; where no batch has a duplicate, the least
        that is likely to show none (see `bound`).
    share: share of batches with a near duplicate.
    batches: number of batches.
    threshold: distance below which two images count as one.
    bound: "" for an estimate; "at least" where no batch has a duplicate, "at most" where all have one.
    """

    support: float
    share: float
    batches: int
    threshold: float
    bound: str


class _Points:
    """Features about a centre in float32, and as given in float64, for decisions that float32 cannot take."""

    def __init__(self, features, centre):
        self.exact = features
        self.near = (features - centre).astype("float32")
        self.squares = np.einsum("nd,nd->n", self.near, self.near)

    def __len__(self):
        return len(self.exact)

    def squared_distances(self, start, stop, others):
        """(stop - start, len(others)) in float32, and the size of their rounding errors (stop - start, 1)."""
        products = self.near[start:stop] @ others.near.T
        squares = self.squares[start:stop, None]
        products *= -2
        products += squares
        products += others.squares
        scale = squares + others.squares.max()
        return products, 4e-7 * math.sqrt(self.near.shape[1]) * scale

    def exact_squares(self, rows, others, columns):
        """Exact squared distances of the pairs (rows[i], columns[i]) in float64."""
        result = np.empty(len(rows))
        for start in range(0, len(rows), 4096):
            part = slice(start, start + 4096)
            difference = self.exact[rows[part]].astype("float64") - others.exact[columns[part]]
            result[part] = np.einsum("nd,nd->n", difference, difference)
        return result


def _points(*sets):
    centre = sets[0].mean(axis=0, dtype="float64")
    return [_Points(features, centre) for features in sets]


def _nearest(points: _Points, others: _Points, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances (n, k) in rising order, and indices, of the k nearest others; of other points where both are one."""
    n, count = len(points), len(others)
    same = points is others
    width = min(k + SPARE, count - same)
    squares, indices = np.empty((n, k)), np.empty((n, k), int)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        rows = np.arange(start, stop)
        block, error = points.squared_distances(start, stop, others)
        if same:
            # Itself by its index: "at distance 0" would also drop its copies.
            block[rows - start, rows] = np.inf
        candidates = np.argpartition(block, width - 1, axis=1)[:, :width]
        exact = points.exact_squares(np.repeat(rows, width), others, candidates.ravel()).reshape(-1, width)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        squares[start:stop] = np.take_along_axis(exact, order, axis=1)
        indices[start:stop] = np.take_along_axis(candidates, order, axis=1)
        # What is no candidate is at least as far, by float32, as the farthest candidate.
        farthest = np.take_along_axis(block, candidates, axis=1).max(axis=1)
        unsure = np.flatnonzero((squares[start:stop, -1] > farthest - error[:, 0]) & (width < count - same))
        for row in unsure:
            columns = np.flatnonzero(block[row] <= squares[start + row, -1] + error[row])
            exact = points.exact_squares(np.full(len(columns), start + row), others, columns)
            order = np.argsort(exact, kind="stable")[:k]
            squares[start + row], indices[start + row] = exact[order], columns[order]
    return squares, indices


def _inside(centres: _Points, squared_radii: np.ndarray, others: _Points) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Blocks (rows, closed, open): whether others lie in the balls about the centres, with and without the boundary."""
    for start in range(0, len(centres), BLOCK):
        stop = min(start + BLOCK, len(centres))
        block, error = centres.squared_distances(start, stop, others)
        radii = squared_radii[start:stop, None].astype("float32")
        error = error + 1e-6 * radii
        closed = block < radii - error
        rows, columns = np.nonzero((block <= radii + error) & ~closed)
        exact = centres.exact_squares(rows + start, others, columns)
        opened = closed.copy()
        closed[rows, columns] = exact <= squared_radii[rows + start]
        opened[rows, columns] = exact < squared_radii[rows + start]
        yield slice(start, stop), closed, opened


def _check_k(k, **sets):
    if k < 1:
        raise ValueError(f"k={k} is not possible; pass at least 1.")
    return check_features(k + 1, **sets)


def manifold_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other point, (n,), for features (n, dimension)."""
    (features,) = _check_k(k, features=features)
    (points,) = _points(features)
    return np.sqrt(_nearest(points, points, k)[0][:, -1])


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al., 2019, https://arxiv.org/abs/1904.06991).

        precision = share of fakes within NND_k(x) of a real x,   recall = share of real images within NND_k(y) of a fake y

    NND_k(x) is the distance from x to the k-th nearest other point of its own set; the boundary counts as inside.

    Args:
        real: features (m, dimension).
        fake: features (n, dimension).
        k: neighbours (3 in the paper).

    Raises:
        ValueError: fewer than k + 1 features, or features that no metric can be taken of.
    """
    real, fake = _check_k(k, real=real, fake=fake)
    reals, fakes = _points(real, fake)
    shares = []
    for centres, others in ((reals, fakes), (fakes, reals)):
        radii = _nearest(centres, centres, k)[0][:, -1]
        reached = np.zeros(len(others), bool)
        for _, closed, _ in _inside(centres, radii, others):
            reached |= closed.any(axis=0)
        shares.append(float(reached.mean()))
    return PrecisionRecall(*shares)


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> DensityCoverage:
    """Density and coverage (Naeem et al., 2020, https://arxiv.org/abs/2002.09797).

        density  = 1 / (k n) sum_fakes number of real x that have the fake within NND_k(x)
        coverage = share of real x that have a fake within NND_k(x)

    The boundary counts as outside. For equal distributions the expected density is 1, and the expected coverage
    1 - prod_{l = 1..k} (m - l) / (m + n - l), 0.969 for m = n and k = 5.

    Args:
        real: features (m, dimension).
        fake: features (n, dimension).
        k: neighbours (5 in the paper).

    Raises:
        ValueError: fewer than k + 1 real features, or features that no metric can be taken of.
    """
    real, fake = _check_k(k, real=real, fake=fake)
    reals, fakes = _points(real, fake)
    radii = _nearest(reals, reals, k)[0][:, -1]
    inside, covered = 0, 0
    for _, _, opened in _inside(reals, radii, fakes):
        inside += int(opened.sum())
        covered += int(opened.any(axis=1).sum())
    return DensityCoverage(inside / (k * len(fake)), covered / len(real))


def memorisation(train: np.ndarray, test: np.ndarray, fake: np.ndarray) -> Memorisation:
    """Whether fakes lie nearer to the training images than unseen real images do.

    Args:
        train: features (t, dimension) of the images that the generator was trained on.
        test: features (m, dimension) of held-out real images.
        fake: features (n, dimension).
    """
    train, test, fake = check_features(2, train=train, test=test, fake=fake)
    trains, tests, fakes = _points(train, test, fake)
    fake_squares, nearest = _nearest(fakes, trains, 1)
    test_squares, _ = _nearest(tests, trains, 1)
    fake_distances, test_distances = np.sqrt(fake_squares[:, 0]), np.sqrt(test_squares[:, 0])
    threshold = np.quantile(test_distances, 0.01)
    test_result = stats.ks_2samp(fake_distances, test_distances)
    return Memorisation(
        float((fake_distances < threshold).mean()),
        float(test_result.statistic),
        float(test_result.pvalue),
        fake_distances,
        test_distances,
        nearest[:, 0],
    )


def birthday_paradox(fake: np.ndarray, real: np.ndarray, batch_size: int = 400, threshold: float | None = None) -> Birthday:
    """Birthday-paradox test of the size of a generator's support (Arora and Zhang, 2017, https://arxiv.org/abs/1706.08224).

        share of batches of s images with a duplicate = 1 - exp(-s (s - 1) / 2 N)

    is solved for the support N. A duplicate is a pair nearer than 99 % of real images are to their nearest neighbours.

    Args:
        fake: features (n, dimension); cut into n // batch_size batches, in their order.
        real: features (m, dimension) of distinct real images, for the threshold.
        batch_size: s; informative where it is near 1.2 sqrt(N).
        threshold: distance in place of the one from `real`.

    Raises:
        ValueError: not a single whole batch.
    """
    fake, real = check_features(2, fake=fake, real=real)
    count = len(fake) // batch_size if batch_size > 1 else 0
    if not count:
        raise ValueError(f"batch_size={batch_size} is not possible with {len(fake)} fakes. Fix: from 2 to that number.")
    if threshold is None:
        (reals,) = _points(real)
        threshold = float(np.sqrt(np.quantile(_nearest(reals, reals, 1)[0], 0.01)))
    hits = 0
    for i in range(count):
        (batch,) = _points(fake[i * batch_size : (i + 1) * batch_size])
        hits += bool(_nearest(batch, batch, 1)[0].min() <= threshold**2)
    share = hits / count
    bound = {0: "at least", count: "at most"}.get(hits, "")
    # Half a batch beyond what was seen keeps the bounds finite.
    probable = min(max(share, 0.5 / count), 1 - 0.5 / count)
    support = -batch_size * (batch_size - 1) / (2 * math.log1p(-probable))
    return Birthday(support, share, count, threshold, bound)
