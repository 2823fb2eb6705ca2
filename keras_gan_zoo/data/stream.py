"""Batches in an order that is a pure function of (seed, index)."""

from collections.abc import Mapping

import keras
import numpy as np

from keras_gan_zoo.data.checks import InvalidData, check_flag, check_integer, refused
from keras_gan_zoo.data.fields import Field, Images
from keras_gan_zoo.data.schema import Schema


class Stream(keras.utils.PyDataset):
    """A window of `length` batches on an endless sequence of shuffled epochs; a batch is a dictionary of its fields.

    Item i is batch number b = start + i of the sequence. With k = n // batch_size batches per epoch, it holds the
    rows at positions [(b mod k) batch_size, (b mod k + 1) batch_size) of the permutation that
    `numpy.random.default_rng([seed, b // k])` draws; the last n mod batch_size rows of each permutation sit that
    epoch out, so that all batches have the same shape. Each further table has epochs of its own length, and permutations
    from `default_rng([seed, b // k, 2, number of the table])`. No state is kept, so a run that stopped after t steps goes on
    bit-exactly with start=t (under one version of NumPy, which does not promise its random streams across versions).

    Where some rows of a table are known and some are not, as labels may be (`Field.is_known`), they take turns in each
    batch, a known one first: each kind has epochs of its own, and few known rows come around often.

        stream = Stream({"images": images}, {"images": Images((28, 28, 1))}, batch_size=64, length=5000, seed=7)
        gan.fit(stream)

    How the `fit` of Keras 3.15 itself, as opposed to the zoo's own, reads it:

    * `shuffle=False` is needed. The default, True, permutes the items with Python's global random state.
    * One epoch of `fit` is the whole stream, and each further one repeats the same batches. Either let `length` be all
      steps of the run, or pass `steps_per_epoch` too: with length = epochs * steps_per_epoch, `fit` reads straight on.
    * `workers` stays 1 and `use_multiprocessing` False; other values are refused. An item does not depend on which worker
      makes it, but Keras's queue drops the batches that it drew to build the model (JAX, torch), and starts again at item 0
      after each epoch with `steps_per_epoch`. Workers would gain nothing, since a batch takes microseconds.
    * TensorFlow sees a batch axis of None (Keras hides it for every PyDataset), although each batch has batch_size rows.

    Args:
        arrays: name of a field -> array (n, ...), as `Schema.arrays` gives them. They are kept, not copied.
        fields: name -> kind.
        batch_size: rows per batch, 1 <= batch_size <= n.
        length: number of batches, >= 1.
        start: number in the sequence of the first batch, >= 0.
        seed: 0 <= seed < 2^32. It decides the permutations, flips, and crops.
        flip: whether to mirror left to right with probability 1/2: all images of a row, or none.
        crop: pixels, 0 <= crop < height and width, by which the images of a row are moved at most along each axis: they are
            continued by their own mirror images on all sides, and a window of their size is cut out at random, the same one
            for all images of a row.

    Raises:
        InvalidData: a number is not as described, there are no images to flip or crop, or batch_size is above n.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        fields: Mapping[str, Field],
        *,
        batch_size: int,
        length: int,
        start: int = 0,
        seed: int = 0,
        flip: bool = False,
        crop: int = 0,
    ) -> None:
        super().__init__()
        self.arrays, self.tables = dict(arrays), Schema(fields, "a stream").tables
        self.batch_size = check_integer(batch_size, "batch_size", 1)
        self.length = check_integer(length, "length", 1)
        self.start = check_integer(start, "start", 0)
        # A larger seed would run into the next word of NumPy's entropy, and so meet the epochs of another seed.
        self.seed = check_integer(seed, "seed", 0, 2**32)
        sizes = {name: field.shape[:2] for name, field in fields.items() if isinstance(field, Images)}
        self.flip = check_flag(flip, "flip")
        self.crop = check_integer(crop, "crop", 0, min(map(min, sizes.values()), default=None))
        if (flip or crop) and not sizes:
            raise InvalidData(
                f"flip and crop must be left out where there are no images. Received: flip={flip!r} and crop={crop!r}, for "
                f"the fields {', '.join(fields)}. Fix: leave both out."
            )
        for table in self.tables.values():
            sides = {sizes[name] for name in table if name in sizes}
            if crop and len(sides) > 1:
                raise InvalidData(
                    "crop must be 0 unless all images of a row have one size, since it moves them alike. Received: "
                    f"crop={crop!r}, and the sizes {sorted(sides)}. Fix: crop=0."
                )
        for table in self.tables:
            if self.batch_size > self.rows(table):
                raise InvalidData(
                    f"batch_size must be at most the number of {next(iter(self.tables[table]))}, since a batch is drawn "
                    f"from one epoch. Received: batch_size={self.batch_size}, and {self.rows(table)} of them. Fix: a "
                    "smaller batch_size, or more data."
                )
        # Table -> its known and its other rows, if there are both.
        self._kinds: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for table, held in self.tables.items():
            known = np.all([field.is_known(self.arrays[name]) for name, field in held.items()], axis=0)
            if known.any() and not known.all():
                self._kinds[table] = np.flatnonzero(known), np.flatnonzero(~known)
        # The last permutation of each table, with its epoch: replaced as one, so that threads see both or neither.
        self._permutations: dict[str, tuple[int, np.ndarray]] = {}

    @property
    def workers(self) -> int:
        """Always 1."""
        return 1

    @workers.setter
    def workers(self, value: int) -> None:
        if value != 1:
            raise refused("workers", value, "1, since otherwise Keras does not keep the order of the items")

    @property
    def use_multiprocessing(self) -> bool:
        """Always False."""
        return False

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        if value:
            raise refused("use_multiprocessing", value, "False, since otherwise Keras does not keep the order of the items")

    def rows(self, table: str) -> int:
        """The number of rows of a table."""
        return len(self.arrays[next(iter(self.tables[table]))])

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Returns batch number start + index: name of a field -> array (batch_size, ...).

        Raises:
            IndexError: index is not in [0, length).
        """
        if not 0 <= index < self.length:
            raise IndexError(f"index must be in [0, {self.length}). Received: index={index}.")
        number = self.start + int(index)
        batch = {}
        for table, (name, fields) in enumerate(self.tables.items()):
            if name in self._kinds:
                chosen = self._in_turn(name, table, number)
            else:
                epoch, position = divmod(number, self.rows(name) // self.batch_size)
                order = self._order(name, table, epoch, self.rows(name))
                chosen = order[position * self.batch_size : (position + 1) * self.batch_size]
            batch |= self._augmented({key: self.arrays[key][chosen] for key in fields}, fields, number, table)
        return batch

    def _order(self, key: str, table: int, epoch: int, n: int, kind: int | None = None) -> np.ndarray:
        cached, permutation = self._permutations.get(key, (-1, None))
        if cached != epoch:
            further = [] if kind is None else [kind + 1]  # NumPy pads the entropy with 0
            entropy = [self.seed, epoch] + ([2, table, *further] if table or further else [])
            permutation = np.random.default_rng(entropy).permutation(n)
            self._permutations[key] = (epoch, permutation)
        return permutation

    def _in_turn(self, name: str, table: int, number: int) -> np.ndarray:
        """Rows of a batch, known ones and others in turn."""
        chosen = np.empty(self.batch_size, "int64")
        drawn, kinds = np.divmod(np.arange(number * self.batch_size, (number + 1) * self.batch_size), 2)
        for kind, rows in enumerate(self._kinds[name]):
            epochs, places = np.divmod(drawn[kinds == kind], len(rows))
            orders = {i: self._order(f"{name}/{kind}", table, i, len(rows), kind) for i in np.unique(epochs).tolist()}
            chosen[kinds == kind] = rows[[orders[i][place] for i, place in zip(epochs.tolist(), places, strict=True)]]
        return chosen

    def _augmented(
        self, batch: dict[str, np.ndarray], fields: dict[str, Field], number: int, table: int
    ) -> dict[str, np.ndarray]:
        names = [name for name, field in fields.items() if isinstance(field, Images)]
        if not names or not (self.flip or self.crop):
            return batch
        # The 1 keeps these draws apart from those of the permutations; a 0 would not, since NumPy pads the entropy with it.
        rng = np.random.default_rng([self.seed, number, 1] + ([table] if table else []))
        if self.flip:
            mirrored = rng.random(self.batch_size) < 0.5
            for name in names:
                batch[name][mirrored] = batch[name][mirrored, :, ::-1]
        if self.crop:
            top, left = rng.integers(0, 2 * self.crop + 1, (2, self.batch_size))
            batch |= {name: self._cropped(batch[name], top, left) for name in names}
        return batch

    def _cropped(self, images, top, left):
        height, width = images.shape[1:3]
        pad = (self.crop, self.crop)
        padded = np.pad(images, ((0, 0), pad, pad, (0, 0)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(len(images)), top, left], 1, -1))
