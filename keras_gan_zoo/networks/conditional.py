"""Discriminators that are told the class of an image beside their trunk, on the ladder of `networks/dcgan.py`."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from ..layers import OneHot
from .dcgan import dcgan_map, kernels_of, kinds_of, matched


def _inputs(image_shape):
    return [keras.Input(image_shape, name="images"), keras.Input((), dtype="int32", name="labels")]


def two_headed_discriminator(
    image_shape: Sequence[int],
    *,
    num_classes: int,
    norm: str | None,
    leak: float,
    label_dim: int | None = None,
    name: str = "discriminator",
    **options: Any,
) -> keras.Model:
    """Image -> convolutions of stride 2 -> its realism; and, with the label, whether it matches that.

    Args:
        image_shape: (height, width, channels) of the images.
        num_classes: number of classes.
        norm, leak, label_dim, **options: as in `dcgan_discriminator`.

    Returns:
        Model, [images (batch, height, width, channels), labels (batch,)] -> {"scores": realism (batch, 1), which is not told
        the label, "match": (batch, 1)}.
    """
    inputs = images, labels = _inputs(image_shape)
    kernels = kernels_of(norm)
    x = dcgan_map(images, kernels, norm=norm, leak=leak, **options)
    told = matched(x, labels, kernels, num_classes=num_classes, norm=norm, leak=leak, label_dim=label_dim)
    ends = {"scores": x, "match": told}
    dense, *_ = kinds_of(norm)
    head = {"use_bias": norm != "batch", "kernel_initializer": kernels, "dtype": "float32"}
    said = {key: dense(1, name=key, **head)(layers.Flatten(name=f"{key}_flatten")(end)) for key, end in ends.items()}
    return keras.Model(inputs, said, name=name)


def projection_discriminator(
    image_shape: Sequence[int], *, num_classes: int, norm: str | None, name: str = "discriminator", **options: Any
) -> keras.Model:
    """Image -> convolutions of stride 2 -> features, the sum of the last map -> a score + their product with the class.

    Args:
        image_shape: (height, width, channels) of the images.
        num_classes: number of classes.
        norm, **options: as in `dcgan_discriminator`.

    Returns:
        Model, [images (batch, height, width, channels), labels (batch,)] -> scores (batch, 1).
    """
    inputs = images, labels = _inputs(image_shape)
    x = dcgan_map(images, kernels_of(norm), norm=norm, **options)
    places = x.shape[1] * x.shape[2]
    x = layers.GlobalAveragePooling2D(dtype="float32", name="mean")(x)
    x = layers.Rescaling(places, dtype="float32", name="features")(x)
    dense, *_ = kinds_of(norm)
    head = {"kernel_initializer": "glorot_uniform", "dtype": "float32"}
    known = OneHot(num_classes, dtype="float32", name="one_hot")(labels)
    known = dense(x.shape[-1], use_bias=False, name="embedding", **head)(known)
    product = layers.Dot(1, dtype="float32", name="projection")([x, known])
    score = layers.Add(dtype="float32", name="total")([dense(1, name="score", **head)(x), product])
    return keras.Model(inputs, score, name=name)
