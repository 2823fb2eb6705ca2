"""Variants that become conditional by an argument: a toy on which they pass only by their labels."""

import numpy as np
import pytest
from keras import layers

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
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.layers import SNDense
from tests.models.ring_games import label_agreement, told

# What makes a variant quick on a ring of eight Gaussians, one for each label.
QUICK = {
    CGAN: {},
    DCGAN: {},
    LSGAN: {},
    WGAN: {"clip_limit": 0.1, "n_critic": 2},
    WGANGP: {"penalty_weight": 0.1, "n_critic": 2},
    SNGAN: {"n_critic": 2},
}


def taught(cls, rounds, shuffled=False):
    """(model, share of its samples that are nearest to the Gaussian of their label) after so many rounds."""
    dense = SNDense if cls is SNGAN else layers.Dense
    return label_agreement(cls, lambda: told(2, 1, dense), rounds, shuffled, **QUICK[cls])


@pytest.mark.parametrize("cls", QUICK)
def test_each_label_gets_its_gaussian_and_shuffled_ones_teach_nothing(cls):
    _, agreement = taught(cls, 600)
    assert agreement >= 0.99
    _, agreement = taught(cls, 300, shuffled=True)
    assert agreement <= 0.25


def test_samples_lie_in_the_modes_as_well():
    gan, _ = taught(CGAN, 1500)
    samples = gan.generate(2000, labels=np.arange(2000) % 8, seed=0)
    # Modes are 0.77 from each other.
    assert (np.linalg.norm(samples[:, None] - ring().means, axis=2).min(axis=1) < 0.25).mean() >= 0.9


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
    with pytest.raises(ValueError, match=f"num_classes must be left out of {cls.__name__}: it has no classes, as CGAN"):
        cls((16, 16, 1), 4, num_classes=3)
