"""Maxout against NumPy."""

import keras
import numpy as np
from keras import ops

from keras_gan_zoo.layers import MaxoutDense


def test_maxout_is_the_maximum_of_linear_maps():
    layer = MaxoutDense(4, 3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 6)).astype("float32")
    assert layer(x).shape == (5, 4) == tuple(layer.compute_output_shape((5, 6)))
    kernel, bias = rng.normal(size=(6, 12)).astype("float32"), rng.normal(size=12).astype("float32")
    layer.set_weights([kernel, bias])
    expected = np.stack([x @ kernel[:, 3 * i : 3 * i + 3] + bias[3 * i : 3 * i + 3] for i in range(4)], axis=1).max(axis=-1)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-5)


def test_maxout_of_one_piece_is_dense():
    maxout, dense = MaxoutDense(4, 1), keras.layers.Dense(4)
    x = np.random.default_rng(1).normal(size=(3, 2)).astype("float32")
    maxout(x), dense(x)
    dense.set_weights(maxout.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(maxout(x)), ops.convert_to_numpy(dense(x)), atol=1e-6)


def test_maxout_is_rebuilt_from_its_configuration():
    layer = MaxoutDense.from_config(MaxoutDense(4, 3, use_bias=False, name="m").get_config())
    assert (layer.pieces, layer.use_bias, layer.name) == (3, False, "m")
    assert layer(np.zeros((2, 5), "float32")).shape == (2, 4)
    assert layer.count_params() == 5 * 12
