"""Discriminator and recognition network of InfoGAN, which share a trunk (https://github.com/openai/InfoGAN)."""

from collections.abc import Sequence

import keras
from keras import initializers, layers

from ..layers import BatchNorm
from .dcgan import check_norm, dcgan_features

NORMS = ("batch", "layer", None)


def info_gan_discriminator(
    image_shape: Sequence[int],
    *,
    width: int = 64,
    hidden: int = 1024,
    norm: str | None = "batch",
    leak: float = 0.01,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> (score, features that the recognition network starts from).

    Args:
        image_shape: (height, width, channels).
        width: channels of the first map.
        hidden: units of the last layer that both heads share.
        norm: "batch", "layer" or None.
        leak: negative slope; 0.01 in the authors' code, where the paper says 0.1.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] -> [scores (batch, 1), features (batch, hidden)].
    """
    check_norm(norm, NORMS)
    images = keras.Input(image_shape, name="images")
    features = dcgan_features(images, width=width, kernel_size=4, norm=norm, base_size=7, leak=leak, hidden=hidden)
    kernels = initializers.RandomNormal(0.0, 0.02)
    score = layers.Dense(1, kernel_initializer=kernels, dtype="float32", name="score")(features)
    return keras.Model(images, [score, features], name=name)


def info_gan_recognition(
    features_dim: int,
    categories: int,
    continuous: int,
    *,
    hidden: int = 128,
    norm: str | None = "batch",
    leak: float = 0.01,
    name: str = "recognition",
) -> keras.Model:
    """Features -> parameters of Q(c | x).

    Args:
        features_dim: features of the discriminator.
        categories: values of the categorical code.
        continuous: number of continuous codes.
        hidden: units of the hidden layer (128 in the paper).
        norm: "batch", "layer" or None.
        leak: negative slope.

    Returns:
        Model, features (batch, features_dim) -> [logits (batch, categories), means (batch, continuous)].
    """
    check_norm(norm, NORMS)
    features = keras.Input((features_dim,), name="features")
    kernels = initializers.RandomNormal(0.0, 0.02)
    x = layers.Dense(hidden, kernel_initializer=kernels, name="hidden")(features)
    if norm == "batch":
        x = BatchNorm(name="hidden_norm")(x)
    elif norm == "layer":
        x = layers.LayerNormalization(name="hidden_norm")(x)
    x = layers.LeakyReLU(leak, name="hidden_relu")(x)
    heads = [
        layers.Dense(units, kernel_initializer=kernels, dtype="float32", name=name_)(x)
        for units, name_ in ((categories, "logits"), (continuous, "means"))
    ]
    return keras.Model(features, heads, name=name)
