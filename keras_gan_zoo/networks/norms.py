"""What networks from image to image share: normalization, initial weights, dropout, and a check of shapes.

Instance norm (Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022) takes mean and variance of each channel over the
pixels of one image. Batch norm with the statistics of the batch, in training and after it, is the same at a batch of one
image: so the authors of pix2pix run it. Unlike batch norm it is the same at any batch size, and needs no moving averages.
"""

import random
from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers

from ..layers import BatchNorm

NORMS = ("instance", "batch", None)


def normalized(x: Any, norm: str | None, name: str) -> Any:
    """A map (batch, height, width, channels) under one of `NORMS`, with a scale and an offset for each channel."""
    options = {"epsilon": 1e-5, "gamma_initializer": initializers.RandomNormal(1.0, 0.02), "name": f"{name}_norm"}
    if norm == "instance":
        # Groups of one channel each.
        return layers.GroupNormalization(groups=-1, **options)(x)
    return BatchNorm(**options)(x) if norm == "batch" else x


def initial_kernels(norm: str | None) -> initializers.Initializer:
    """N(0, 0.02), which relies on a normalization that restores the scale; without one, kernels keep the variance."""
    if norm is None:
        return initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform")
    return initializers.RandomNormal(0.0, 0.02)


def seeded_dropout(rate: float, name: str) -> keras.layers.Dropout:
    """Dropout whose random numbers a checkpoint holds.

    Seeded as Keras would do by itself, but known to it: on torch, a layer without a seed of its own takes numbers from
    torch's global generator, whose state no checkpoint holds.
    """
    return layers.Dropout(rate, seed=random.randint(1, 10**9), name=name)


def check_map_shape(shape: Sequence[int], name: str) -> tuple[int, int, int]:
    """(height, width, channels) as a tuple of integers, or an error that names the argument."""
    if (
        not isinstance(shape, (tuple, list))
        or len(shape) != 3
        or not all(isinstance(side, int) and side > 0 for side in shape)
    ):
        raise ValueError(f"{name}={shape!r} is not possible; pass (height, width, channels), as (256, 256, 3).")
    return tuple(shape)
