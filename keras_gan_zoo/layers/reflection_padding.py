"""Padding of images by their own mirror images."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ReflectionPadding2D(layers.Layer):
    """Maps (batch, height, width, channels), continued by `padding` pixels of their mirror image on each side.

    The pixels at the edge, through which the mirror goes, are not repeated. Unlike zeros, it shows a convolution no frame.
    """

    def __init__(self, padding: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs: Any) -> Any:
        both = (self.padding, self.padding)
        return ops.pad(inputs, ((0, 0), both, both, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return (batch, height + 2 * self.padding, width + 2 * self.padding, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}
