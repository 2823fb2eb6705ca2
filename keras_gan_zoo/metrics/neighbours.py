"""Metrics of nearest neighbours in feature space: precision and recall, density and coverage, memorisation, birthdays.

Distances are found in float32 by blocks of a matrix product, about a common centre, in memory that grows with the number of
points and not with its square. What lies closer to a threshold than the rounding of that product is decided anew in
float64, so the results are those of exact distances, equal points included.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

from keras_gan_zoo.metrics.checks import check_features

BLOCK = 500
SPARE = 4  # candidates beyond the k nearest, among which float32 may have confused the order


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
    """Features about a centre in float32, and as given, for decisions that float32 cannot take."""

    def __init__(self, features, centre):
        self.given = features
        self.near = (features - centre).astype("float32")
        self.squares = np.einsum("nd,nd->n", self.near, self.near)
        if not np.isfinite(self.squares).all():
            raise ValueError("Squares of features overflow float32. Fix: scale the features; no result changes by it.")

    def __len__(self):
        return len(self.given)

    def squared_distances(self, rows: slice, others: "_Points", first: int = 0) -> np.ndarray:
        """Of these rows and the others from the first, in float32."""
        distances = (-2 * self.near[rows]) @ others.near[first:].T
        distances += self.squares[rows, None]
        distances += others.squares[first:]
        return distances

    def rounding(self, others: "_Points") -> np.ndarray:
        """Bound (n,) of the errors of `squared_distances`: far above what products of float32 have been seen to make."""
        return 4e-7 * (1 + math.sqrt(self.near.shape[1])) * (self.squares + others.squares.max())

    def exact_squares(self, rows: np.ndarray, others: "_Points", columns: np.ndarray) -> np.ndarray:
        """Squared distances of the pairs (rows[i], columns[i]), in float64."""
        result = np.empty(len(rows))
        for start in range(0, len(rows), 1024):
            part = slice(start, start + 1024)
            difference = np.subtract(self.given[rows[part]], others.given[columns[part]], dtype="float64")
            result[part] = np.einsum("nd,nd->n", difference, difference)
        return result


def _points(*sets):
    centre = sets[0].mean(axis=0, dtype="float64").astype("float32")
    return [_Points(features, centre) for features in sets]


class _Neighbours:
    """The nearest others of each point by float32 distances, and some to spare. A point is no neighbour of itself.

    Attributes:
        distances: (n, width) squared, in no order.
        indices: (n, width).
    """

    def __init__(self, points: _Points, others: _Points, most: int):
        self.points, self.others, self.same = points, others, points is others
        self.width = min(most + SPARE, len(others) - self.same)
        self.distances = np.full((len(points), self.width), np.inf, "float32")
        self.indices = np.zeros((len(points), self.width), int)
        for start in range(0, len(points), BLOCK):
            rows = slice(start, min(start + BLOCK, len(points)))
            # Distances within a set are symmetric: each is computed once.
            first = start if self.same else 0
            block = points.squared_distances(rows, others, first)
            if self.same:
                # Itself by its index: "at distance 0" would also drop its copies.
                np.fill_diagonal(block, np.inf)
                size = rows.stop - start
                self._take(slice(rows.stop, None), np.ascontiguousarray(block[:, size:].T), start)
            self._take(rows, block, first)

    def _take(self, rows, block, first):
        """Keeps the nearest of those so far and of the columns of a block, which are the others from the first."""
        if block.shape[1] > self.width:
            chosen = np.argpartition(block, self.width - 1, axis=1)[:, : self.width]
            block = np.take_along_axis(block, chosen, axis=1)
        else:
            chosen = np.broadcast_to(np.arange(block.shape[1]), block.shape)
        distances = np.concatenate([self.distances[rows], block], axis=1)
        indices = np.concatenate([self.indices[rows], chosen + first], axis=1)
        kept = np.argpartition(distances, self.width - 1, axis=1)[:, : self.width]
        self.distances[rows] = np.take_along_axis(distances, kept, axis=1)
        self.indices[rows] = np.take_along_axis(indices, kept, axis=1)

    def nearest(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Squared distance (n,), exact, and index (n,) of the k-th nearest."""
        distances, indices, error = self.distances, self.indices, self.points.rounding(self.others)
        limit = np.partition(distances, k - 1, axis=1)[:, k - 1]
        low, high = (limit - 2 * error)[:, None], (limit + 2 * error)[:, None]
        # Only those whose order float32 cannot tell are decided anew.
        rows, columns = np.nonzero((distances >= low) & (distances <= high))
        exact = np.where(distances < low, -np.inf, np.inf)
        exact[rows, columns] = self.points.exact_squares(rows, self.others, indices[rows, columns])
        place = np.argpartition(exact, k - 1, axis=1)[:, k - 1 : k]
        squares = np.take_along_axis(exact, place, axis=1)[:, 0]
        found = np.take_along_axis(indices, place, axis=1)[:, 0]
        if self.width < len(self.others) - self.same:
            for row in np.flatnonzero(distances.max(axis=1) <= high[:, 0]):
                squares[row], found[row] = self._among_all(row, k, high[row, 0])
        return squares, found

    def _among_all(self, row, k, high):
        """For a point with more near ties than there are candidates."""
        block = self.points.squared_distances(slice(row, row + 1), self.others)
        if self.same:
            block[0, row] = np.inf
        columns = np.flatnonzero(block[0] <= high)
        exact = self.points.exact_squares(np.full(len(columns), row), self.others, columns)
        place = np.argpartition(exact, k - 1)[k - 1]
        return exact[place], columns[place]


def _squared_radii(points, *ks):
    neighbours = _Neighbours(points, points, max(ks))
    return [neighbours.nearest(k)[0] for k in ks]


def _between(points: _Points, others: _Points) -> Iterator[tuple[slice, Callable[..., np.ndarray]]]:
    """Blocks (rows, within): within(squared_radii, boundary) says which pairs (rows, others) are no farther apart.

    Squared radii are of the points, (n, 1), or of the others, (m,). The boundary counts as inside, or as outside.
    """
    for start in range(0, len(points), BLOCK):
        rows = slice(start, min(start + BLOCK, len(points)))
        block, error = points.squared_distances(rows, others), points.rounding(others)[rows, None]

        def within(squared_radii, boundary, rows=rows, block=block, error=error):
            radii = squared_radii[rows] if squared_radii.ndim == 2 else squared_radii[None]
            margin = error + 1e-6 * radii
            inside = block < (radii - margin).astype("float32")
            unsure = np.nonzero(inside != (block <= (radii + margin).astype("float32")))
            exact = points.exact_squares(unsure[0] + rows.start, others, unsure[1])
            radii = np.broadcast_to(radii, block.shape)[unsure]
            inside[unsure] = exact <= radii if boundary else exact < radii
            return inside

        yield rows, within


def _check_k(k, **sets):
    if k < 1:
        raise ValueError(f"k={k} is not possible; pass at least 1.")
    return check_features(k + 1, **sets)


def manifold_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other point, (n,), for features (n, dimension)."""
    (features,) = _check_k(k, features=features)
    return np.sqrt(_squared_radii(*_points(features), k)[0])


def nearest(features: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (n,) and index (n,) of the nearest of the others (m, dimension) to each of the features (n, dimension)."""
    features, others = check_features(1, features=features, others=others)
    squares, indices = _Neighbours(*_points(features, others), 1).nearest(1)
    return np.sqrt(squares), indices


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
    return PrecisionRecall(*_shares(reals, fakes, (_squared_radii(reals, k)[0], _squared_radii(fakes, k)[0]), None)[:2])


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
    inside, coverage = _shares(reals, fakes, None, _squared_radii(reals, k)[0])[2:]
    return DensityCoverage(inside / k, coverage)


def manifold_metrics(real: np.ndarray, fake: np.ndarray, precision_k: int = 3, coverage_k: int = 5) -> Manifolds:
    """`precision_recall` and `density_coverage` from one computation of the distances.

    Args:
        real: features (m, dimension).
        fake: features (n, dimension).
        precision_k: neighbours of precision and recall.
        coverage_k: neighbours of density and coverage.

    Raises:
        ValueError: too few features for either k, or features that no metric can be taken of.
    """
    _check_k(min(precision_k, coverage_k), real=real, fake=fake)
    real, fake = _check_k(max(precision_k, coverage_k), real=real, fake=fake)
    reals, fakes = _points(real, fake)
    for_precision, for_coverage = _squared_radii(reals, precision_k, coverage_k)
    radii = for_precision, _squared_radii(fakes, precision_k)[0]
    precision, recall, inside, coverage = _shares(reals, fakes, radii, for_coverage)
    return Manifolds(precision, recall, inside / coverage_k, coverage)


def _shares(reals, fakes, radii, coverage_radii):
    """Precision, recall, mean number of open balls around a fake, coverage; 0 for those whose radii are None."""
    precise = np.zeros(len(fakes), bool)
    recalled, inside, covered = 0, 0, 0
    for _, within in _between(reals, fakes):
        if radii is not None:
            precise |= within(radii[0][:, None], True).any(axis=0)
            recalled += np.count_nonzero(within(radii[1], True).any(axis=1))
        if coverage_radii is not None:
            opened = within(coverage_radii[:, None], False)
            inside += np.count_nonzero(opened)
            covered += np.count_nonzero(opened.any(axis=1))
    return float(precise.mean()), float(recalled / len(reals)), float(inside / len(fakes)), float(covered / len(reals))


def memorisation(train: np.ndarray, test: np.ndarray, fake: np.ndarray) -> Memorisation:
    """Whether fakes lie nearer to the training images than unseen real images do.

    Args:
        train: features (t, dimension) of the images that the generator was trained on.
        test: features (m, dimension) of held-out real images.
        fake: features (n, dimension).
    """
    train, test, fake = check_features(2, train=train, test=test, fake=fake)
    fake_distances, indices = nearest(fake, train)
    test_distances, _ = nearest(test, train)
    threshold = np.quantile(test_distances, 0.01)
    test_result = stats.ks_2samp(fake_distances, test_distances)
    return Memorisation(
        float((fake_distances < threshold).mean()),
        float(test_result.statistic),
        float(test_result.pvalue),
        fake_distances,
        test_distances,
        indices,
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
        distances = manifold_radii(real, 1)
        if not distances.any():
            raise ValueError("real has each of its images twice or more. Fix: pass distinct images, or a threshold.")
        # Distinct images only: copies in the data set are no measure of how near two images come by chance.
        threshold = float(np.quantile(distances[distances > 0], 0.01))
    hits = 0
    for i in range(count):
        (batch,) = _points(fake[i * batch_size : (i + 1) * batch_size])
        hits += bool(_squared_radii(batch, 1)[0].min() <= threshold**2)
    share = hits / count
    bound = {0: "at least", count: "at most"}.get(hits, "")
    # Half a batch beyond what was seen keeps the bounds finite.
    probable = min(max(share, 0.5 / count), 1 - 0.5 / count)
    support = -batch_size * (batch_size - 1) / (2 * math.log1p(-probable))
    return Birthday(support, share, count, threshold, bound)
