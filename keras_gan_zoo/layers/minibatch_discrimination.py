"""Minibatch discrimination (Salimans et al., 2016, https://arxiv.org/abs/1606.03498)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from ..backend import whole


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MinibatchDiscrimination(layers.Layer):
    """Appends to the features of each sample how near those of the others in its batch are.

        M_i = x_i T,   o_ib = sum_j!=i exp(-|M_ib - M_jb|_1),   x_i -> (x_i, o_i)

    (batch, features) -> (batch, features + kernels). A sample is not among its own neighbors, as in the authors' code; the
    paper's sum has it, which adds 1. Distances take kernels x dims x batch^2 numbers.

    Args:
        kernels: numbers o that are appended.
        dims: numbers in each row of M.
        **kwargs: of `keras.layers.Layer`.
    """

    mixes_samples = True

    def __init__(self, kernels: int, dims: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels, self.dims = kernels, dims

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = input_shape[-1]
        start = keras.initializers.RandomNormal(stddev=features**-0.5)
        self.kernel = self.add_weight(name="kernel", shape=(features, self.kernels, self.dims), initializer=start)
        self.built = True

    def call(self, x: Any) -> Any:
        rows = ops.tensordot(x, self.kernel, axes=1)
        distances = ops.sum(ops.abs(ops.expand_dims(whole(rows), 0) - ops.expand_dims(rows, 1)), axis=-1)
        return ops.concatenate([x, ops.sum(ops.exp(-distances), axis=1) - 1.0], axis=-1)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernels": self.kernels, "dims": self.dims}
