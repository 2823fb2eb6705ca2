"""Sources that yield examples or batches -> rounds: checked arrays, with as many minibatches as a round takes.

What a source yields is read by the same rule as arrays (`Schema.reader`), so that the same examples train alike, whether
they come as an array, a tf.data.Dataset, a PyDataset, a DataLoader, or from a generator.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .checks import InvalidData
from .image_data import ImageData
from .labels import Labels
from .on_demand import ImagesInFiles
from .schema import Batch, Schema


def holds_batches(x: Any) -> bool:
    """Whether `x` yields examples or batches one after the other, rather than all data at once."""
    finite = isinstance(x, (str, Path, ImageData, ImagesInFiles, tuple, list, dict)) or hasattr(x, "__array__")
    return not finite and (hasattr(x, "__iter__") or hasattr(x, "__getitem__"))


class Rounds:
    """Rounds of a tf.data.Dataset, DataLoader, generator or other iterable; iterating it begins a pass.

    Args:
        source: an iterable of examples or of batches: arrays, tensors, tuples in the order of the fields, or dictionaries.
            An iterator can be passed over once, and anything else any number of times.
        schema: the fields of an example.
        batch_size: examples in a minibatch, if the source yields single ones; those that are left over sit a pass out.
        count: minibatches in a round; those that are left over sit a pass out.
        multiple: what minibatches are cut to a multiple of, so that packs are whole.
        sharers: devices that share each minibatch equally.

    Attributes:
        first: the first minibatch.
        failures: errors that were raised in passes that cannot be used.
        length: rounds in a pass, or None if that is not known.
        size: rows in each round, or None if they may differ.

    Raises:
        InvalidData: the source does not yield enough for one round, or a batch cannot be used.
    """

    def __init__(
        self, source: Iterable[Any], schema: Schema, batch_size: int, count: int, multiple: int = 1, sharers: int = 1
    ) -> None:
        self.schema, self.count, self.multiple, self.sharers = schema, count, multiple, sharers
        self.once = isinstance(source, Iterator)
        self._source, self._read = source, schema.reader()
        self.failures: list[InvalidData] = []
        self._classes: dict[str, np.ndarray] | None = {}
        elements = iter(source)
        first = next(elements, None)
        if first is None:
            raise InvalidData(
                f"x must yield examples. Received: an empty {type(source).__name__}. Fix: check its filters, and whether it "
                "has been used up."
            )
        self._batch_size = batch_size if schema.is_example(first) else None
        # This pass is the first one: to begin it again might change the order of the images, or lose those of an iterator.
        self._begun = self._rounds(itertools.chain([first], elements))
        round_ = next(self._begun)
        self.first = {name: array[: len(array) // count] for name, array in round_.items()}
        self._begun = itertools.chain([round_], self._begun)
        self.size = batch_size * count if self._batch_size else None
        self.length = self._known_length()

    def __iter__(self) -> Iterator[Batch]:
        begun, self._begun = self._begun, None
        return watched(begun or self._rounds(iter(self._source)), self.failures)

    def _rounds(self, elements: Iterator[Any]) -> Iterator[Batch]:
        minibatches, rows, number, uneven = self._minibatches(elements), 0, 0, None
        for parts in iter(lambda: tuple(itertools.islice(minibatches, self.count)), ()):
            if uneven:
                raise InvalidData(
                    f"All batches but the last must be of one size where a round takes {self.count}. Received: batches of "
                    f"{', '.join(map(str, uneven))} examples. Fix: drop_remainder=True, or drop_last=True."
                )
            sizes = [_rows(part) for part in parts]
            rows += sum(sizes)
            if len(parts) < self.count or len(set(sizes)) > 1 or self._batch_size not in (None, sizes[0]):
                uneven = sizes
                continue
            number += 1
            yield joined_arrays(parts)
        self._tell_missing_classes()
        if not number and not rows:
            raise InvalidData(
                f"A minibatch must hold a multiple of {self.multiple} examples. Received: batches of fewer from a "
                f"{type(self._source).__name__}. Fix: larger batches."
            )
        if not number:
            size = self._batch_size or "all of a batch's"
            largest = f", at most {rows // self.count} each" if self._batch_size and rows >= self.count else ""
            raise InvalidData(
                f"A round takes {self.count} x {size} examples. Received: {rows} examples from a "
                f"{type(self._source).__name__}. Fix: smaller batches{largest}, or more data."
            )

    def _note_classes(self, batch: Batch) -> None:
        """Keeps in mind which classes the first pass shows."""
        for name, field in self.schema.fields.items() if self._classes is not None else ():
            if isinstance(field, Labels):
                self._classes[name] = np.unique(np.append(self._classes.get(name, batch[name][:0]), batch[name]))

    def _tell_missing_classes(self) -> None:
        """Warns of classes that a whole pass has not shown, as of arrays; once."""
        for name, seen in (self._classes or {}).items():
            self.schema.fields[name].check_whole(seen, name)
        self._classes = None

    def _minibatches(self, elements: Iterator[Any]) -> Iterator[Batch]:
        batches = elements
        if self._batch_size:
            batches = map(self.schema.stacked, iter(lambda: list(itertools.islice(elements, self._batch_size)), []))
        for batch in map(self._read, batches):
            self._note_classes(batch)
            # Rows that are left over sit out, as they do when an array is cut into batches.
            rows = _rows(batch) // self.multiple * self.multiple
            if rows % (shared := self.sharers * self.multiple) and not self._batch_size:
                less = rows // shared * shared
                raise InvalidData(
                    f"Batches must hold a multiple of {shared} examples, since {self.sharers} devices share each of them. "
                    f"Received: one of {rows}. Fix: drop_remainder=True, or drop_last=True, if it is the last; or batches "
                    f"of {f'{less} or ' if less else ''}{less + shared}."
                )
            if rows:
                yield {name: array[:rows] for name, array in batch.items()}

    def _known_length(self) -> int | None:
        if hasattr(self._source, "cardinality"):  # of a tf.data.Dataset; negative where it is infinite or unknown
            number = int(self._source.cardinality())
        else:  # a DataLoader of torch knows its length if its data set does
            number = len(self._source) if hasattr(getattr(self._source, "dataset", None), "__len__") else -1
        if self._batch_size:
            number = number // (self._batch_size * self.count) if number >= 0 else -1
        elif self.count * self.multiple > 1:
            number = -1  # the last batch may be too small
        return number if number >= 0 else None


class CheckedBatches(keras.utils.PyDataset):
    """The batches of a PyDataset, read by the rule for all sources, with as many workers as it asks for.

    Attributes:
        first: the first batch.
        failures: errors that were raised for batches that cannot be used.
    """

    def __init__(self, batches: keras.utils.PyDataset, schema: Schema) -> None:
        super().__init__(batches.workers, batches.use_multiprocessing, batches.max_queue_size)
        self.batches, self._read = batches, schema.reader()
        self.failures: list[InvalidData] = []
        if batches.num_batches == 0:
            raise InvalidData("x must yield batches. Received: a PyDataset of length 0. Fix: give it data.")
        self.first = self[0]

    @property
    def num_batches(self) -> int | None:
        """The number of the PyDataset; None if it is endless."""
        return self.batches.num_batches

    def __getitem__(self, index: int) -> Batch:
        try:
            return self._read(self.batches[index])
        except InvalidData as error:
            self.failures.append(error)
            raise

    def on_epoch_begin(self) -> None:
        self.batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()


class Epochs:
    """A PyDataset of which each iteration is one epoch."""

    def __init__(self, batches: keras.utils.PyDataset) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        self.batches.on_epoch_begin()
        yield from self.batches
        self.batches.on_epoch_end()


def watched(rounds: Iterable[Batch], failures: list[InvalidData]) -> Iterator[Batch]:
    """Yields the same rounds; an error of their data is kept in `failures`, since TensorFlow would turn it into text."""
    try:
        yield from rounds
    except InvalidData as error:
        failures.append(error)
        raise


def joined_arrays(parts: Sequence[Batch]) -> Batch:
    """Joins the rows of all parts, in their order, to one batch."""
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows(batch: Batch) -> int:
    return len(next(iter(batch.values())))
