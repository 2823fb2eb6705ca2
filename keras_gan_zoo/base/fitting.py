"""`fit` on whatever holds images."""

import functools
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data import ImageData, ImageStream, load_images
from ..data.checks import check_images, check_integer, check_labels
from .batches import images_of


class Fitting:
    """`fit` and the checks of its data; mixed into `Base`."""

    @property
    def takes_labels(self) -> bool:
        """Whether training batches are (images, labels)."""
        return self.num_classes is not None

    @property
    def minibatches_per_round(self) -> int:
        return max(player.steps for player in self.players())

    def fit(
        self,
        x: Any = None,
        y: np.ndarray | Sequence[int] | None = None,
        batch_size: int = 64,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        seed: int = 0,
        flip: bool = False,
        crop: int = 0,
    ) -> keras.callbacks.History:
        """Trains the model.

        Args:
            x: the images: a NumPy array (n, height, width, channels), uint8 or floats in [-1, 1] or [0, 1]; an
                `ImageData`; a folder, zip or .npz of images; the name of a TFDS data set; or an iterable of batches
                (`tf.data.Dataset`, `PyDataset`, generator). A data set of single images is batched here. A data set that
                is batched already keeps its batches as the minibatches of one gradient step: with n_critic = 5 a round
                takes five of them, and `batch_size` is not used.
            y: integer labels (n,) in [0, num_classes), for conditional models.
            batch_size: images in one gradient step. A round takes n_critic times as many.
            epochs: passes over the data, or repeats of `steps_per_epoch` rounds.
            verbose, callbacks, initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: rounds in an epoch; by default as many as one pass over the data gives.
            seed: of the order of the images, of flips and of crops.
            flip: whether each image is mirrored left to right with probability 1/2, anew in every pass.
            crop: pixels by which each image is moved at most along each axis, what comes in being its own mirror image.
                Both are for images in memory, not for data sets that yield batches.

        Returns:
            `keras.callbacks.History`.
        """
        for name, value, low in (("epochs", epochs, 1), ("batch_size", batch_size, 1), ("initial_epoch", initial_epoch, 0)):
            check_integer(value, name, low)
        if initial_epoch > epochs:
            raise ValueError(
                f"initial_epoch={initial_epoch!r} is past epochs={epochs!r}, the number of the last epoch and not of "
                f"those that are left; pass epochs={initial_epoch + epochs} to train {epochs} more."
            )
        if steps_per_epoch is not None:
            check_integer(steps_per_epoch, "steps_per_epoch", 1)
        options = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, "initial_epoch": initial_epoch}
        # Keras would permute a PyDataset by Python's global random state, and warn that it cannot permute a tf.data one.
        options["shuffle"] = False
        count = self.minibatches_per_round
        if y is not None and not self.takes_labels:
            raise ValueError(f"y (labels) was given, but {type(self).__name__} does not train on labels; leave y out.")
        if _holds_batches(x):
            if y is not None:
                raise ValueError("y was given beside a data set; let the data set yield (images, labels) instead.")
            if flip or crop:
                raise ValueError(
                    f"flip={flip!r} and crop={crop!r} are for images in memory; {type(x).__name__} yields its own batches, "
                    "so change the images there."
                )
            rounds = self.rounds_of(x, batch_size, count)
            self._tell_what_is_fresh()
            return super().fit(rounds, steps_per_epoch=steps_per_epoch, **options)
        data = self.image_data(x, y)
        images, labels = data.images, data.labels if self.takes_labels else None
        stream = functools.partial(
            ImageStream, images, labels, batch_size=batch_size * count, seed=seed, flip=flip, crop=crop
        )
        steps = steps_per_epoch or stream(length=1).batches_per_epoch
        stream = stream(start=initial_epoch * steps, length=max(epochs - initial_epoch, 1) * steps)
        signature = [((batch_size * count, *images.shape[1:]), "uint8")]
        signature += [((batch_size * count,), "int32")] if self.takes_labels else []
        batches = self.as_dataset(lambda: (stream[i] for i in range(len(stream))), signature)
        self._tell_what_is_fresh()
        return super().fit(batches, steps_per_epoch=steps, **options)

    def _tell_what_is_fresh(self):
        if self.fresh:
            warnings.warn(
                f"The preset does not hold the {' and the '.join(self.fresh)}, which starts from fresh weights: samples get "
                "worse before they get better. To go on where a training ended, resume its run, or save the preset with "
                "networks=('generator', 'discriminator').",
                stacklevel=3,
            )
            self.fresh = ()

    def image_data(self, x: Any, y: np.ndarray | Sequence[int] | None = None) -> ImageData:
        """Any finite source of images as an `ImageData` that fits this model, or an error that says what does not."""
        if isinstance(x, ImageData):
            data = x
        elif isinstance(x, (str, Path)):
            size, channels = self.image_shape[:2], self.image_shape[2]
            data = load_images(x, size=size, channels=channels, labels=self.takes_labels)
        else:
            data = load_images((x, y) if y is not None else x)
        check_images(data.images, self.image_shape, name="x")
        if self.takes_labels:
            if data.labels is None:
                raise ValueError(f"{type(self).__name__} trains on labels, but the data has none; pass y, integers (n,).")
            check_labels(data.labels, self.num_classes, len(data.images), name="y")
        return data

    def rounds_of(self, data: Any, batch_size: int, count: int) -> Any:
        """A data set of images or of batches as one of rounds, `count` minibatches each."""
        if _is_tf_dataset(data):
            rank = len(images_of(data.element_spec).shape)
            first = next(iter((data if rank == 4 else data.batch(batch_size)).take(1).as_numpy_iterator()))
            self.check_batch(first)
            if rank == 3:
                return data.batch(batch_size * count, drop_remainder=True)
            return data.rebatch(len(images_of(first)) * count, drop_remainder=True) if count > 1 else data
        if isinstance(data, keras.utils.PyDataset):
            self.check_batch(data[0])
            return _Rounds(data, count) if count > 1 else data
        # Keras itself knows how to begin an iterable anew in each epoch; an iterator, and the joining of batches, go once.
        return self.joined_batches(data, count) if count > 1 or isinstance(data, Iterator) else data

    def joined_batches(self, batches: Iterable[Any], count: int) -> Iterator[tuple[np.ndarray, ...]]:
        """An iterator of batches as one of rounds."""
        iterator = iter(batches)
        for parts in iter(lambda: tuple(itertools.islice(iterator, count)), ()):
            if len(parts) == count:
                self.check_batch(parts[0])
                joined = _concatenated(parts)
                # Keras takes tuples only from a generator.
                yield joined if isinstance(joined, tuple) else (joined,)

    def check_batch(self, batch: Any) -> None:
        """Refuses NumPy images, or labels, that this model was not built for."""
        parts = self.unpacked(batch)
        check_images(np.asarray(images_of(parts)), self.image_shape, name="x")
        if self.takes_labels:
            check_labels(np.asarray(parts[1]), self.num_classes, len(parts[0]), name="labels")

    def unpacked(self, data: Any) -> Any:
        """What a round gets, whatever Keras wrapped it in: images, or (images, labels) where labels are trained on."""
        parts = [part for part in data if part is not None] if isinstance(data, (tuple, list)) else [data]
        if len(parts) != 1 + self.takes_labels:
            wanted = "(images, labels)" if self.takes_labels else "images alone"
            raise ValueError(
                f"{type(self).__name__} trains on {wanted}, but the data yields {len(parts)} parts; "
                "map the data set to what is wanted."
            )
        return tuple(parts) if self.takes_labels else parts[0]


def _is_tf_dataset(x):
    # By name, so that TensorFlow is not imported for those who train without it.
    return any(base.__name__ == "DatasetV2" for base in type(x).__mro__)


def _holds_batches(x):
    finite = (str, Path, np.ndarray, ImageData, tuple, list)
    return not isinstance(x, finite) and (hasattr(x, "__iter__") or hasattr(x, "__getitem__"))


def _concatenated(batches):
    if isinstance(batches[0], (tuple, list)):
        return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))
    return np.concatenate(batches)


class _Rounds(keras.utils.PyDataset):
    """Consecutive batches of a data set, `count` at a time."""

    def __init__(self, batches, count):
        super().__init__()
        self.batches, self.count = batches, count

    def __len__(self):
        return len(self.batches) // self.count

    def __getitem__(self, index):
        return _concatenated([self.batches[index * self.count + i] for i in range(self.count)])

    def on_epoch_end(self):
        self.batches.on_epoch_end()
