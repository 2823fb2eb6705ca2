"""Checks on images and labels, shared by the loaders, the streams, and the models.

Each message says what must hold, what was received, and how to fix it. The checks read values, so they are for NumPy arrays
before training starts, not for tensors inside a compiled step.
"""

import operator
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_gan_zoo.untrusted import shown

CHANNELS = (1, 3, 4)

_DTYPE_FIXES = {
    "b": "{name}.astype('uint8') * 255",
    "i": "{name}.astype('uint8'), if the values are 0..255",
    "u": "{name}.astype('uint8'), if the values are 0..255",
    "c": "{name}.real, if the imaginary part is empty",
    "O": "images of one size in one array, np.stack({name}); for mixed sizes save them as files and load the folder "
    "with size=...",
}


class InvalidData(ValueError):
    """Images, labels, or options that cannot be used; the message says which value, and what to do about it."""


def as_array(data: Any) -> Any:
    """Turns tensors and arrays of any framework into NumPy arrays, and returns anything else as it is.

    Raises:
        InvalidData: an array has masked values, which NumPy would unmask without a word.
    """
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InvalidData(
            f"Arrays must not have masked values. Received: {np.ma.count_masked(data)} of {data.size}. Fix: "
            "array.filled(value), or leave those out."
        )
    if isinstance(data, np.ndarray) or not hasattr(data, "__array__"):
        return data
    if hasattr(data, "detach"):  # a torch tensor may be part of a graph, on a GPU, or of a type that NumPy does not have
        data = data.detach().cpu()
        data = data.float() if str(data.dtype) == "torch.bfloat16" else data
    array = np.asarray(data)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def refused(name: str, value: Any, expected: str, fix: str = "") -> InvalidData:
    """The error for an argument whose value is not what it must be; `fix` is for where that does not say what to pass."""
    return InvalidData(f"{name} must be {expected}. Received: {name}={shown(value)}.{fix and f' Fix: {fix}.'}")


def check_integer(value: Any, name: str, low: int, high: int | None = None) -> int:
    """Check that `value` is an integer with low <= value (and value < high, if given).

    Returns:
        The value as a Python int.

    Raises:
        InvalidData: it is not an integer (a boolean is not one), or out of bounds.
    """
    bounds = f"an integer of at least {low}" if high is None else f"an integer in [{low}, {high})"
    try:
        number = operator.index(value)
    except TypeError:
        raise refused(name, value, bounds) from None
    if isinstance(value, (bool, np.bool_)) or number < low or (high is not None and number >= high):
        raise refused(name, value, bounds)
    return number


def check_seed(seed: Any) -> int | None:
    """Check that `seed` is an integer of at least 0, or None for new random numbers.

    Raises:
        InvalidData: it is anything else.
    """
    return None if seed is None else check_integer(seed, "seed", 0)


def check_flag(value: Any, name: str) -> bool:
    """Check that `value` is True or False.

    Raises:
        InvalidData: it is anything else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise refused(name, value, "True or False")
    return bool(value)


def check_channels(channels: Any, name: str = "channels") -> None:
    """Check that `channels` is 1 (gray), 3 (RGB), or 4 (RGBA).

    Raises:
        InvalidData: it is anything else.
    """
    if not isinstance(channels, (int, np.integer)) or isinstance(channels, bool) or channels not in CHANNELS:
        raise refused(name, channels, "1 (gray), 3 (RGB), or 4 (RGBA)")


def check_images(images: Any, image_shape: Sequence[int | None] | None = None, name: str = "images") -> tuple[float, float]:
    """Check a batch of images: type, dtype, rank, channels, shape, finite values, and range.

    Args:
        images: what should be a NumPy array (n, height, width, channels), with 1, 3, or 4 channels and n >= 1; uint8 in
            0..255, or float16/32/64 in [-1, 1] or in [0, 1].
        image_shape: (height, width, channels) that the images must have; None, or a None in it, accepts any.
        name: what the messages call the argument.

    Returns:
        The range that the values use: (0, 255) for uint8; for floats (-1, 1) if any value is negative, else (0, 1).
        Floats that are meant to be in [-1, 1] but are never negative cannot be told from [0, 1].

    Raises:
        InvalidData: any of the above does not hold.
    """
    check_dtype(images, name)
    if images.ndim != 4:
        raise InvalidData(
            f"{name} must have the shape (n, height, width, channels). Received: shape {images.shape}. Fix: {name}[None] "
            f"for a single image, {name}[..., None] for gray images without a channel axis."
        )
    if 0 in images.shape:
        raise InvalidData(
            f"{name} must not be empty. Received: shape {images.shape}. Fix: check how it was selected or read."
        )
    if images.shape[3] not in CHANNELS:
        fix = "keep 1 (gray), 3 (RGB), or 4 (RGBA) of them"
        if images.shape[1] in CHANNELS:
            fix = f"the channels seem to come first: np.moveaxis({name}, 1, -1)"
        raise InvalidData(
            f"{name} must have 1, 3, or 4 channels. Received: {images.shape[3]} channels, shape {images.shape}. Fix: {fix}."
        )
    if image_shape is not None:
        check_image_shape(images.shape, image_shape, name)
    if images.dtype == np.uint8:
        return 0, 255
    return _float_range(images, name)


def check_image_shape(shape: Sequence[int], image_shape: Sequence[int | None], name: str = "images") -> None:
    """Check that images of the shape (n, height, width, channels) have the shape `image_shape`, where a None accepts any.

    Raises:
        InvalidData: they are not.
    """
    expected = tuple(image_shape)
    if len(expected) != 3 or any(e is not None and e != a for e, a in zip(expected, shape[1:], strict=True)):
        raise InvalidData(
            f"{name} must hold images of shape {expected}. Received: images of shape {shape[1:]}. Fix: load_images({name}, "
            f"size={expected[:2]}, channels={expected[-1]}), or build the model for {shape[1:]}."
        )


def refuse_masks(highest: int, name: str = "images") -> None:
    """Refuse uint8 images whose highest value is 1: they are masks, which would be almost black.

    Raises:
        InvalidData: it is.
    """
    if highest == 1:
        raise InvalidData(
            f"{name} must be uint8 in 0..255. Received: nothing but 0 and 1. Fix: {name} * 255, where 1 means white."
        )


def check_dtype(images: Any, name: str = "images") -> None:
    """Check that `images` is a NumPy array of dtype uint8, float16, float32, or float64.

    Raises:
        InvalidData: it has another type or dtype.
    """
    if isinstance(images, (str, Path)):
        raise InvalidData(
            f"{name} must be a NumPy array. Received: {name}={shown(str(images))}. Fix: what keras_gan_zoo.data.load_images "
            "of it has as .images."
        )
    if not isinstance(images, np.ndarray):
        raise InvalidData(
            f"{name} must be a NumPy array. Received: an object of type {type(images).__name__}. Fix: np.asarray({name})."
        )
    if images.dtype == np.uint8 or images.dtype in (np.float16, np.float32, np.float64):
        return
    fix = _DTYPE_FIXES.get(images.dtype.kind, "{name}.astype('float32')").format(name=name)
    raise InvalidData(
        f"{name} must have the dtype uint8 (0..255) or float16/32/64 ([-1, 1] or [0, 1]). Received: dtype {images.dtype}. "
        f"Fix: {fix}."
    )


def _float_range(images: np.ndarray, name: str) -> tuple[float, float]:
    # NaN and infinity pass through min and max, so two passes see everything; the mask is built only when needed.
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(images.size - np.count_nonzero(np.isfinite(images)))
        raise InvalidData(
            f"{name} must be finite. Received: {bad} of {images.size} values that are NaN or infinite. Fix: find where they "
            f"come from, or drop those images: {name}[np.isfinite({name}).all(axis=(1, 2, 3))]."
        )
    if -1 <= low < 0 and high <= 1:
        return -1, 1
    if 0 <= low and high <= 1:
        return 0, 1
    if low >= 0 and high <= 255:
        fix = f"np.rint({name}).astype('uint8') if they are 0..255 (or {name} / 127.5 - 1, in a data set by map)"
    else:
        fix = f"undo the normalization so that they lie in [-1, 1] or [0, 1]; np.clip({name}, -1, 1) for a slight excess"
    raise InvalidData(f"{name} must be floats in [-1, 1] or [0, 1]. Received: values in [{low:g}, {high:g}]. Fix: {fix}.")


def check_labels(
    labels: Any, num_classes: int | None = None, n: int | None = None, name: str = "labels", *, unknown: bool = False
) -> np.ndarray:
    """Check class labels.

    Args:
        labels: an array or list of integers (n,), each >= 0 and, with num_classes, < num_classes; or one-hot rows
            (n, num_classes), with a warning that says so.
        num_classes: number of classes; None leaves the upper bound open.
        n: number of images that the labels belong to; None accepts any number.
        name: what the messages call the argument.
        unknown: whether -1 is accepted too, for images whose class is not known.

    Returns:
        The labels as int32 (n,).

    Raises:
        InvalidData: any of the above does not hold.
    """
    array = np.asarray(labels)
    if array.ndim == 2 and _is_one_hot(array, num_classes):
        warnings.warn(
            f"{name} are one-hot rows, {array.shape}, and are taken as the integers np.argmax({name}, axis=1).", stacklevel=2
        )
        array = array.argmax(axis=1)
    if array.ndim != 1:
        fix = "one integer per image"
        if array.ndim == 2:
            fix = f"{name}[:, 0]" if array.shape[1] == 1 else f"np.argmax({name}, axis=1) if they say how likely classes are"
            if unknown and array.shape[1] > 1:
                fix = f"{fix}, and -1 where none is known"
        raise InvalidData(f"{name} must have the shape (n,). Received: shape {array.shape}. Fix: {fix}.")
    if array.dtype.kind not in "iu":
        fix = f"np.unique({name}, return_inverse=True)[1] numbers the classes"
        if array.dtype.kind in "bf":
            fix = f"{name}.astype('int32') if the values are whole"
        raise InvalidData(f"{name} must be integers. Received: dtype {array.dtype}. Fix: {fix}.")
    if n is not None and len(array) != n:
        raise InvalidData(
            f"{name} must have one entry for each image, in the same order. Received: {len(array)} entries for {n} images. "
            "Fix: load the two together, or select from both alike."
        )
    if not len(array):
        raise InvalidData(f"{name} must not be empty. Received: no entries. Fix: pass one label for each image.")
    low, high = int(array.min()), int(array.max())
    if low < -unknown:
        only = ", or be -1 for no label" if unknown else ""
        fix = f"np.maximum({name}, -1)" if unknown else f"{name} - {name}.min()"
        if low == -1:
            fix = f"keep those with {name} >= 0, since only semi-supervised models learn from samples without a label"
        raise InvalidData(f"{name} must start at 0{only}. Received: the value {low}. Fix: {fix}.")
    limit = 2**31 if num_classes is None else num_classes
    if high >= limit:
        raise InvalidData(
            f"{name} must be less than {limit}. Received: the value {high}. Fix: a model of num_classes={high + 1}, or "
            "labels that count from 0."
        )
    return array.astype(np.int32, copy=False)


def _is_one_hot(rows: np.ndarray, num_classes: int | None) -> bool:
    wide = rows.shape[1] >= 2 if num_classes is None else rows.shape[1] == num_classes
    return wide and rows.dtype.kind in "biuf" and bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def check_class_names(names: Sequence[str], num_classes: int | None) -> tuple[str, ...]:
    """Check the names of classes, in the order of their numbers.

    Raises:
        InvalidData: they are not `num_classes` different strings, nor none at all.
    """
    names = tuple(names) if isinstance(names, (list, tuple, np.ndarray)) else names
    if names == ():
        return ()
    if num_classes is None:
        raise refused("class_names", names, "left out without num_classes", f"num_classes={len(names)} too")
    strings = isinstance(names, tuple) and all(isinstance(name, str) and name for name in names)
    if not strings or len(set(names)) != num_classes or len(names) != num_classes:
        count = f", or num_classes={len(names)}" if strings else ""
        raise refused("class_names", names, f"{num_classes} different names", f"one for each class{count}")
    return tuple(map(str, names))
