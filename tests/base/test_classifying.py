"""Games whose discriminator tells classes apart."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.base.classifying import Classifying
from keras_gan_zoo.models.gan import GAN


class Telling(Classifying, GAN):
    """A GAN that learns three classes beside its game."""

    num_classes = 3

    def discriminator_extra(self, real, fake, of_real, of_fake):
        self.log_accuracy(real["labels"], of_real["logits"])
        return ops.mean(ops.sparse_categorical_crossentropy(real["labels"], of_real["logits"], from_logits=True))


@pytest.fixture
def gan():
    keras.utils.set_random_seed(0)
    latents, labels, images = keras.Input((3,)), keras.Input((), dtype="int32"), keras.Input((2, 2, 1))
    x = layers.Dense(16, "relu")(layers.Flatten()(images))
    said = {"scores": layers.Dense(1)(x), "logits": layers.Dense(3)(x)}
    made = layers.Concatenate()([latents, layers.Embedding(3, 2)(labels)])
    made = layers.Reshape((2, 2, 1))(layers.Dense(4, "tanh")(made))
    gan = Telling(
        (2, 2, 1),
        3,
        generator=keras.Model([latents, labels], made),
        discriminator=keras.Model(images, said),
        seed=0,
    )
    gan.compile(*(keras.optimizers.Adam(1e-2, beta_1=0.5) for _ in range(2)))
    return gan


def shades(n):
    """Dark, gray, and bright images, and which of these each is."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    return (rng.uniform(0, 60, (n, 2, 2, 1)) + 97 * labels[:, None, None, None]).astype("uint8"), labels


def test_classes_are_learned_from_their_labels_alone(gan):
    images, labels = shades(2000)
    logs = gan.fit(images, labels, batch_size=20, epochs=3, verbose=0).history
    assert logs["accuracy"][0] < logs["accuracy"][-1] and logs["accuracy"][-1] >= 0.97
    said = gan.classify(images[:500], batch_size=200)
    assert said.shape == (500, 3) and said.dtype == np.float32
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert (said.argmax(axis=1) == labels[:500]).mean() >= 0.97
    np.testing.assert_allclose(gan.classify(images[:1]), said[:1], atol=1e-6)


def test_shuffled_labels_teach_nothing(gan):
    images, labels = shades(2000)
    shuffled = np.random.default_rng(1).permutation(labels)
    logs = gan.fit(images, shuffled, batch_size=20, epochs=3, verbose=0).history
    assert logs["accuracy"][-1] < 0.45
    assert (gan.classify(images).argmax(axis=1) == labels).mean() < 0.8


def test_the_accuracy_is_of_those_that_have_a_label(gan):
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    for labels, accuracy in (([0, 1, 0, -1], 2 / 3), ([-1, -1, -1, 0], 3 / 4), ([-1] * 4, 3 / 4)):
        gan.log_accuracy(ops.convert_to_tensor(np.array(labels, "int32")), ops.convert_to_tensor(logits))
        assert float(gan.trackers["accuracy"].result()) == pytest.approx(accuracy)


def test_samples_to_classify_are_checked(gan):
    with pytest.raises(ValueError, match=r"images must hold images of shape \(2, 2, 1\)"):
        gan.classify(np.zeros((3, 4, 4, 1), "uint8"))
    for size in (0, -1, 1.5, "a", None):
        with pytest.raises(ValueError, match=f"batch_size must be an integer of at least 1. Received: batch_size={size!r}"):
            gan.classify(np.zeros((3, 2, 2, 1), "uint8"), batch_size=size)
