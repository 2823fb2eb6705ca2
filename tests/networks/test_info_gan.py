"""The networks of InfoGAN."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_gan_zoo.layers import BatchNorm
from keras_gan_zoo.networks import (
    info_gan_discriminator,
    info_gan_recognition,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


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
