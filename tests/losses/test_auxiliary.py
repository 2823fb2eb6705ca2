"""Losses beside the game: information bounds and auto-encoder errors."""

import math

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses import autoencoder_error, categorical_information_loss, gaussian_information_loss

CODES = np.eye(10, dtype="float32")[[3, 0, 9, 3]]


def value(tensor):
    return ops.convert_to_numpy(tensor)


def tensor(array):
    return ops.convert_to_tensor(array, "float32")


@pytest.mark.parametrize("n", [1, 4])
def test_categorical_information(n, differentiate):
    codes = tensor(CODES[:n])
    ignorant = value(categorical_information_loss(codes, tensor(np.full((n, 10), 7.0))))
    assert ignorant == pytest.approx(math.log(10), abs=1e-6)
    assert value(categorical_information_loss(codes, 50.0 * codes)) == pytest.approx(0.0, abs=1e-6)
    logits = np.random.default_rng(0).normal(size=(n, 10))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, (gradient,) = differentiate(lambda x: categorical_information_loss(codes, x), logits, dtype="float32")
    assert loss == pytest.approx(-np.log((softmax * CODES[:n]).sum(axis=1)).mean(), rel=1e-6)
    np.testing.assert_allclose(gradient, (softmax - CODES[:n]) / n, atol=1e-6)


def test_categorical_information_is_finite_at_extreme_logits(differentiate):
    wrong = 200.0 * np.roll(CODES, 1, axis=1) - 200.0 * CODES
    codes = ops.convert_to_tensor(CODES)
    loss, (gradient,) = differentiate(lambda x: categorical_information_loss(codes, x), wrong, dtype="float32")
    assert loss == pytest.approx(400.0, rel=1e-6)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_gaussian_information(n):
    codes = np.random.default_rng(1).uniform(-1, 1, (n, 2)).astype("float32")
    assert value(gaussian_information_loss(codes, codes)) == pytest.approx(1.8378771, abs=1e-6)
    assert value(gaussian_information_loss(codes, codes + [0.6, -0.8])) == pytest.approx(1.8378771 + 0.5, rel=1e-6)
    assert value(gaussian_information_loss(codes[:, :1], codes[:, :1])) == pytest.approx(0.9189385, abs=1e-6)


def test_autoencoder_error_is_a_mean_over_pixels_for_each_sample():
    images = np.zeros((3, 2, 3, 1), "float32")
    reconstructions = images.copy()
    reconstructions[1] = -0.5
    reconstructions[2, 0, 0, 0] = 0.6
    np.testing.assert_allclose(value(autoencoder_error(images, reconstructions)), [0.0, 0.5, 0.1], atol=1e-7)
    single = value(autoencoder_error(images[1:2], reconstructions[1:2]))
    assert single.shape == (1,) and single[0] == pytest.approx(0.5, abs=1e-7)


def test_autoencoder_error_has_gradients_through_image_and_reconstruction(differentiate):
    images, reconstructions = np.full((2, 2, 2, 1), 0.3), np.zeros((2, 2, 2, 1))
    _, gradients = differentiate(lambda x, y: ops.sum(autoencoder_error(x, y)), images, reconstructions, dtype="float32")
    np.testing.assert_allclose(gradients[0], 0.25, atol=1e-6)
    np.testing.assert_allclose(gradients[1], -0.25, atol=1e-6)
