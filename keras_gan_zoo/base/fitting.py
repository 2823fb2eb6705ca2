"""`fit` on whatever holds the fields of a variant."""

import functools
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ..data import ImageData, Schema, Stream
from ..data.checks import check_integer


class Fitting:
    """`fit` and the checks of its data; mixed into `Game`."""

    @property
    def schema(self) -> Schema:
        """The fields of an example, put together."""
        return Schema(self.fields(), type(self).__name__)

    @property
    def minibatches_per_round(self) -> int:
        return max(player.steps for player in self.players())

    def fit(
        self,
        x: Any = None,
        y: Any = None,
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
            x: the data of the first field (`fields()`), as a NumPy array; or a tuple or dictionary of all fields; what the
                field reads, such as a folder, zip or .npz of images, or the name of a TFDS data set; an `ImageData`; or an
                iterable of batches (`tf.data.Dataset`, `PyDataset`, generator): arrays, tuples in the order of the fields,
                or dictionaries. Images are uint8, or floats in [-1, 1] or [0, 1]. A data set of single examples is
                batched here. A data set that is batched already keeps its batches as the minibatches of one gradient step:
                with n_critic = 5 a round takes five of them, and `batch_size` is not used.
            y: the data of the second field, such as labels (n,) in [0, num_classes), or targets.
            batch_size: examples in one gradient step. A round takes as many times that as a player takes steps (n_critic).
            epochs: passes over the data, or repeats of `steps_per_epoch` rounds.
            verbose, callbacks, initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: rounds in an epoch; by default as many as one pass over the data gives.
            seed: of the order of the data, of flips and of crops.
            flip: whether the images of an example are mirrored left to right with probability 1/2, anew in every pass.
            crop: pixels by which they are moved at most along each axis, what comes in being their own mirror image.
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
        schema = self.schema
        if _holds_batches(x):
            if y is not None:
                raise ValueError(
                    f"y was given beside a data set; let the data set yield ({', '.join(schema.fields)}) instead."
                )
            if flip or crop:
                raise ValueError(
                    f"flip={flip!r} and crop={crop!r} are for images in memory; {type(x).__name__} yields its own batches, "
                    "so change the images there."
                )
            rounds = self.rounds_of(x, batch_size, count)
            self._tell_what_is_fresh()
            return super().fit(rounds, steps_per_epoch=steps_per_epoch, **options)
        arrays = schema.arrays(x, y)
        stream = functools.partial(
            Stream, arrays, schema.fields, batch_size=batch_size * count, seed=seed, flip=flip, crop=crop
        )
        steps = steps_per_epoch or stream(length=1).batches_per_epoch
        stream = stream(start=initial_epoch * steps, length=max(epochs - initial_epoch, 1) * steps)
        batches = self.as_dataset(lambda: (stream[i] for i in range(len(stream))), schema.signature(batch_size * count))
        self._look_at(arrays)
        self._tell_what_is_fresh()
        return super().fit(batches, steps_per_epoch=steps, **options)

    def _look_at(self, arrays):
        if not ops.convert_to_numpy(self.rounds):
            self.adapt(arrays)

    def _tell_what_is_fresh(self):
        if self.fresh:
            warnings.warn(
                f"The preset does not hold the {' and the '.join(self.fresh)}, which starts from fresh weights: samples get "
                "worse before they get better. To go on where a training ended, resume its run, or save the preset with "
                "networks=('generator', 'discriminator').",
                stacklevel=3,
            )
            self.fresh = ()

    def rounds_of(self, data: Any, batch_size: int, count: int) -> Any:
        """A data set of examples or of batches as one of rounds, `count` minibatches each."""
        if _is_tf_dataset(data):
            spec, field = self._first(data.element_spec)
            batched = len(spec.shape) > len(field.shape)
            first = next(iter((data if batched else data.batch(batch_size)).take(1).as_numpy_iterator()))
            self._check_first(first)
            if not batched:
                return data.batch(batch_size * count, drop_remainder=True)
            return data.rebatch(len(self._first(first)[0]) * count, drop_remainder=True) if count > 1 else data
        if isinstance(data, keras.utils.PyDataset):
            self._check_first(data[0])
            return _Rounds(data, count, self.schema) if count > 1 else data
        if count > 1 or isinstance(data, Iterator):
            return self.joined_batches(data, count)
        # Keras itself knows how to begin an iterable anew in each epoch; an iterator, and the joining of batches, go once.
        self._check_first(next(iter(data)))
        return data

    def joined_batches(self, batches: Iterable[Any], count: int) -> Iterator[tuple[dict[str, np.ndarray]]]:
        """An iterator of batches as one of rounds."""
        iterator, schema = iter(batches), self.schema
        for i, parts in enumerate(iter(lambda: tuple(itertools.islice(iterator, count)), ())):
            if len(parts) == count:
                (schema.check_batch if i else self._check_first)(parts[0])
                # Keras takes tuples only from a generator.
                yield (_joined(parts, schema),)

    def _first(self, batch):
        """The first field of a batch, and its kind."""
        name, field = next(iter(self.schema.fields.items()))
        return self.schema.named(batch)[name], field

    def _check_first(self, batch):
        self.schema.check_batch(batch)
        self._look_at({name: np.asarray(part) for name, part in self.schema.named(batch).items()})


def _is_tf_dataset(x):
    # By name, so that TensorFlow is not imported for those who train without it.
    return any(base.__name__ == "DatasetV2" for base in type(x).__mro__)


def _holds_batches(x):
    finite = (str, Path, np.ndarray, ImageData, tuple, list, dict)
    return not isinstance(x, finite) and (hasattr(x, "__iter__") or hasattr(x, "__getitem__"))


def _joined(batches, schema):
    named = [schema.named(batch) for batch in batches]
    return {name: np.concatenate([np.asarray(batch[name]) for batch in named]) for name in schema.fields}


class _Rounds(keras.utils.PyDataset):
    """Consecutive batches of a data set, `count` at a time."""

    def __init__(self, batches, count, schema):
        super().__init__()
        self.batches, self.count, self.schema = batches, count, schema

    def __len__(self):
        return len(self.batches) // self.count

    def __getitem__(self, index):
        return _joined([self.batches[index * self.count + i] for i in range(self.count)], self.schema)

    def on_epoch_end(self):
        self.batches.on_epoch_end()
