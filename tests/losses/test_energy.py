"""Losses of energy-based games: golden values, hinges, and angles between codes."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.energy import energy_discriminator_loss, pulling_away_term, squared_reconstruction_error

REAL, FAKE = [-0.2, -0.5, -0.1, -0.4], [-0.3, -1.5, -0.8, -2.0]
CODES = np.array([[1, 2, 2], [2, -1, 2], [0, 3, 4], [-1, 0, 1]], "float32")


def value(x):
    return float(ops.convert_to_numpy(x))


def tensor(x):
    return ops.convert_to_tensor(x, "float32")


def test_golden_discriminator_loss():
    # A hinge of the mean energy gives 0.3.
    assert value(energy_discriminator_loss(tensor(REAL), tensor(FAKE), 1.0)) == pytest.approx(0.525, rel=1e-6)
    assert value(energy_discriminator_loss(tensor(REAL[:1]), tensor(FAKE[:1]), 1.0)) == pytest.approx(0.9, rel=1e-6)
    assert value(energy_discriminator_loss(tensor(REAL[:1]), tensor(FAKE[1:2]), 1.0)) == pytest.approx(0.2, rel=1e-6)


def test_energies_above_the_margin_have_no_gradient(differentiate):
    _, gradients = differentiate(lambda r, f: energy_discriminator_loss(r, f, 1.0), REAL, FAKE, dtype="float32")
    np.testing.assert_allclose(gradients, [[-0.25] * 4, [0.25, 0.0, 0.25, 0.0]], rtol=1e-6)


def test_the_energy_is_a_mean_over_pixels_for_each_sample():
    images, copies = np.zeros((3, 2, 3, 1), "float32"), np.zeros((3, 2, 3, 1), "float32")
    copies[1], copies[2, 0, 0, 0] = -0.5, 0.6
    errors = ops.convert_to_numpy(squared_reconstruction_error(images, copies))
    np.testing.assert_allclose(errors, [0.0, 0.25, 0.06], rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(squared_reconstruction_error(images[1:2], copies[1:2])), [0.25])


def test_the_energy_has_gradients_through_sample_and_copy(differentiate):
    images, copies = np.full((2, 2, 2, 1), 0.3), np.zeros((2, 2, 2, 1))
    energy = lambda x, y: ops.sum(squared_reconstruction_error(x, y))  # noqa: E731
    _, gradients = differentiate(energy, images, copies, dtype="float32")
    np.testing.assert_allclose(gradients[0], 0.15, rtol=1e-6)
    np.testing.assert_allclose(gradients[1], -0.15, rtol=1e-6)


def test_golden_pulling_away_term():
    # A cosine that is not squared gives 0.4187, one along the batch with its diagonal 0.3711.
    assert value(pulling_away_term(tensor(CODES))) == pytest.approx(0.2592181070, rel=1e-6)


def test_pulling_away_is_a_matter_of_angles():
    assert value(pulling_away_term(tensor([[1.0, 2.0]] * 5))) == pytest.approx(1.0, rel=1e-6)
    assert value(pulling_away_term(tensor([[1.0, 2.0], [-3.0, -6.0]]))) == pytest.approx(1.0, rel=1e-6)
    assert value(pulling_away_term(tensor(np.diag([1.0, 3.0, 0.2])))) == pytest.approx(0.0, abs=1e-6)
    scaled = CODES * np.array([[0.1], [7.0], [1.0], [30.0]], "float32")
    assert value(pulling_away_term(tensor(scaled))) == pytest.approx(0.2592181070, rel=1e-6)
    assert value(pulling_away_term(tensor(CODES[:1]))) == pytest.approx(0.0, abs=1e-6)


def test_the_gradient_of_pulling_away_is_that_of_finite_differences(differentiate):
    def expected(codes):
        unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
        squared = (unit @ unit.T) ** 2
        return (squared.sum() - np.trace(squared)) / (len(codes) * (len(codes) - 1))

    _, (gradient,) = differentiate(pulling_away_term, CODES, dtype="float32")
    codes, h = CODES.astype("float64"), 1e-6
    for i, j in ((0, 0), (1, 2), (2, 1), (3, 0), (3, 2)):
        step = np.zeros_like(codes)
        step[i, j] = h
        assert gradient[i, j] == pytest.approx((expected(codes + step) - expected(codes - step)) / (2 * h), abs=1e-5)
    # Scaling a code changes nothing.
    np.testing.assert_allclose((gradient * CODES).sum(axis=1), 0.0, atol=1e-6)
    assert np.abs(gradient).max() > 0.01


def test_codes_of_zeros_have_finite_gradients(differentiate):
    _, (gradient,) = differentiate(pulling_away_term, np.zeros((3, 2)), dtype="float32")
    assert np.isfinite(gradient).all()
