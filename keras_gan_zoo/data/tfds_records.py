"""Images of a TFDS data set that are decoded when they are needed: where its records lie, and what decodes one.

A .tfrecord file holds for each record its length (uint64), a checksum (4 bytes), the record, and a further checksum.
"""

import array
import functools
import mmap
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.convert import resize_images
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.on_demand import ImagesInFiles, unreadable_now

_HEAD, _TAIL = 12, 4


def stream_tfds(
    tfds: Any,
    builder: Any,
    split: str,
    image_key: str,
    label_key: str | None,
    size: tuple[int, int] | None,
    channels: int | None,
) -> ImageData:
    """The images of a split in the order in which TFDS gives them, to be decoded when they are needed, and their labels.

    The order and the labels take one pass over the records, in which no image is decoded.

    Raises:
        InvalidData: the records are not in .tfrecord files on a disk, or a file is damaged.
    """
    files = [os.fspath(file.filename) for file in builder.info.splits[split].file_instructions]
    kind = builder.info.file_format
    if kind is not tfds.core.FileFormat.TFRECORD or not all(map(os.path.isfile, files)):
        raise InvalidData(
            f"With stream=True, TFDS {builder.info.full_name!r} must be prepared as .tfrecord files on a disk here, "
            f"to read its records one by one. Received: {kind.value} files in '{builder.data_path}'. Fix: prepare it by "
            "tfds.builder(name, data_dir=DIR, file_format='tfrecord'), or leave stream out."
        )
    starts = [record_starts(file) for file in files]
    places, labels = _order(tfds, builder, split, image_key, label_key, files)
    places[:, 1] = [starts[number][position] for number, position in places]
    read = _reader(tfds, builder, files, image_key, size)
    first = read(places[0])
    images = ImagesInFiles(places, (*first.shape[:2], channels or first.shape[2]), read, lambda place: _name(files, place))
    return ImageData(images, labels, tuple(builder.info.features[label_key].names) if label_key else None)


def record_starts(path: str | os.PathLike) -> np.ndarray:
    """The places of the records in a .tfrecord file, in bytes from its beginning, (n,) int64.

    Raises:
        InvalidData: the file ends within a record.
    """
    starts, at, size = array.array("q"), 0, os.path.getsize(path)
    if size:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            while at + _HEAD <= size:
                starts.append(at)
                at += _HEAD + struct.unpack_from("<Q", held, at)[0] + _TAIL
    if at != size:
        raise InvalidData(
            f"'{path}' must be a whole .tfrecord file. Received: one of {size:,} bytes, whose last record is cut off. Fix: "
            "prepare the data set again."
        )
    return np.frombuffer(starts, np.int64) if starts else np.empty(0, np.int64)


def _order(tfds, builder, split, image_key, label_key, files):
    """(number of the file, number of the record in it) of all images, (n, 2), as TFDS gives them, and their labels."""
    keys = {key: True for key in (image_key, label_key) if key}
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(add_tfds_id=True),
        decoders=tfds.decode.PartialDecoding(keys, decoders={image_key: tfds.decode.SkipDecoding()}),
    )
    # What is not decoded is not kept either.
    dataset = dataset.map(lambda example: (example["tfds_id"], example[label_key] if label_key else 0)).batch(1024)

    @functools.cache
    def number(name):
        return next(i for i, file in enumerate(files) if Path(file).as_posix().endswith(name))

    places, labels = [], []
    for ids, classes in tfds.as_numpy(dataset):
        parts = (one.decode().rsplit("__", 1) for one in ids)
        places.append(np.array([(number(name), int(position)) for name, position in parts]))
        labels.append(classes)
    return np.concatenate(places), np.concatenate(labels).astype(np.int32) if label_key else None


def _reader(tfds, builder, files, image_key, size):
    import tensorflow as tf

    features = tfds.decode.PartialDecoding({image_key: True}).extract_features(builder.info.features)

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def decode(record):
        return features.deserialize_example(record)[image_key]

    def read(place):
        try:
            with open(files[place[0]], "rb") as file:
                file.seek(place[1])
                (length,) = struct.unpack("<Q", file.read(_HEAD)[:8])
                record = file.read(length)
            image = decode(tf.constant(record)).numpy()
        except (OSError, struct.error, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise unreadable_now(_name(files, place), reason) from error
        return resize_images(image[None], size)[0]

    return read


def _name(files, place):
    return f"{files[place[0]]}, record at byte {place[1]}"
