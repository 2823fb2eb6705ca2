"""Images as the metrics take them: 8 bits per channel, as they would be stored.

Ranges are never guessed silently. Floats are in [-1, 1], as generators give them; those in [0, 1] or [0, 255], and 8-bit
images that hold nothing but 0 and 1, are refused with the conversion that they need.
"""

import numpy as np

RANGES = ((-1, 1), (0, 1))


def to_uint8(images: np.ndarray, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Quantise images, so that measured images are the ones a user would save.

        x -> floor(clip(127.5 x + 128, 0, 255))     for x in [-1, 1]
        x -> floor(clip(255 x + 0.5, 0, 255))       for x in [0, 1], where value_range says so

    This is rounding to the nearest of the 256 levels, and inverts x / 127.5 - 1 exactly.

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
    if value_range is not None and tuple(value_range) not in RANGES:
        raise ValueError(f"value_range={value_range!r} is not possible; pass (-1, 1) or (0, 1).")
    images = np.asarray(images)
    if images.dtype == np.uint8:
        if images.size and images.max() == 1:
            raise ValueError(
                "uint8 images lie in [0, 255], and these hold only 0 and 1. Fix: images * 255 where 1 means white; "
                "(images * 255).round().astype('uint8') on the floats that they came from, if there were any."
            )
        return images
    if images.dtype.kind != "f" and images.dtype.name != "bfloat16":
        raise TypeError(f"Expected images as uint8 in [0, 255] or floats in [-1, 1], got {images.dtype}.")
    images = images.astype("float32")
    if not images.size:
        return images.astype("uint8")
    low, high = float(images.min()), float(images.max())
    # NaN and infinity pass through min and max.
    if not np.isfinite(low) or not np.isfinite(high):
        bad = images.size - np.count_nonzero(np.isfinite(images))
        raise ValueError(f"{bad} of {images.size} values of the images are NaN or infinite. Fix: find where they come from.")
    if low >= 0 and 1.01 < high <= 255:
        raise ValueError(
            f"Float images must lie in [-1, 1], and these lie in [{low:.4g}, {high:.4g}], as if they were meant as 0 to "
            "255. Fix: images.round().astype('uint8')."
        )
    if value_range is not None and tuple(value_range) == (0, 1):
        if low < -0.01 or high > 1.01:
            raise ValueError(f"value_range is (0, 1), and the images lie in [{low:.4g}, {high:.4g}]. Fix: leave it out.")
        return np.clip(images * 255.0 + 0.5, 0.0, 255.0).astype("uint8")
    if low < -1.01 or high > 1.01:
        raise ValueError(f"Float images must lie in [-1, 1], got [{low:.4g}, {high:.4g}]. Fix: undo their normalisation.")
    if low >= 0 and value_range is None:
        raise ValueError(
            f"Float images must lie in [-1, 1], and these lie in [{low:.4g}, {high:.4g}], as if they were meant as 0 to 1. "
            "Fix: images * 2 - 1, if they were; if these are images in [-1, 1] without a dark pixel, "
            "to_uint8(images, value_range=(-1, 1))."
        )
    return np.clip(images * 127.5 + 128.0, 0.0, 255.0).astype("uint8")
