"""Images as the metrics take them: 8 bits per channel, as they would be stored.

Ranges are never guessed silently. Floats are in [-1, 1], as generators give them; those in [0, 1] or [0, 255], and 8-bit
images that hold nothing but 0 and 1, are refused with the conversion that they need.
"""

import numpy as np


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Quantise images, so that measured images are the ones a user would save.

        x -> floor(clip(127.5 x + 128, 0, 255))

    This is rounding to the nearest of the 256 levels, and inverts x / 127.5 - 1 exactly.

    Args:
        images: float array in [-1, 1], any shape; or uint8 in [0, 255], which is returned as it is.

    Returns:
        uint8 array of the same shape.

    Raises:
        TypeError: neither float nor uint8.
        ValueError: floats that are not finite, that leave [-1, 1] by more than 0.01, or that are nowhere negative, so that
            they are in [0, 1] most likely; and uint8 images of zeros and ones.
    """
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
    if low < -1.01 or high > 1.01:
        raise ValueError(f"Float images must lie in [-1, 1], got [{low:.4g}, {high:.4g}]. Fix: undo their normalisation.")
    if low >= 0:
        raise ValueError(
            f"Float images must lie in [-1, 1], and these lie in [{low:.4g}, {high:.4g}], as if they were meant as 0 to 1. "
            "Fix: images * 2 - 1; or (images * 255).round().astype('uint8')."
        )
    return np.clip(images * 127.5 + 128.0, 0.0, 255.0).astype("uint8")
