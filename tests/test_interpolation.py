"""Interpolation of latents: closed forms, ends, and where there is no great circle."""

import numpy as np

from keras_gan_zoo.interpolation import linear, spherical


def test_closed_form():
    angles = np.linspace(0, np.pi / 2, 5)
    path = spherical(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.linspace(0, 1, 5)[:, None])
    np.testing.assert_allclose(path, 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-12)
    np.testing.assert_allclose(linear([2.0, 0.0], [0.0, 2.0], 0.25), [1.5, 0.5])


def test_rows_are_interpolated_each_for_itself_and_keep_their_norm():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 8))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    for t in (0.0, 1e-4, 0.3, 1.0):
        np.testing.assert_allclose(np.linalg.norm(spherical(7 * unit[0], 7 * unit[1], t), axis=1), 7.0, atol=1e-11)
        np.testing.assert_allclose(spherical(a, b, t)[3], spherical(a[3], b[3], t), atol=1e-12)


def test_ends_are_exact():
    rng = np.random.default_rng(0)
    for _ in range(50):
        start, end = rng.normal(size=(2, 100)).astype("float32")
        path = spherical(start, end, np.linspace(0, 1, 7)[:, None]).astype("float32")
        np.testing.assert_array_equal(path[0], start)
        np.testing.assert_array_equal(path[-1], end)
        norms = np.linalg.norm(path, axis=1)
        assert 0.8 * norms[[0, -1]].min() < norms.min() <= norms.max() < 1.2 * norms[[0, -1]].max()


def test_it_is_linear_where_no_great_circle_is_named():
    vector = np.array([1.0, 2.0, -1.0], "float32")
    t = np.linspace(0, 1, 5)[:, None]
    for end in (vector, 3 * vector, -vector, 0 * vector):
        np.testing.assert_allclose(spherical(vector, end, t), (1 - t) * vector + t * end, atol=1e-6)
