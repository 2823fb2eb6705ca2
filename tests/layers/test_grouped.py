"""Grouped convolutions against those of Keras."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers.grouped import GroupedConv2D


@pytest.mark.parametrize(("channels", "filters", "groups"), [(4, 4, 1), (4, 8, 2), (6, 6, 6), (8, 4, 4), (96, 6, 6)])
def test_it_is_the_convolution_of_keras_in_value_and_gradient(channels, filters, groups, differentiate):
    ours, theirs = (cls(filters, 3, padding="same", groups=groups) for cls in (GroupedConv2D, layers.Conv2D))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, channels)).astype("float32")
    kernel = (rng.normal(size=(3, 3, channels // groups, filters)) / np.sqrt(channels // groups)).astype("float32")
    weights = rng.normal(size=(2, 5, 6, filters)).astype("float32")
    results = []
    for layer in (ours, theirs):
        layer.build(x.shape)
        assert [weight.shape for weight in layer.weights] == [kernel.shape, (filters,)]

        def score(x, kernel, layer=layer):
            return ops.sum(ops.convert_to_tensor(weights) * ops.tanh(layer.convolution_op(x, kernel)))

        results.append(differentiate(score, x, kernel))
        layer.set_weights([kernel, np.arange(filters, dtype="float32")])
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x)), ops.convert_to_numpy(theirs(x)), atol=1e-5)
    (value, gradients), (expected, expected_gradients) = results
    assert value == pytest.approx(expected, rel=1e-5)
    for gradient, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, theirs, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends have grouped convolutions")
@pytest.mark.parametrize(("channels", "groups", "products"), [(512, 32, 512 * 32), (512, 8, 512 * 64), (24, 6, 24 * 24)])
def test_products_do_not_grow_with_the_square_of_the_channels(channels, groups, products):
    import tensorflow as tf

    layer = GroupedConv2D(channels, 1, groups=groups, use_bias=False)
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec((1, 2, 2, channels))).graph
    kernels = [op.inputs[1].shape for op in graph.get_operations() if op.type == "Conv2D"]
    assert sum(kernel.num_elements() for kernel in kernels) == products


def test_it_is_saved_with_its_own_weights(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 4)), GroupedConv2D(8, 3, groups=2)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.count_params() == 3 * 3 * 2 * 8 + 8
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 4))
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
