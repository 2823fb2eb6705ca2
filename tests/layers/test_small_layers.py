"""Maxout, one-hot labels and clipped weights against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers import MaxoutDense, OneHot, WeightClip, label_maps


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


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64", "float32"])
def test_one_hot(dtype):
    layer = OneHot(4)
    result = layer(ops.convert_to_tensor(np.array([2, 0, 3]).astype(dtype)))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_array_equal(ops.convert_to_numpy(result), np.eye(4)[[2, 0, 3]])
    assert tuple(layer.compute_output_shape((7,))) == (7, 4)
    assert OneHot.from_config(layer.get_config()).num_classes == 4


def test_one_hot_follows_the_dtype_policy():
    result = OneHot(4, dtype="mixed_bfloat16")(np.array([1]))
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"


def test_label_maps_are_one_plane_for_each_class():
    labels = keras.Input((), dtype="int32")
    model = keras.Model(labels, label_maps(labels, 3, 2, 5, name="label"))
    planes = ops.convert_to_numpy(model(np.array([2, 0])))
    assert planes.shape == (2, 2, 5, 3)
    np.testing.assert_array_equal(planes, np.broadcast_to(np.eye(3)[[2, 0]][:, None, None], planes.shape))


def test_weight_clip():
    w = np.array([-2.0, -0.25, 0.0, 0.25, 2.0], "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(WeightClip(0.25)(ops.convert_to_tensor(w))), np.clip(w, -0.25, 0.25))
    constraint = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(WeightClip(0.5)))
    assert type(constraint) is WeightClip and constraint.limit == 0.5


def test_weight_clip_acts_after_an_optimizer_step():
    variable = keras.Variable([0.0, 0.4])
    variable.constraint = WeightClip(0.5)
    keras.optimizers.SGD(1.0).apply([ops.convert_to_tensor([3.0, -0.05])], [variable])
    np.testing.assert_allclose(ops.convert_to_numpy(variable), [-0.5, 0.45], atol=1e-6)
