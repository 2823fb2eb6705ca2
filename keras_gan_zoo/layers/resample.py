"""Resampling of maps by 2 under the filter [1, 3, 3, 1] (StyleGAN2; Karras et al., 2019, https://arxiv.org/abs/1912.04958)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


def _padded(maps, axis, before, after):
    return ops.pad(maps, [(before, after) if i == axis else (0, 0) for i in range(len(maps.shape))])


def _part(maps, axis, start, count, step=1):
    return maps[(slice(None),) * axis + (slice(start, start + step * (count - 1) + 1, step),)]


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Downsample(layers.Layer):
    """Maps (batch, height, width, channels) of half the size, rounded up; there are zeros around them.

    Along each axis y_i = (x_2i-1 + 3 x_2i + 3 x_2i+1 + x_2i+2) / 8.
    """

    def call(self, maps: Any) -> Any:
        for axis in (1, 2):
            size = maps.shape[axis]
            half = -(-size // 2)
            maps = _padded(maps, axis, 1, 2 * half + 1 - size)
            a, b, c, d = (_part(maps, axis, i, half, 2) for i in range(4))
            maps = (a + d + 3 * (b + c)) / 8
        return maps

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return (batch, -(-height // 2), -(-width // 2), channels)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Upsample(layers.Layer):
    """Maps (batch, height, width, channels) of twice the size; there are zeros around them.

    Along each axis y_2i = (x_i-1 + 3 x_i) / 4 and y_2i+1 = (3 x_i + x_i+1) / 4: the filter with a gain of 2.
    """

    def call(self, maps: Any) -> Any:
        for axis in (1, 2):
            shape = list(maps.shape)
            size = shape[axis]
            wide = _padded(maps, axis, 1, 1)
            pair = [(_part(wide, axis, i, size) + 3 * maps) / 4 for i in (0, 2)]
            shape[0], shape[axis] = -1, 2 * size
            maps = ops.reshape(ops.stack(pair, axis=axis + 1), shape)
        return maps

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)
