"""A stand-in for an array of images that does not fit into memory."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.convert import convert_channels
from keras_gan_zoo.data.decoding import ImageFile, attempt, decode, no_bombs
from keras_gan_zoo.untrusted import free_memory

# The rest is for networks and for batches on their way.
_SHARE_OF_MEMORY = 0.7


class ImagesInFiles:
    """Images (n, height, width, channels), uint8, that are decoded whenever an index asks for them.

    Args:
        files: the files that can be read, in the order of the images.
        image_shape: (height, width, channels) of the images.
        size: (height, width) that they are resized to, or None.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, files: Sequence[ImageFile], image_shape: tuple[int, int, int], size: tuple[int, int] | None) -> None:
        self._files, self._size = np.array(files + [None], object)[:-1], size
        self.shape = (len(files), *image_shape)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Returns the image of an integer, or the images of a slice or of an array of integers or booleans."""
        chosen = self._files[index]
        if isinstance(chosen, ImageFile):
            return self._decoded(chosen)
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        with no_bombs(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as readers:
            for i, image in enumerate(readers.map(self._decoded, chosen)):
                images[i] = image
        return images

    def _decoded(self, file: ImageFile) -> np.ndarray:
        bad: list[tuple[str, str]] = []
        image = attempt(lambda stream: decode(stream, self._size, []), file, bad)
        if image is None or image.shape[:2] != self.shape[1:3]:
            reason = bad[0][1] if bad else f"its size is {image.shape[:2]} now"
            raise InvalidData(
                f"'{file.path}' must stay as it is during the training. Received: {reason}. Fix: put the file back."
            )
        return convert_channels(image[None], self.shape[3])[0]


def fits_in_memory(n: int, image_shape: Sequence[int]) -> bool:
    """Whether n uint8 images leave enough of the memory for the training."""
    free = free_memory()
    return free is None or n * int(np.prod(image_shape)) <= _SHARE_OF_MEMORY * free
