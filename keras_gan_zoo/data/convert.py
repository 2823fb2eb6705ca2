"""Size, channels, and dtype of uint8 images. One implementation serves every source, so that all sources agree."""

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from keras_gan_zoo.data.checks import InvalidData, check_integer, refused

# Images converted at a time, so that the intermediate floats stay small beside the data set.
_CHUNK = 1024


def parse_size(size: Any) -> tuple[int, int] | None:
    """Turn `size` (None, an int for a square, or (height, width)) into (height, width) or None.

    Raises:
        InvalidData: anything else, or a side below 1.
    """
    if size is None:
        return None
    if isinstance(size, (tuple, list)):
        if len(size) != 2:
            raise refused("size", size, "an integer or (height, width)")
        return check_integer(size[0], "size[0]", 1), check_integer(size[1], "size[1]", 1)
    side = check_integer(size, "size", 1)
    return side, side


def float_to_uint8(images: np.ndarray, low: float) -> np.ndarray:
    """Map floats in [low, 1], where low is -1 or 0, to 0..255, rounding halves to even.

    The step is 1/255 of the range, so a value moves by at most half of that; uint8 / 127.5 - 1 and uint8 / 255 come
    back exactly.
    """
    offset, scale = (1.0, 127.5) if low < 0 else (0.0, 255.0)
    dtype = np.promote_types(images.dtype, np.float32)
    converted = np.empty(images.shape, np.uint8)
    for first in range(0, len(images), _CHUNK):
        part = images[first : first + _CHUNK].astype(dtype)
        converted[first : first + _CHUNK] = np.rint((part + offset) * scale)
    return converted


def convert_channels(images: np.ndarray, channels: int | None) -> np.ndarray:
    """Convert uint8 images (n, height, width, c) to `channels`; None or an equal number returns them as they are.

    Gray is repeated; RGB becomes gray by ITU-R 601 luma, with Pillow's integer arithmetic; alpha is composited over
    white; new alpha is opaque.
    """
    if channels is None or images.shape[3] == channels:
        return images
    converted = np.empty((*images.shape[:3], channels), np.uint8)
    for first in range(0, len(images), _CHUNK):
        part = images[first : first + _CHUNK]
        if part.shape[3] == 4:
            part = _over_white(part)
        if channels == 1:
            part = part if part.shape[3] == 1 else _luma(part)
            converted[first : first + _CHUNK] = part
        else:
            converted[first : first + _CHUNK, ..., :3] = part  # gray broadcasts over the three
            converted[first : first + _CHUNK, ..., 3:] = 255
    return converted


def _over_white(images: np.ndarray) -> np.ndarray:
    alpha = images[..., 3:].astype(np.uint32)
    mixed = images[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def _luma(images: np.ndarray) -> np.ndarray:
    # Pillow's L = (19595 R + 38470 G + 7471 B + 2^15) / 2^16: the weights 0.299, 0.587, 0.114 in 16-bit fixed point.
    total = images.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((total + 0x8000) >> 16).astype(np.uint8)[..., None]


def fit_image(image: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """Resize so that the image covers (height, width), antialiased (LANCZOS), and crop the excess around the center."""
    if size is None or image.size == size[::-1]:
        return image
    return ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)


def image_to_array(image: Image.Image) -> np.ndarray:
    """Pillow image of mode L, RGB, or RGBA -> uint8 (height, width, 1, 3, or 4)."""
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def resize_images(images: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Apply `fit_image` to each of the uint8 images (n, height, width, c)."""
    if size is None or images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for i, image in enumerate(images):
        image = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
        resized[i] = image_to_array(fit_image(Image.fromarray(image), size))
    return resized


def mixed_sizes(sides: np.ndarray, what: str) -> InvalidData:
    """The error for images of several sizes, proposing one.

    Args:
        sides: (n, 2), height and width of the images seen.
        what: the source, for the message.
    """
    # A power of two that nine images in ten reach without being enlarged: what most generators are built for.
    short = float(np.percentile(sides.min(axis=1), 10))
    proposal = max(8, 2 ** int(np.log2(short)))
    return InvalidData(
        f"The images of {what} must have one size, unless a size is given. Received: sizes from "
        f"{sides[:, 0].min()}x{sides[:, 1].min()} to {sides[:, 0].max()}x{sides[:, 1].max()} (height x width). Fix: pass a "
        f"size to resize and crop them to, for example size={proposal}."
    )
