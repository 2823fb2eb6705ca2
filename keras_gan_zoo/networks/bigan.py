"""The discriminator of BiGAN, which judges pairs of an image and its latents."""

from collections.abc import Sequence

import keras
from keras import layers

from ..layers import SNDense
from .dcgan import dcgan_features


def joint_discriminator(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    width: int = 64,
    norm: str | None = "batch",
    base_size: int = 7,
    leak: float = 0.2,
    hidden: int = 256,
    num_classes: int | None = None,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> convolutions of stride 2, latents -> a layer; both -> a layer -> score.

    The layer after they have met is needed: a score that is linear in the latents would be blind to which pair they make.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        width: channels of the first map.
        norm: of the convolutions, "batch", "layer", "spectral" or None, as in `dcgan_discriminator`; "spectral" holds for
            all layers.
        base_size: longest side that the last map may have.
        leak: negative slope of the LeakyReLU.
        hidden: units of the layer over the latents, and of that over both.
        num_classes: number of classes; then the model takes [images, latents, labels].

    Returns:
        Model, [images (batch, height, width, channels) in [-1, 1], latents (batch, latent_dim)] -> scores (batch, 1).
    """
    images, latents = keras.Input(image_shape, name="images"), keras.Input((latent_dim,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
    dense = SNDense if norm == "spectral" else layers.Dense
    of_images = dcgan_features(
        images,
        width=width,
        kernel_size=4,
        norm=norm,
        base_size=base_size,
        leak=leak,
        hidden=None,
        labels=labels,
        num_classes=num_classes,
    )
    of_latents = layers.LeakyReLU(leak, name="latents_relu")(dense(hidden, name="of_latents")(latents))
    pair = layers.Concatenate(name="pair")([of_images, of_latents])
    pair = layers.LeakyReLU(leak, name="joint_relu")(dense(hidden, name="joint")(pair))
    scores = dense(1, dtype="float32", name="score")(pair)
    return keras.Model([images, latents, *([labels] if num_classes else [])], scores, name=name)
