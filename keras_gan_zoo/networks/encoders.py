"""Convolutional networks that end in a code: encoders, and the auto-encoder that they make with a generator of DCGAN."""

from collections.abc import Sequence

import keras
from keras import layers

from .dcgan import dcgan_features, dcgan_generator


def dcgan_encoder(
    image_shape: Sequence[int],
    units: int,
    *,
    width: int = 64,
    norm: str | None = "batch",
    base_size: int = 7,
    leak: float = 0.2,
    activation: str | None = None,
    name: str = "encoder",
) -> keras.Model:
    """Image -> the convolutions of DCGAN's discriminator -> code.

    Args:
        image_shape: (height, width, channels) of the images.
        units: numbers in a code.
        width: channels of the first map.
        norm: "batch", "layer", "spectral" or None, as in `dcgan_discriminator`.
        base_size: longest side that the last map may have.
        leak: negative slope of the LeakyReLU.
        activation: of the code, "tanh" for codes in [-1, 1]; None for none.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] -> codes (batch, units).
    """
    images = keras.Input(image_shape, name="images")
    features = dcgan_features(images, width=width, kernel_size=4, norm=norm, base_size=base_size, leak=leak, hidden=None)
    codes = layers.Dense(units, activation=activation, dtype="float32", name="code")(features)
    return keras.Model(images, codes, name=name)


def dcgan_autoencoder(
    image_shape: Sequence[int],
    code_dim: int,
    *,
    width: int = 64,
    norm: str | None = None,
    base_size: int = 7,
    leak: float = 0.2,
    num_classes: int | None = None,
    name: str = "discriminator",
) -> keras.Model:
    """Image -> code -> image, by the convolutions of DCGAN's two networks.

    Args:
        image_shape: (height, width, channels) of the images.
        code_dim: numbers in the code.
        width: channels at half the image size.
        norm: "batch", "layer", "spectral" or None. With "batch" the code of an image depends on the rest of its batch.
        base_size: longest side of the smallest map.
        leak: negative slope of the encoder's LeakyReLU.
        num_classes: number of classes; then the model takes [images, labels], and the decoder is told the labels.

    Returns:
        Model, images (batch, height, width, channels) in [-1, 1] [and labels (batch,)] -> [copies in [-1, 1] of the same
        shape, codes (batch, code_dim)].
    """
    images = keras.Input(image_shape, name="images")
    code = dcgan_encoder(image_shape, code_dim, width=width, norm=norm, base_size=base_size, leak=leak)(images)
    decoder = dcgan_generator(
        image_shape, code_dim, width=width, norm=norm, base_size=base_size, num_classes=num_classes, name="decoder"
    )
    if num_classes is None:
        return keras.Model(images, [decoder(code), code], name=name)
    labels = keras.Input((), dtype="int32", name="labels")
    return keras.Model([images, labels], [decoder([code, labels]), code], name=name)
