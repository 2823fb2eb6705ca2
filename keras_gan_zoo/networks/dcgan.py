"""Strided convolutional networks of the DCGAN family (Radford et al., 2015, https://arxiv.org/abs/1511.06434).

The same two ladders serve every image size: the discriminator halves the image, rounding up, until its longer side is at
most `base_size`; the generator climbs the same sizes back and crops where a doubling overshoots (7 <- 8). Channels double
at each halving.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers

from ..layers import BatchNorm, SNConv2D, SNConv2DTranspose, SNDense, label_maps
from ..layers.conditional_batch_norm import ConditionalBatchNorm
from ..layers.labels import label_vector
from ..layers.self_attention import SelfAttention

NORMS = ("batch", "layer", "spectral", None)
OUTPUT_ACTIVATIONS = ("tanh", "hard_tanh", None)


def ladder(image_shape: Sequence[int], base_size: int) -> list[tuple[int, int]]:
    """Sizes (height, width) from the image down to the base: (28, 28), (14, 14), (7, 7)."""
    sizes = [tuple(image_shape[:2])]
    if max(sizes[0]) <= base_size:
        raise ValueError(
            f"One side of image_shape must exceed {base_size}. Received: image_shape={image_shape!r}. Fix: larger images, "
            "or a smaller base_size where the model has one."
        )
    while max(sizes[-1]) > base_size:
        sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
    return sizes


def _attended(x, attention, sizes):
    """A map after self-attention, where it is the one after so many halvings of the image."""
    if attention is None:
        return x
    if not 1 <= attention < len(sizes):
        raise ValueError(
            f"attention must be in [1, {len(sizes) - 1}], as these networks halve an image of {sizes[0]} so many times. "
            f"Received: attention={attention!r}. Pass a number in this range, or None."
        )
    return SelfAttention(name="attention")(x) if tuple(x.shape[1:3]) == sizes[attention] else x


def _normalized(x, kind, name, labels=None, num_classes=None):
    if kind == "conditional":
        return ConditionalBatchNorm(num_classes, name=f"{name}_norm")([x, labels])
    if kind == "batch":
        return BatchNorm(gamma_initializer=initializers.RandomNormal(1.0, 0.02), name=f"{name}_norm")(x)
    if kind == "layer":
        return layers.LayerNormalization(axis=(-3, -2, -1) if len(x.shape) == 4 else -1, name=f"{name}_norm")(x)
    return x


def _shifts(norm):
    """Whether a norm has a shift of its own, so that the layer before it needs no bias."""
    return norm in ("batch", "conditional")


def kernels_of(norm: str | None) -> initializers.Initializer:
    """How the kernels of a network with this normalization are drawn."""
    # N(0, 0.02) relies on a normalization that restores the scale; without one, kernels keep the variance themselves.
    if _shifts(norm):
        return initializers.RandomNormal(0.0, 0.02)
    return initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform")


def check_norm(norm: str | None, possible: Sequence[str | None] = NORMS, name: str = "norm") -> str | None:
    """Returns a normalization that a network has, and refuses others."""
    return check_choice(norm, possible, name)


def check_choice(value: str | None, possible: Sequence[str | None], name: str) -> str | None:
    """Returns one of the possible values, and refuses others."""
    if value not in possible:
        *first, last = map(repr, possible)
        raise ValueError(f"{name} must be {', '.join(first)} or {last}. Received: {name}={value!r}.")
    return value


def kinds_of(norm: str | None) -> tuple[type, type, type]:
    """Classes of the fully connected, convolutional, and transposed layers: spectral norm is a property of these."""
    if norm == "spectral":
        return SNDense, SNConv2D, SNConv2DTranspose
    return layers.Dense, layers.Conv2D, layers.Conv2DTranspose


def dcgan_generator(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    width: int = 64,
    kernel_size: int = 4,
    norm: str | None = "batch",
    base_size: int = 7,
    hidden: int | None = None,
    spectral: bool = False,
    attention: int | None = None,
    num_classes: int | None = None,
    label_dim: int | None = None,
    output_activation: str | None = "tanh",
    name: str = "generator",
) -> keras.Model:
    """Latents -> small map of many channels -> transposed convolutions of stride 2 -> tanh.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        width: channels of the map at half the image size.
        kernel_size: side of the kernels; 4 is a multiple of the stride, 5 is the paper's.
        norm: "batch", "layer", or None, after each layer but the last; "spectral", in each layer; "conditional", batch norm
            of which each class has a scale and a shift, where labels enter in no other way.
        base_size: longest side that the first map may have.
        hidden: units of a fully connected layer before the first map, or None.
        spectral: whether each layer has spectral norm, beside `norm`.
        attention: number of halvings of the image at whose map there is self-attention, or None.
        num_classes: number of classes; then the model takes [latents, labels].
        label_dim: numbers that a label is made into beside the latents, learned ones; None for its one-hot vector.
        output_activation: "tanh"; "hard_tanh", min(max(x, -1), 1), which reaches its ends; or None, without bounds.

    Returns:
        Model, latents (batch, latent_dim) [and labels (batch,)] -> images (batch, height, width, channels) in [-1, 1].
    """
    check_norm(norm, (*NORMS, "conditional") if num_classes else NORMS)
    sizes = ladder(image_shape, base_size)
    dense, _, transposed = kinds_of("spectral" if spectral else norm)
    options = {"use_bias": not _shifts(norm), "kernel_initializer": kernels_of(norm)}
    labels = None
    inputs = x = keras.Input((latent_dim,), name="latents")
    if num_classes:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = [inputs, labels]
        if norm != "conditional":
            x = layers.Concatenate(name="latents_and_label")([x, label_vector(labels, num_classes, label_dim)])
    normalized = functools.partial(_normalized, kind=norm, labels=labels, num_classes=num_classes)
    if hidden:
        x = layers.ReLU(name="hidden_relu")(normalized(dense(hidden, name="hidden", **options)(x), name="hidden"))
    channels = width * 2 ** max(len(sizes) - 2, 0)
    x = dense(math.prod(sizes[-1]) * channels, name="base", **options)(x)
    x = layers.Reshape((*sizes[-1], channels), name="base_map")(x)
    x = layers.ReLU(name="base_relu")(normalized(x, name="base"))
    x = _attended(x, attention, sizes)
    for (height, width_), (above_height, above_width) in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
        last = (above_height, above_width) == sizes[0]
        channels = image_shape[-1] if last else channels // 2
        stage = f"up_{above_height}x{above_width}"
        # The output layer stays in float32, so that reduced precision ends before the pixels.
        dtype = {"dtype": "float32"} if last else {}
        x = transposed(channels, kernel_size, 2, padding="same", name=stage, **options, **dtype)(x)
        excess = (2 * height - above_height, 2 * width_ - above_width)
        if any(excess):
            x = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name=f"{stage}_crop", **dtype)(x)
        if not last:
            x = layers.ReLU(name=f"{stage}_relu")(normalized(x, name=stage))
            x = _attended(x, attention, sizes)
    return keras.Model(inputs, activated(x, output_activation), name=name)


def check_output_activation(activation: str | None) -> str | None:
    """Returns what the last layer of a generator may end in, and refuses other activations."""
    return check_choice(activation, OUTPUT_ACTIVATIONS, "output_activation")


def activated(pixels: Any, activation: str | None) -> Any:
    """Pixels after one of OUTPUT_ACTIVATIONS."""
    check_output_activation(activation)
    return layers.Activation(activation, dtype="float32", name=activation)(pixels) if activation else pixels


def dcgan_map(
    images: Any,
    kernels: initializers.Initializer,
    *,
    width: int,
    norm: str | None,
    base_size: int,
    leak: float,
    kernel_size: int = 4,
    attention: int | None = None,
) -> Any:
    """The convolutions of the discriminator: symbolic images -> the smallest map (batch, height, width, channels).

    All layers of a network share one initializer, `kernels_of(norm)`.
    """
    sizes = ladder(images.shape[1:], base_size)
    _, convolution, _ = kinds_of(norm)
    options = {"use_bias": norm != "batch", "kernel_initializer": kernels}
    x, channels = images, width
    for i, (height, width_) in enumerate(sizes[1:]):
        stage = f"down_{height}x{width_}"
        x = convolution(channels, kernel_size, 2, padding="same", name=stage, **options)(x)
        # The first layer sees raw pixels: normalizing them lets the networks oscillate (DCGAN, section 3).
        x = layers.LeakyReLU(leak, name=f"{stage}_relu")(x if i == 0 else _normalized(x, norm, stage))
        x = _attended(x, attention, sizes)
        channels *= 2
    return x


def matched(
    x: Any,
    labels: Any,
    kernels: initializers.Initializer,
    *,
    num_classes: int,
    norm: str | None,
    leak: float,
    label_dim: int | None = None,
) -> Any:
    """A map after a convolution that sees the label at each place."""
    _, convolution, _ = kinds_of(norm)
    channels = x.shape[-1]
    # At the last map a deep stack cannot lose the label, as it can if the label enters with the pixels alone.
    planes = label_maps(labels, num_classes, *x.shape[1:3], name="label", label_dim=label_dim)
    x = layers.Concatenate(name="map_and_label")([x, planes])
    options = {"use_bias": norm != "batch", "kernel_initializer": kernels}
    x = convolution(channels, 3, padding="same", name="matching", **options)(x)
    return layers.LeakyReLU(leak, name="matching_relu")(_normalized(x, norm, "matching"))


def dcgan_features(
    images: Any,
    *,
    norm: str | None,
    leak: float,
    hidden: int | None,
    labels: Any = None,
    num_classes: int | None = None,
    label_dim: int | None = None,
    **options: Any,
) -> Any:
    """The discriminator below its head: symbolic images -> features (batch, features); options of `dcgan_map`."""
    check_norm(norm)
    kernels = kernels_of(norm)
    x = dcgan_map(images, kernels, norm=norm, leak=leak, **options)
    if num_classes:
        x = matched(x, labels, kernels, num_classes=num_classes, norm=norm, leak=leak, label_dim=label_dim)
    x = layers.Flatten(name="flatten")(x)
    if hidden:
        dense, *_ = kinds_of(norm)
        x = dense(hidden, use_bias=norm != "batch", kernel_initializer=kernels, name="hidden")(x)
        x = layers.LeakyReLU(leak, name="hidden_relu")(_normalized(x, norm, "hidden"))
    return x


def dcgan_discriminator(
    image_shape: Sequence[int],
    *,
    width: int = 64,
    kernel_size: int = 4,
    norm: str | None = "batch",
    base_size: int = 7,
    leak: float = 0.2,
    hidden: int | None = None,
    attention: int | None = None,
    num_classes: int | None = None,
    label_dim: int | None = None,
    outputs: int = 1,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> convolutions of stride 2 -> score.

    Args:
        image_shape: (height, width, channels) of the images.
        width: channels of the first map.
        kernel_size: side of the kernels.
        norm: "batch", "layer", or None, after each layer but the first and the last; "spectral", in each layer. An
            input-gradient penalty does not go with "batch", which mixes the samples.
        base_size: longest side that the last map may have.
        leak: negative slope of the LeakyReLU (0.2 in the paper).
        hidden: units of a fully connected layer before the score, or None.
        attention: number of halvings of the image after which there is self-attention, or None.
        num_classes: number of classes; then the model takes [images, labels].
        label_dim: as in `dcgan_generator`, for the planes beside the last map.
        outputs: numbers that it says of an image: its score, or those of several classes, or a code.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] [and labels (batch,)] -> scores (batch, outputs).
    """
    inputs = images = keras.Input(image_shape, name="images")
    labels = None
    if num_classes:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = [images, labels]
    features = dcgan_features(
        images,
        width=width,
        kernel_size=kernel_size,
        norm=norm,
        base_size=base_size,
        leak=leak,
        hidden=hidden,
        attention=attention,
        labels=labels,
        num_classes=num_classes,
        label_dim=label_dim,
    )
    dense, *_ = kinds_of(norm)
    head = dense(outputs, use_bias=norm != "batch", kernel_initializer=kernels_of(norm), dtype="float32", name="score")
    return keras.Model(inputs, head(features), name=name)
