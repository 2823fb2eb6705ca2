"""Extractors by name, and a user's own."""

import keras
import numpy as np
import pytest

from keras_gan_zoo.metrics import evaluate, reference
from keras_gan_zoo.metrics.features import feature_extractor

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(4)], name="mine"
    )


def test_a_keras_model(model):
    extractor = feature_extractor(model)
    assert (extractor.name, extractor.dimension, extractor.classes, len(extractor.sha256)) == ("mine", 4, None, 64)
    kernel, bias = model.get_weights()
    expected = IMAGES.reshape(len(IMAGES), -1) / 255 @ kernel + bias
    np.testing.assert_allclose(extractor.features(IMAGES, batch_size=2), expected, rtol=1e-5, atol=1e-6)
    record = evaluate(IMAGES, IMAGES[:8], metrics=["recall"], extractor=extractor)["recall"]
    assert record.extractor_sha256 == extractor.sha256
    before = extractor.sha256
    model.layers[-1].bias.assign(np.ones(4))
    assert feature_extractor(model).sha256 != before


def test_the_layers_of_a_keras_model_decide_its_features_and_their_names_do_not(tmp_path):
    def model(scale=1 / 255, activation="relu", name=None):
        layers = keras.layers
        stack = [layers.Rescaling(scale, name=name), layers.Activation(activation), layers.Flatten()]
        return feature_extractor(keras.Sequential([keras.Input((8, 8, 3)), *stack], name="mine"))

    one = model()
    assert one.sha256 == model(name="other").sha256
    assert len({one.sha256, model(1 / 127).sha256, model(activation="elu").sha256}) == 3
    for extractor in (one, model(1 / 127)):
        kept = reference(IMAGES, extractor, split="mine", cache=tmp_path).moments.mean
        np.testing.assert_allclose(kept, extractor.features(IMAGES).mean(axis=0), rtol=1e-5)

    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    own = keras.Sequential([keras.Input((8, 8, 3)), Own(), keras.layers.Flatten()])
    assert feature_extractor(own).sha256.startswith("unknown-")
    assert feature_extractor(own, sha256="abc").sha256 == "abc"


def test_a_function():
    def means(images):
        return images.mean(axis=(1, 2))

    extractor = feature_extractor(means, name="means", dimension=3, sha256="abc")
    np.testing.assert_allclose(extractor.features(IMAGES), IMAGES.mean(axis=(1, 2)), rtol=1e-6)
    assert extractor.sha256 == "abc"
    one, two = (feature_extractor(means, name="means", dimension=3) for _ in range(2))
    assert one.sha256.startswith("unknown-") and one.sha256 != two.sha256
    with pytest.raises(ValueError, match="name= and dimension="):
        feature_extractor(means)
    with pytest.raises(ValueError, match=r"must be \(9, 2\)"):
        feature_extractor(means, name="means", dimension=2).features(IMAGES)


def test_names_and_instances():
    mnist = feature_extractor("mnist")
    assert (mnist.name, mnist.classes, mnist.dimension) == ("mnist_classifier", 10, 128)
    assert feature_extractor(mnist) is mnist


@pytest.mark.parametrize(
    ("which", "options", "message"),
    [
        ("lenet", {}, "'mnist'.*'lenet'"),
        ("mnist", {"weights": "x.npz"}, "are for 'inception'"),
        ("mnist", {"name": "x"}, "name must go with a model"),
        ("inception", {"dimension": 3}, "dimension must go with"),
    ],
)
def test_bad_arguments(which, options, message):
    with pytest.raises(ValueError, match=message):
        feature_extractor(which, **options)


def test_a_model_that_gives_no_vectors():
    with pytest.raises(ValueError, match="must give features"):
        feature_extractor(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]))


def test_alpha_is_refused_with_the_fix(model):
    with pytest.raises(ValueError, match="drop alpha"):
        feature_extractor(model).features(np.zeros((2, 8, 8, 4), np.uint8))
