"""Between a map and a vector, by a learned map (R3GAN; Huang et al., 2024, https://arxiv.org/abs/2501.05441)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Basis(layers.Layer):
    """One learned map (height, width, channels): vectors scale its channels, and maps are read by it.

        vectors (batch, channels)                 -> y_bijc = x_bc W_ijc, maps (batch, height, width, channels)
        maps (batch, height, width, channels)     -> y_bc = sum over i, j of x_bijc W_ijc, vectors (batch, channels)

    Args:
        size: (height, width).
        initializer: of the map.
    """

    def __init__(self, size: Sequence[int], initializer: Any = "ones", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.initializer = tuple(size), keras.initializers.get(initializer)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(*self.size, input_shape[-1]), initializer=self.initializer)

    def call(self, inputs: Any) -> Any:
        if len(inputs.shape) == 2:
            return inputs[:, None, None, :] * self.kernel
        return ops.sum(inputs * self.kernel, axis=(1, 2))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, *rest = input_shape
        return (batch, *self.size, rest[-1]) if len(rest) == 1 else (batch, rest[-1])

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "size": self.size, "initializer": initializer}
