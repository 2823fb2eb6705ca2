"""CGAN: labels reach both players, and a toy on which nothing else can pass."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import CGAN
from keras_gan_zoo.layers import OneHot


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    gan = CGAN((16, 16, 1), 4, num_classes=5, width=4, seed=0)
    gan.compile(run_eagerly=True)
    return gan


def images(n=10, seed=0):
    return ops.convert_to_tensor(np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32"))


def labels(*values):
    return ops.convert_to_tensor(np.array(values, "int32"))


def test_both_networks_listen_to_the_label(gan):
    # Inference mode: otherwise batch norm would carry one sample's label to the others.
    latents = ops.ones((5, 4))
    generated = ops.convert_to_numpy(gan.generator([latents, labels(0, 1, 2, 3, 4)], training=False))
    same = ops.convert_to_numpy(gan.generator([latents, labels(2, 2, 2, 2, 2)], training=False))
    assert np.abs(generated - generated[0]).max(axis=(1, 2, 3))[1:].min() > 1e-6
    np.testing.assert_allclose(same, np.broadcast_to(generated[2], same.shape), atol=1e-6)

    x = ops.repeat(images(1), 5, axis=0)
    scores = ops.convert_to_numpy(gan.score((x, labels(0, 1, 2, 3, 4)), training=False))
    assert scores.shape == (5,)
    assert np.abs(np.subtract.outer(scores, scores) + np.eye(5)).min() > 1e-6


def test_the_label_enters_at_the_last_map(gan):
    entry = gan.discriminator.get_layer("map_and_label")
    assert entry.output.shape[1:3] == (4, 4)
    assert all(max(layer.output.shape[1:3]) <= 4 for layer in gan.discriminator.layers[-3:] if len(layer.output.shape) == 4)


class Listening(CGAN):
    """Keeps the labels that each network is given."""

    def fake_like(self, real):
        fake = super().fake_like(real)
        self.fakes.append((ops.convert_to_numpy(real[1]), ops.convert_to_numpy(fake[1])))
        return fake

    def score(self, batch, training=True):
        self.scored.append(ops.convert_to_numpy(batch[1]))
        return super().score(batch, training)


def test_a_fake_has_the_label_of_a_real_one_in_both_networks():
    gan = Listening((16, 16, 1), 4, num_classes=5, width=4, seed=0)
    gan.compile(run_eagerly=True)
    gan.fakes, gan.scored = [], []
    given = np.array([0, 0, 0, 3], "int32")
    gan.train_on_batch(images(4), given)
    assert len(gan.fakes) == 1
    np.testing.assert_array_equal(gan.fakes[0], (given, given))
    np.testing.assert_array_equal(np.concatenate(gan.scored), np.tile(given, 3))


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match="num_classes=1"):
        CGAN((16, 16, 1), 4, num_classes=1)


def test_r1_differentiates_at_the_images(gan):
    penalised = CGAN((16, 16, 1), 4, num_classes=5, width=4, seed=0, r1_gamma=2.0)
    penalised.compile(run_eagerly=True)
    batch = (images(), labels(*range(5), *range(5)))
    gradient = ops.convert_to_numpy(penalised.score_gradient(batch))
    assert gradient.shape == (10, 16, 16, 1)
    expected = (gradient**2).sum(axis=(1, 2, 3)).mean()
    assert float(penalised.r1_penalty(batch)) == pytest.approx(expected, rel=1e-5)


# Eight Gaussians on a ring, one for each label. -------------------------------------------------------------------------

ANGLES = 2 * np.pi * np.arange(8) / 8
CENTRES = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def ring_gan():
    keras.utils.set_random_seed(0)

    def mlp(inputs, units, shape):
        x = layers.Concatenate()([layers.Flatten()(inputs[0]), OneHot(8)(inputs[1])])
        for _ in range(2):
            x = layers.Dense(64, activation="relu")(x)
        return keras.Model(inputs, layers.Reshape(shape)(layers.Dense(units)(x)))

    generator = mlp([keras.Input((4,)), keras.Input((), dtype="int32")], 2, (1, 2, 1))
    discriminator = mlp([keras.Input((1, 2, 1)), keras.Input((), dtype="int32")], 1, (1,))
    gan = CGAN((1, 2, 1), 4, num_classes=8, generator=generator, discriminator=discriminator, seed=0)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    return gan


def ring_agreement(steps, shuffled=False):
    """Shares of samples nearest to the centre that their label names, and within 0.5 of any centre."""
    gan, rng = ring_gan(), np.random.default_rng(0)
    for _ in range(steps):
        drawn = rng.integers(0, 8, 256)
        points = CENTRES[drawn] + 0.1 * rng.normal(size=(256, 2))
        given = rng.permutation(drawn) if shuffled else drawn
        gan.train_on_batch(points.reshape(-1, 1, 2, 1).astype("float32"), given.astype("int32"))
    asked = np.arange(2000) % 8
    latents = rng.normal(size=(2000, 4)).astype("float32")
    inputs = [ops.convert_to_tensor(latents), ops.convert_to_tensor(asked.astype("int32"))]
    samples = ops.convert_to_numpy(gan.generator(inputs)).reshape(-1, 2)
    distances = np.linalg.norm(samples[:, None] - CENTRES, axis=2)
    return (distances.argmin(axis=1) == asked).mean(), (distances.min(axis=1) < 0.5).mean()


def test_each_label_gets_its_gaussian():
    agreement, in_mode = ring_agreement(1500)
    assert agreement >= 0.98
    assert in_mode >= 0.90


def test_labels_shuffled_against_the_images_teach_nothing():
    agreement, _ = ring_agreement(300, shuffled=True)
    assert agreement <= 0.25
