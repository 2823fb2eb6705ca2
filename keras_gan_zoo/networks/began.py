"""Autoencoder networks of BEGAN (https://github.com/carpedm20/BEGAN-tensorflow, models.py).

The decoder, which is the generator's architecture too, and the encoder are 3 x 3 convolutions with ELU and no
normalization. Sizes are halved, rounding up, until the longer side is at most 8.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from .dcgan import ladder


def _convolutions(x, channels, count, name):
    for i in range(count):
        x = layers.Conv2D(channels, 3, padding="same", activation="elu", name=f"{name}_conv_{i + 1}")(x)
    return x


def began_decoder(image_shape: Sequence[int], latent_dim: int, *, width: int = 64, name: str = "generator") -> keras.Model:
    """Latents -> image, linear at the end, as in the authors' code.

    Args:
        image_shape: (height, width, channels).
        latent_dim: number of latent variables, or of the autoencoder's hidden units.
        width: channels of all layers (64 or 128 in the paper).

    Returns:
        Model, latents (batch, latent_dim) -> images (batch, height, width, channels), not confined to [-1, 1].
    """
    sizes = ladder(image_shape, 8)
    latents = keras.Input((latent_dim,), name="latents")
    x = layers.Dense(math.prod(sizes[-1]) * width, name="base")(latents)
    x = layers.Reshape((*sizes[-1], width), name="base_map")(x)
    x = _convolutions(x, width, 2, "base")
    for (height, width_), (above_height, above_width) in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
        stage = f"up_{above_height}x{above_width}"
        x = layers.UpSampling2D(name=stage)(x)
        excess = (2 * height - above_height, 2 * width_ - above_width)
        if any(excess):
            x = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name=f"{stage}_crop")(x)
        x = _convolutions(x, width, 2, stage)
    images = layers.Conv2D(image_shape[-1], 3, padding="same", dtype="float32", name="pixels")(x)
    return keras.Model(latents, images, name=name)


def began_autoencoder(
    image_shape: Sequence[int], hidden_dim: int, *, width: int = 64, name: str = "discriminator"
) -> keras.Model:
    """Image -> hidden code -> image.

    Args:
        image_shape: (height, width, channels).
        hidden_dim: units of the code.
        width: channels at full size; i times as many after the (i - 1)-th halving.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] -> reconstructions of the same shape.
    """
    sizes = ladder(image_shape, 8)
    images = keras.Input(image_shape, name="images")
    x = layers.Conv2D(width, 3, padding="same", activation="elu", name="pixels_in")(images)
    for i, (height, width_) in enumerate(sizes, start=1):
        stage = f"encoder_{height}x{width_}"
        x = _convolutions(x, i * width, 2, stage)
        if i < len(sizes):
            x = layers.Conv2D(i * width, 3, 2, padding="same", activation="elu", name=f"{stage}_down")(x)
    code = layers.Dense(hidden_dim, name="code")(layers.Flatten(name="flatten")(x))
    decoder = began_decoder(image_shape, hidden_dim, width=width, name="decoder")
    return keras.Model(images, decoder(code), name=name)
