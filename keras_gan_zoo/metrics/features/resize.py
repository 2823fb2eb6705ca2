"""The two resizings that published FIDs differ by, on the device of the network.

Both gather source rows and columns and add them up with fixed weights: plain float32 arithmetic, which no backend replaces
by bfloat16 or TF32, as some do in matrix products.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops


def resize_legacy(images: Any, height: int, width: int) -> Any:
    """Bilinear resizing as TensorFlow 1 did it by default, inherited by FID, without half-pixel centers or smoothing.

    target (i, j) reads source (i * h / height, j * w / width); beyond the last pixel the last pixel is repeated. A float
    tensor (n, h, w, channels) of any range becomes (n, height, width, channels).
    """
    # The operations of TensorFlow's kernel in its order, columns first.
    return _interpolate(_interpolate(images, 2, width), 1, height)


def _interpolate(images, axis, size):
    length = images.shape[axis]
    # float32 positions, as in the original: float64 picks another pixel where a position lies on a rounding boundary.
    position = np.arange(size, dtype="float32") * np.float32(length / size)
    low = np.floor(position).astype("int32")
    high = np.minimum(low + 1, length - 1)
    below, above = ops.take(images, low, axis=axis), ops.take(images, high, axis=axis)
    return below + (above - below) * _along(position - low, axis, below.dtype)


def resize_clean(images: Any, height: int, width: int) -> Any:
    """Bicubic resizing with smoothing, as Pillow does it on float32 channels, clipped to [0, 255].

    The filter is Keys's cubic with a = -0.5, widened by the factor of a reduction; weights are normalized at the borders.
    Results stay floats: nothing is rounded to 8 bits again (Parmar et al., 2022, https://arxiv.org/abs/2104.11222). A float
    tensor (n, h, w, channels) in [0, 255] becomes (n, height, width, channels).
    """
    # The order changes the rounding only. A reduction reads many taps, which are fast along whole rows.
    axes = (1, 2) if images.shape[1] > height else (2, 1)
    for axis in axes:
        images = _filtered(images, axis, height if axis == 1 else width)
    return ops.clip(images, 0.0, 255.0)


def _filtered(images, axis, size):
    if images.shape[axis] == size:
        return images
    sources, weights = _bicubic_taps(images.shape[axis], size)
    return sum(
        ops.take(images, source, axis=axis) * _along(weight, axis, images.dtype)
        for source, weight in zip(sources, weights, strict=True)
    )


def _bicubic_taps(length, size):
    """(taps, size) source indices, and their float32 weights; a tap that a target does not have weighs 0."""
    scale = length / size
    widening = max(scale, 1.0)
    center = (np.arange(size) + 0.5) * scale
    first = np.maximum((center - 2 * widening + 0.5).astype(int), 0)
    end = np.minimum((center + 2 * widening + 0.5).astype(int), length)
    source = first + np.arange((end - first).max())[:, None]
    x = np.abs((source - center + 0.5) / widening)
    weight = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0.0))
    weight = np.where(source < end, weight, 0.0)
    weight = weight / weight.sum(axis=0)
    return np.minimum(source, length - 1).astype("int32"), weight.astype("float32")


def _along(values, axis, dtype):
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return ops.convert_to_tensor(values.reshape(shape), dtype)


# By the name that users pass: (name in records, function).
RESIZERS: dict[str, tuple[str, Callable]] = {
    "legacy": ("tf1-bilinear", resize_legacy),
    "clean": ("pil-bicubic", resize_clean),
}
