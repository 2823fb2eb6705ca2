"""Weight normalization (Salimans and Kingma, 2016, https://arxiv.org/abs/1602.07868).

    y = s (x W / |W|) + b,   with the norm of each column of W

Only the direction of W counts; the scale s is a weight of its own, which may stand still. `initialize_by_data` chooses s and
b so that the outputs of a network's layers have mean 0 and deviation 1 on a batch, which is what batch norm would do there.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from .reparametrized import Reparametrized


@keras.saving.register_keras_serializable("keras_gan_zoo")
class WNDense(Reparametrized, layers.Dense):
    """`keras.layers.Dense` with a weight-normalized kernel.

    Args:
        units: number of outputs.
        train_scale: whether the scale s of each output is trained.
        **kwargs: of `keras.layers.Dense`.
    """

    def __init__(self, units: int, train_scale: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("kernel_initializer", keras.initializers.RandomNormal(stddev=0.1))
        super().__init__(units, **kwargs)
        self.train_scale = train_scale

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones", trainable=self.train_scale)

    @property
    def has_moved(self) -> bool:
        """Whether scales or biases are others than at first."""
        scale, bias = ops.convert_to_numpy(self.scale), ops.convert_to_numpy(self.bias)
        return bool((scale != 1).any() or bias.any())

    def effective(self, kernel: Any) -> Any:
        kernel = ops.convert_to_tensor(kernel)
        # In float32: it is a sum of many squares.
        norms = ops.sqrt(ops.sum(ops.square(ops.cast(kernel, "float32")), axis=0) + 1e-12)
        return kernel * ops.cast(ops.cast(self.scale, "float32") / norms, kernel.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "train_scale": self.train_scale}


def initialize_by_data(network: keras.Model, batch: Any) -> None:
    """Chooses scales and biases of all `WNDense` layers without an activation of their own, from the first to the last.

    A layer that has other scales and biases than those it was built with was initialized or trained before, and is left as
    it is.

    Args:
        network: model of one input, made of layers.
        batch: (n, ...), samples as the network sees them; n of at least 2. It is called as in training.
    """
    for layer in network.layers:
        if isinstance(layer, WNDense) and not layer.has_moved:
            said = keras.Model(network.inputs[0], layer.output)(batch, training=True)
            said = ops.convert_to_numpy(said).astype("float64")
            mean, deviation = said.mean(axis=0), said.std(axis=0)
            # A unit that says the same of every sample keeps its scale, which would be that of its rounding.
            deviation = np.where(deviation > 1e-6, deviation, 1.0)
            layer.scale.assign(ops.convert_to_numpy(layer.scale) / deviation)
            layer.bias.assign((ops.convert_to_numpy(layer.bias) - mean) / deviation)
