"""Classes as a field: integers, and names for people."""

import dataclasses
import numbers
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from .checks import InvalidData, as_array, check_labels, refused
from .fields import Field


@dataclasses.dataclass(frozen=True)
class Labels(Field):
    """Classes: integers in [0, classes), or their names if they have any.

    Attributes:
        classes: their number.
        names: their names, in the order of their numbers, or () if they have none.
        unknown: whether data may have -1 for samples whose class is not known.
        probabilities: how likely each class is where inference draws some; () for all alike.
    """

    classes: int = 0
    names: tuple[str, ...] = ()
    unknown: bool = False
    probabilities: tuple[float, ...] = ()
    dtype = "int32"
    optional = True

    def validate(self, data, name):
        data = as_array(data)
        try:
            data = np.asarray(data)
        except ValueError as error:  # rows of several lengths
            raise refused(name, data, "one class for each sample") from error
        if data.dtype.kind == "S":
            data = np.char.decode(data)
        if data.dtype.kind == "O":  # as tf.data has text
            data = np.frompyfunc(lambda value: value.decode() if isinstance(value, bytes) else value, 1, 1)(data)
        if data.dtype.kind == "O" and all(isinstance(value, numbers.Integral) for value in data.ravel()):
            data = data.astype("int64")
        if data.dtype.kind in "UO":
            data = self._numbers(data, name)
        return check_labels(data, self.classes, name=name, unknown=self.unknown)

    def is_example(self, shape):
        # The class of one sample may be a one-hot row.
        return tuple(shape) in ((), (self.classes,))

    def is_known(self, data):
        return data >= 0

    def _numbers(self, data, name):
        values, known = data.ravel().tolist(), {key: number for number, key in enumerate(self.names)}
        if unknown := [value for value in values if not isinstance(value, str) or value not in known]:
            if not self.names:
                raise InvalidData(
                    f"{name} must be integers in [0, {self.classes}), as the classes of this model have no names. Received: "
                    f"{unknown[0]!r}. Fix: the number of the class, or a model with class_names=[...]."
                )
            raise InvalidData(
                f"{name} must be among {', '.join(map(repr, self.names[:20]))}{' ...' if len(self.names) > 20 else ''}. "
                f"Received: {unknown[0]!r}. Fix: one of these, or its number in [0, {self.classes})"
                f"{'; numbers alone where some are -1, for samples without a class' if self.unknown else ''}."
            )
        return np.array([known[value] for value in values], self.dtype).reshape(data.shape)

    def check_whole(self, data, name):
        if missing := sorted(set(range(self.classes)) - set(np.unique(data).tolist())):
            first = self.names[missing[0]] if self.names else missing[0]
            warnings.warn(
                f"Each of the {self.classes} classes of the model should be in the data, or it cannot learn what to make of "
                f"it. Received: {name} without {len(missing)} of them, such as {first!r}.",
                stacklevel=3,
            )

    def of_source(self, labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """Returns labels of a source that has names for its classes, by the numbers of this field, if it has names.

        Raises:
            InvalidData: the source has other classes than this field, or labels that are none of its own.
        """
        labels = check_labels(labels, len(names), unknown=True)
        if self.names and set(self.names) == set(names):
            # The last number is for -1.
            return np.array([*map(self.names.index, names), -1], self.dtype)[labels]
        if self.names or len(names) != self.classes:
            own = f" ({', '.join(self.names[:20])})" if self.names else ""
            fix = "data of those classes" if self.names else f"num_classes={len(names)}"
            raise InvalidData(
                f"The {self.classes} classes of the model{own} must be those of the data. Received: {len(names)} "
                f"({', '.join(names[:20])}). Fix: {fix}."
            )
        return labels

    def random(self, rng, n):
        if self.probabilities:
            return rng.choice(self.classes, n, p=self.probabilities).astype(self.dtype)
        return rng.integers(-1 if self.unknown else 0, self.classes, n).astype(self.dtype)

    def likely(self, probabilities: Any, name: str = "class_probabilities") -> "Labels":
        """Returns this field with other probabilities: one for each class, or a dictionary of those that are not 0.

        Raises:
            InvalidData: they are no distribution over these classes.
        """
        given = probabilities
        if isinstance(given, Mapping):
            given = np.zeros(self.classes)
            for key, value in probabilities.items():
                if isinstance(value, bool) or not isinstance(value, numbers.Real):
                    raise refused(name, probabilities, "numbers, one for each class that is named")
                number = self.validate([key], name)
                if given[number]:
                    raise refused(name, probabilities, f"a number for each class, once; class {number[0]} is named twice")
                given[number] = value
        try:
            given = np.asarray(as_array(given))
        except ValueError as error:  # rows of several lengths
            raise refused(name, probabilities, f"{self.classes} numbers, one for each class") from error
        if given.shape != (self.classes,) or given.dtype.kind not in "iuf" or not (given >= 0).all():
            fix = f"such as {{{self.names[0] if self.names else 0!r}: 1.0}}"
            raise refused(name, probabilities, f"{self.classes} numbers of at least 0, one for each class", fix)
        if abs(given.sum() - 1) > 1e-3:
            raise refused(name, probabilities, "a distribution, whose sum is 1", "divide it by its sum")
        return dataclasses.replace(self, probabilities=tuple((given / given.sum()).tolist()))

    def draw(self, game: Any, n: Any) -> Any:
        """Draws n classes in a round, uniformly, from the seed of a game."""
        classes = ops.cast(ops.floor(game.uniform((n,), 0.0, self.classes)), "int32")
        return ops.minimum(classes, self.classes - 1)

    def in_order(self, n: int) -> np.ndarray:
        """Returns n classes from the first to the last, each as often as the others."""
        return (np.arange(n) * self.classes // n).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Members(Labels):
    """Which of several networks makes a sample: integers in [0, classes). In a round each makes an equal share."""

    def draw(self, game, n):
        return ops.cast(ops.arange(n) % self.classes, self.dtype)
