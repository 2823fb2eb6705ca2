"""Resampling of maps by 2 under the filter [1, 3, 3, 1] (StyleGAN2; Karras et al., 2019, https://arxiv.org/abs/1912.04958)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


def filter_matrix(taps: Sequence[float], size: int, padding: tuple[int, int], step: int = 1) -> np.ndarray:
    """The matrix (filtered, size) of a filter.

    Args:
        taps: what it multiplies neighbors by.
        size: how many numbers are filtered.
        padding: zeros before and after them.
        step: from the place of one result to that of the next.
    """
    results = (size + sum(padding) - len(taps)) // step + 1
    tap = np.arange(size) - step * np.arange(results)[:, None] + padding[0]
    return np.where((tap >= 0) & (tap < len(taps)), np.take(taps, tap, mode="clip"), 0.0)


def filtered(maps: Any, columns: np.ndarray, rows: np.ndarray) -> Any:
    """Maps (batch, height, width, channels) under a matrix (new height, height) and one (new width, width).

    Not by sums of slices, whose gradients on TensorFlow's CPU are copies and took most of a round.
    """
    height, width, channels = maps.shape[1:]
    high, wide = len(columns), len(rows)
    columns, rows = (ops.convert_to_tensor(matrix, dtype=maps.dtype) for matrix in (columns, rows))
    maps = ops.matmul(columns, ops.reshape(maps, (-1, height, width * channels)))
    maps = ops.matmul(rows, ops.reshape(maps, (-1, width, channels)))
    return ops.reshape(maps, (-1, high, wide, channels))


def _halving(size):
    return filter_matrix([1 / 8, 3 / 8, 3 / 8, 1 / 8], size, (1, 1 + size % 2), 2)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Downsample(layers.Layer):
    """Maps (batch, height, width, channels) of half the size, rounded up; there are zeros around them.

    Along each axis y_i = (x_2i-1 + 3 x_2i + 3 x_2i+1 + x_2i+2) / 8.
    """

    def call(self, maps: Any) -> Any:
        return filtered(maps, *map(_halving, maps.shape[1:3]))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return (batch, -(-height // 2), -(-width // 2), channels)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Upsample(layers.Layer):
    """Maps (batch, height, width, channels) of twice the size; there are zeros around them.

    Along each axis y_2i = (x_i-1 + 3 x_i) / 4 and y_2i+1 = (3 x_i + x_i+1) / 4: the filter with a gain of 2.
    """

    def call(self, maps: Any) -> Any:
        return filtered(maps, *(2 * _halving(2 * size).T for size in maps.shape[1:3]))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)
