"""BatchNorm is Keras's batch norm, by another road."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import BatchNorm


def pair(shape, **options):
    """(ours, Keras's) with equal weights that are none of the initial ones."""
    both = []
    for cls in (BatchNorm, layers.BatchNormalization):
        layer = cls(momentum=0.7, epsilon=1e-3, **options)
        layer.build((None, *shape[1:]))
        rng = np.random.default_rng(0)
        layer.set_weights([rng.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
        both.append(layer)
    return both


def inputs(shape):
    return (np.random.default_rng(1).normal(size=shape) * 2 + 3).astype("float32")


@pytest.mark.parametrize("shape", [(5, 3), (4, 6, 5, 3), (1, 2, 2, 3), (1, 3), (2, 4, 3)])
def test_training_has_the_values_of_keras(shape):
    ours, theirs = pair(shape)
    x = inputs(shape)
    for _ in range(2):
        expected = ops.convert_to_numpy(theirs(x, training=True))
        np.testing.assert_allclose(ops.convert_to_numpy(ours(x, training=True)), expected, atol=2e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    fresh = pair(shape)[0]
    assert all(np.abs(a - b).min() > 1e-3 for a, b in zip(ours.get_weights()[2:], fresh.get_weights()[2:], strict=True))


@pytest.mark.parametrize("shape", [(5, 3), (4, 6, 5, 3)])
def test_gradients_are_those_of_keras(shape, differentiate, gradients_of):
    ours, theirs = pair(shape)
    x = inputs(shape)
    factor = ops.convert_to_tensor(np.random.default_rng(2).normal(size=shape).astype("float32"))

    def loss(layer, x):
        return ops.sum(ops.square(layer(x, training=True)) * factor)

    results = []
    for layer in (ours, theirs):
        gradients = gradients_of(lambda layer=layer: loss(layer, x), layer.trainable_variables)
        if keras.backend.backend() == "tensorflow":  # elsewhere the layer may not write its state in there
            gradients += differentiate(lambda x, layer=layer: loss(layer, x), x)[1]
        results.append(gradients)
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
        assert np.abs(b).max() > 0.1


def test_inference_and_frozen_layers_use_the_moving_statistics():
    ours, theirs = pair((4, 3))
    x = inputs((4, 3))
    expected = ops.convert_to_numpy(theirs(x, training=False))
    np.testing.assert_array_equal(ops.convert_to_numpy(ours(x, training=False)), expected)
    before = ours.get_weights()
    ours.trainable = False
    np.testing.assert_array_equal(ops.convert_to_numpy(ours(x, training=True)), expected)
    np.testing.assert_array_equal(np.concatenate(ours.get_weights()), np.concatenate(before))


@pytest.mark.parametrize("channels", [3, 16])  # which TensorFlow does by two kernels
def test_bfloat16_is_normalized_in_float32(channels):
    shape = (64, 4, 4, channels)
    ours, theirs = pair(shape, dtype="mixed_bfloat16")
    x = ops.cast(inputs(shape), "bfloat16")
    results = [layer(x, training=True) for layer in (ours, theirs)]
    assert {keras.backend.standardize_dtype(y.dtype) for y in results} == {"bfloat16"}
    a, b = (ops.convert_to_numpy(ops.cast(y, "float32")) for y in results)
    np.testing.assert_allclose(a, b, atol=0.04)
    # In bfloat16 the variance of a mean of 3 would be off by percents.
    for a, b in zip(ours.get_weights()[2:], theirs.get_weights()[2:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3)


def test_its_configuration_builds_it_anew():
    layer = BatchNorm(momentum=0.8, name="norm")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is BatchNorm and again.get_config() == layer.get_config()
    assert (again.momentum, again.epsilon, again.name) == (0.8, 1e-5, "norm")
