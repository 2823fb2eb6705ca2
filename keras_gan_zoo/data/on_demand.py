"""A stand-in for an array of images that are decoded when they are needed."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.convert import convert_channels
from keras_gan_zoo.data.decoding import no_bombs
from keras_gan_zoo.untrusted import free_memory

# The rest is for networks and for batches on their way.
_SHARE_OF_MEMORY = 0.7
# Images of a source that are looked at before a training that decodes the others when it needs them.
_PROBES = 64


class ImagesInFiles:
    """Images (n, height, width, channels), uint8, that are decoded whenever an index asks for them.

    Args:
        places: what each image is read from, such as its file; in the order of the images.
        image_shape: (height, width, channels) of the images.
        read: place -> image, uint8 (height, width, any channels). It raises `unreadable_now` where it cannot.
        name: place -> what messages call it.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        places: Sequence[Any],
        image_shape: Sequence[int],
        read: Callable[[Any], np.ndarray],
        name: Callable[[Any], str],
    ) -> None:
        # Places may be sequences themselves, of which NumPy would make a further axis.
        self._places = places if isinstance(places, np.ndarray) else np.array([*places, None], object)[:-1]
        self.shape = (len(places), *image_shape)
        self._read, self._name = read, name

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Returns the image of an integer, or the images of a slice or of an array of integers or booleans."""
        if isinstance(index, (int, np.integer)):
            return self._decoded(self._places[index])
        chosen = self._places[index]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        with no_bombs(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as readers:
            for i, image in enumerate(readers.map(self._decoded, chosen)):
                images[i] = image
        return images

    def _decoded(self, place: Any) -> np.ndarray:
        image = self._read(place)
        if image.shape[:2] != self.shape[1:3]:
            raise unreadable_now(self._name(place), f"its size is {image.shape[:2]}, and that of others {self.shape[1:3]}")
        return convert_channels(image[None], self.shape[3])[0]


def unreadable_now(name: str, reason: str) -> InvalidData:
    """The error for an image that a training needs."""
    return InvalidData(
        f"'{name}' must be an image that can be read whenever a training needs it. Received: {reason}. Fix: repair it, or "
        "put it back."
    )


def probes(places: Sequence[Any]) -> Sequence[Any]:
    """A few of all places, from the first on and evenly spaced: what is wrong with all images shows in them."""
    return places[:: max(1, -(-len(places) // _PROBES))]


def fits_in_memory(n: int, image_shape: Sequence[int]) -> bool:
    """Whether n uint8 images leave enough of the memory for the training."""
    free = free_memory()
    return free is None or n * int(np.prod(image_shape)) <= _SHARE_OF_MEMORY * free


def read_ahead(batches: Iterable[Any]) -> Iterator[Any]:
    """Yields the same batches; a thread reads the next one in the meantime, and no more than that."""
    batches, end = iter(batches), object()
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, batches, end)
        while (batch := ahead.result()) is not end:
            ahead = reader.submit(next, batches, end)
            yield batch
