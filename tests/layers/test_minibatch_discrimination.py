"""Minibatch discrimination: golden values, and what it sees of other samples."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers.minibatch_discrimination import MinibatchDiscrimination


def golden_layer():
    layer = MinibatchDiscrimination(2, 2)
    layer.build((None, 2))
    assert layer.kernel.shape == (2, 2, 2)
    layer.kernel.assign(np.arange(8).reshape(2, 2, 2) / 10)
    return layer


def output(layer, x):
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x, "float32")))


def test_golden_values():
    x = np.array([[1, 0], [0, 1], [1, 1]])
    expected = [[0.8558986, 0.7218608], [1.3541664, 1.0558596], [1.3114071, 0.8790625]]
    y = output(golden_layer(), x)
    np.testing.assert_array_equal(y[:, :2], x)
    np.testing.assert_allclose(y[:, 2:], expected, rtol=1e-6)
    np.testing.assert_array_equal(output(golden_layer(), x[:1])[:, 2:], 0.0)  # alone, a sample has no neighbor


def test_samples_that_are_alike_are_seen_and_far_ones_are_not():
    layer = golden_layer()
    np.testing.assert_allclose(output(layer, np.ones((5, 2)))[:, 2:], 4.0, rtol=1e-6)
    np.testing.assert_allclose(output(layer, np.diag([1e3, -1e3]))[:, 2:], 0.0, atol=1e-6)


def test_the_order_of_a_batch_says_nothing():
    x, order = np.random.default_rng(0).normal(size=(6, 2)), [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(output(golden_layer(), x[order]), output(golden_layer(), x)[order], rtol=1e-5)


def test_gradients_are_those_of_finite_differences(differentiate):
    layer, x = golden_layer(), np.random.default_rng(0).normal(size=(4, 2))
    _, (gradient,) = differentiate(lambda x: ops.sum(ops.square(layer(x)[:, 2:])), x, dtype="float32")
    kernel = np.arange(8).reshape(2, 2, 2) / 10

    def expected(x):
        rows = np.tensordot(x, kernel, 1)
        near = np.exp(-np.abs(rows[None] - rows[:, None]).sum(axis=-1)).sum(axis=1) - 1
        return (near**2).sum()

    for i in range(4):
        step = np.zeros_like(x)
        step[i, i % 2] = 1e-6
        assert gradient[i, i % 2] == pytest.approx((expected(x + step) - expected(x - step)) / 2e-6, rel=1e-3, abs=1e-4)
    assert np.abs(gradient).max() > 0.1


def test_it_says_that_it_mixes_samples_and_comes_back_from_its_configuration():
    layer = MinibatchDiscrimination.from_config(MinibatchDiscrimination(7, 3, name="near").get_config())
    assert layer.mixes_samples and (layer.kernels, layer.dims, layer.name) == (7, 3, "near")
    assert layer.compute_output_shape((None, 5)) == (None, 12) == layer(keras.KerasTensor((None, 5))).shape
