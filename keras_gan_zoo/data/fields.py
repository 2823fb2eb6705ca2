"""The fields of an example: a variant names them, and says of what kind each one is.

    {"images": Images((28, 28, 1)), "labels": Labels(10)}                 images with their classes
    {"source": Images((64, 64, 1)), "target": Images((64, 64, 3))}        pairs
    {"a": Images(shape, table="a"), "b": Images(shape, table="b")}        two sets, each in its own order
    {"tokens": Tokens((20,), vocabulary=5000)}     {"voxels": Volumes((32, 32, 32, 1))}     {"points": Points((2,))}

A kind knows how its data are read, checked, and kept, what networks and people see of them, and what valid data look like.
`Schema` puts the fields of a variant together.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from keras import ops

from .checks import InvalidData, as_array, check_image_shape, refused
from .convert import float_to_uint8
from .decoding import warn_of_skipped
from .image_data import ImageData
from .image_reader import ImageReader
from .load import load_images, read_arrays
from .on_demand import ImagesInFiles
from .projection import render_voxels
from .tensorflow_sources import is_tf_dataset, read_tf_dataset


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of an example: numbers of one shape.

    Attributes:
        shape: shape of one sample.
        table: fields of one table belong together row by row; each further table is drawn in its own order.
        dtype: dtype in which arrays are kept and sent.
        output_range: range that the outputs of networks are clipped to, or None.
        optional: whether inference draws the field if it is an input that is not given.
    """

    shape: tuple[int, ...] = ()
    table: str = "data"
    dtype: ClassVar[str] = "float32"
    output_range: ClassVar[tuple[float, float] | None] = None
    optional: ClassVar[bool] = False

    def read(self, source: Any, name: str, table: "dict[str, Field]", **options: Any) -> dict[str, np.ndarray]:
        """Reads the field `name`, and what else of its table a source holds: here an .npz with arrays of these names.

        Args:
            source: a path or a name, as a person gives it to `fit`.
            name: name of this field.
            table: the fields that belong together, including this one.
            **options: options of the kind's own reader, such as `split`.

        Returns:
            Name of a field -> its data; and "class_names" -> names, where the source has some for the labels of the table.
        """
        if options:
            raise refused(*next(iter(options.items())), f"left out for {name}, which are read from an .npz at once")
        return read_arrays(source, table, required=name)

    def validate(self, data: Any, name: str) -> np.ndarray:
        """Data (n, *shape) as they are kept; an `InvalidData` names the argument, its value, and the fix."""
        data = np.asarray(as_array(data))
        if data.shape[1:] != tuple(self.shape) or data.ndim != 1 + len(self.shape) or not len(data):
            sides = "".join(f", {side}" for side in self.shape)
            raise InvalidData(
                f"{name} must have the shape (n{sides or ','}), with n of at least 1. Received: shape {data.shape}. Fix: "
                "reshape it, or select other data."
            )
        if data.dtype.kind not in "biuf":
            raise InvalidData(f"{name} must be numbers. Received: dtype {data.dtype}. Fix: {name}.astype('{self.dtype}').")
        if self.dtype == "float32":
            with np.errstate(over="ignore"):  # what is too large for it becomes infinite, which is refused
                data = data.astype(self.dtype, copy=False)
        if data.dtype.kind == "f" and not (finite := np.isfinite(data)).all():
            raise InvalidData(
                f"{name} must be finite. Received: {int((~finite).sum())} of {data.size} values that are NaN or infinite. "
                "Fix: find where they come from, or drop them."
            )
        return data

    def check_whole(self, data: np.ndarray, name: str) -> None:
        """Warns of data that are all there is, as `validate` returns them, if something is missing among them."""

    def reader(self) -> Callable[[Any, str], np.ndarray]:
        """Returns `validate` for the batches of one source, one after the other."""
        return self.validate

    def is_example(self, shape: Sequence[int]) -> bool:
        """Whether data of this shape are one sample rather than a batch."""
        return len(shape) == len(self.shape)

    def is_known(self, data: np.ndarray) -> np.ndarray:
        """Which samples of valid data say something, (n,) booleans."""
        return np.ones(len(data), bool)

    def preprocess(self, data: Any) -> Any:
        """Turns a tensor as it is kept into what networks see."""
        return ops.convert_to_tensor(data, dtype=self.dtype)

    def quantize(self, data: np.ndarray) -> np.ndarray:
        """Turns what networks make into data as they are kept."""
        return data.astype(self.dtype, copy=False)

    def render(self, data: np.ndarray) -> Any:
        """Turns what networks make into what people see: uint8 images (n, height, width, channels), or n lines of text."""
        return [np.array2string(row, precision=3, separator=" ") for row in data]

    def random(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draws n valid samples, as they are kept."""
        return rng.uniform(-1.0, 1.0, (n, *self.shape)).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Images(Field):
    """Images (height, width, channels): uint8, which networks see as floats in [-1, 1]."""

    dtype = "uint8"
    output_range = (-1.0, 1.0)

    def read(self, source, name, table, **options):
        others = [key for key, field in table.items() if isinstance(field, Images) and key != name]
        if others and not isinstance(source, ImageData):
            from .pairs import load_pairs

            return load_pairs(source, {key: table[key].shape for key in (name, *others)}, **options)
        if not isinstance(source, ImageData):
            size, labels = self.shape[:2], "labels" in table
            source = load_images(source, size=size, channels=self.shape[2], labels=labels, **options)
            warn_of_skipped(source.skipped, len(source.images))
        found = {name: source.images, "labels": source.labels}
        if "labels" in table and source.labels is not None and source.class_names:
            found["labels"] = table["labels"].of_source(source.labels, source.class_names)
            found["class_names"] = source.class_names
        return {key: value for key, value in found.items() if value is not None and key in (*table, "class_names")}

    def validate(self, data, name):
        if is_tf_dataset(data):
            data, _ = read_tf_dataset(data, None)
        if isinstance(data, ImagesInFiles):  # a few of them were checked when they were found
            check_image_shape(data.shape, self.shape, name)
            return data
        return self.reader()(data, name)

    def reader(self):
        return ImageReader(self.shape)

    def is_example(self, shape):
        # (n, height, width) is a batch of gray images.
        return len(shape) == 2 or (len(shape) == 3 and tuple(shape[1:]) != self.shape[:2])

    def preprocess(self, data):
        data = ops.convert_to_tensor(data)
        return ops.cast(data, "float32") / 127.5 - 1.0 if "uint8" in str(data.dtype) else data

    def quantize(self, data):
        return float_to_uint8(np.clip(data, -1.0, 1.0), -1.0)

    def render(self, data):
        return self.quantize(data)

    def random(self, rng, n):
        return rng.integers(0, 256, (n, *self.shape), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Latents(Field):
    """What a generator starts from: N(0, I), or U(-1, 1) in each direction."""

    distribution: str = "normal"
    optional = True

    def random(self, rng, n):
        if self.distribution == "uniform":
            return super().random(rng, n)
        return rng.standard_normal((n, *self.shape), dtype="float32")

    def draw(self, game: Any, n: Any) -> Any:
        """Draws n latents in a round, from the seed of a game."""
        return (game.uniform if self.distribution == "uniform" else game.normal)((n, *self.shape))


@dataclasses.dataclass(frozen=True)
class Noise(Latents):
    """What a generator makes details of, beside its latents; no search looks for it."""


@dataclasses.dataclass(frozen=True)
class Points(Field):
    """Points in a space of few dimensions, float32."""


@dataclasses.dataclass(frozen=True)
class Volumes(Field):
    """Occupancies 0 or 1, (depth, height, width, channels): uint8, which networks see as floats; shown as projections."""

    dtype = "uint8"
    output_range = (0.0, 1.0)

    def validate(self, data, name):
        data = super().validate(data, name)
        if not ((data == 0) | (data == 1)).all():
            raise InvalidData(
                f"{name} must be 0 (empty voxels) or 1 (full ones). Received: values in [{data.min()}, {data.max()}]. "
                f"Fix: ({name} >= 0.5).astype('uint8'), with the threshold of your data."
            )
        return data.astype(self.dtype, copy=False)

    def preprocess(self, data):
        return ops.cast(ops.convert_to_tensor(data), "float32")

    def quantize(self, data):
        return (data >= 0.5).astype(self.dtype)

    def render(self, data):
        return render_voxels(data)

    def random(self, rng, n):
        return rng.integers(0, 2, (n, *self.shape), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Tokens(Field):
    """Sequences (length,) of integers in [0, vocabulary); shown as lines of numbers."""

    vocabulary: int = 0
    dtype = "int32"

    def validate(self, data, name):
        data = super().validate(data, name)
        if data.dtype.kind not in "iu":
            raise InvalidData(f"{name} must be integers. Received: dtype {data.dtype}. Fix: {name}.astype('int32').")
        if data.min() < 0 or data.max() >= self.vocabulary:
            raise InvalidData(
                f"{name} must be tokens in [0, {self.vocabulary}). Received: tokens in [{data.min()}, {data.max()}]. Fix: "
                f"vocabulary={data.max() + 1}, or tokens that count from 0."
            )
        return data.astype(self.dtype, copy=False)

    def render(self, data):
        return [" ".join(map(str, row)) for row in data]

    def random(self, rng, n):
        return rng.integers(0, self.vocabulary, (n, *self.shape)).astype("int32")
