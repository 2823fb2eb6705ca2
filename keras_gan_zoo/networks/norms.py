"""What image-to-image networks share: normalization, initial weights, dropout, and a check of shapes.

Instance norm (Ulyanov et al., 2016, https://arxiv.org/abs/1607.08022) takes the mean and variance of each channel over the
pixels of one image. Batch norm that uses the statistics of the batch after training too, as in the authors' pix2pix, is the
same for a batch of one image. Instance norm is the same at any batch size, and needs no moving averages.
"""

from collections.abc import Sequence
from typing import Any

from keras import initializers, layers

from ..layers import BatchNorm

NORMS = ("instance", "batch", None)


def normalized(x: Any, norm: str | None, name: str) -> Any:
    """Normalizes a map (batch, height, width, channels) by one of `NORMS`, with a scale and an offset for each channel."""
    options = {"epsilon": 1e-5, "gamma_initializer": initializers.RandomNormal(1.0, 0.02), "name": f"{name}_norm"}
    if norm == "instance":
        # Groups of one channel each.
        return layers.GroupNormalization(groups=-1, **options)(x)
    return BatchNorm(**options)(x) if norm == "batch" else x


def initial_kernels(norm: str | None) -> initializers.Initializer:
    """Returns N(0, 0.02), which relies on a normalization to restore the scale; without one, kernels keep the variance."""
    if norm is None:
        return initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform")
    return initializers.RandomNormal(0.0, 0.02)


def check_map_shape(shape: Sequence[int], name: str) -> tuple[int, int, int]:
    """Returns (height, width, channels) as a tuple of integers, and refuses anything else by the name of the argument."""
    if (
        not isinstance(shape, (tuple, list))
        or len(shape) != 3
        or not all(isinstance(side, int) and side > 0 for side in shape)
    ):
        raise ValueError(f"{name} must be (height, width, channels), such as (256, 256, 3). Received: {name}={shape!r}.")
    return tuple(shape)
