"""The fully connected networks of the 2014 GAN on MNIST (https://github.com/goodfeli/adversarial, mnist.yaml)."""

import math
from collections.abc import Sequence

import keras
from keras import initializers, layers

from ..layers import MaxoutDense
from ..layers.noise import Dropout


def _uniform(limit):
    return initializers.RandomUniform(-limit, limit)


def mlp_generator(image_shape: Sequence[int], latent_dim: int, *, width: int = 1200, name: str = "generator") -> keras.Model:
    """Latents -> ReLU layer -> ReLU layer -> image.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        width: units of the two hidden layers (1200 in the paper's MNIST run).

    Returns:
        Model, latents (batch, latent_dim) -> images (batch, height, width, channels) in [-1, 1]. The output is a tanh
        where the authors, whose data lie in [0, 1], use a sigmoid.
    """
    latents = x = keras.Input((latent_dim,), name="latents")
    for i in (1, 2):
        x = layers.Dense(width, activation="relu", kernel_initializer=_uniform(0.05), name=f"hidden_{i}")(x)
    x = layers.Dense(math.prod(image_shape), kernel_initializer=_uniform(0.05), name="pixels")(x)
    x = layers.Reshape(image_shape, name="image")(x)
    return keras.Model(latents, layers.Activation("tanh", dtype="float32", name="tanh")(x), name=name)


def mlp_discriminator(
    image_shape: Sequence[int],
    *,
    width: int = 240,
    pieces: int = 5,
    dropout: tuple[float, float] = (0.2, 0.5),
    name: str = "discriminator",
) -> keras.Model:
    """Image -> maxout -> maxout -> score, with dropout before each.

    Args:
        image_shape: (height, width, channels) of the images.
        width: maxout units of the two hidden layers (240 in the paper's MNIST run).
        pieces: linear maps for each maxout unit (5).
        dropout: share dropped of the pixels, and of the hidden units (0.2 and 0.5).

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] -> scores (batch, 1).
    """
    images = keras.Input(image_shape, name="images")
    x = Dropout(dropout[0], name="pixel_dropout")(layers.Flatten(name="flatten")(images))
    for i in (1, 2):
        x = MaxoutDense(width, pieces, kernel_initializer=_uniform(0.005), name=f"maxout_{i}")(x)
        x = Dropout(dropout[1], name=f"dropout_{i}")(x)
    scores = layers.Dense(1, kernel_initializer=_uniform(0.005), dtype="float32", name="score")(x)
    return keras.Model(images, scores, name=name)
