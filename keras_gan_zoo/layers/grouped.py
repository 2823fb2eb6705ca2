"""A convolution in groups that TensorFlow computes quickly on a CPU, too."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from .reparametrized import Reparametrized


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GroupedConv2D(Reparametrized, layers.Conv2D):
    """`keras.layers.Conv2D` with `groups`: the same function and the same weights.

    TensorFlow has no gradient of grouped convolutions on a CPU, so Keras compiles each of them with XLA: anew in each eager
    call, and for minutes inside of a compiled round. There the kernel is laid out over all channels instead, with zeros
    between the groups, which takes as many times the products as there are groups.
    """

    def effective(self, kernel: Any) -> Any:
        if self.groups == 1 or keras.backend.backend() != "tensorflow":
            return kernel
        own = np.kron(np.eye(self.groups), np.ones((kernel.shape[-2], self.filters // self.groups)))
        kernel = ops.tile(kernel, (1, 1, self.groups, 1))
        return kernel * ops.cast(own, kernel.dtype)
