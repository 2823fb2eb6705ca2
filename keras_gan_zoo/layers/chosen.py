"""One of several tensors for each sample."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Chosen(layers.Layer):
    """[index (batch,), tensors (batch, ...) of one shape] -> for each sample, that of its index, counted from 0."""

    mixes_samples = False

    def call(self, inputs: Sequence[Any]) -> Any:
        index, chosen, *others = inputs
        index = ops.reshape(index, (-1,) + (1,) * (len(chosen.shape) - 1))
        for i, other in enumerate(others, 1):
            chosen = ops.where(ops.equal(index, i), other, chosen)
        return chosen

    def compute_output_shape(self, input_shape: Sequence[Any]) -> Any:
        return input_shape[1]
