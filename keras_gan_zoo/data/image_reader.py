"""Arrays and tensors of images -> uint8, all batches of one source by one rule."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import CHANNELS, InvalidData, as_array, check_dtype, check_images, refuse_masks
from keras_gan_zoo.data.convert import float_to_uint8


class ImageReader:
    """Reads images of a source, at once or batch by batch.

    Floats are taken as [-1, 1] once any value was negative, and as [0, 1] if none was. Images that were taken as [0, 1]
    cannot be changed any more, so a negative value after them is refused. So are uint8 images of nothing but 0 and 1, as
    long as none was brighter: they are masks, which would be almost black.

    Args:
        image_shape: (height, width, channels) that the images must have; None accepts any.
    """

    def __init__(self, image_shape: Sequence[int] | None = None) -> None:
        self.image_shape = image_shape
        self._float_low: float | None = None
        self._bright = False

    def __call__(self, images: Any, name: str = "images") -> np.ndarray:
        """Returns uint8 (n, height, width, channels) for what `check_images` takes; gray images may lack their last axis."""
        images = as_array(images)
        check_dtype(images, name)
        if images.ndim == 3:
            if images.shape[2] in CHANNELS:
                raise InvalidData(
                    f"{name} must have the shape (n, height, width, channels). Received: shape {images.shape}, which is "
                    f"either one image or {images.shape[0]} gray ones of width {images.shape[2]}. Fix: {name}[None] for the "
                    f"first, {name}[..., None] for the second."
                )
            images = images[..., None]
        low, _ = check_images(images, self.image_shape, name)
        if images.dtype == np.uint8:
            self._refuse_masks(images, name)
            return images
        if low < 0 and self._float_low == 0:
            raise InvalidData(
                f"{name} must keep one range. Received: values down to {images.min():g}, after batches without negative "
                "ones, taken as [0, 1]. Fix: yield uint8, such as np.rint((x + 1) * 127.5).astype('uint8')."
            )
        self._float_low = low if self._float_low is None else self._float_low
        return float_to_uint8(images, self._float_low)

    def _refuse_masks(self, images: np.ndarray, name: str) -> None:
        highest = int(images.max())
        if not self._bright:
            refuse_masks(highest, name)
        self._bright = self._bright or highest > 1
