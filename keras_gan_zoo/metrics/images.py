"""Images as the metrics take them: 8 bits per channel, as they would be stored."""

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
        ValueError: floats that are not finite or leave [-1, 1] by more than 0.01 (images in [0, 255], most likely).
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" and images.dtype.name != "bfloat16":
        raise TypeError(f"Expected images as uint8 in [0, 255] or floats in [-1, 1], got {images.dtype}.")
    images = images.astype("float32")
    # `not <=` rather than `>`, which NaN would pass.
    if images.size and not np.abs(images).max() <= 1.01:
        raise ValueError(f"Float images must lie in [-1, 1], got [{images.min():.4g}, {images.max():.4g}].")
    return np.clip(images * 127.5 + 128.0, 0.0, 255.0).astype("uint8")
