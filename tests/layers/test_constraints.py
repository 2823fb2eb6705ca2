"""Clipped weights."""

import keras
import numpy as np
from keras import ops

from keras_gan_zoo.layers import WeightClip


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
