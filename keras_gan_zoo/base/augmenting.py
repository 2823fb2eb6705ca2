"""Augmentations through which a discriminator sees images, differentiable, with draws of their own for each sample.

Draws are numbers from U(0, 1), (batch, count), so that all images of an example can be changed alike.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops


def _of_samples(values):
    """(batch,) -> (batch, 1, 1, 1)."""
    return values[:, None, None, None]


def resampled(images: Any, rows: Any, columns: Any) -> Any:
    """Images at other places, linearly interpolated; 0 outside of them.

    Args:
        images: (batch, height, width, channels).
        rows: where each row comes from, (batch, height), in rows from the first one's center.
        columns: the same of columns, (batch, width).
    """
    _, height, width, _ = images.shape
    of_rows, of_columns = (
        ops.relu(1.0 - ops.abs(places[:, :, None] - ops.arange(side, dtype=places.dtype)))
        for places, side in ((rows, height), (columns, width))
    )
    images = ops.einsum("nij,njwc->niwc", ops.cast(of_rows, images.dtype), images)
    return ops.einsum("nij,nhjc->nhic", ops.cast(of_columns, images.dtype), images)


def turned(images: Any, cosine: Any, sine: Any) -> Any:
    """Images turned counterclockwise about their middle, linearly interpolated; 0 where nothing comes from.

    Args:
        images: (batch, height, width, channels); they keep their shape, if they are not square too.
        cosine: of the angle of each, (batch,).
        sine: the same.
    """
    _, height, width, channels = images.shape
    down, right = (_places(side) - (side - 1) / 2 for side in (height, width))
    down, right = down[:, :, None], right[:, None]
    cosine, sine = cosine[:, None, None], sine[:, None, None]
    rows = cosine * down + sine * right + (height - 1) / 2
    columns = cosine * right - sine * down + (width - 1) / 2
    pixels = ops.reshape(images, (-1, height * width, channels))
    made = ops.zeros_like(pixels)
    for below in (0, 1):
        for beside in (0, 1):
            row, column = ops.floor(rows) + below, ops.floor(columns) + beside
            share = (1 - ops.abs(rows - row)) * (1 - ops.abs(columns - column))
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            share = ops.where(inside, share, ops.zeros_like(share))
            row, column = (ops.cast(ops.clip(x, 0, n - 1), "int32") for x, n in ((row, height), (column, width)))
            which, share = (ops.reshape(x, (-1, height * width, 1)) for x in (row * width + column, share))
            made = made + ops.cast(share, images.dtype) * ops.take_along_axis(pixels, which, axis=1)
    return ops.reshape(made, (-1, height, width, channels))


def _places(size):
    return ops.arange(size, dtype="float32")[None]


def _shift(draws, size, share):
    """Whole pixels from U{-most, ..., most}, with most = size * share rounded: (batch, 1)."""
    most = int(size * share + 0.5)
    return ops.floor(draws[:, None] * (2 * most + 1)) - most


def color(images: Any, draws: Any) -> Any:
    """Brightness +U(-1/2, 1/2); saturation, distances from the gray of each pixel, times U(0, 2); contrast, distances from
    the mean of the image, times U(1/2, 3/2)."""
    brightness, saturation, contrast = (_of_samples(draws[:, i]) for i in range(3))
    images = images + brightness - 0.5
    gray = ops.mean(images, axis=-1, keepdims=True)
    images = (images - gray) * (2.0 * saturation) + gray
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (contrast + 0.5) + mean


def translation(images: Any, draws: Any) -> Any:
    """Moved by up to an eighth of each side, in whole pixels; 0 where nothing comes from."""
    _, height, width, _ = images.shape
    rows, columns = (_places(side) + _shift(draws[:, i], side, 1 / 8) for i, side in enumerate((height, width)))
    return resampled(images, rows, columns)


def cutout(images: Any, draws: Any) -> Any:
    """0 in a square of half of each side, around a place anywhere in the image."""
    inside = []
    for i, side in enumerate(images.shape[1:3]):
        length = int(side / 2 + 0.5)
        center = ops.floor(draws[:, i, None] * (side + 1 - length % 2))
        far = _places(side) - center + length // 2
        inside.append(ops.logical_and(far >= 0, far < length))
    rows, columns = inside
    hidden = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return ops.where(hidden, ops.zeros_like(images), images)


def flip(images: Any, draws: Any) -> Any:
    """Half of the images, left to right."""
    return ops.where(_of_samples(draws[:, 0] < 0.5), ops.flip(images, axis=2), images)


def rotate90(images: Any, draws: Any) -> Any:
    """Turned by none to three right angles."""
    quarters = ops.floor(4 * draws[:, 0])
    # The cosines 1, 0, -1, 0 and the sines 0, 1, 0, -1, exactly.
    return turned(images, ops.abs(2.0 - quarters) - 1.0, 1.0 - ops.abs(quarters - 1.0))


def rotation(images: Any, draws: Any) -> Any:
    """Turned by any angle, U(-pi, pi)."""
    angle = _angle(draws)
    return turned(images, ops.cos(angle), ops.sin(angle))


def _angle(draws):
    """(batch,)."""
    return math.pi * (2.0 * draws[:, 0] - 1.0)


def scale(images: Any, draws: Any) -> Any:
    """Larger or smaller by a factor 2^U(-a, a), of the standard deviation of ADA's 2^N(0, 0.2^2)."""
    factor = _factor(draws)
    return _stretched(images, factor, factor)


def anisotropic(images: Any, draws: Any) -> Any:
    """Higher and narrower, or lower and wider, by such a factor."""
    factor = _factor(draws)
    return _stretched(images, factor, 1.0 / factor)


def _factor(draws):
    """(batch, 1)."""
    return ops.power(2.0, (2.0 * draws - 1.0) * 0.2 * 3**0.5)


def _stretched(images, *factors):
    sides = zip(images.shape[1:3], factors, strict=True)
    rows, columns = ((_places(side) - (side - 1) / 2) * factor + (side - 1) / 2 for side, factor in sides)
    return resampled(images, rows, columns)


def luma_flip(images: Any, draws: Any) -> Any:
    """Half of the images with the brightness, the mean of the channels of each pixel, turned to its opposite."""
    flipped = images - 2.0 * ops.mean(images, axis=-1, keepdims=True)
    return ops.where(_of_samples(draws[:, 0] < 0.5), flipped, images)


def hue(images: Any, draws: Any) -> Any:
    """Colors turned about the axis of grays by any angle, U(-pi, pi)."""
    cosine, sine = (_of_samples(function(_angle(draws))) for function in (ops.cos, ops.sin))
    gray = ops.mean(images, axis=-1, keepdims=True)
    across = (ops.roll(images, 1, axis=-1) - ops.roll(images, -1, axis=-1)) / 3**0.5
    return gray + cosine * (images - gray) + sine * across


# Name -> (draws for each sample, the change).
AUGMENTATIONS: dict[str, tuple[int, Callable]] = {
    "color": (3, color),
    "translation": (2, translation),
    "cutout": (2, cutout),
    "flip": (1, flip),
    "scale": (1, scale),
    "rotate90": (1, rotate90),
    "rotation": (1, rotation),
    "anisotropic": (1, anisotropic),
    "luma_flip": (1, luma_flip),
    "hue": (1, hue),
}
# Those that are about colors, and so for three channels alone.
OF_COLORS = ("luma_flip", "hue")


def augmented(images: Sequence[Any], names: Sequence[str], uniform: Callable, probability: Any = None) -> Sequence[Any]:
    """Images of the same examples, all changed alike.

    Args:
        images: tensors (batch, height, width, channels).
        names: keys of `AUGMENTATIONS`, in the order in which they are applied.
        uniform: function (shape, low, high) -> random numbers.
        probability: of each change for each sample; None for always.
    """
    count = ops.shape(images[0])[0]
    for name in names:
        size, change = AUGMENTATIONS[name]
        draws = uniform((count, size), 0.0, 1.0)
        changed = [change(x, draws) for x in images]
        if probability is not None:
            chosen = uniform((count, 1, 1, 1), 0.0, 1.0) < probability
            changed = [ops.where(chosen, new, old) for new, old in zip(changed, images, strict=True)]
        images = changed
    return images


def mirrored_and_moved(images: Any, draws: Any) -> Any:
    """Half of them left to right, and all moved by up to an eighth of each side; beyond an edge they go on as in a mirror.

    Args:
        images: (batch, height, width, channels).
        draws: from U(0, 1), (batch, 3).
    """
    places = []
    for i, side in enumerate(images.shape[1:3]):
        place = _places(side) + _shift(draws[:, 1 + i], side, 1 / 8)
        places.append((side - 1) - ops.abs((side - 1) - ops.abs(place)))
    return flip(resampled(images, *places), draws)
