import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_gan_zoo.metrics.copies import nearest_neighbor_accuracy


def gaussian(n, seed, dimension=5):
    return np.random.default_rng(seed).normal(size=(n, dimension))


def test_equals_the_classifier_on_all_distances():
    real, fake = gaussian(60, 0), 0.8 * gaussian(60, 1) + 0.3
    both = np.concatenate([real, fake])
    distances = cdist(both, both)
    np.fill_diagonal(distances, np.inf)
    right = (distances.argmin(axis=1) < 60) == (np.arange(120) < 60)
    assert nearest_neighbor_accuracy(real, fake) == pytest.approx((right[:60].mean(), right[60:].mean(), right.mean()))


def test_equal_distributions_are_told_apart_by_chance_only():
    found = np.array([nearest_neighbor_accuracy(gaussian(50, 2 * i), gaussian(50, 2 * i + 1)) for i in range(100)])
    error = found.std(axis=0) / 10
    # Of the 99 others, 49 are of the own set.
    assert (abs(found.mean(axis=0) - 49 / 99) < 4 * error).all() and error.max() < 0.02


def test_far_sets_copies_and_collapse():
    real = gaussian(200, 0)
    assert nearest_neighbor_accuracy(real, real + 100) == (1, 1, 1)
    assert nearest_neighbor_accuracy(real, real.copy()) == (0, 0, 0)
    # In many dimensions, a crowd in the middle is nearer to most points than these are to each other.
    result = nearest_neighbor_accuracy(gaussian(200, 0, 50), 0.3 * gaussian(200, 1, 50))
    assert result.fake == 1 and result.real < 0.2


def test_ties_count_half():
    # Each point has a copy in its own set and two in the other.
    points = gaussian(20, 0).repeat(2, axis=0)
    assert nearest_neighbor_accuracy(points, points) == (0.5, 0.5, 0.5)


def test_bad_input():
    with pytest.raises(ValueError, match="Received: 9 and 8 rows"):
        nearest_neighbor_accuracy(gaussian(9, 0), gaussian(8, 1))
    with pytest.raises(ValueError, match="fake must vary"):
        nearest_neighbor_accuracy(gaussian(9, 0), np.ones((9, 5)))
