"""One-hot labels and planes of them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers import OneHot, label_maps


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


def test_rows_stay_what_they_are():
    rows = np.array([[0.25, 0.75, 0.0, 0.0]], "float32")
    result = OneHot(4, dtype="mixed_bfloat16")(rows)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.cast(result, "float32")), rows)
    assert tuple(OneHot(4).compute_output_shape((7, 4))) == (7, 4)
