"""Nearest neighbors in feature space.

Distances are found in float32 by blocks of a matrix product, about a common center, in memory that grows with the number of
points and not with its square. What lies closer to a threshold than the rounding of that product is decided anew in
float64, so the results are those of exact distances, equal points included.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

BLOCK = 500
SPARE = 4  # candidates beyond the k nearest, among which float32 may have confused the order


class Points:
    """Features about a center in float32, and as given, for decisions that float32 cannot take."""

    def __init__(self, features, center):
        self.given = features
        self.near = (features - center).astype("float32")
        self.squares = np.einsum("nd,nd->n", self.near, self.near)
        if not np.isfinite(self.squares).all():
            raise ValueError("Squares of features must fit into float32. Received: larger ones. Fix: scale the features.")

    def __len__(self):
        return len(self.given)

    def squared_distances(self, rows: slice, others: "Points", first: int = 0) -> np.ndarray:
        """Of these rows and the others from the first, in float32."""
        distances = (-2 * self.near[rows]) @ others.near[first:].T
        distances += self.squares[rows, None]
        distances += others.squares[first:]
        return distances

    def rounding(self, others: "Points") -> np.ndarray:
        """Bound (n,) of the errors of `squared_distances`: far above what products of float32 have been seen to make."""
        return 4e-7 * (1 + math.sqrt(self.near.shape[1])) * (self.squares + others.squares.max())

    def exact_squares(self, rows: np.ndarray, others: "Points", columns: np.ndarray) -> np.ndarray:
        """Squared distances of the pairs (rows[i], columns[i]), in float64."""
        result = np.empty(len(rows))
        for start in range(0, len(rows), 1024):
            part = slice(start, start + 1024)
            difference = np.subtract(self.given[rows[part]], others.given[columns[part]], dtype="float64")
            result[part] = np.einsum("nd,nd->n", difference, difference)
        return result


def points_of(*sets: np.ndarray) -> list[Points]:
    """Sets of features (n, dimension) about the mean of the first."""
    center = sets[0].mean(axis=0, dtype="float64").astype("float32")
    return [Points(features, center) for features in sets]


class Neighbors:
    """The nearest others of each point by float32 distances, and some to spare. A point is no neighbor of itself.

    `distances`, squared, and `indices` are (n, width), in no order.
    """

    def __init__(self, points: Points, others: Points, most: int):
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
        distances = np.concatenate([self.distances[rows], block], axis=1)
        kept = np.argpartition(distances, self.width - 1, axis=1)[:, : self.width]
        self.distances[rows] = np.take_along_axis(distances, kept, axis=1)
        before = np.take_along_axis(self.indices[rows], np.minimum(kept, self.width - 1), axis=1)
        self.indices[rows] = np.where(kept < self.width, before, kept - self.width + first)

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


def squared_radii(points: Points, *ks: int) -> list[np.ndarray]:
    """For each k the squared distance (n,) of each point to its k-th nearest other point."""
    neighbors = Neighbors(points, points, max(ks))
    return [neighbors.nearest(k)[0] for k in ks]


def between(points: Points, others: Points) -> Iterator[tuple[slice, Callable[..., np.ndarray]]]:
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


def manifold_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Distance of each point to its k-th nearest other point, (n,), for features (n, dimension) that have been checked."""
    return np.sqrt(squared_radii(*points_of(features), k)[0])


def nearest(features: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (n,) and index (n,) of the nearest of the others (m, dimension) to each of the features (n, dimension)."""
    squares, indices = Neighbors(*points_of(features, others), 1).nearest(1)
    return np.sqrt(squares), indices
