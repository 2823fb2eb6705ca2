"""The fully connected networks of semi-supervised learning on MNIST (https://github.com/openai/improved-gan)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from ..layers import BatchNorm
from ..layers.noise import GaussianNoise
from ..layers.weight_norm import WNDense


def noisy(x: Any, deviation: float, name: str) -> Any:
    """Adds N(0, deviation^2) in training."""
    return GaussianNoise(deviation, name=name)(x)


def noisy_classifier(
    shape: Sequence[int],
    num_classes: int,
    *,
    width: int = 1000,
    noise: tuple[float, float] = (0.3, 0.5),
    name: str = "discriminator",
) -> keras.Model:
    """Sample -> five ReLU layers with weight norm, and noise in front of each layer -> logits.

    Samples of [-1, 1] are seen in [0, 1], as the authors' data are: the background of digits is 0, and moves no weights.

    Args:
        shape: shape of a sample, such as (height, width, channels) of an image.
        num_classes: number of classes.
        width: units of the first layer (1000); a half of them in the second, and a quarter in the others.
        noise: standard deviations of the noise on samples in [0, 1], and on the units of each layer.

    Returns:
        Model, samples (batch, *shape) -> [logits (batch, num_classes), features (batch, width / 4)]. The features are the
        units of the fifth layer without their noise.
    """
    samples = keras.Input(shape, name="samples")
    x = layers.Rescaling(0.5, 0.5, name="from_0_to_1")(samples)
    x = noisy(layers.Flatten(name="flatten")(x), noise[0], "noise_0")
    for i, share in enumerate((1, 2, 4, 4, 4), 1):
        x = WNDense(max(width // share, 1), name=f"hidden_{i}")(x)
        features = layers.ReLU(name=f"relu_{i}")(x)
        x = noisy(features, noise[1], f"noise_{i}")
    logits = WNDense(num_classes, train_scale=True, dtype="float32", name="logits")(x)
    features = layers.Identity(dtype="float32", name="features")(features)
    return keras.Model(samples, [logits, features], name=name)


def softplus_generator(
    image_shape: Sequence[int], latent_dim: int, *, width: int = 500, name: str = "generator"
) -> keras.Model:
    """Latents -> two softplus layers with batch norm -> image.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        width: units of both layers (500).

    Returns:
        Model, latents (batch, latent_dim) -> images (batch, height, width, channels) in [-1, 1]. The output is a tanh where
        the authors, whose data lie in [0, 1], use a sigmoid.
    """
    latents = x = keras.Input((latent_dim,), name="latents")
    for i in (1, 2):
        x = layers.Dense(
            width, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.05), name=f"hidden_{i}"
        )(x)
        x = BatchNorm(scale=False, name=f"norm_{i}")(x)
        x = layers.Activation("softplus", name=f"softplus_{i}")(x)
    x = WNDense(math.prod(image_shape), train_scale=True, name="pixels")(x)
    x = layers.Reshape(image_shape, name="image")(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32", name="tanh")(x), name=name)
