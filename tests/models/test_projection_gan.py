"""ProjectionGAN: scores are linear in the features, by a vector for each class; G is told the class by its batch norm."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import ProjectionGAN
from keras_gan_zoo.layers import OneHot, SNConv2D, SNDense
from keras_gan_zoo.layers.conditional_batch_norm import ConditionalBatchNorm
from tests.models.ring_games import label_agreement


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    gan = ProjectionGAN((16, 16, 1), 4, num_classes=5, width=4, n_critic=1, seed=0)
    gan.compile(run_eagerly=True)
    return gan


def batch(*labels):
    images = np.random.default_rng(0).uniform(-1, 1, (len(labels), 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images), "labels": ops.convert_to_tensor(np.array(labels, "int32"))}


def parts(gan, given):
    """The features of images, and the vectors of classes, in float64."""
    trunk = keras.Model(gan.discriminator.inputs, gan.discriminator.get_layer("features").output)
    features = ops.convert_to_numpy(trunk([given["images"], given["labels"]], training=False)).astype("float64")
    rows = ops.convert_to_numpy(gan.discriminator.get_layer("embedding").kernel).astype("float64")
    return features, rows


def test_the_score_is_linear_in_the_features(gan):
    given = batch(0, 3, 4, 1)
    features, rows = parts(gan, given)
    head = gan.discriminator.get_layer("score")
    psi, bias = (ops.convert_to_numpy(value).astype("float64") for value in (head.kernel, head.bias))
    expected = ((psi[:, 0] + rows[[0, 3, 4, 1]]) * features).sum(axis=1) + bias
    scores = ops.convert_to_numpy(gan.score(given, training=False))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    other = ops.convert_to_numpy(gan.score({**given, "labels": batch(2, 2, 2, 2)["labels"]}, training=False))
    shift = ((rows[[0, 3, 4, 1]] - rows[2]) * features).sum(axis=1)
    np.testing.assert_allclose(scores - other, shift, rtol=1e-3, atol=1e-5)
    assert np.abs(shift).min() > 1e-4


def test_the_features_are_sums_over_the_last_map(gan):
    given = batch(0, 1)
    last = keras.Model(gan.discriminator.inputs, gan.discriminator.get_layer("mean").input)
    maps = ops.convert_to_numpy(last([given["images"], given["labels"]], training=False))
    assert maps.shape[1:3] == (4, 4)
    np.testing.assert_allclose(parts(gan, given)[0], maps.sum(axis=(1, 2)), rtol=1e-5, atol=1e-5)


def test_a_class_that_is_not_in_the_batch_does_not_learn(gan, gradients_of):
    embedding = gan.discriminator.get_layer("embedding")
    real, fake = batch(0, 3), {**batch(0, 3), "images": -batch(0, 3)["images"]}

    def loss():
        # Without spectral norm, which divides all rows by one number.
        scale = ops.stop_gradient(ops.sum(embedding._kernel * embedding._kernel)) * 0 + 1
        return gan.discriminator_loss(*(gan.score(given, training=False) for given in (real, fake))) * scale

    (gradient,) = gradients_of(loss, [embedding._kernel])
    kernel = ops.convert_to_numpy(embedding._kernel)
    # What sigma's part leaves there is along u v, so it goes once that is taken away.
    u, v = (ops.convert_to_numpy(value) for value in (embedding.u, embedding.v))
    along = gradient[1] @ u / (v[1] + 1e-12)
    rest = gradient - along * np.outer(v, u)
    assert np.abs(rest[[1, 2, 4]]).max() < 1e-5 * np.abs(gradient).max() + 1e-7
    assert np.abs(rest[[0, 3]]).max() > 1e-3 and kernel.shape[0] == 5


def test_all_layers_of_the_discriminator_are_spectral_and_the_generator_is_told_by_its_norms(gan):
    kinds = [type(layer) for layer in gan.discriminator.layers if layer.trainable_weights]
    assert set(kinds) == {SNConv2D, SNDense} and kinds.count(SNDense) == 2
    norms = [layer for layer in gan.generator.layers if isinstance(layer, ConditionalBatchNorm)]
    assert len(norms) == 2
    assert not any(isinstance(layer, (OneHot, layers.BatchNormalization)) for layer in gan.generator.layers)


def test_the_label_reaches_the_images(gan):
    rng = np.random.default_rng(0)
    norms = [layer for layer in gan.generator.layers if isinstance(layer, ConditionalBatchNorm)]
    kept = [norm.get_weights() for norm in norms]
    latents = np.repeat(gan.latents(1, seed=0), 5, axis=0)
    assert np.ptp(gan.generate(5, latents=latents, labels=np.arange(5)), axis=0).max() < 1e-6
    try:
        for norm in norms:
            norm.beta.assign(rng.normal(size=norm.beta.shape))
        images = gan.generate(5, latents=latents, labels=np.arange(5))
        assert np.abs(images - images[:1]).max(axis=(1, 2, 3))[1:].min() > 1e-3
    finally:
        for norm, weights in zip(norms, kept, strict=True):
            norm.set_weights(weights)


def projecting():
    """A projection discriminator of points."""
    points, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    x = points
    for _ in range(2):
        x = layers.ReLU()(SNDense(64)(x))
    product = layers.Dot(1)([x, SNDense(64, use_bias=False)(OneHot(8)(labels))])
    return keras.Model([points, labels], layers.Add()([SNDense(1)(x), product]))


def test_the_label_decides_the_mode_unless_the_labels_are_shuffled():
    _, agreement = label_agreement(ProjectionGAN, projecting, rounds=600, n_critic=1)
    assert agreement >= 0.99
    _, agreement = label_agreement(ProjectionGAN, projecting, rounds=150, shuffled=True, n_critic=1)
    assert agreement <= 0.25
