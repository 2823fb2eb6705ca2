"""TensorFlow Datasets by name, and tf.data.Dataset objects -> uint8 arrays.

This module and `tfds_records` are the only ones of `data` that import TensorFlow, and only inside functions.
"""

import contextlib
import difflib
import logging
import os
from typing import Any

import keras
import numpy as np

from keras_gan_zoo.data.checks import CHANNELS, InvalidData
from keras_gan_zoo.data.convert import convert_channels, mixed_sizes, resize_images
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.tfds_records import stream_tfds

# Image sets that people train GANs on, for suggestions when TFDS itself cannot be asked.
KNOWN_DATASETS = (
    "caltech_birds2011",
    "cars196",
    "cats_vs_dogs",
    "celeb_a",
    "celeb_a_hq",
    "cifar10",
    "cifar100",
    "coil100",
    "emnist",
    "eurosat",
    "fashion_mnist",
    "flic",
    "food101",
    "horses_or_humans",
    "imagenet_resized",
    "kmnist",
    "lfw",
    "lsun",
    "mnist",
    "omniglot",
    "oxford_flowers102",
    "oxford_iiit_pet",
    "places365_small",
    "quickdraw_bitmap",
    "rock_paper_scissors",
    "stanford_dogs",
    "stl10",
    "svhn_cropped",
    "tf_flowers",
)

_log = logging.getLogger(__name__)


def load_tfds(
    name: str,
    *,
    split: str,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    data_dir: str | os.PathLike | None,
    stream: bool = False,
) -> ImageData:
    """Load one split of a TFDS data set, downloading it if it is not prepared; see `load_images`."""
    tfds = _import_tfds(name)
    builder = _builder(tfds, name, data_dir)
    _prepare(builder, name)
    image_key = _feature(builder, tfds.features.Image, "image", "images")
    label_key = _feature(builder, tfds.features.ClassLabel, "label", "class labels") if labels else None
    feature = builder.info.features[image_key]
    if np.dtype(feature.np_dtype) != np.uint8:
        raise InvalidData(
            f"The images of TFDS {name!r} must be uint8. Received: dtype {np.dtype(feature.np_dtype)}. Fix: tfds.load it, "
            "map it to images in [0, 1], and pass that tf.data.Dataset."
        )
    try:
        n = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise InvalidData(
            f"split must be a split of TFDS {name!r} ({', '.join(builder.info.splits)}), or a part of one, such as "
            f"'train[:1000]'. Received: split={split!r}."
        ) from error
    if not n:
        raise InvalidData(
            f"The split of TFDS {name!r} must hold images. Received: split={split!r}, which is empty. Fix: a larger part."
        )
    if stream:
        return stream_tfds(tfds, builder, split, image_key, label_key, size, channels)
    keys = [key for key in (image_key, label_key) if key]
    dataset = builder.as_dataset(
        split=split, shuffle_files=False, decoders=tfds.decode.PartialDecoding({key: True for key in keys})
    )
    # Images of mixed sizes cannot share a batch before they are resized.
    dataset = dataset.batch(256 if None not in feature.shape else 1)
    images, numbers, filled = None, np.empty(n, np.int32), 0
    for batch in tfds.as_numpy(dataset):
        part = convert_channels(resize_images(batch[image_key], size), channels)
        if images is None:
            images = np.empty((n, *part.shape[1:]), np.uint8)
        elif part.shape[1:3] != images.shape[1:3]:
            raise mixed_sizes(np.array([images.shape[1:3], part.shape[1:3]]), f"TFDS {name!r}")
        images[filled : filled + len(part)] = part
        if label_key:
            numbers[filled : filled + len(part)] = batch[label_key]
        filled += len(part)
    if not label_key:
        return ImageData(images)
    return ImageData(images, numbers, tuple(builder.info.features[label_key].names))


def tfds_class_names(name: str) -> tuple[str, ...]:
    """The classes of a TFDS data set, in the order of their labels."""
    tfds = _import_tfds(name)
    builder = _builder(tfds, name, None)
    return tuple(builder.info.features[_feature(builder, tfds.features.ClassLabel, "label", "class labels")].names)


def _import_tfds(name: str) -> Any:
    try:
        _import_tensorflow()
        import tensorflow_datasets as tfds

        return tfds
    except ImportError as error:
        raise InvalidData(
            f"source must be a file or folder that exists, or else a TFDS name{_closest(name)}, and those need TFDS. "
            f"Received: source={name!r}, and TFDS cannot be imported ({error}). Fix: pip install tensorflow "
            "tensorflow-datasets importlib_resources, correct the path, or pass an array, an .npz file, or a folder of "
            "images."
        ) from error


def _import_tensorflow() -> Any:
    import tensorflow as tf

    if keras.config.backend() != "tensorflow":
        # TensorFlow only reads files here, but it would reserve the GPU memory that JAX or torch need. If it has been
        # initialized already (RuntimeError), that was decided elsewhere.
        with contextlib.suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")
    return tf


def _builder(tfds: Any, name: str, data_dir: str | os.PathLike | None) -> Any:
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        raise InvalidData(
            "source must be a file or folder that exists, or a TFDS name"
            f"{_closest(name, tfds.list_builders(with_community_datasets=False))}. Received: source={name!r}. Fix: correct "
            "the path or the name."
        ) from error
    except (ValueError, AssertionError) as error:  # an unknown version or configuration
        raise InvalidData(
            f"source must be a version and configuration that TFDS has. Received: source={name!r}. {str(error).strip()}"
        ) from error


def _closest(name: str, known: Any = KNOWN_DATASETS) -> str:
    base = name.split(":")[0].split("/")[0].lower()
    if base in known:
        return ""
    names = dict.fromkeys(  # well-known ones first
        difflib.get_close_matches(base, KNOWN_DATASETS, 3) + difflib.get_close_matches(base, known, 3)
    )
    return f" (closest TFDS names: {', '.join(list(names)[:4])})" if names else ""


def _prepare(builder: Any, name: str) -> None:
    if builder.is_prepared():
        return
    _log.warning(
        "TFDS %r is not prepared in %s: downloading it. Without a network TFDS gives up after a few minutes.",
        name,
        builder.data_path,
    )
    try:
        builder.download_and_prepare()
    except Exception as error:  # no network, no space, a manual download: whatever it is, the way out is the same
        raise InvalidData(
            f"TFDS {name!r} must be prepared in '{builder.data_path}', or be available for download. Received: "
            f"{type(error).__name__}: {error}. Fix: on a machine with a network run "
            f"tfds.builder({name!r}, data_dir=DIR).download_and_prepare(), copy DIR here, and set TFDS_DATA_DIR=DIR or "
            "pass data_dir=DIR."
        ) from error


def _feature(builder: Any, kind: type, usual: str, what: str) -> str:
    """The key of the feature of a kind: the usual key, or the only one."""
    features = builder.info.features
    found = [key for key, feature in features.items() if isinstance(feature, kind)]
    if usual in found:
        return usual
    if len(found) != 1:
        several = f"several ({', '.join(found)})" if found else "none"
        raise InvalidData(
            f"TFDS {builder.info.name!r} must have one feature with {what}. Received: {several}, among "
            f"{', '.join(features)}. Fix: tfds.load it, map it to (image, label) pairs or images, and pass that "
            "tf.data.Dataset to load_images."
        )
    return found[0]


def is_tf_dataset(source: Any) -> bool:
    """Whether source is a tf.data.Dataset, decided without importing TensorFlow for other objects."""
    if not any(base.__module__.startswith("tensorflow.") for base in type(source).__mro__):
        return False
    return isinstance(source, _import_tensorflow().data.Dataset)


def read_tf_dataset(dataset: Any, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a finite tf.data.Dataset of images or (images, labels), batched or not, into memory.

    Returns:
        images (n, height, width, channels) in the dtype they have there, resized if they are uint8; labels (n,) or None.

    Raises:
        InvalidData: it is infinite or empty, has another structure, or mixes sizes that cannot be resized.
    """
    tf = _import_tensorflow()
    spec = dataset.element_spec
    pair = isinstance(spec, tuple) and len(spec) == 2
    specs = spec if pair else (spec,)
    if not all(isinstance(part, tf.TensorSpec) and part.shape.rank is not None for part in specs):
        raise InvalidData(
            f"A tf.data.Dataset must hold images or (images, labels) of known rank. Received: elements {spec}. Fix: for "
            "example, dataset.map(lambda example: (example['image'], example['label']))."
        )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InvalidData(
            "A tf.data.Dataset must be finite. Received: an infinite one. Fix: leave out .repeat(), or add .take(count)."
        )
    batched, gray = _layout(specs)
    parts, labels = [], []
    for element in dataset.as_numpy_iterator():
        image = element[0] if pair else element
        image = image[..., None] if gray else image
        image = image if batched else image[None]
        if image.dtype == np.uint8 and 0 not in image.shape:
            image = resize_images(image, size)
        if parts and image.shape[1:] != parts[0].shape[1:]:
            if image.dtype != np.uint8 and size is not None:
                raise InvalidData(
                    "The images of a tf.data.Dataset must be uint8 if they have several sizes, since only those can be "
                    f"resized one by one. Received: dtype {image.dtype}. Fix: map the images to 0..255 and tf.cast(image, "
                    "tf.uint8) first."
                )
            raise mixed_sizes(np.array([parts[0].shape[1:3], image.shape[1:3]]), "the tf.data.Dataset")
        parts.append(image)
        if pair:
            labels.append(np.atleast_1d(element[1]))
    if not parts:
        raise InvalidData(
            "A tf.data.Dataset must yield images. Received: an empty one. Fix: check its filters, and whether it has been "
            "used up."
        )
    return np.concatenate(parts), np.concatenate(labels) if pair else None


def _layout(specs: tuple) -> tuple[bool, bool]:
    """Whether the elements are batches, and whether their images lack the channel axis."""
    rank = specs[0].shape.rank
    if len(specs) == 2:
        batched = specs[1].shape.rank > 0
    else:
        batched = rank == 4 or (rank == 3 and specs[0].shape[-1] not in CHANNELS)
    gray = rank == 2 + batched
    if rank not in (2 + batched, 3 + batched):
        raise InvalidData(
            "A tf.data.Dataset must hold images (height, width[, channels]) with scalar labels, or batches of both. "
            f"Received: elements {specs}. Fix: dataset.map the elements to that."
        )
    return batched, gray
