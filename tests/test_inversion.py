"""AnoGAN's search: closed forms, what stays as it is, and images that a generator has not learned to make."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import DCGAN, GAN, ImprovedGAN, PacGAN, SeqGAN, StyleGAN2, invert
from keras_gan_zoo.networks.features import features_of

SHAPE = (2, 3, 1)
MATRIX = np.random.default_rng(0).normal(size=(2, 6)).astype("float32") / 2


def linear(**options):
    """A GAN with G(z) = z A, and a discriminator whose features are 2 x."""
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(6, use_bias=False), layers.Reshape(SHAPE)])
    generator.set_weights([MATRIX])
    discriminator = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(6, use_bias=False), layers.Dense(1, use_bias=False)]
    )
    discriminator.set_weights([2 * np.eye(6, dtype="float32"), np.ones((6, 1), "float32")])
    return GAN(SHAPE, 2, generator=generator, discriminator=discriminator, seed=0, **options)


def auc(scores, anomalous):
    """The share of pairs in which the anomalous image has the higher score."""
    return (scores[anomalous][:, None] > scores[~anomalous][None]).mean()


def test_it_finds_the_latents_of_images_that_a_linear_generator_makes():
    gan = linear()
    latents = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 2)).astype("float32")
    images = (latents @ MATRIX).reshape(5, *SHAPE)
    found = invert(gan, images, steps=300)
    # Images are kept in 256 steps.
    np.testing.assert_allclose(found.inputs["latents"], latents, atol=2e-2)
    np.testing.assert_allclose(found.samples, images, atol=1e-2)
    np.testing.assert_allclose(gan.generate(5, **found.inputs), found.samples, atol=1e-6)
    noise = np.random.default_rng(2).uniform(-1, 1, (5, *SHAPE)).astype("float32")
    assert found.scores.max() < 1e-2 * invert(gan, noise, steps=300).scores.mean()


@pytest.mark.parametrize("n", [1, 4])
def test_scores_are_those_of_the_paper(n):
    gan = linear()
    images = np.random.default_rng(3).integers(0, 256, (n, *SHAPE), dtype="uint8")
    apart = np.abs(gan.latents(n, seed=4) @ MATRIX - (images.reshape(n, 6) / 127.5 - 1)).sum(axis=1)
    for weight, expected in ((None, 0.9 + 0.1 * 2), (0.0, 1.0), (0.5, 0.5 + 0.5 * 2), (1.0, 2.0)):
        found = invert(gan, images, steps=2, learning_rate=0.0, feature_weight=weight, seed=4)
        np.testing.assert_allclose(found.scores, expected * apart, rtol=1e-5)


def test_each_image_is_searched_for_on_its_own_and_nothing_of_the_model_moves():
    gan = DCGAN.tiny(seed=0, ema_half_life=10)
    for variable in gan.generator.trainable_variables:
        variable.assign(variable + 0.2)
    before = [ops.convert_to_numpy(v).copy() for v in (*gan.variables, *gan.optimizer.variables)]
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype="uint8")
    together = invert(gan, images, steps=5)
    apart = invert(gan, images, steps=5, batch_size=2)
    for a, b in zip(together, apart, strict=True):
        a, b = (x["latents"] if isinstance(x, dict) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    after = [ops.convert_to_numpy(v) for v in (*gan.variables, *gan.optimizer.variables)]
    assert all(map(np.array_equal, before, after))
    # What is made is what inference makes, under the averages.
    np.testing.assert_allclose(gan.generate(5, **together.inputs), together.samples, atol=1e-5)


def test_uniform_latents_stay_where_they_are_drawn():
    found = invert(linear(latent_distribution="uniform"), np.ones((3, *SHAPE), "float32") * -1, steps=50, learning_rate=1.0)
    assert np.abs(found.inputs["latents"]).max() == 1.0


def test_a_preset_without_a_discriminator_is_searched_by_pixels_alone(tmp_path):
    gan = DCGAN.tiny(seed=0)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), dtype="uint8")
    options = {"steps": 2, "learning_rate": 0.0}
    pixels = invert(gan, images, feature_weight=0.0, **options).scores
    assert np.abs(invert(gan, images, **options).scores - pixels).min() > 1e-3
    for name, networks in (("alone", ("generator",)), ("both", ("generator", "discriminator"))):
        gan.save_to_preset(tmp_path / name, networks=networks)
    alone, both = (keras_gan_zoo.load(tmp_path / name) for name in ("alone", "both"))
    np.testing.assert_allclose(invert(alone, images, **options).scores, pixels, rtol=1e-5)
    assert np.abs(invert(both, images, **options).scores - pixels).min() > 1e-3
    with pytest.raises(ValueError, match="feature_weight must be 0 where there is no trained discriminator"):
        invert(alone, images, feature_weight=0.1, **options)


def test_classes_must_be_given():
    keras.utils.set_random_seed(0)  # with some weights the labels are next to nothing in three steps
    gan = DCGAN.tiny(seed=0, num_classes=3)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), dtype="uint8")
    for given in ({}, {"labels": None}):
        with pytest.raises(TypeError, match="labels must be given"):
            invert(gan, images, **given)
    one, each = invert(gan, images, steps=3, labels=1), invert(gan, images, steps=3, labels=[1, 2, 0])
    np.testing.assert_allclose(one.scores[0], each.scores[0], rtol=1e-4)
    assert np.abs(one.scores - each.scores)[1:].min() > 1e-4


def test_what_makes_nothing_of_latents_is_refused():
    from keras_gan_zoo import Pix2Pix

    with pytest.raises(TypeError, match="A search needs latents. Received: Pix2Pix"):
        invert(Pix2Pix.tiny(), np.zeros((1, 32, 32, 1)))
    with pytest.raises(ValueError, match=r"feature_weight must be in \[0, 1\]. Received: feature_weight=2"):
        invert(linear(), np.zeros((1, *SHAPE)) - 1.0, feature_weight=2)
    with pytest.raises(ValueError, match="steps"):
        invert(linear(), np.zeros((1, *SHAPE)) - 1.0, steps=0)
    for rate in (-1, np.nan, np.inf, "a", None, True):
        with pytest.raises((TypeError, ValueError), match=f"learning_rate must be .* Received: learning_rate={rate!r}"):
            invert(linear(), np.zeros((1, *SHAPE)) - 1.0, learning_rate=rate)
    with pytest.raises(TypeError, match="feature_weight must be a number"):
        invert(linear(), np.zeros((1, *SHAPE)) - 1.0, feature_weight="0.1")
    with pytest.raises(TypeError, match="Received: SeqGAN, which makes tokens"):
        invert(SeqGAN.tiny(), np.zeros((2, 5), int))


@pytest.mark.parametrize("cls", [ImprovedGAN, PacGAN, StyleGAN2])
def test_a_discriminator_of_several_images_has_no_say(cls):
    """Scores would be those of an image among its neighbors, or none at all."""
    gan, images = cls.tiny(seed=0), np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), dtype="uint8")
    given = {"noise": np.zeros(gan.inputs()["noise"].shape)} if "noise" in gan.inputs() else {}
    together = invert(gan, images, steps=2, **given)
    pixels = np.abs(together.samples - (images / 127.5 - 1)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(together.scores, pixels, rtol=1e-5)
    with pytest.raises(ValueError, match="features of a single image"):
        invert(gan, images, steps=2, feature_weight=0.1, **given)


def test_features_are_what_the_last_layer_with_weights_sees():
    images = keras.Input((4, 4, 1))
    flat = layers.Flatten()(images)
    hidden = layers.Dense(3, activation="relu")(flat)
    scores = ops.squeeze(layers.Dense(1)(hidden), axis=-1)
    network = keras.Model(images, scores)
    features = features_of(network)
    assert features.outputs[0] is hidden
    assert {id(weight) for weight in features.weights} < {id(weight) for weight in network.weights}
    conditional = DCGAN.tiny(num_classes=3).discriminator
    assert [tensor.name for tensor in features_of(conditional).inputs] == ["images", "labels"]

    class Own(keras.Model):
        def call(self, x):
            return ops.mean(x, axis=(1, 2))

    assert features_of(Own()) is None
    assert features_of(keras.Sequential([keras.Input((3,)), layers.Flatten()])) is None


def test_what_a_gan_has_not_seen_scores_higher(blobs, blob_gan):
    images = np.concatenate([blobs(40, seed=1), blobs(40, upright=True, seed=1)])
    anomalous = np.arange(80) >= 40
    options = {"steps": 60, "learning_rate": 0.2}
    untrained = keras.models.clone_model(blob_gan.generator)
    control = type(blob_gan)((8, 8, 1), 4, generator=untrained, discriminator=blob_gan.discriminator)
    # Pixels alone tell nothing, as either kind is the other one turned.
    before = auc(keras_gan_zoo.anomaly_scores(control, images, feature_weight=0.0, **options), anomalous)
    assert 0.2 < before < 0.8
    assert auc(keras_gan_zoo.anomaly_scores(blob_gan, images, **options), anomalous) > 0.95
