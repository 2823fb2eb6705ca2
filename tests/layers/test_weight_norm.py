"""Weight normalization against its formula, and scales chosen by data."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers.weight_norm import WNDense, initialize_by_data


def value(x):
    return ops.convert_to_numpy(x)


def test_the_kernel_has_columns_of_the_norm_of_their_scales():
    layer = WNDense(3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer(x)
    kernel, bias = value(layer._kernel), np.array([1.0, -2.0, 0.5], "float32")
    layer.bias.assign(bias)
    layer.scale.assign([2.0, 0.0, -1.0])
    expected = x @ (kernel / np.linalg.norm(kernel, axis=0) * [2.0, 0.0, -1.0]) + bias
    np.testing.assert_allclose(value(layer(x)), expected, atol=1e-6)
    before = value(layer(x))
    layer._kernel.assign(kernel * [3.0, 0.5, 10.0])  # only directions count
    np.testing.assert_allclose(value(layer(x)), before, atol=1e-5)


def test_the_gradient_is_orthogonal_to_the_kernel(gradients_of):
    layer = WNDense(3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer(x)
    (gradient,) = gradients_of(lambda: ops.sum(ops.square(layer(x))), [layer._kernel])
    inner, norms = (gradient * value(layer._kernel)).sum(axis=0), np.linalg.norm(gradient, axis=0)
    assert np.abs(inner).max() < 1e-4 and norms.min() > 1e-2


@pytest.mark.parametrize("train_scale", [True, False])
def test_the_scale_is_trained_if_asked_for(train_scale):
    layer = WNDense.from_config(WNDense(3, train_scale=train_scale, name="wn").get_config())
    layer.build((None, 4))
    assert layer.name == "wn" and layer.scale.trainable == train_scale
    assert len(layer.weights) == 3 and len(layer.trainable_weights) == 2 + train_scale


def test_data_choose_the_scales():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="inputs")
    first = WNDense(8, name="first")(layers.GaussianNoise(0.1, seed=1)(inputs))
    second = WNDense(3, name="second")(layers.ReLU()(first))
    network = keras.Model(inputs, second)
    batch = np.random.default_rng(0).normal(2.0, 5.0, (500, 4)).astype("float32")
    initialize_by_data(network, batch)
    quiet = keras.Sequential([network.get_layer("first"), layers.ReLU(), network.get_layer("second")])
    for said in (network.get_layer("first")(batch), quiet(batch)):
        # As exact as the noise, which is another one in each call, lets it be.
        np.testing.assert_allclose(value(said).mean(axis=0), 0.0, atol=0.02)
        np.testing.assert_allclose(value(said).std(axis=0), 1.0, atol=0.02)
    # Other data find them initialized, as layers are that were trained.
    before = network.get_weights()
    initialize_by_data(network, 3 * batch + 1)
    for weight, was in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)
    alone = keras.Sequential([keras.Input((4,)), WNDense(8)])
    initialize_by_data(alone, batch)
    np.testing.assert_allclose(value(alone(batch)).mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(value(alone(batch)).std(axis=0), 1.0, atol=1e-3)


def test_a_unit_that_says_the_same_of_every_sample_keeps_its_scale():
    network = keras.Sequential([keras.Input((3,)), WNDense(2)])
    (layer,) = network.layers
    before = value(layer.scale)
    initialize_by_data(network, np.ones((4, 3), "float32"))
    np.testing.assert_array_equal(value(layer.scale), before)
    np.testing.assert_allclose(value(network(np.ones((1, 3), "float32"))), 0.0, atol=1e-6)
