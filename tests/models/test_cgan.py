"""CGAN: labels reach both players."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import CGAN


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
    scores = ops.convert_to_numpy(gan.score({"images": x, "labels": labels(0, 1, 2, 3, 4)}, training=False))
    assert scores.shape == (5,)
    assert np.abs(np.subtract.outer(scores, scores) + np.eye(5)).min() > 1e-6


def test_the_label_enters_at_the_last_map(gan):
    entry = gan.discriminator.get_layer("map_and_label")
    assert entry.output.shape[1:3] == (4, 4)
    assert all(max(layer.output.shape[1:3]) <= 4 for layer in gan.discriminator.layers[-3:] if len(layer.output.shape) == 4)


def test_a_label_may_be_embedded():
    gan = CGAN((16, 16, 1), 4, num_classes=5, label_dim=3, width=4, seed=0)
    for network, prefix, joined, size in (
        (gan.generator, "", "latents_and_label", 4),
        (gan.discriminator, "label_", "map_and_label", 8),
    ):
        assert network.get_layer(f"{prefix}embedding").kernel.shape == (5, 3)
        assert network.get_layer(joined).output.shape[-1] == size + 3
    rows = ops.convert_to_numpy(gan.generator.get_layer("embedding").kernel)
    latents = ops.ones((5, 4))
    inside = keras.Model(gan.generator.inputs, gan.generator.get_layer("latents_and_label").output)
    given = ops.convert_to_numpy(inside([latents, labels(3, 0, 4, 4, 1)]))
    np.testing.assert_allclose(given[:, 4:], rows[[3, 0, 4, 4, 1]], atol=1e-6)
    with pytest.raises(ValueError, match="label_dim must be an integer of at least 1. Received: label_dim=0"):
        CGAN((16, 16, 1), 4, label_dim=0)


class Listening(CGAN):
    """Keeps the labels that each network is given."""

    def fake_like(self, real):
        fake = super().fake_like(real)
        self.fakes.append((ops.convert_to_numpy(real["labels"]), ops.convert_to_numpy(fake["labels"])))
        return fake

    def judge(self, batch, training=True, by="discriminator"):
        self.scored.append(ops.convert_to_numpy(batch["labels"]))
        return super().judge(batch, training, by)


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
    penalized = CGAN((16, 16, 1), 4, num_classes=5, width=4, seed=0, r1_gamma=2.0)
    penalized.compile(run_eagerly=True)
    batch = {"images": images(), "labels": labels(*range(5), *range(5))}
    gradient = ops.convert_to_numpy(penalized.score_gradient(batch))
    assert gradient.shape == (10, 16, 16, 1)
    expected = (gradient**2).sum(axis=(1, 2, 3)).mean()
    assert float(penalized.slope_penalty(2.0, batch)) == pytest.approx(expected, rel=1e-6)
