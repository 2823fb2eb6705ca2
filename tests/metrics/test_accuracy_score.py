import os

import keras
import numpy as np
import pytest

from keras_gan_zoo.metrics import accuracy_score
from keras_gan_zoo.metrics.accuracy_score import BATCH_SIZE, classification_accuracy_score
from keras_gan_zoo.metrics.classifier import Classifier


def patterns(n, seed, size=8):
    """Three classes of noisy images, bright at the top, at the bottom, everywhere."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 100, (n, size, size, 1))
    images[labels != 1, : size // 3] += 120
    images[labels != 0, -size // 3 :] += 120
    return images.astype("uint8"), labels


def dense(classes=3, size=8):
    return keras.Sequential(
        [
            keras.Input((size, size, 1)),
            keras.layers.Rescaling(1 / 127.5, offset=-1.0),
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )


def score(images, labels, **arguments):
    return classification_accuracy_score(images, labels, *patterns(500, 1), **{"build": dense, "epochs": 60, **arguments})


def test_good_images_teach_what_wrong_labels_do_not():
    images, labels = patterns(1000, 0)
    good = score(images, labels)
    assert good.gan_train > 0.98 and good.gan_test is None
    # Each class named as the next one: always wrong, which is worse than chance.
    assert score(images, (labels + 1) % 3).gan_train < 0.02
    shuffled = np.random.default_rng(2).permutation(labels)
    assert 0.1 < score(images, shuffled).gan_train < 0.7


def test_settings_say_what_the_number_depends_on():
    images, labels = patterns(200, 0)
    result = score(images, labels, epochs=1, seed=7)
    assert result.settings == {
        "classifier": "given",
        "parameters": 195,
        "dtype": "float32",
        "epochs": 1,
        "batch_size": BATCH_SIZE,
        "learning_rate": 1e-3,
        "seed": 7,
        "n_train": 200,
        "n_test": 500,
        "judge_sha256": None,
    }
    assert score(images, labels, epochs=1, seed=7) == result


def test_training_takes_every_image_once_an_epoch_with_fresh_gradients_and_keeps_the_last_weights():
    """The same steps by hand: Adam at a falling rate on the gradient of one batch each."""
    images, labels = patterns(BATCH_SIZE, 0)
    models = []

    def build():
        models.append(dense())
        models[-1].set_weights([np.zeros((64, 3)), np.zeros(3)])
        return models[-1]

    score(images, labels, build=build, epochs=3)
    x, y = images.reshape(len(images), -1) / 127.5 - 1, np.eye(3)[labels]
    w, first, second = np.zeros((65, 3)), np.zeros((65, 3)), np.zeros((65, 3))
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    for step in range(3):
        p = np.exp(x @ w)
        g = x.T @ (p / p.sum(axis=1, keepdims=True) - y) / len(x)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        rate = 1e-3 * (1 + np.cos(np.pi * step / 3)) / 2 * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        w -= rate * first / (np.sqrt(second) + 1e-7)
    kernel, bias = models[0].get_weights()
    np.testing.assert_allclose(kernel, w[:64], atol=1e-5)
    np.testing.assert_allclose(bias, w[64], atol=1e-5)


def test_judge_measures_the_generated_images():
    class Judge:
        sha256 = "abc"

        def probabilities(self, images):
            return np.eye(3)[np.arange(len(images)) % 3]

    images, labels = patterns(300, 0)
    result = score(images, labels, judge=Judge(), epochs=1)
    assert result.gan_test == pytest.approx((labels == np.arange(300) % 3).mean(), abs=1e-12) and 0.2 < result.gan_test < 0.5
    assert result.settings["judge_sha256"] == "abc"


@pytest.fixture
def small_batches(monkeypatch):
    """As many steps with a quarter of the images."""
    monkeypatch.setattr(accuracy_score, "BATCH_SIZE", 32)


def test_default_network(small_batches):
    images, labels = patterns(250, 0, size=28)
    result = classification_accuracy_score(images, labels, *patterns(100, 1, size=28), judge=Classifier("mnist"), epochs=8)
    assert result.gan_train > 0.9 and 0.0 <= result.gan_test < 0.7
    assert result.settings["classifier"] == "default"


def test_bad_input_is_named():
    images, labels = patterns(60, 0)
    test = patterns(30, 1)
    for arguments, error, words in [
        ((images / 255.0, labels, *test), TypeError, "train_images must be uint8"),
        ((images, labels, test[0][:, :4], test[1]), ValueError, "one shape"),
        ((images, labels[:-1], *test), ValueError, "train_labels must be 60 integers"),
        ((images, labels - 1, *test), ValueError, "integers from 0"),
        ((images, labels, test[0], test[1].astype("float32")), ValueError, "test_labels must be 30 integers"),
        ((images, labels % 2, *test), ValueError, r"lack the classes \[2\]"),
    ]:
        with pytest.raises(error, match=words):
            classification_accuracy_score(*arguments, build=dense)
    with pytest.raises(ValueError, match="28 x 28 x 1"):
        classification_accuracy_score(images, labels, *test)
    with pytest.raises(ValueError, match=r"logits \(n, 3\)"):
        score(images, labels, build=lambda: dense(classes=2))
    with pytest.raises(ValueError, match="epochs"):
        score(images, labels, epochs=0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        score(images, labels, epochs=1, build=lambda: keras.Sequential([dense(), keras.layers.Rescaling(np.nan)]))


@pytest.mark.real_data("mnist")
@pytest.mark.slow
def test_real_images_teach_and_one_frozen_image_per_class_does_not(small_batches):
    tfds = pytest.importorskip("tensorflow_datasets")

    def split(name):
        data = tfds.load("mnist", split=name, data_dir=os.environ["TFDS_DATA_DIR"], batch_size=-1)
        return [np.asarray(data[key]) for key in ("image", "label")]

    (images, labels), test = split("train[:2000]"), split("test[:2000]")
    judge = Classifier("mnist")
    real = classification_accuracy_score(images, labels, *test, epochs=2)
    # A generator that draws from the training set.
    drawn = np.random.default_rng(0).integers(0, len(images), len(images))
    sampler = classification_accuracy_score(images[drawn], labels[drawn], *test, judge=judge, epochs=2)
    # One that has a single image for each class, which is a good one.
    best = [np.flatnonzero(labels == c)[0] for c in range(10)]
    asked = np.arange(2000) % 10
    frozen = classification_accuracy_score(images[best][asked], asked, *test, judge=judge, epochs=2)
    assert real.gan_train > 0.93 and sampler.gan_train == pytest.approx(real.gan_train, abs=0.02)
    assert sampler.gan_test > 0.99 and frozen.gan_test > 0.99
    assert 0.1 < frozen.gan_train < 0.75
