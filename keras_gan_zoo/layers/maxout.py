"""Maxout (Goodfellow et al., 2013, https://arxiv.org/abs/1302.4389)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MaxoutDense(layers.Dense):
    """h_i = max_j (x W_ij + b_ij): (batch, features) -> (batch, units), the maximum over `pieces` linear maps.

    Args:
        units: number of outputs.
        pieces: number of linear maps that each output is the maximum of.
        **kwargs: arguments of `keras.layers.Dense`.
    """

    def __init__(self, units: int, pieces: int, **kwargs: Any) -> None:
        super().__init__(units * pieces, **kwargs)
        self.pieces = pieces

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = super().call(inputs, training=training)
        return ops.max(ops.reshape(outputs, (-1, self.units // self.pieces, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units // self.pieces)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units // self.pieces, "pieces": self.pieces}
