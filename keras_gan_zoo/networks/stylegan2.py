"""The networks of StyleGAN2 at a small size (Karras et al., 2019, https://arxiv.org/abs/1912.04958).

Latents become a style, and each convolution of the generator takes its own copy of that. The generator climbs from a learned
map, and sums images of all sizes ("skip"); the discriminator is a plain stack. Both go through the sizes of `ladder`, so any
image size is possible.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from ..layers import OneHot
from ..layers.equalized import EqualizedConv2D, EqualizedDense, scaled_leaky_relu
from ..layers.minibatch_deviation import MinibatchDeviation
from ..layers.style import AveragedStyles, Blur, LearnedMap, ModulatedConv2D, PixelNoise
from .dcgan import activated, ladder

BASE_SIZE = 4
# The widest map has so many times the channels of the image's size.
WIDEST = 8


def _unit_square(x, name):
    """Vectors (batch, numbers) brought to a mean square of 1."""
    return layers.Rescaling(math.sqrt(x.shape[-1]), name=f"{name}_square")(layers.UnitNormalization(name=name)(x))


def _embedded(labels, num_classes, size):
    """A learned vector (batch, size) for each label, of a mean square of 1 (https://arxiv.org/abs/2006.06676)."""
    known = EqualizedDense(size, name="label")(OneHot(num_classes, name="one_hot")(labels))
    return _unit_square(known, "label_unit")


def style_mapping(latent_dim: int, *, depth: int = 2, num_classes: int | None = None, name: str = "mapping") -> keras.Model:
    """Latents, brought to a mean square of 1 -> fully connected layers at a hundredth of the rate -> style.

    Args:
        latent_dim: number of latent variables, and size of a style.
        depth: fully connected layers.
        num_classes: number of classes; then the model takes [latents, labels], and a learned vector of the label beside the
            latents.
        name: of the model.

    Returns:
        Model, latents (batch, latent_dim) [and labels (batch,)] -> styles (batch, latent_dim).
    """
    inputs = latents = keras.Input((latent_dim,), name="latents")
    x = _unit_square(latents, "unit")
    if num_classes:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = [latents, labels]
        x = layers.Concatenate(name="latents_and_label")([x, _embedded(labels, num_classes, latent_dim)])
    for i in range(depth):
        # The average of styles is kept in float32, and so is what inference takes.
        dtype = {"dtype": "float32"} if i == depth - 1 else {}
        x = EqualizedDense(latent_dim, lr_multiplier=0.01, activation=scaled_leaky_relu, name=f"dense_{i}", **dtype)(x)
    return keras.Model(inputs, AveragedStyles(dtype="float32", name="averaged")(x), name=name)


def style_generator(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    width: int = 32,
    output_activation: str | None = None,
    name: str = "generator",
) -> keras.Model:
    """Styles and noise -> images, summed over all sizes.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: size of a style.
        width: channels at the image size; twice as many at each half of it, up to 8 times.
        output_activation: None, "tanh" or "hard_tanh", as in `dcgan_generator`.
        name: of the model.

    Returns:
        Model, [styles (batch, layers, latent_dim), noise (batch, pixels)] -> images (batch, height, width, channels). Layers
        and pixels are those of its convolutions.
    """
    sizes = ladder(image_shape, BASE_SIZE)[::-1]
    styles = keras.Input((2 * len(sizes), latent_dim), name="styles")
    noise = keras.Input((math.prod(sizes[0]) + 2 * sum(map(math.prod, sizes[1:])),), name="noise")
    offset, index = 0, 0

    def finished(x, stage):
        nonlocal offset
        height, width_ = x.shape[1:3]
        x = PixelNoise(offset, name=f"{stage}_noise")([x, noise])
        offset += height * width_
        return layers.Activation(scaled_leaky_relu, name=f"{stage}_relu")(x)

    images = None
    x = LearnedMap((*sizes[0], _channels(width, len(sizes) - 1)), name="base")(styles)
    for i, (height, width_) in enumerate(sizes):
        stage, channels = f"{height}x{width_}", _channels(width, len(sizes) - 1 - i)
        if i:
            excess = ((0, 2 * x.shape[1] - height), (0, 2 * x.shape[2] - width_))
            x = ModulatedConv2D(channels, 3, index, climbs=True, name=f"{stage}_up")([x, styles])
            x = Blur(gain=4.0, name=f"{stage}_blur")(x)
            images = layers.UpSampling2D(2, dtype="float32", name=f"{stage}_twice")(images)
            images = Blur((1, 2, 1), dtype="float32", name=f"{stage}_smooth")(images)
            if any(map(any, excess)):
                x = layers.Cropping2D(excess, name=f"{stage}_crop")(x)
                images = layers.Cropping2D(excess, dtype="float32", name=f"{stage}_crop_image")(images)
            x = finished(x, f"{stage}_up")
            index += 1
        x = finished(ModulatedConv2D(channels, 3, index, name=stage)([x, styles]), stage)
        index += 1
        to_image = ModulatedConv2D(image_shape[-1], 1, index, demodulates=False, dtype="float32", name=f"{stage}_image")
        image = to_image([x, styles])
        images = layers.Add(dtype="float32", name=f"{stage}_sum")([images, image]) if i else image
    return keras.Model([styles, noise], activated(images, output_activation), name=name)


def style_discriminator(
    image_shape: Sequence[int],
    *,
    width: int = 32,
    group_size: int = 4,
    num_classes: int | None = None,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> convolutions, blurred before each halving -> deviation within the minibatch -> score.

    Args:
        image_shape: (height, width, channels) of the images.
        width: channels at the image size; twice as many at each half of it, up to 8 times.
        group_size: of `MinibatchDeviation`.
        num_classes: number of classes; then the model takes [images, labels], and the score is the product of what it says
            of an image and a learned vector of the label.
        name: of the model.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] [and labels (batch,)] -> scores (batch, 1).
    """
    sizes = ladder(image_shape, BASE_SIZE)
    options = {"activation": scaled_leaky_relu}
    images = keras.Input(image_shape, name="images")
    x = EqualizedConv2D(width, 1, name="from_image", **options)(images)
    for i, (height, width_) in enumerate(sizes[:-1]):
        stage = f"{height}x{width_}"
        x = EqualizedConv2D(_channels(width, i), 3, padding="same", name=stage, **options)(x)
        padding = ((2, 2 + height % 2), (2, 2 + width_ % 2))
        x = Blur(padding=padding, name=f"{stage}_blur")(x)
        x = EqualizedConv2D(_channels(width, i + 1), 3, 2, name=f"{stage}_down", **options)(x)
    x = MinibatchDeviation(group_size, name="deviation")(x)
    channels = _channels(width, len(sizes) - 1)
    x = EqualizedConv2D(channels, 3, padding="same", name="last", **options)(x)
    x = EqualizedDense(channels, name="hidden", **options)(layers.Flatten(name="flatten")(x))
    if not num_classes:
        return keras.Model(images, EqualizedDense(1, dtype="float32", name="score")(x), name=name)
    labels = keras.Input((), dtype="int32", name="labels")
    x = EqualizedDense(channels, dtype="float32", name="score")(x)
    product = layers.Dot(1, dtype="float32", name="projection")([x, _embedded(labels, num_classes, channels)])
    score = layers.Rescaling(channels**-0.5, dtype="float32", name="projection_scale")(product)
    return keras.Model([images, labels], score, name=name)


def _channels(width, halvings):
    return width * min(2**halvings, WIDEST)
