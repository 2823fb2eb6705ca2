"""The images below a folder, batch after batch."""

import copy
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from keras_gan_zoo.data.checks import refused
from keras_gan_zoo.data.convert import convert_channels, mixed_sizes
from keras_gan_zoo.data.decoding import attempt, decode, no_bombs, scan, unreadable, warn_of_dark
from keras_gan_zoo.data.files import file_at, image_names
from keras_gan_zoo.data.on_demand import read_ahead


class FolderBatches:
    """The images below a folder, batch by batch, so that memory does not grow with their number.

    Iterating yields uint8 (n, height, width, channels) in the order of the sorted paths, with n up to `batch_size`; a thread
    decodes one batch ahead. Files that cannot be read are passed over, and listed in `skipped` as (path, reason).

    Args:
        folder: folder to search, including its sub-folders.
        batch_size: images in a batch.
        channels: 1 (gray), 3 (RGB), or 4 (RGBA), as in `load_images`; None for what the files have.

    Raises:
        InvalidData: there is no folder, it holds no images or none that can be read, or they have several sizes.
    """

    def __init__(self, folder: str | Path, batch_size: int = 500, channels: int | None = None) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise refused("folder", str(folder), "a folder that exists", "name the one that holds the images")
        self.where, self.batch_size = f"folder '{folder}'", batch_size
        self.skipped: list[tuple[str, str]] = []
        self._wide: list[int] = []
        self._files = [file_at(folder / name, name) for name in image_names(folder)]
        self.total = len(self._files)
        with no_bombs():
            headers, native = scan(self._files, self.where, self.skipped, one_size=True)
        if not headers:
            raise unreadable(self.skipped, self.total, self.where, "skip")
        self._files, self.channels = list(headers), channels or native
        self._no_headers = len(self.skipped)

    def __len__(self) -> int:
        """The number of files whose header can be read."""
        return len(self._files)

    def __getitem__(self, rows: slice) -> Self:
        """Returns the batches of some of these files."""
        part = copy.copy(self)
        part.__dict__.pop("_sides", None)
        part._files, part.skipped, part._wide = self._files[rows], list(self.skipped), []
        return part

    @functools.cached_property
    def _sides(self) -> tuple[int, int]:
        images = (attempt(lambda stream: decode(stream, None, []), file, []) for file in self._files)
        # Decoded, since EXIF may rotate what the header says. If no file can be decoded, there will be no batch either.
        return next((image.shape[:2] for image in images if image is not None), (0, 0))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images, from the first of them."""
        return (*self._sides, self.channels)

    def digest(self) -> str:
        """Returns the sha256 of the bytes of all files, in hexadecimal: a name for the images in a cache."""
        digest = hashlib.sha256()
        for file in self._files:
            with file.open() as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[np.ndarray]:
        size = None
        # A file that cannot be decoded is listed once, however often the folder is read.
        del self.skipped[self._no_headers :], self._wide[:]
        for images in read_ahead(map(self._read, range(0, len(self._files), self.batch_size))):
            # The sides in the headers agree up to their order, so another size is a portrait among landscapes.
            sizes = {image.shape[:2] for image in images} | ({size} if size else set())
            if len(sizes) > 1:
                raise mixed_sizes(np.array(sorted(sizes)), self.where)
            if images:
                size = images[0].shape[:2]
                yield np.concatenate([convert_channels(image[None], self.channels) for image in images])
        warn_of_dark(self._wide, self.where)

    def _read(self, start: int) -> list[np.ndarray]:
        files = self._files[start : start + self.batch_size]
        with no_bombs():
            images = [attempt(lambda stream: decode(stream, None, self._wide), file, self.skipped) for file in files]
        return [image for image in images if image is not None]
