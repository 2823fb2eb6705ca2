"""The fully connected, auto-encoding and recognition networks."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import BatchNorm
from keras_gan_zoo.networks import (
    began_autoencoder,
    began_decoder,
    info_gan_discriminator,
    info_gan_recognition,
    mlp_discriminator,
    mlp_generator,
)


def parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# The 2014 networks ------------------------------------------------------------------------------------------------------


def test_mlp_of_the_2014_paper():
    keras.utils.set_random_seed(0)
    generator, discriminator = mlp_generator((28, 28, 1), 100), mlp_discriminator((28, 28, 1))
    assert parameters(generator) == 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    assert parameters(discriminator) == 784 * 1200 + 1200 + 240 * 1200 + 1200 + 240 + 1
    for network, limit in ((generator, 0.05), (discriminator, 0.005)):
        kernels = [ops.convert_to_numpy(v) for v in network.trainable_variables if len(v.shape) == 2]
        assert limit * 0.99 < max(np.abs(kernel).max() for kernel in kernels) <= limit
    assert [layer.rate for layer in discriminator.layers if isinstance(layer, layers.Dropout)] == [0.2, 0.5, 0.5]


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 4, 3), (6, 6, 4)])
def test_mlp_shapes_and_range(shape):
    generator, discriminator = mlp_generator(shape, 7, width=10), mlp_discriminator(shape, width=3)
    generator.set_weights([30.0 * weight for weight in generator.get_weights()])
    images = ops.convert_to_numpy(generator(normal(5, 7)))
    assert images.shape == (5, *shape)
    assert 0.5 < np.abs(images).max() <= 1.0
    assert discriminator(images).shape == (5, 1)


def test_mlp_dropout_acts_in_training_only():
    discriminator = mlp_discriminator((4, 4, 1), width=20)
    discriminator.set_weights([100.0 * weight for weight in discriminator.get_weights()])
    x = normal(3, 4, 4, 1)
    quiet = [ops.convert_to_numpy(discriminator(x, training=False)) for _ in range(2)]
    noisy = [ops.convert_to_numpy(discriminator(x, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*quiet)
    assert np.abs(noisy[0] - noisy[1]).max() > 1e-6


# BEGAN ------------------------------------------------------------------------------------------------------------------


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


# InfoGAN ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["batch", "layer", None])
@pytest.mark.parametrize("shape", [(28, 28, 1), (16, 24, 3)])
def test_info_gan_heads(shape, norm):
    discriminator = info_gan_discriminator(shape, width=4, hidden=9, norm=norm)
    recognition = info_gan_recognition(9, 10, 2, hidden=5, norm=norm)
    scores, features = discriminator(np.clip(normal(3, *shape), -1, 1))
    assert scores.shape == (3, 1) and features.shape == (3, 9)
    logits, means = recognition(features)
    assert logits.shape == (3, 10) and means.shape == (3, 2)
    kinds = {type(layer) for network in (discriminator, recognition) for layer in network.layers}
    assert (BatchNorm in kinds) == (norm == "batch")
    assert (layers.LayerNormalization in kinds) == (norm == "layer")
    assert "down_14x14_norm" not in [layer.name for layer in discriminator.layers]


def test_info_gan_of_the_paper():
    discriminator, recognition = info_gan_discriminator((28, 28, 1)), info_gan_recognition(1024, 10, 2)
    widths = [layer.filters for layer in discriminator.layers if isinstance(layer, layers.Conv2D)]
    assert widths == [64, 128]
    assert discriminator.get_layer("hidden").units == 1024 and recognition.get_layer("hidden").units == 128
    slopes = [x.negative_slope for m in (discriminator, recognition) for x in m.layers if isinstance(x, layers.LeakyReLU)]
    assert slopes == [0.01] * 4
    assert [layer.activation for layer in recognition.layers[-2:]] == [keras.activations.linear] * 2
