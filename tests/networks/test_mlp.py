"""The fully connected networks of 2014."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.networks import (
    mlp_discriminator,
    mlp_generator,
)


def parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


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
