"""Classification accuracy score: what a classifier learns from generated images, and what it makes of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics import classifier
from keras_gan_zoo.metrics.checks import as_labels
from keras_gan_zoo.metrics.similarity import checked_images

BATCH_SIZE = 128
LEARNING_RATE = 1e-3
# The same on every machine; a CPU without units for bfloat16 would be many times slower in it.
DTYPE = "float32"


class AccuracyScore(NamedTuple):
    """Classification accuracy score."""

    gan_train: float  # accuracy on the test images
    gan_test: float | None  # accuracy of the judge on the training images
    settings: dict[str, Any]  # what the numbers depend on, for a record


def classification_accuracy_score(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    judge: classifier.Classifier | None = None,
    build: Callable[[], keras.Model] | None = None,
    epochs: int = 3,
    seed: int = 0,
) -> AccuracyScore:
    """Trains a classifier on generated images and measures it on real ones.

        GAN-train = accuracy on real test images of a classifier trained on generated, labeled images only
        GAN-test  = accuracy on generated images, by the labels they were asked for, of a classifier trained on real ones

    GAN-train is the classification accuracy score (Ravuri & Vinyals, 2019, https://arxiv.org/abs/1905.10887). It falls with
    missing variety as with wrong or blurred images; GAN-test (Shmelkov et al., 2018, https://arxiv.org/abs/1807.09499) sees
    quality only, so one good image per class, repeated, has a high GAN-test and a low GAN-train. Both are in [0, 1].

    Training is plain: a fixed set of images, Adam at 1e-3 falling to 0 along half a cosine, batches of 128, no augmentation,
    the weights after the last epoch whatever their accuracy. The number depends on the classifier and its training, so
    compare it with that of as many real training images under the same settings (about 0.99 on MNIST).

    Args:
        train_images: generated, uint8 (n, height, width, channels); as many as the real training set has, by the papers.
        train_labels: integers (n,) from 0, the classes that were asked for.
        test_images: real images of the test split, uint8 (m, height, width, channels).
        test_labels: integers (m,); classes that train_labels have too.
        judge: a classifier trained on real images, for GAN-test.
        build: makes an untrained Keras model, float images in [0, 255] -> logits (n, classes). Needed for images that are
            not 28 x 28 x 1; by default it is the network of `keras_gan_zoo.metrics.classifier`, in float32.
        epochs: passes over the generated images.
        seed: of the initial weights and the order of images. Sets Keras's global seed.

    Raises:
        TypeError: images that are not uint8.
        ValueError: images or labels that do not fit each other or the model; a class of the test that training lacks.
    """
    train_images, test_images = checked_images(train_images, "train_images"), checked_images(test_images, "test_images")
    if train_images.shape[1:] != test_images.shape[1:]:
        raise ValueError(
            f"train_images and test_images must have one shape. Received: {train_images.shape[1:]}, {test_images.shape[1:]}."
        )
    train_labels = as_labels(train_labels, len(train_images), "train_labels", 0)
    test_labels = as_labels(test_labels, len(test_images), "test_labels", 0)
    if missing := sorted(set(np.unique(test_labels).tolist()) - set(np.unique(train_labels).tolist())):
        raise ValueError(
            f"train_labels must have every class of test_labels. Received: train_labels lack the classes {missing}. Fix: "
            "generate every class, or take these out of the test."
        )
    check_integer(epochs, "epochs", 1)
    classes = int(train_labels.max()) + 1
    if build is None and train_images.shape[1:] != (28, 28, 1):
        raise ValueError(
            f"Images of the shipped network must be 28 x 28 x 1. Received: {train_images.shape[1:]}. Fix: build=a function "
            "that makes an untrained Keras model for them."
        )
    # Before the model is built, so that its initial weights are the same each time.
    keras.utils.set_random_seed(seed)
    model = classifier.build(classes, DTYPE) if build is None else build()
    if len(model.output_shape) != 2 or model.output_shape[1] < classes:
        raise ValueError(f"build must make a model with logits (n, {classes}) or more. Received: {model.output_shape}.")
    classifier.prepare(model, epochs * -(-len(train_images) // BATCH_SIZE), LEARNING_RATE)
    model.fit(train_images, train_labels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    logits = model.predict(test_images, batch_size=500, verbose=0)
    if not np.isfinite(logits).all():
        raise ValueError(
            "The classifier's logits must be finite after training. Received: NaN or infinite ones. Fix: check what build "
            "makes."
        )
    gan_test = None if judge is None else _accuracy(judge.probabilities(train_images), train_labels)
    settings = {
        "classifier": "default" if build is None else "given",
        "parameters": model.count_params(),
        "dtype": DTYPE if build is None else model.dtype_policy.name,
        "epochs": epochs,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "seed": seed,
        "n_train": len(train_images),
        "n_test": len(test_images),
        "judge_sha256": None if judge is None else judge.sha256,
    }
    return AccuracyScore(_accuracy(logits, test_labels), gan_test, settings)


def _accuracy(scores, labels):
    return float((scores.argmax(axis=1) == labels).mean())
