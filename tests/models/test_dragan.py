"""DRAGAN: where its penalty looks, what it adds to the 2014 game, and what it does on a ring."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import DRAGAN, GAN
from keras_gan_zoo.base.batches import stopped
from tests.models.ring_games import modes_covered

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def value(x):
    return ops.convert_to_numpy(x)


def batch(n, shape, seed=0):
    return {"images": ops.convert_to_tensor(np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32"))}


def linear(tiny_gan, weights, **options):
    """A DRAGAN whose discriminator is x -> w x on images of 1 x len(w) pixels."""
    gan = tiny_gan(DRAGAN, (1, len(weights), 1), **options)
    gan.discriminator.set_weights([np.array(weights, "float32")[:, None], np.zeros(1)])
    return gan


def test_defaults_are_the_papers():
    gan = DRAGAN(width=4)
    assert (gan.penalty_weight, gan.options.n_critic, gan.latent_dim, gan.noise) == (10.0, 1, 100, "positive")
    assert not gan.may_mix_samples()
    for optimizer in gan.optimizers.values():
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.9)
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_losses_are_those_of_2014(tiny_gan):
    gan = tiny_gan(DRAGAN)
    r, f = ops.convert_to_tensor(R), ops.convert_to_tensor(F)
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(1.1075991077, rel=1e-6)
    assert float(gan.generator_loss(f)) == pytest.approx(1.1793855991, rel=1e-6)
    saturating = tiny_gan(DRAGAN, saturating=True)
    assert float(saturating.generator_loss(f)) == pytest.approx(-0.6168855991, rel=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_golden_penalty_whatever_the_generator_makes(n, tiny_gan):
    # A norm of the whole batch would give 10 * 81 at n = 4.
    gan, real = linear(tiny_gan, [3.0, 4.0]), batch(n, (1, 2, 1))
    assert float(gan.penalty(real, batch(n, (1, 2, 1), seed=1))) == pytest.approx(160.0, rel=1e-6)
    # The next numbers of the same generator do not matter where the slope is the same everywhere.
    assert float(gan.penalty(real, batch(n, (1, 2, 1), seed=2))) == pytest.approx(160.0, rel=1e-6)


@pytest.mark.parametrize(
    ("noise", "low", "mean"), [("positive", 0.0, 0.25), ("symmetric", -1.0, 0.0), ("normal", -9.0, 0.0)]
)
def test_points_lie_around_the_data_by_half_the_spread_of_the_batch(noise, low, mean, tiny_gan):
    gan, n = linear(tiny_gan, [1.0] * 12, noise=noise), 2000
    real = batch(n, (1, 12, 1))["images"]
    moved = (value(gan.interpolates(real, -real)) - value(real)) / (value(real).std() / 2)
    assert moved.min() >= low - 1e-5 and moved.mean() == pytest.approx(mean, abs=0.01)
    assert (moved.max() <= 1 + 1e-5) == (noise != "normal") and moved.max() > 0.95
    # One share for each sample: the largest number of a sample is nearly it, where the noise is bounded.
    if noise != "normal":
        shares = np.abs(moved).max(axis=(1, 2, 3))
        assert shares.mean() == pytest.approx(0.5 * 12 / 13, abs=0.02) and shares.std() > 0.2
    constant = ops.ones((3, 1, 12, 1))
    np.testing.assert_array_equal(value(gan.interpolates(constant, constant)), 1.0)


def test_unknown_noise_is_refused(tiny_gan):
    with pytest.raises(ValueError, match="noise must be one of positive, symmetric, normal. Received: noise='gauss'"):
        tiny_gan(DRAGAN, noise="gauss")


def test_both_terms_reach_the_discriminator_and_neither_the_generator(gradients_of, tiny_gan):
    gan = linear(tiny_gan, [3.0, 4.0])
    real = batch(4, (1, 2, 1))
    kernel = gan.discriminator.trainable_variables[:1]
    (whole,) = gradients_of(lambda: gan.discriminator_objective(real, gan.fake_like(real)), kernel)
    (penalty,) = gradients_of(lambda: gan.penalty(real, stopped(gan.fake_like(real))), kernel)
    np.testing.assert_allclose(penalty[:, 0], [48.0, 64.0], rtol=1e-6)
    assert np.abs(whole - penalty).max() > 0.1 and np.abs(whole).max() > 1
    of_generator = gradients_of(
        lambda: gan.discriminator_objective(real, gan.fake_like(real)), gan.generator.trainable_variables
    )
    assert all(gradient is None for gradient in of_generator)


def test_without_a_penalty_it_is_the_gan(tiny_gan, round_of):
    def trained(cls, **options):
        gan = tiny_gan(cls, **options)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
        for i in range(2):
            gan.train_on_batch(*round_of(gan, seed=i))
        return gan.get_weights()

    plain, without, whole = trained(GAN), trained(DRAGAN, penalty_weight=0.0), trained(DRAGAN)
    for a, b in zip(without, plain, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(whole, plain, strict=True))


def test_it_covers_a_ring_on_which_the_gan_collapses():
    assert modes_covered(DRAGAN, penalty_weight=0.0) <= 4
    assert modes_covered(DRAGAN, penalty_weight=1.0) == 8
