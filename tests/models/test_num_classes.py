"""Variants that become conditional by an argument: a toy on which they pass only by their labels."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import (
    BEGAN,
    CGAN,
    DCGAN,
    DRAGAN,
    LSGAN,
    R3GAN,
    SNGAN,
    WGAN,
    WGANGP,
    InfoGAN,
    LossSensitiveGAN,
    RelativisticGAN,
)
from keras_gan_zoo.layers import OneHot, SNDense

# What makes a variant quick on a ring of eight Gaussians, one for each label.
QUICK = {
    CGAN: {},
    DCGAN: {},
    LSGAN: {},
    WGAN: {"clip_limit": 0.1, "n_critic": 2},
    WGANGP: {"penalty_weight": 0.1, "n_critic": 2},
    SNGAN: {"n_critic": 2},
}
ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def network(inputs, units, shape, dense=layers.Dense):
    x = layers.Concatenate()([layers.Flatten()(inputs[0]), OneHot(8)(inputs[1])])
    for _ in range(2):
        x = layers.ReLU()(dense(64)(x))
    return keras.Model(inputs, layers.Reshape(shape)(dense(units)(x)))


def ring_gan(cls):
    keras.utils.set_random_seed(0)
    generator = network([keras.Input((4,)), keras.Input((), dtype="int32")], 2, (1, 2, 1))
    kind = SNDense if cls is SNGAN else layers.Dense
    discriminator = network([keras.Input((1, 2, 1)), keras.Input((), dtype="int32")], 1, (1,), kind)
    gan = cls((1, 2, 1), 4, num_classes=8, generator=generator, discriminator=discriminator, seed=0, **QUICK[cls])
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    return gan


@functools.cache
def ring_agreement(cls, steps, shuffled=False):
    """Shares of samples nearest to the center that their label names, and within 0.5 of any center."""
    gan, rng = ring_gan(cls), np.random.default_rng(0)
    n = 128 * gan.minibatches_per_round
    for _ in range(steps):
        drawn = rng.integers(0, 8, n)
        points = CENTERS[drawn] + 0.1 * rng.normal(size=(n, 2))
        given = rng.permutation(drawn) if shuffled else drawn
        # Not the zoo's own, which refuses images outside of [-1, 1].
        batch = {"images": points.reshape(-1, 1, 2, 1).astype("float32"), "labels": given.astype("int32")}
        keras.Model.train_on_batch(gan, batch)
    asked = np.arange(2000) % 8
    latents = rng.normal(size=(2000, 4)).astype("float32")
    inputs = [ops.convert_to_tensor(latents), ops.convert_to_tensor(asked.astype("int32"))]
    samples = ops.convert_to_numpy(gan.generator(inputs)).reshape(-1, 2)
    distances = np.linalg.norm(samples[:, None] - CENTERS, axis=2)
    return (distances.argmin(axis=1) == asked).mean(), (distances.min(axis=1) < 0.5).mean()


@pytest.mark.parametrize("cls", QUICK)
def test_each_label_gets_its_gaussian(cls):
    agreement, _ = ring_agreement(cls, 1500)
    assert agreement >= 0.99


@pytest.mark.parametrize("cls", QUICK)
def test_labels_shuffled_against_the_images_teach_nothing(cls):
    agreement, _ = ring_agreement(cls, 300, shuffled=True)
    assert agreement <= 0.25


def test_its_samples_lie_in_the_modes_as_well():
    _, in_mode = ring_agreement(CGAN, 1500)
    assert in_mode >= 0.90


@pytest.mark.parametrize("cls", [DCGAN, LSGAN, WGAN, WGANGP, SNGAN, DRAGAN, RelativisticGAN, LossSensitiveGAN, R3GAN])
def test_a_conditional_model_trains_on_labels_and_comes_back_as_it_was(cls, tmp_path):
    gan = cls((16, 16, 1), 4, width=4, num_classes=3, seed=0)
    rng = np.random.default_rng(0)
    n = 4 * gan.minibatches_per_round
    images, labels = rng.integers(0, 256, (n, 16, 16, 1), dtype=np.uint8), rng.integers(0, 3, n)
    gan.fit(images, labels, batch_size=4, epochs=2, verbose=0)
    loaded = keras_gan_zoo.load(gan.save_to_preset(tmp_path / "preset"))
    assert type(loaded) is cls and loaded.num_classes == 3
    asked = np.arange(6) % 3
    np.testing.assert_array_equal(gan.generate(6, labels=asked, seed=0), loaded.generate(6, labels=asked, seed=0))
    with pytest.raises(ValueError, match="labels"):
        loaded.generate(1, labels=3)
    with pytest.raises(ValueError, match="labels"):
        loaded.fit(images, verbose=0)


@pytest.mark.parametrize("cls", [DCGAN, WGANGP, SNGAN])
def test_without_classes_no_labels_are_taken(cls):
    gan = cls((16, 16, 1), 4, width=4)
    assert list(gan.fields()) == ["images"]
    with pytest.raises(TypeError, match="makes samples from latents alone. Received: labels=0"):
        gan.generate(1, labels=0)


@pytest.mark.parametrize("cls", [DCGAN, WGANGP, SNGAN])
@pytest.mark.parametrize("value", [1, 0, 2.5, True])
def test_impossible_numbers_of_classes_are_refused(cls, value):
    with pytest.raises(ValueError, match="num_classes="):
        cls((16, 16, 1), 4, width=4, num_classes=value)


@pytest.mark.parametrize("cls", [BEGAN, InfoGAN])
def test_variants_whose_games_have_no_labels_refuse_classes(cls):
    with pytest.raises(TypeError, match="num_classes"):
        cls((16, 16, 1), 4, num_classes=3)
