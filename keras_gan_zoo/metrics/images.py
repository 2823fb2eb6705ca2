"""Images as the metrics take them: 8 bits per channel, as they would be stored. No range is guessed silently."""

from collections.abc import Sequence

import numpy as np

from keras_gan_zoo.data.checks import as_array, refuse_masks
from keras_gan_zoo.data.convert import float_to_uint8


def to_uint8(images: np.ndarray, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Quantize images, so that measured images are the ones a user would save.

        x -> round(127.5 (clip(x, -1, 1) + 1))      for x in [-1, 1]
        x -> round(255 clip(x, 0, 1))               for x in [0, 1], where value_range says so

    This is the quantizer of `generate` and `load_images`, halves to even, and inverts x / 127.5 - 1 exactly.

    Args:
        images: float array in [-1, 1], any shape; or uint8 in [0, 255], which is returned as it is.
        value_range: (-1, 1) or (0, 1) says what floats mean, so that images without a negative value are taken too.

    Returns:
        uint8 array of the same shape.

    Raises:
        TypeError: neither float nor uint8.
        ValueError: floats that are not finite, that leave their range by more than 0.01, or that are nowhere negative, so
            that they are in [0, 1] most likely; uint8 images of zeros and ones; another value_range.
    """
    value_range = None if value_range is None else tuple(value_range)
    if value_range not in (None, (-1, 1), (0, 1)):
        raise ValueError(f"value_range must be (-1, 1) or (0, 1). Received: value_range={value_range!r}.")
    images = np.asarray(as_array(images))
    if images.dtype == np.uint8:
        refuse_masks(int(images.max(initial=0)))
        return images
    if images.dtype.kind != "f" and images.dtype.name != "bfloat16":
        raise TypeError(f"images must be uint8 in [0, 255] or floats in [-1, 1]. Received: {images.dtype}.")
    images = images.astype("float32")
    if not images.size:
        return images.astype("uint8")
    low, high = float(images.min()), float(images.max())
    # NaN and infinity pass through min and max.
    if not np.isfinite(low) or not np.isfinite(high):
        bad = images.size - np.count_nonzero(np.isfinite(images))
        raise ValueError(f"images must be finite. Received: {bad} of {images.size} values NaN or infinite.")
    if low >= 0 and 1.01 < high <= 255:
        raise ValueError(
            f"Float images must lie in [-1, 1]. Received: [{low:.4g}, {high:.4g}], as if they were meant as 0 to 255. Fix: "
            "images.round().astype('uint8')."
        )
    bottom, whose = (0.0, " of value_range=(0, 1)") if value_range == (0, 1) else (-1.0, "")
    if low < bottom - 0.01 or high > 1.01:
        raise ValueError(
            f"Float images{whose} must lie in [{bottom:g}, 1]. Received: [{low:.4g}, {high:.4g}]. Fix: undo their scaling."
        )
    if low >= 0 and value_range is None:
        raise ValueError(
            f"Float images must lie in [-1, 1]. Received: [{low:.4g}, {high:.4g}], as if they were meant as 0 to 1. Fix: "
            "images * 2 - 1, if they were; if these are images in [-1, 1] without a dark pixel, "
            "to_uint8(images, value_range=(-1, 1))."
        )
    return float_to_uint8(np.clip(images, bottom, 1.0), bottom)


class Quantizer:
    """`to_uint8` for the parts of one set of images, each of which may be bright, or black, by itself.

    Floats are known to be in [-1, 1] once any of them was negative, and uint8 images to be none of zeros and ones once any
    was brighter.
    """

    def __init__(self) -> None:
        self._known: set[bool] = set()  # whether floats are, and whether uint8 images are

    def look_at(self, images: np.ndarray) -> None:
        """Looks at all images before the first part."""
        extremes = np.asarray([images.min(), images.max()], images.dtype) if images.size else images
        # The part that has them says better where NaN is.
        if np.isfinite(extremes).all():
            self(extremes)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        images = np.asarray(as_array(images))
        is_float = images.dtype != np.uint8
        if is_float in self._known:
            return to_uint8(images, (-1, 1)) if is_float else images
        quantized = to_uint8(images)
        if is_float or images.max(initial=0) > 1:
            self._known.add(is_float)
        return quantized


def require_axes(shape: Sequence[int], channels: Sequence[int] = (1, 3)) -> None:
    """Checks that images are (n, height, width, channels); the message of another shape names the axes that were found."""
    if len(shape) == 4 and shape[-1] in channels and 0 not in shape[1:]:
        return
    fix = "images[..., None] for gray ones without a channel axis, images[..., :3] to drop alpha"
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[-1] not in (1, 3, 4):
        fix = f"np.moveaxis(images, 1, -1), since these seem to be (n, channels={shape[1]}, height, width)"
    wanted = " or ".join(map(str, channels))
    raise ValueError(f"Images must have the shape (n, height, width, {wanted}). Received: {tuple(shape)}. Fix: {fix}.")
