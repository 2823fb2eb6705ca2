"""Batches in an order that is a pure function of (seed, index)."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_gan_zoo.data.checks import InvalidData, check_flag, check_images, check_integer, check_labels

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class ImageStream(keras.utils.PyDataset):
    """A window of `length` batches on an endless sequence of shuffled epochs.

    Item i is batch number b = start + i of the sequence. With k = n // batch_size batches per epoch, it holds the
    images at positions [(b mod k) batch_size, (b mod k + 1) batch_size) of the permutation that
    `numpy.random.default_rng([seed, b // k])` draws; the last n mod batch_size images of each permutation sit that
    epoch out, so that every batch has one shape. No state is kept, so a run that stopped after t steps goes on
    bit-exactly with start=t (under one version of NumPy, which does not promise its random streams across versions).

        stream = ImageStream(data.images, data.labels, batch_size=64, length=5000, seed=7)
        gan.fit(stream, shuffle=False)
        ...
        gan.fit(ImageStream(data.images, data.labels, batch_size=64, length=5000, start=5000, seed=7), shuffle=False)

    How `fit` of Keras 3.15 reads it:

    * `shuffle=False` is needed. The default, True, permutes the items with Python's global random state.
    * One epoch of `fit` is the whole stream, and each further one repeats the same batches. Either make `length` all
      steps of the run, or give `steps_per_epoch` too: with length = epochs * steps_per_epoch, `fit` reads straight on.
    * `workers` stays 1 and `use_multiprocessing` False; other values are refused. An item does not depend on who makes
      it, but Keras's queue drops the batches that it drew to build the model (JAX, torch), and starts again at item 0
      after each epoch with `steps_per_epoch`. Workers would gain nothing, as a batch takes microseconds.
    * TensorFlow sees a batch axis of None (Keras hides it from every PyDataset), though each batch has batch_size
      images.

    Args:
        images: uint8 (n, height, width, channels) in 0..255, channels 1, 3 or 4. Kept, not copied.
        labels: integers (n,), >= 0, or None.
        batch_size: images per batch, 1 <= batch_size <= n.
        length: number of batches, >= 1.
        start: number in the sequence of the first batch, >= 0.
        seed: 0 <= seed < 2^32. Decides the permutations, flips, crops and `augment`.
        flip: mirror each image left to right with probability 1/2.
        crop: pixels, 0 <= crop < height and width, by which each image is moved at most along each axis: it is continued by
            its own mirror image on all sides, and a window of its size is cut out at random.
        augment: function of (images uint8 (batch_size, height, width, channels), `numpy.random.Generator`) that returns
            images of the same shape and dtype, after flips and crops. All its randomness must come from the generator, which
            is a function of (seed, b). It gets a copy, so it may write in place.

    Raises:
        InvalidData: images, labels or numbers other than described, or a batch_size above n.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        batch_size: int,
        length: int,
        start: int = 0,
        seed: int = 0,
        flip: bool = False,
        crop: int = 0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__()
        if check_images(images) != (0, 255):
            raise InvalidData(f"images has dtype {images.dtype}; expected uint8. Fix: load_images(images).images.")
        self.images = images
        self.labels = None if labels is None else check_labels(labels, n=len(images))
        self.batch_size = check_integer(batch_size, "batch_size", 1)
        self.length = check_integer(length, "length", 1)
        self.start = check_integer(start, "start", 0)
        # A larger seed would run into the next word of NumPy's entropy, and so meet the epochs of another seed.
        self.seed = check_integer(seed, "seed", 0, 2**32)
        self.flip = check_flag(flip, "flip")
        self.crop = check_integer(crop, "crop", 0, min(images.shape[1:3]))
        self.augment = augment
        if self.batch_size > len(images):
            raise InvalidData(
                f"batch_size={self.batch_size} is more than the {len(images)} images; a batch is drawn from one epoch. "
                f"Fix: batch_size of at most {len(images)}, or more images."
            )
        # The last permutation used. The pair is replaced as one, so threads see a permutation with its own epoch.
        self._permutation: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    @property
    def workers(self) -> int:
        """Always 1."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        if value != 1:
            raise InvalidData(f"workers={value!r}: only with 1 does Keras keep the order of the items. Fix: leave it.")

    @property
    def use_multiprocessing(self) -> bool:
        """Always False."""
        return False

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        if value:
            raise InvalidData(
                f"use_multiprocessing={value!r}: only with False does Keras keep the order of the items. Fix: leave it."
            )

    @property
    def batches_per_epoch(self) -> int:
        """Batches in one pass over the images, n // batch_size."""
        return len(self.images) // self.batch_size

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        """Batch number start + index.

        Returns:
            images, uint8 (batch_size, height, width, channels); with labels, (images, labels int32 (batch_size,)).

        Raises:
            IndexError: index is not in [0, length).
        """
        if not 0 <= index < self.length:
            raise IndexError(f"index {index} is outside of [0, {self.length}).")
        batch = self.start + int(index)
        epoch, position = divmod(batch, self.batches_per_epoch)
        chosen = self._order(epoch)[position * self.batch_size : (position + 1) * self.batch_size]
        images = self.images[chosen]
        if self.flip or self.crop or self.augment is not None:
            images = self._augmented(images, batch)
        return images if self.labels is None else (images, self.labels[chosen])

    def _order(self, epoch: int) -> np.ndarray:
        cached, permutation = self._permutation
        if cached != epoch:
            permutation = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))
            self._permutation = (epoch, permutation)
        return permutation

    def _augmented(self, images: np.ndarray, batch: int) -> np.ndarray:
        # The 1 keeps these draws apart from those of the permutations; a 0 would not, NumPy pads the entropy with it.
        rng = np.random.default_rng([self.seed, batch, 1])
        if self.flip:
            mirrored = rng.random(len(images)) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        if self.crop:
            images = self._cropped(images, rng)
        if self.augment is None:
            return images
        augmented = self.augment(images, rng)
        if getattr(augmented, "shape", None) != images.shape or augmented.dtype != np.uint8:
            got = f"{getattr(augmented, 'dtype', type(augmented).__name__)} {getattr(augmented, 'shape', '')}".strip()
            raise InvalidData(f"augment returned {got}; expected uint8 {images.shape}. Fix: keep the shape and dtype.")
        return augmented

    def _cropped(self, images, rng):
        height, width = images.shape[1:3]
        pad = (self.crop, self.crop)
        padded = np.pad(images, ((0, 0), pad, pad, (0, 0)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        top, left = rng.integers(0, 2 * self.crop + 1, (2, len(images)))
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(len(images)), top, left], 1, -1))
