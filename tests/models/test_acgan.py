"""ACGAN: a discriminator that finds the class, and a generator that is asked for one."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import ACGAN
from keras_gan_zoo.data.toy import ring
from tests.models.ring_games import label_agreement, network

LOGITS = np.array([[1, -0.5, 2], [0.3, 0.1, -1.2]], "float32")
LABELS = np.array([2, 0], "int32")


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    gan = ACGAN((16, 16, 1), 4, num_classes=3, width=4, seed=0)
    gan.compile(run_eagerly=True)
    return gan


def said(scores, logits=LOGITS):
    return {"scores": ops.convert_to_tensor(np.float32(scores)), "logits": ops.convert_to_tensor(np.float32(logits))}


@pytest.mark.parametrize(
    ("labels", "logits", "entropy"),
    [
        (LABELS, LOGITS, 0.542700318131),
        (LABELS[:1], LOGITS[:1], 0.371538881),
        ([0], [[10.0, 0.0, 0.0]], 9.0795718e-05),  # 0.5515 through a softmax of a softmax
        ([1], [[200.0, -200.0, 0.0]], 400.0),
    ],
)
def test_the_loss_of_classes_is_their_cross_entropy(labels, logits, entropy, gan):
    batch = {"labels": ops.convert_to_tensor(np.array(labels, "int32"))}
    value = float(gan.class_loss(batch, said([0.0] * len(labels), logits)))
    assert value == pytest.approx(entropy, rel=2e-3 if entropy < 1e-3 else 1e-6)


def test_each_player_has_the_classes_of_its_own_images(gan, monkeypatch):
    """D those of real and of generated ones, G of generated ones; the accuracy is that on real ones."""
    of_fake = said([-1.5, 0.3], [[0, 0, 0], [0, 9, 0]])
    monkeypatch.setattr(gan, "judge_pair", lambda real, fake, by: (said([2.0, -1.0]), of_fake))
    monkeypatch.setattr(gan, "judge", lambda batch, training=True, by="": of_fake)
    real = {"images": ops.zeros((2, 16, 16, 1)), "labels": ops.convert_to_tensor(LABELS)}
    gan.reset_metrics()
    fakes = np.mean([np.log(3), np.log(2 + np.exp(9.0))])
    of_scores = np.mean(np.log1p(np.exp([-2.0, 1.0]))) + np.mean(np.log1p(np.exp([-1.5, 0.3])))
    loss = float(gan.discriminator_objective(real, real))
    assert loss == pytest.approx(of_scores + 0.542700318131 + fakes, rel=1e-6)
    assert float(gan.trackers["accuracy"].result()) == 1.0
    loss = float(gan.generator_objective(real, real))
    assert loss == pytest.approx(np.mean(np.log1p(np.exp([1.5, -0.3]))) + fakes, rel=1e-6)


def test_the_score_learns_nothing_from_the_classes(gan, gradients_of):
    batch = {"images": ops.ones((2, 16, 16, 1)), "labels": ops.convert_to_tensor(LABELS)}
    head = gan.discriminator.get_layer("score")
    (of_classes,) = gradients_of(lambda: gan.class_loss(batch, gan.judge(batch, training=False)), [head._kernel])
    assert not of_classes[:, 0].any() and np.abs(of_classes[:, 1:]).min() > 0


def test_a_discriminator_of_another_size_is_refused():
    discriminator = keras.Sequential([keras.Input((16, 16, 1)), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"what the discriminator says of an image must be of shape \(4,\)"):
        ACGAN((16, 16, 1), 4, num_classes=3, width=4, discriminator=discriminator)


def test_a_preset_classifies(gan, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    loaded = keras_gan_zoo.load(gan.save_to_preset(tmp_path / "preset"))
    said = loaded.classify(images)
    assert said.shape == (5, 3)
    np.testing.assert_array_equal(said, gan.classify(images))
    assert np.abs(said - said[0]).max() > 0


def test_the_label_decides_the_mode_unless_the_labels_are_shuffled():
    gan, agreement = label_agreement(ACGAN, lambda: network(2, 9), rounds=600)
    assert agreement >= 0.99
    points, labels = ring().sample(1000, 5)
    assert (gan.mapped(lambda x: gan.judge({"points": x}, False)["logits"], points).argmax(axis=1) == labels).mean() > 0.99
    _, agreement = label_agreement(ACGAN, lambda: network(2, 9), rounds=150, shuffled=True)
    assert agreement <= 0.25
