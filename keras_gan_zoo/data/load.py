"""One way in for every kind of image source."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from keras_gan_zoo.data.checks import InvalidData, as_array, check_channels, check_flag, check_labels, refused
from keras_gan_zoo.data.convert import convert_channels, parse_size, resize_images
from keras_gan_zoo.data.files import classes_of, image_files, load_files
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.image_reader import ImageReader
from keras_gan_zoo.data.tensorflow_sources import (
    KNOWN_DATASETS,
    is_tf_dataset,
    load_tfds,
    read_tf_dataset,
    tfds_class_names,
)
from keras_gan_zoo.untrusted import printable, read_npz, shown

# name, name/config, name:version, name/config:version
_TFDS_NAME = re.compile(r"[A-Za-z]\w*(/[\w.-]+)?(:(\d+|\*)\.(\d+|\*)\.(\d+|\*))?")
_FILE_SUFFIXES = (".npz", ".zip")
DATA_VARIABLE = "KERAS_GAN_ZOO_DATA"


def load_images(
    source: Any,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    labels: bool | np.ndarray | None = None,
    split: str = "train",
    on_error: Literal["raise", "skip"] = "raise",
    data_dir: str | os.PathLike | None = None,
    stream: bool = False,
) -> ImageData:
    """Load images, and labels if there are any, into memory as uint8; or read them as they are needed.

    Args:
        source: one of
            * an array or tensor (n, height, width, channels) or (n, height, width): uint8 in 0..255, or float16/32/64 in
              [-1, 1] or [0, 1]. Floats with a negative value are taken as [-1, 1], others as [0, 1], and rounded to
              256 steps (halves to even), which moves a value by at most 1/510 of the range. A uint8 array that needs no
              conversion is shared, not copied. uint8 of nothing but 0 and 1 is refused;
            * a pair (images, labels) of arrays;
            * a path to an .npz file with `images` and perhaps `labels`; or `x_train`, `y_train`, `x_test`, `y_test` as
              in the mnist.npz of Keras, chosen by `split`. Nothing is unpickled;
            * a folder or a .zip of png, jpg, jpeg, webp, bmp, or gif files (first frame), searched including its
              sub-folders and read in the order of the sorted relative paths. EXIF orientation is applied. Hidden files are
              ignored. An archive is unpacked in memory;
            * a TFDS name: "mnist", "mnist:3.0.1", "celeb_a_hq/256". It is downloaded if it is not prepared. An existing
              path comes first; a well-known name that is also a path here is refused with both spellings. If the
              environment variable KERAS_GAN_ZOO_DATA names a folder, names and missing paths are read from its .npz files
              (see `npz_name`), and TFDS is never asked;
            * a finite tf.data.Dataset of images or (images, labels), batched or not.
        size: side of a square, or (height, width). Each image is resized so that it covers the size, antialiased
            (LANCZOS), and center-cropped. None keeps the images as they are; they must then have one size.
        channels: 1 (gray, ITU-R 601 luma), 3 (RGB, alpha composited over white), or 4 (RGBA). None keeps what the
            source has; for files that is 4 if any has alpha, 1 if all are gray, else 3.
        labels: None takes labels from sources that come with them (pairs, .npz, tf.data), and none from others. True
            requires them: class names and labels from TFDS, or from the top-level sub-folders of a folder or zip, sorted.
            False leaves them out. An array (n,) of integers >= 0 gives them for an array source.
        split: TFDS split ("train", "test", "train[:1000]"), or "train" / "test" for an .npz with both.
        on_error: for folders and zips, "raise" names the files that cannot be read; "skip" records them in `skipped`.
        data_dir: folder of the TFDS data; None means the environment variable TFDS_DATA_DIR, or else TFDS's own folder.
        stream: for folders, zips, and TFDS names: leaves the images where they are, and decodes them when an index of
            `images` asks for them, so that memory holds their names and labels, and the batches on their way. The images,
            and their order in a training, are those that are loaded otherwise. Only a few are looked at beforehand: a file
            that cannot be read is named when it is needed, and none is skipped.

    Returns:
        An `ImageData`.

    Raises:
        InvalidData: the source or an option cannot be used. The message names the value and the fix.
    """
    size = parse_size(size)
    if channels is not None:
        check_channels(channels)
    if on_error not in ("raise", "skip"):
        raise refused("on_error", on_error, "'raise' or 'skip'")
    if not isinstance(split, str):
        raise refused("split", split, "a string, such as 'train' or 'train[:1000]'")
    if check_flag(stream, "stream") and on_error == "skip":
        raise InvalidData(
            "on_error must be left out with stream=True, which does not look at all files beforehand. Received: "
            "on_error='skip'. Fix: remove the files that cannot be read, or leave stream out."
        )
    if isinstance(source, str) and data_dir is None and (kept := _kept_file(source)):
        source, on_error = kept, "raise"
    kind = _kind(source)
    if not (labels is None or isinstance(labels, bool) or kind == "array"):
        raise InvalidData(
            f"labels must be True, False, or None for a source that has its own ({kind}). Received: labels of type "
            f"{type(labels).__name__}. Fix: labels=True, or an array of images as the source."
        )
    _refuse_unused(kind, split, on_error, data_dir, stream)
    options = {"size": size, "channels": channels, "labels": labels is True, "stream": stream}
    if kind == "tfds":
        return load_tfds(source, split=split, data_dir=data_dir, **options)
    if kind in ("folder", "zip"):
        return load_files(Path(source), on_error=on_error, **options)
    if kind == "npz":
        images, found = _read_npz(Path(source), split)
    elif kind == "tf.data":
        images, found = read_tf_dataset(source, size)
    elif kind == "pair":
        images, found = source
    else:
        images, found = source, None if isinstance(labels, bool) else labels
    if labels is True and found is None:
        raise InvalidData(
            f"With labels=True the source must have labels. Received: source of kind {kind} without any. Fix: pass the pair "
            "(images, labels), or leave out labels=True."
        )
    return _from_arrays(images, None if labels is False else found, size, channels)


def class_names(source: str) -> tuple[str, ...]:
    """The classes that `load_images(source, labels=True)` numbers, in their order, without reading the images.

    Those of an .npz may have only numbers: (), where `count_classes` tells how many there are.

    Raises:
        InvalidData: the source cannot be used, or has no labels.
    """
    source = _kept_file(source) or source
    kind = _kind(source)
    if kind == "tfds":
        return tfds_class_names(source)
    if kind == "npz":
        labels = _labels_of(Path(source), "train")
        return () if labels is None else _numbered(labels)[1]
    return classes_of(*image_files(Path(source)))[1]


def count_classes(source: str, split: str = "train") -> int:
    """The number of classes of an .npz, whose labels are "0" to the largest one.

    Raises:
        InvalidData: it has no labels.
    """
    labels = _labels_of(Path(_kept_file(source) or source), split)
    if labels is None:
        raise InvalidData(
            f"'{source}' must hold labels beside its images. Received: images alone. Fix: np.savez(path, images=..., "
            "labels=...)."
        )
    return int(check_labels(labels, unknown=True).max()) + 1


def npz_name(source: str) -> str:
    """The file in the folder of KERAS_GAN_ZOO_DATA that stands for a source: mnist.npz for "mnist", photos.npz for
    "somewhere/photos.zip"; with `x_train`, `y_train`, `x_test` and so on, or `images` and perhaps `labels`."""
    path = Path(source)
    name = path.stem if path.exists() or path.suffix in _FILE_SUFFIXES else source
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}.npz"


def _kept_file(source: str) -> str | None:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or Path(source).exists():
        return None
    path = Path(folder, npz_name(source))
    if not path.is_file():
        raise InvalidData(
            f"{path} must exist, since {DATA_VARIABLE} says that data sets lie in {folder}. Received: source={source!r}, "
            "and no such file. Fix: write it on a machine that has the data, python -m benchmarks export-data "
            f"{source} --output {folder}."
        )
    return str(path)


def _kind(source: Any) -> str:
    if hasattr(source, "__array__"):
        return "array"
    if isinstance(source, tuple):
        if len(source) != 2:
            raise InvalidData(f"source must be the pair (images, labels). Received: a tuple of length {len(source)}.")
        return "pair"
    if isinstance(source, (str, os.PathLike)):
        return _kind_of_name(source)
    if is_tf_dataset(source):
        return "tf.data"
    raise InvalidData(
        "source must be a NumPy array, a pair (images, labels), a path to an .npz, .zip, or folder, a TFDS name, or a "
        f"tf.data.Dataset. Received: an object of type {type(source).__name__}. Fix: np.asarray(source) for tensors, "
        "np.stack(source) for lists."
    )


def _kind_of_name(source: str | os.PathLike) -> str:
    path = Path(source)
    if not path.exists():
        if isinstance(source, str) and _TFDS_NAME.fullmatch(source) and path.suffix not in _FILE_SUFFIXES:
            return "tfds"
        raise InvalidData(
            "source must be a file or folder that exists, or a TFDS name such as 'mnist' or 'mnist:3.0.1'. Received: "
            f"source='{source}'. Fix: correct the path (relative ones start at '{Path.cwd()}')."
        )
    if source in KNOWN_DATASETS:
        raise InvalidData(
            f"source must be either a path or a TFDS name. Received: source={source!r}, which is both here. Fix: "
            f"'./{source}' for the path, '{source}:*.*.*' for TFDS."
        )
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise refused("source", str(source), "an .npz file, a .zip file, or a folder of images, and no pipe or device")
    if path.suffix.lower() in _FILE_SUFFIXES:
        return path.suffix.lower()[1:]
    raise refused("source", str(source), "an .npz file, a .zip file, or a folder of images")


def _refuse_unused(kind: str, split: str, on_error: str, data_dir: Any, stream: bool) -> None:
    # An option that would be ignored is a mistake that shows only in the results, if at all.
    for name, value, default, kinds, where in (
        ("split", split, "train", ("tfds", "npz"), "TFDS names and .npz files"),
        ("on_error", on_error, "raise", ("folder", "zip"), "folders and zips"),
        ("data_dir", data_dir, None, ("tfds",), "TFDS names"),
        ("stream", stream, False, ("folder", "zip", "tfds"), "folders, zips, and TFDS names"),
    ):
        if value != default and kind not in kinds:
            given = value if isinstance(value, bool) else str(value)
            raise InvalidData(
                f"{name} must be left out, except for {where}. Received: {name}={shown(given)}, and a source of kind "
                f"{kind}. Fix: leave {name} out."
            )


def read_arrays(source: Any, names: Collection[str], *, required: str) -> dict[str, np.ndarray]:
    """Those arrays of an .npz that have the names; nothing is unpickled.

    Args:
        source: the path, or a name that the folder of KERAS_GAN_ZOO_DATA has as an .npz.
        names: names of the arrays.
        required: the array that must be there.

    Raises:
        InvalidData: there is no such file, it is damaged, or it lacks the array `required`.
    """
    path = Path(_kept_file(source) or source) if isinstance(source, str) else source
    if not isinstance(path, Path) or path.suffix != ".npz" or not path.is_file():
        raise refused("source", str(source), f"an .npz file that exists, from which {required} are read")
    arrays, held = _opened(path, [name for name in names])
    if required not in arrays:
        wanted = ", ".join(f"{name}={name}" for name in names)
        raise InvalidData(
            f"'{path}' must hold an array named {required!r}. Received: {held or 'no arrays'}. Fix: np.savez(path, "
            f"{wanted})."
        )
    return arrays


def _opened(path: Path, names: Collection[str]) -> tuple[dict[str, np.ndarray], str]:
    """Those of the named arrays that an .npz holds, and the names of all that it holds, in words."""
    try:
        arrays, held = read_npz(path, names)
        return arrays, ", ".join(map(printable, held))
    except (OSError, ValueError) as error:
        fix = "copy or write it again, it may be truncated"
        if "allow_pickle" in str(error):
            fix = "save plain arrays, np.savez(path, images=np.stack(images)); pickled objects are not loaded"
        raise InvalidData(f"'{path}' must be an .npz file that can be read. Received: {error}. Fix: {fix}.") from error


def _npz_names(split: str) -> list[tuple[str, str]]:
    # `images` is one set without splits, so another split can only be one of Keras's names.
    keras_names = (f"x_{split}", f"y_{split}")
    return [("images", "labels"), keras_names] if split == "train" else [keras_names]


def _labels_of(path: Path, split: str) -> np.ndarray | None:
    """The labels of an .npz, without reading its images; None if it has none."""
    pairs = _npz_names(split)
    arrays, held = _opened(path, [label_name for _, label_name in pairs])
    # Those of the images that are read.
    return next((arrays.get(label_name) for image_name, label_name in pairs if image_name in held), None)


def _read_npz(path: Path, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    pairs = _npz_names(split)
    for image_name, label_name in pairs:
        arrays, held = _opened(path, (image_name, label_name))
        if image_name in arrays:
            return arrays[image_name], arrays.get(label_name)
    wanted = " or ".join(repr(image_name) for image_name, _ in reversed(pairs))
    raise InvalidData(
        f"'{path}' must hold an array named {wanted} for split={split!r}. Received: {held or 'no arrays'}. Fix: "
        "np.savez(path, images=images, labels=labels)."
    )


def _from_arrays(images: Any, labels: Any, size: tuple[int, int] | None, channels: int | None) -> ImageData:
    images, names = ImageReader()(images), ()
    if labels is not None:
        labels, names = _numbered(labels)
        # Whether a class may be unknown is for the model to say.
        labels = check_labels(labels, n=len(images), unknown=True)
    return ImageData(convert_channels(resize_images(images, size), channels), labels, names or None)


def _numbered(labels: Any) -> tuple[Any, tuple[str, ...]]:
    """Labels as numbers, and what they were called; () where they have been numbers."""
    labels = as_array(labels)
    if np.asarray(labels).dtype.kind != "U":
        return labels, ()
    names, numbers = np.unique(labels, return_inverse=True)
    return numbers, tuple(names.tolist())
