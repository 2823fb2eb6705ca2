"""The auto-encoding networks of BEGAN."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.networks import (
    began_autoencoder,
    began_decoder,
)


def parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def convolution(channels_in, channels_out):
    return 9 * channels_in * channels_out + channels_out


def test_began_parameters_at_32x32():
    n, h = 16, 12
    decoder = (h + 1) * 64 * n + 6 * convolution(n, n) + convolution(n, 3)
    assert parameters(began_decoder((32, 32, 3), h, width=n)) == decoder
    encoder = convolution(3, n) + 3 * convolution(n, n)
    encoder += convolution(n, 2 * n) + 2 * convolution(2 * n, 2 * n)
    encoder += convolution(2 * n, 3 * n) + convolution(3 * n, 3 * n)
    encoder += 64 * 3 * n * h + h
    assert parameters(began_autoencoder((32, 32, 3), h, width=n)) == encoder + decoder


@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 16, 3), (48, 32, 4), (27, 13, 1), (9, 9, 3)])
def test_began_shapes(shape):
    generator, discriminator = began_decoder(shape, 6, width=4), began_autoencoder(shape, 6, width=4)
    images = generator(normal(3, 6))
    assert images.shape == (3, *shape)
    assert discriminator(images).shape == (3, *shape)


def test_images_that_could_not_be_halved_are_refused():
    for build in (began_decoder, began_autoencoder):
        with pytest.raises(ValueError, match="One side of image_shape must exceed 8"):
            build((8, 8, 3), 6, width=4)


def test_began_ends_linear_and_normalizes_nothing():
    generator, discriminator = began_decoder((16, 16, 1), 6, width=4), began_autoencoder((16, 16, 1), 6, width=4)
    assert generator.layers[-1].activation is keras.activations.linear
    generator.set_weights([5.0 * weight for weight in generator.get_weights()])
    assert np.abs(ops.convert_to_numpy(generator(normal(3, 6)))).max() > 1.0
    everything = [*generator.layers, *discriminator.layers, *discriminator.get_layer("decoder").layers]
    assert not any("Normalization" in type(layer).__name__ for layer in everything)
    hidden = [layer for layer in everything if isinstance(layer, layers.Conv2D) and layer.name != "pixels"]
    assert len(hidden) > 8 and all(layer.activation is keras.activations.elu for layer in hidden)
