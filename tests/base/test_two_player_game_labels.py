"""Label smoothing of either side, and label flipping."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import LSGAN, WGAN
from keras_gan_zoo.models.gan import GAN

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def tensor(values):
    return ops.convert_to_tensor(values, "float32")


def value(x):
    return ops.convert_to_numpy(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_smoothing_golden(tiny_gan):
    gan = tiny_gan(label_smoothing=0.1)
    assert value(gan.labeled_loss(tensor(R), tensor(F))) == pytest.approx(1.2200991077, abs=1e-6)
    plain = tiny_gan()
    assert value(plain.labeled_loss(tensor(R), tensor(F))) == pytest.approx(1.1075991077, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_smoothing_has_the_gradients_of_the_cross_entropy(smoothing, tiny_gan, differentiate):
    gan = tiny_gan(label_smoothing=smoothing)
    _, (real, fake) = differentiate(gan.labeled_loss, R, F)
    np.testing.assert_allclose(real, (sigmoid(R) - (1 - smoothing)) / 4, atol=1e-6)
    np.testing.assert_allclose(fake, sigmoid(F) / 4, atol=1e-6)


def test_smoothing_of_both_sides_is_that_of_keras(tiny_gan, differentiate):
    # Keras moves both targets by half of its label_smoothing.
    gan = tiny_gan(label_smoothing=0.05, fake_label_smoothing=0.05)
    keras_loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)

    def of_keras(real, fake):
        return keras_loss(ops.ones_like(real), real) + keras_loss(ops.zeros_like(fake), fake)

    _, ours = differentiate(gan.labeled_loss, R, F)
    _, theirs = differentiate(of_keras, R, F)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours[1], (sigmoid(F) - 0.05) / 4, atol=1e-6)


@pytest.mark.parametrize(
    ("cls", "real", "fake"),
    [
        (LSGAN, lambda r, s: (1 - s) * (r - 1) + s * r, lambda f, t: (1 - t) * f + t * (f - 1)),
        (WGAN, lambda r, s: np.full_like(r, 2 * s - 1), lambda f, t: np.full_like(f, 1 - 2 * t)),
    ],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_smoothing_in_the_terms_of_other_losses(cls, real, fake, smoothing, tiny_gan, differentiate):
    gan = tiny_gan(cls, label_smoothing=0.2, fake_label_smoothing=smoothing)
    _, gradients = differentiate(gan.labeled_loss, R, F)
    np.testing.assert_allclose(gradients[0], real(np.array(R), 0.2) / 4, atol=1e-6)
    np.testing.assert_allclose(gradients[1], fake(np.array(F), smoothing) / 4, atol=1e-6)


def test_smoothing_leaves_the_generator_alone(tiny_gan):
    smooth, plain = (tiny_gan(label_smoothing=s) for s in (0.2, 0.0))
    x = {"images": tensor(np.zeros((4, 2, 2, 1), "float32"))}
    losses = [value(gan.generator_objective(x, gan.fake_like(x))) for gan in (smooth, plain)]
    assert losses[0] == losses[1]


class Listening(GAN):
    """Keeps the scores that its loss is asked for, the first of them only."""

    def discriminator_loss(self, real_scores, fake_scores):
        self.heard = value(real_scores), value(fake_scores)
        return super().discriminator_loss(real_scores, fake_scores)


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_flipping_swaps_that_share_of_pairs(share, tiny_gan):
    n = 20_000
    gan = tiny_gan(Listening, label_flipping=share)
    gan.labeled_loss(ops.ones((n,)), -ops.ones((n,)))
    real, fake = gan.heard
    np.testing.assert_array_equal(real, -fake)
    assert (real < 0).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / n))
    first = real
    gan.labeled_loss(ops.ones((n,)), -ops.ones((n,)))
    assert (gan.heard[0] != first).mean() == pytest.approx(2 * share * (1 - share), rel=0.2)


def test_no_flipping_by_default(tiny_gan):
    gan = tiny_gan(Listening)
    gan.labeled_loss(ops.ones((50,)), -ops.ones((50,)))
    np.testing.assert_array_equal(gan.heard[0], 1.0)
    np.testing.assert_array_equal(gan.heard[1], -1.0)
