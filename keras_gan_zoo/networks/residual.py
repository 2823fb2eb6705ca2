"""Residual networks without normalization (R3GAN; Huang et al., 2024, https://arxiv.org/abs/2501.05441).

    block    x + W3 a(W2 * a(W1 x + b1) + b2),   a = LeakyReLU(0.2);  W1, W3 of 1 x 1 pixel, W2 of 3 x 3 in groups

W3 begins at 0, so that every block is the identity at first, and W1 and W2 are drawn smaller the more blocks there are. The
sizes are those of the ladders of `networks/dcgan.py`; channels double at each halving, up to `max_width`.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers

from ..layers import OneHot
from ..layers.basis import Basis
from ..layers.grouped import GroupedConv2D
from ..layers.resample import Downsample, Upsample
from .dcgan import activated, ladder

LEAK = 0.2


def _normal(gain=1.0):
    """N(0, gain^2 / fan in)."""
    return initializers.VarianceScaling(gain**2, mode="fan_in", distribution="untruncated_normal")


def _mapped(x, channels, name, **options):
    """Maps through a convolution of 1 x 1 pixel without bias."""
    return layers.Conv2D(channels, 1, use_bias=False, **{"kernel_initializer": _normal(), **options}, name=name)(x)


def _blocks(x, count, of_all, group_size, name):
    """Maps through `count` blocks of a network that has `of_all` of them."""
    channels = x.shape[-1]
    inside = {"kernel_initializer": _normal(math.sqrt(2 / (1 + LEAK**2)) * of_all**-0.25)}
    for i in range(1, count + 1):
        part = f"{name}_block_{i}"
        y = layers.Conv2D(2 * channels, 1, name=f"{part}_in", **inside)(x)
        y = layers.LeakyReLU(LEAK, name=f"{part}_in_relu")(y)
        groups = max(2 * channels // group_size, 1)
        y = GroupedConv2D(2 * channels, 3, padding="same", groups=groups, name=f"{part}_middle", **inside)(y)
        y = layers.LeakyReLU(LEAK, name=f"{part}_middle_relu")(y)
        y = _mapped(y, channels, f"{part}_out", kernel_initializer="zeros")
        x = layers.Add(name=part)([x, y])
    return x


def _widths(sizes, width, max_width):
    return [min(width * 2**i, max_width or width * 2**i) for i in range(len(sizes))]


def residual_generator(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    width: int,
    max_width: int | None = None,
    num_blocks: int = 2,
    group_size: int = 16,
    base_size: int = 4,
    num_classes: int | None = None,
    label_dim: int = 64,
    output_activation: str | None = None,
    name: str = "generator",
) -> keras.Model:
    """Latents -> a learned map, scaled by them -> blocks and doublings -> image.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        width: channels at the image's own size.
        max_width: the most that doubling leads to; equal to `width` for the paper's networks, the same at all sizes.
        num_blocks: at each size (2 in the paper).
        group_size: channels in a group of the 3 x 3 convolutions, which have twice those of the maps (16).
        base_size: longest side that the first map may have (4).
        num_classes: number of classes; then the model takes [latents, labels].
        label_dim: numbers that a label is made into (64).
        output_activation: None, "tanh" or "hard_tanh", as in `dcgan_generator`.

    Returns:
        Model, latents (batch, latent_dim) [and labels (batch,)] -> images (batch, height, width, channels).
    """
    sizes = ladder(image_shape, base_size)
    widths, of_all = _widths(sizes, width, max_width), num_blocks * len(sizes)
    inputs = x = keras.Input((latent_dim,), name="latents")
    if num_classes:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs, known = [inputs, labels], OneHot(num_classes, name="one_hot")(labels)
        known = layers.Dense(label_dim, kernel_initializer=_normal(), name="label")(known)
        x = layers.Concatenate(name="latents_and_label")([x, known])
    x = layers.Dense(widths[-1], use_bias=False, kernel_initializer=_normal(), name="base")(x)
    x = Basis(sizes[-1], initializers.RandomNormal(0.0, 1.0), name="base_map")(x)
    for (height, width_), channels in zip(sizes[::-1], widths[::-1], strict=True):
        stage = f"at_{height}x{width_}"
        if (height, width_) != sizes[-1]:
            if channels != x.shape[-1]:
                x = _mapped(x, channels, f"{stage}_channels")
            x = Upsample(name=f"{stage}_up")(x)
            excess = (x.shape[1] - height, x.shape[2] - width_)
            if any(excess):
                x = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name=f"{stage}_crop")(x)
        x = _blocks(x, num_blocks, of_all, group_size, stage)
    pixels = _mapped(x, image_shape[-1], "image", dtype="float32")
    return keras.Model(inputs, activated(pixels, output_activation), name=name)


def residual_discriminator(
    image_shape: Sequence[int],
    *,
    width: int,
    max_width: int | None = None,
    num_blocks: int = 2,
    group_size: int = 16,
    base_size: int = 4,
    num_classes: int | None = None,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> blocks and halvings -> a learned map, by which the last one is read -> score.

    Args:
        image_shape, width, max_width, num_blocks, group_size, base_size: as in `residual_generator`.
        num_classes: number of classes; then the model takes [images, labels], and the score is the product of what it reads
            and of what the label is made into.

    Returns:
        Model, images (batch, height, width, channels) [and labels (batch,)] -> scores (batch, 1).
    """
    sizes = ladder(image_shape, base_size)
    widths, of_all = _widths(sizes, width, max_width), num_blocks * len(sizes)
    inputs = x = keras.Input(image_shape, name="images")
    x = _mapped(x, width, "pixels")
    for (height, width_), channels in zip(sizes, widths, strict=True):
        stage = f"at_{height}x{width_}"
        if (height, width_) != sizes[0]:
            x = Downsample(name=f"{stage}_down")(x)
            if channels != x.shape[-1]:
                x = _mapped(x, channels, f"{stage}_channels")
        x = _blocks(x, num_blocks, of_all, group_size, stage)
    reading = initializers.RandomNormal(0.0, math.prod(sizes[-1]) ** -0.5)
    x = Basis(sizes[-1], reading, name="read", dtype="float32")(x)
    head: dict[str, Any] = {"use_bias": False, "dtype": "float32"}
    if not num_classes:
        return keras.Model(inputs, layers.Dense(1, kernel_initializer=_normal(), name="score", **head)(x), name=name)
    labels, size = keras.Input((), dtype="int32", name="labels"), widths[-1]
    known = OneHot(num_classes, name="one_hot", dtype="float32")(labels)
    known = layers.Dense(size, kernel_initializer=_normal(size**-0.5), name="label", dtype="float32")(known)
    x = layers.Dense(size, kernel_initializer=_normal(), name="score", **head)(x)
    return keras.Model([inputs, labels], layers.Dot(1, name="product", dtype="float32")([x, known]), name=name)
