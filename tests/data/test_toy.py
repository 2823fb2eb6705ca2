"""Toy distributions are those of the literature, and their traps are avoided."""

import numpy as np
import pytest

from keras_gan_zoo.data.toy import SwissRoll, grid, ring, stacked_mnist


@pytest.mark.parametrize(
    ("variant", "radius", "sigma"),
    [("ring_unrolled", 2, 0.02), ("ring_iwgt", 2 / 1.414, 0.02 / 1.414), ("ring_veegan", 1, 0.01)],
)
def test_ring(variant, radius, sigma):
    mixture = ring(variant)
    assert (mixture.name, mixture.sigma) == (variant, sigma)
    np.testing.assert_allclose(np.linalg.norm(mixture.means, axis=1), radius)
    # Eight different modes, 45 degrees apart: dividing the circle with both ends would give seven.
    angles = np.sort(np.degrees(np.arctan2(*mixture.means.T[::-1])) % 360)
    np.testing.assert_allclose(angles, np.arange(8) * 45, atol=1e-9)


def test_grid():
    mixture = grid()
    assert mixture.means.shape == (25, 2) and mixture.sigma == 0.05
    assert {tuple(mean) for mean in mixture.means} == {(2.0 * i, 2.0 * j) for i in range(-2, 3) for j in range(-2, 3)}
    np.testing.assert_allclose(grid("grid_iwgt").means * 2.828, mixture.means)


@pytest.mark.parametrize("mixture", [ring(), grid()], ids=lambda m: m.name)
def test_samples_of_a_mixture(mixture):
    points, modes = mixture.sample(20_000, 0)
    assert points.dtype == np.float32 and points.shape == (20_000, 2)
    offsets = points - mixture.means[modes]
    np.testing.assert_allclose(offsets.std(axis=0), mixture.sigma, rtol=0.03)
    np.testing.assert_allclose(offsets.mean(axis=0), 0, atol=0.002)
    counts = np.bincount(modes)
    assert len(counts) == len(mixture.means) and abs(counts - counts.mean()).max() < 5 * np.sqrt(counts.mean())
    again, _ = mixture.sample(20_000, 0)
    np.testing.assert_array_equal(points, again)


def test_swiss_roll():
    roll = SwissRoll()
    points, u = roll.sample(20_000, 1)
    offsets = points - roll.curve(u)
    np.testing.assert_allclose(offsets.std(axis=0), 0.25 / 7.5, rtol=0.03)
    np.testing.assert_allclose(
        roll.curve(np.array([0.0, 1.0])), [[0, -1.5 * np.pi / 7.5], [0, 4.5 * np.pi / 7.5]], atol=1e-9
    )
    assert abs(u.mean() - 0.5) < 0.01


def test_stacked_mnist():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 5, 1), np.uint8)
    stacked, modes = stacked_mnist(images, np.arange(10), 5000, 2)
    assert stacked.shape == (5000, 4, 5, 3) and stacked.dtype == np.uint8
    np.testing.assert_array_equal(stacked[:, 0, 0] @ [100, 10, 1], modes)
    assert len(np.unique(modes)) > 980
    # The three digits are drawn apart from each other.
    assert abs(np.corrcoef(stacked[:, 0, 0].T)[0, 1]) < 0.05


def test_bad_input():
    with pytest.raises(ValueError, match="'ring_unrolled'.*Received: variant='circle'"):
        ring("circle")
    with pytest.raises(ValueError, match="labels"):
        stacked_mnist(np.zeros((3, 4, 4, 1), np.uint8), np.zeros(2, int), 5, 0)
