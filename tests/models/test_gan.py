"""The 2014 game: losses, routing, and dynamics with closed forms."""

import math

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import DCGAN, GAN, ImprovedGAN


def value(x):
    return float(ops.convert_to_numpy(x))


def images(n=8, shape=(2, 2, 1), seed=0, shift=0.0):
    numbers = np.random.default_rng(seed).uniform(-1, 1, (n, *shape)) + shift
    return {"images": ops.convert_to_tensor(numbers.astype("float32"))}


def test_defaults_are_the_papers_networks():
    gan = GAN()
    assert gan.latent_dim == 100 and gan.image_shape == (28, 28, 1)
    assert gan.generator.count_params() == 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    assert gan.discriminator.count_params() == 784 * 1200 + 1200 + 240 * 1200 + 1200 + 240 + 1
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert (type(optimizer).__name__, optimizer.beta_1) == ("Adam", 0.5)
        assert value(optimizer.learning_rate) == pytest.approx(2e-4)


# At batch 1, log(1 + exp(-2)) + log(1 + exp(-1.5)), log(1 + exp(1.5)), and -log(1 + exp(-1.5)).
@pytest.mark.parametrize(
    ("n", "of_discriminator", "of_generator", "saturated"),
    [(1, 0.3283412890, 1.7014132780, -0.2014132780), (4, 1.1075991077, 1.1793855991, -0.6168855991)],
)
def test_losses_are_those_of_the_game(n, of_discriminator, of_generator, saturated, tiny_gan):
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0][:n]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0][:n])
    gan, saturating = tiny_gan(), tiny_gan(saturating=True)
    assert value(gan.discriminator_loss(r, f)) == pytest.approx(of_discriminator, rel=1e-6)
    assert value(gan.generator_loss(f)) == pytest.approx(of_generator, rel=1e-6)
    assert value(saturating.generator_loss(f)) == pytest.approx(saturated, rel=1e-6)


def test_an_undecided_discriminator_gives_the_equilibrium_losses(tiny_gan):
    gan = tiny_gan()
    gan.discriminator.set_weights([0 * weight for weight in gan.discriminator.get_weights()])
    assert value(gan.discriminator_objective(images(), gan.fake_like(images()))) == pytest.approx(2 * math.log(2), abs=1e-6)
    assert value(gan.generator_objective(images(), gan.fake_like(images()))) == pytest.approx(math.log(2), abs=1e-6)


def test_the_discriminator_plays_first(tiny_gan):
    assert [(player.name, player.steps) for player in tiny_gan(n_critic=3).players()] == [
        ("discriminator", 3),
        ("generator", 1),
    ]


def test_gradients_go_where_the_game_sends_them(tiny_gan, gradients_of):
    gan = tiny_gan()
    x = images()
    of_d = gan.discriminator.trainable_variables
    of_g = gan.generator.trainable_variables
    assert all(gradient is None for gradient in gradients_of(lambda: gan.discriminator_objective(x, gan.fake_like(x)), of_g))
    assert all(np.abs(g).max() > 1e-4 for g in gradients_of(lambda: gan.discriminator_objective(x, gan.fake_like(x)), of_d))
    assert all(np.abs(g).max() > 1e-4 for g in gradients_of(lambda: gan.generator_objective(x, gan.fake_like(x)), of_g))


def test_one_step_moves_the_scores_the_right_way(tiny_gan, take_step):
    gan = tiny_gan()
    gan.compile(keras.optimizers.SGD(1e-2), keras.optimizers.SGD(1e-2), run_eagerly=True)
    x = images(64, shift=0.5)
    fake = {"images": gan.generator(gan.normal((256, gan.latent_dim)), training=False)}

    def scores():
        return value(ops.mean(gan.score(x))), value(ops.mean(gan.score(fake)))

    discriminator, generator = gan.players()
    real_before, fake_before = scores()
    take_step(gan, discriminator, x)
    real_after, fake_after = scores()
    assert real_after - fake_after > real_before - fake_before + 1e-5

    latents = {"latents": gan.normal((256, gan.latent_dim))}
    before = value(ops.mean(gan.score(gan.make(latents, training=False))))
    take_step(gan, generator, x)
    assert value(ops.mean(gan.score(gan.make(latents, training=False)))) > before + 1e-6


def test_a_discriminator_that_can_win_does(tiny_gan, take_step):
    # Under a sigmoid applied twice the loss could not fall below 1.0064.
    gan = tiny_gan()
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.5), run_eagerly=True)
    gan.generator.set_weights([0 * gan.generator.get_weights()[0], -5 + 0 * gan.generator.get_weights()[1]])
    discriminator = gan.players()[0]
    for _ in range(30):
        loss = take_step(gan, discriminator, {"images": ops.ones((8, 2, 2, 1))})
    assert 0 < value(loss) < 0.2


# Dirac-GAN: C(x) = psi x, the data at 0, the model at theta; the saturating game of one number against one. --------------


def dirac(r1_gamma, simultaneous, theta=1.0, psi=-1.0):
    """The Dirac-GAN from (theta, psi) as a zoo model; steps of 0.1."""
    generator = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Rescaling(0.0),
            layers.Dense(1, bias_initializer=_constant(theta)),
            layers.Reshape((1, 1, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((1, 1, 1)), layers.Flatten(), layers.Dense(1, use_bias=False, kernel_initializer=_constant(psi))]
    )
    options = {"saturating": True, "r1_gamma": r1_gamma, "simultaneous": simultaneous, "seed": 0}
    gan = GAN((1, 1, 1), 1, generator=generator, discriminator=discriminator, **options)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def _constant(number):
    return keras.initializers.Constant(number)


def radius_at_the_end(gan):
    for _ in range(500):
        keras.Model.train_on_batch(gan, np.zeros((2, 1, 1, 1), "float32"))  # the zoo's own takes 0 for black
    theta, psi = (network.trainable_variables[-1] for network in (gan.generator, gan.discriminator))
    return math.hypot(value(ops.squeeze(theta)), value(ops.squeeze(psi)))


@pytest.mark.parametrize(
    ("r1_gamma", "simultaneous", "radius"),
    # It orbits, it runs away, and with R1 it converges.
    [(0.0, False, 1.4142725), (0.0, True, 2.2535787), (0.3, True, 9.195746e-4), (1.0, True, 2.282944e-10)],
)
def test_dirac_gan_ends_at_the_golden_radius(r1_gamma, simultaneous, radius):
    assert radius_at_the_end(dirac(r1_gamma, simultaneous)) == pytest.approx(radius, rel=1e-3)


def test_a_small_orbit_of_the_dirac_gan_grows_as_its_linear_game_does():
    # Each step at once multiplies the radius by sqrt(1 + h^2 / 4).
    grown = radius_at_the_end(dirac(0.0, True, theta=1e-3, psi=0.0)) / 1e-3
    assert grown == pytest.approx(1.866789, rel=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_r1_is_of_real_images_and_carries_the_half(n, tiny_gan):
    gan = tiny_gan(r1_gamma=10.0)
    norm = np.sum(gan.discriminator.get_weights()[0].astype("float64") ** 2)
    assert value(gan.penalty(images(n), images(n))) == pytest.approx(5.0 * norm, rel=1e-6)
    plain = tiny_gan()
    real, fake = images(n), gan.fake_like(images(n))
    r, f = (ops.convert_to_numpy(gan.score(x)).astype("float64") for x in (real, fake))
    expected = np.log1p(np.exp(-r)).mean() + np.log1p(np.exp(f)).mean()
    # Against a sum: a difference of float32 objectives keeps fewer digits than each of them.
    assert value(plain.discriminator_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert value(gan.discriminator_objective(real, fake)) == pytest.approx(expected + 5.0 * norm, rel=1e-6)
    assert plain.penalty(images(n), images(n)) == 0.0


class Counting(GAN):
    """Keeps the sizes of the batches that its penalty differentiates at."""

    def score_gradient(self, batch, by):
        self.sizes.append(batch["images"].shape[0])
        return super().score_gradient(batch, by)


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [(1.0, 8, 8), (0.5, 8, 4), (0.25, 8, 2), (0.25, 9, 3), (0.1, 4, 1), (0.4, 10, 4), (0.6, 10, 6)],
)
def test_r1_on_a_share_of_the_batch(share, n, expected, tiny_gan):
    gan = tiny_gan(Counting, r1_gamma=1.0, r1_share=share)
    gan.sizes = []
    gan.penalty(images(n), images(n))
    assert gan.sizes == [expected]


@pytest.mark.parametrize(("share", "devices"), [(0.5, 2), (0.25, 2), (0.75, 4), (0.125, 1)])
def test_devices_take_the_share_of_r1_that_one_would(share, devices, tiny_gan):
    class Keeping(GAN):
        def score_gradient(self, batch, by):
            self.kept.append(ops.convert_to_numpy(batch["images"]))
            return super().score_gradient(batch, by)

    gan, batch = tiny_gan(Keeping, r1_gamma=1.0, r1_share=share), images(16)["images"]
    gan.kept = []
    for part in [batch, *ops.split(batch, devices)]:
        gan.penalty({"images": part}, {"images": part})
    whole, *parts = gan.kept
    assert len(whole) == 16 * share and len(parts) == devices
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_r1_refuses_batch_norm(tiny_gan):
    discriminator = keras.Sequential(
        [keras.Input((2, 2, 1)), layers.Flatten(), keras.Sequential([layers.BatchNormalization()]), layers.Dense(1)]
    )
    with pytest.raises(ValueError, match="must not mix the samples .*BatchNormalization.*Fix: a discriminator without it"):
        tiny_gan(discriminator=discriminator, r1_gamma=1.0)
    for cls, fix in (
        (DCGAN, "discriminator_norm=None or discriminator_norm='layer'"),
        (ImprovedGAN, "a discriminator without it"),
    ):
        with pytest.raises(ValueError, match=f"Fix: {fix}, or leave"):
            cls.tiny(r1_gamma=1.0)
    assert DCGAN.tiny(r1_gamma=1.0, discriminator_norm=None) and DCGAN.tiny(r1_gamma=1.0, discriminator_norm="layer")
    assert tiny_gan(discriminator=discriminator).may_mix_samples()


def test_real_and_fake_are_scored_apart_only_where_batch_norm_would_mix_them(tiny_gan):
    normed = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.BatchNormalization(), layers.Dense(1)])
    for discriminator, sizes in ((None, [16]), (normed, [8, 8])):
        gan = tiny_gan(Scoring, discriminator=discriminator) if discriminator else tiny_gan(Scoring)
        gan.sizes = []
        real, fake = images(8), images(8, seed=1)
        said = gan.judge_pair(real, fake)
        assert gan.sizes == sizes
        expected = [gan.score(real), gan.score(fake)]
        for a, b in zip(said, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(a["scores"]), ops.convert_to_numpy(b), atol=1e-5)


class Scoring(GAN):
    """Keeps the sizes of the batches that it scores."""

    def judge(self, batch, training=True, by="discriminator"):
        self.sizes.append(batch["images"].shape[0])
        return super().judge(batch, training, by)
