"""The fields of a variant put together: packs, unpacks, reads, and checks its examples. Nothing here knows a model."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .checks import InvalidData, as_array
from .fields import Field
from .image_data import ImageData

Batch = dict[str, Any]


class Schema:
    """The fields of an example.

    Args:
        fields: name -> kind, in the order in which people give them.
        owner: name of what trains on them, for messages.

    Attributes:
        class_names: names of the classes in what `arrays` read last, in the order of their numbers, or () if it has none.
    """

    def __init__(self, fields: Mapping[str, Field], owner: str) -> None:
        self.fields, self.owner = dict(fields), owner
        self.class_names: tuple[str, ...] = ()

    @property
    def tables(self) -> dict[str, dict[str, Field]]:
        """Name of a table -> its fields."""
        tables: dict[str, dict[str, Field]] = {}
        for name, field in self.fields.items():
            tables.setdefault(field.table, {})[name] = field
        return tables

    def arrays(self, x: Any, y: Any = None, **options: Any) -> dict[str, np.ndarray]:
        """Any finite source as checked arrays, one for each field.

        Args:
            x: data of the first field, or a tuple or dictionary of all; a path or a name; an `ImageData`.
            y: data of the second field, such as labels or targets.
            **options: of the reader, such as `split`.

        Raises:
            InvalidData: a field is missing, there twice, or does not fit; or there is more than there are fields.
        """
        given, shown = self._given(x, y, options)
        self.class_names = given.pop("class_names", ())
        if missing := [name for name in self.fields if given.get(name) is None]:
            missed = self._names.index(missing[0])
            fix = "xy"[missed] if len(self.fields) <= 2 and not isinstance(x, Mapping) else "a dictionary with all of them"
            raise InvalidData(f"{self._must()}. Received: data without {missing[0]}. Fix: pass {fix}.")
        arrays = {name: field.validate(given[name], shown.get(name, name)) for name, field in self.fields.items()}
        for name, field in self.fields.items():
            field.check_whole(arrays[name], shown.get(name, name))
        for table in self.tables.values():
            first, *others = table
            for name in others:
                if len(arrays[name]) != len(arrays[first]):
                    raise self._uneven(shown.get(name, name), arrays[name], first, arrays[first])
        return arrays

    def read(self, source: Any, **options: Any) -> dict[str, np.ndarray]:
        """Reads the fields that a path or name holds, one table after the other."""
        found = {}
        if len(self.tables) > 1:
            raise InvalidData(
                f"{self._must()}, which come from {len(self.tables)} sources. Received: one, {str(source)!r}. Fix: pass a "
                f"dictionary with one for each, {{{', '.join(f'{name!r}: ...' for name in self.fields)}}}."
            )
        for table in self.tables.values():
            first = next(iter(table))
            found |= table[first].read(source, first, table, **options)
        return found

    def named(self, data: Any) -> Batch:
        """Returns a batch by the names of its fields, whatever Keras or a data set wrapped it in."""
        parts = data
        while isinstance(parts, (tuple, list)):
            parts = [part for part in parts if part is not None]
            if len(parts) != 1:
                break
            parts = parts[0]
        if isinstance(parts, Mapping):
            held, parts = list(parts), self._by_name(parts)
        else:
            parts = parts if isinstance(parts, list) else [parts]
            held = [f"{len(parts)} part{'' if len(parts) == 1 else 's'}"]
            parts = dict(zip(self.fields, parts, strict=True)) if len(parts) == len(self.fields) else {}
        if set(self.fields) - set(parts):
            raise InvalidData(
                f"{self._must()}. Received: data that yields {', '.join(map(str, held))}. Fix: map the data set "
                f"to {'that' if len(self.fields) == 1 else 'a tuple in this order, or to a dictionary'}."
            )
        return {name: parts[name] for name in self.fields}

    def preprocess(self, batch: Batch) -> Batch:
        """Turns a batch into what networks see of it."""
        return {name: field.preprocess(batch[name]) for name, field in self.fields.items()}

    def reader(self) -> Callable[[Any], dict[str, np.ndarray]]:
        """Returns what reads the batches of one source, one per call, as `arrays` reads data that are there at once.

        What a batch does not tell, such as the range of images without a dark pixel, is as it was in the batches before.
        """
        return functools.partial(self._read_batch, {name: field.reader() for name, field in self.fields.items()})

    def _read_batch(self, readers, batch):
        named = self.named(batch)
        arrays = {name: read(named[name], name) for name, read in readers.items()}
        first, *others = arrays
        for name in others:
            if len(arrays[name]) != len(arrays[first]):
                raise self._uneven(name, arrays[name], first, arrays[first])
        return arrays

    @staticmethod
    def _uneven(name, array, first, others):
        return InvalidData(
            f"{name} must have one entry for each of {first}, in the same order. Received: {len(array)} entries for "
            f"{len(others)} {first}. Fix: load both together, or select from both alike."
        )

    def is_example(self, data: Any) -> bool:
        """Whether these are the fields of one example rather than of a batch."""
        named = self.named(data)
        return all(field.is_example(np.shape(as_array(named[name]))) for name, field in self.fields.items())

    def stacked(self, examples: Sequence[Any]) -> dict[str, np.ndarray]:
        """Stacks examples to one batch."""
        named = [self.named(example) for example in examples]
        return {name: self._stacked(name, [as_array(example[name]) for example in named]) for name in self.fields}

    def _stacked(self, name, values):
        if len(shapes := {np.shape(value) for value in values}) > 1:
            raise InvalidData(
                f"{name} must have the shape {self.fields[name].shape}. Received: examples of the shapes "
                f"{', '.join(map(str, sorted(shapes)))}. Fix: bring all of them to one size first."
            )
        return np.stack(values)

    def signature(self, batch_size: int | None) -> dict[str, tuple[tuple[int | None, ...], str]]:
        """Returns name -> (shape, dtype) of what a batch holds; the size is None if batches differ in it."""
        return {name: ((batch_size, *field.shape), field.dtype) for name, field in self.fields.items()}

    def _by_name(self, data):
        """Data by the names of the fields, which are in the singular in TFDS and elsewhere ("image" for "images")."""
        singular = {name.removesuffix("s"): name for name in self.fields}
        keys = {name: name if name in self.fields else singular.get(name, name) for name in data}
        if twice := [name for name, key in keys.items() if key != name and key in data]:
            raise InvalidData(
                f"{self._must()}, each given once. Received: {keys[twice[0]]!r} and {twice[0]!r}. Fix: leave one out."
            )
        return {keys[name]: value for name, value in data.items()}

    @property
    def _names(self):
        return list(self.fields)

    def _must(self):
        told = f"({', '.join(self.fields)})" if len(self.fields) > 1 else f"{self._names[0]} alone"
        return f"{self.owner} must be trained on {told}"

    def _given(self, x, y, options):
        """Name -> data, and name -> what messages call the data."""
        first = self._names[0]
        shown = {name: shown for name, shown in zip(self.fields, ("x", "y"), strict=False)}
        if y is not None and len(self.fields) < 2:
            raise InvalidData(f"{self._must()}. Received: y of type {type(y).__name__}. Fix: leave y out.")
        if isinstance(x, Mapping):
            x = self._by_name(x)
            if unknown := [name for name in x if name not in self.fields]:
                raise InvalidData(f"{self._must()}. Received: x with the field {unknown[0]!r}. Fix: leave it out.")
            # A field may have its own source, such as a folder.
            one = {name: {name: self.fields[name]} for name in x}
            given = {
                name: self.fields[name].read(value, name, one[name], **options)[name]
                if isinstance(value, (str, Path))
                else value
                for name, value in x.items()
            }
            shown = {}
        elif isinstance(x, (str, Path, ImageData)):
            given = self.read(x, **options)
        elif isinstance(x, tuple):
            if len(x) > len(self.fields):
                raise InvalidData(f"{self._must()}. Received: x, a tuple of length {len(x)}. Fix: leave the rest out.")
            given = dict(zip(self.fields, x, strict=False))
        else:
            given = {first: x}
        if y is None:
            return given, shown
        second = self._names[1]
        if given.get(second) is not None:
            raise InvalidData(f"{self._must()}. Received: {second} in x, and others as y. Fix: leave one of them out.")
        return {**given, second: y}, shown
