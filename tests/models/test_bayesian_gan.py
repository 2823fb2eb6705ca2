"""Bayesian GAN: the stationary variance of its chains, potentials, the reduction to GAN, and chains that differ."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import DCGAN, BayesianGAN
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.metrics.modes import mode_coverage
from keras_gan_zoo.networks.mixtures import mixture, panel
from tests.models.ring_games import on_points


def value(x):
    return ops.convert_to_numpy(x)


def images(n=8, shape=(2, 2, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def batch(*arguments, **options):
    return {"images": ops.convert_to_tensor(images(*arguments, **options))}


def maker(shape=(2, 2, 1), latent_dim=3):
    size = int(np.prod(shape))
    return keras.Sequential([keras.Input((latent_dim,)), layers.Dense(size, "tanh"), layers.Reshape(shape)])


def judge(shape=(2, 2, 1), **options):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1, **options)])


def small(generators=2, discriminators=2, rate=0.1, momentum=0.9, image_shape=(2, 2, 1), latent_dim=3, **options):
    keras.utils.set_random_seed(1)
    networks = {
        "generator": mixture([maker() for _ in range(generators)]),
        "discriminator": panel([judge() for _ in range(discriminators)]),
    }
    gan = BayesianGAN(
        image_shape, latent_dim, generators=generators, discriminators=discriminators, seed=0, **{**networks, **options}
    )
    gan.compile(*(keras.optimizers.SGD(rate, momentum=momentum) for _ in range(2)), run_eagerly=True)
    return gan


# The chains ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("std", "of_weights", "of_moments"), [(1.0, 1.002639, 0.010554), (2.0, 4.002633, None)])
def test_chains_have_the_stationary_variance(std, of_weights, of_moments, take_step):
    # D says 0 of everything, so the posterior of each of G's 20,000 weights is the prior. N = 1, a = 0.1, h = 0.01.
    shape = (100, 100, 1)
    networks = {"generator": mixture([maker(shape, 1)]), "discriminator": judge(shape, kernel_initializer="zeros")}
    gan = small(1, 1, 0.01, image_shape=shape, latent_dim=1, prior_std=std, data_size=1, **networks)
    found = []
    for i in range(400):
        take_step(gan, gan.players()[1], batch(1, shape))
        if i >= 150 and i % 5 == 0:
            variables = [gan.players()[1].variables, gan.optimizers["generator"].momentums]
            found.append([np.concatenate([value(v).ravel() for v in of]) for of in variables])
    weights, moments = np.mean(np.square(found), axis=(0, 2))
    assert weights == pytest.approx(of_weights, rel=0.02)
    assert of_moments is None or moments == pytest.approx(of_moments, rel=0.02)
    # Chains share no momenta, and move independently.
    last = found[-1][0]
    assert abs(np.corrcoef(last[:10000], last[10000:])[0, 1]) < 0.05


def test_without_noise_a_chain_ends_where_the_potential_is_least(take_step):
    gan = small(1, 1, 0.01, prior_std=1.0, data_size=1, temperature=0.0, discriminator=judge(kernel_initializer="zeros"))
    for _ in range(300):
        take_step(gan, gan.players()[1], batch(2))
    assert all(np.abs(value(v)).max() < 1e-3 for v in gan.players()[1].variables)


def test_more_data_and_lower_temperature_make_less_noise():
    def noise(**options):
        gan = small(
            1,
            1,
            0.1,
            0.9,
            discriminator=judge((50, 50, 1)),
            generator=mixture([maker((50, 50, 1), 3)]),
            image_shape=(50, 50, 1),
            **options,
        )
        player = gan.players()[1]
        before = [value(v).copy() for v in player.variables]
        gan.move(player, [ops.zeros(v.shape) for v in player.variables])
        return np.std(np.concatenate([(value(v) - b).ravel() for v, b in zip(player.variables, before, strict=True)]))

    # sqrt(2 a h T / N)
    assert noise(data_size=100) == pytest.approx((2 * 0.1 * 0.1 / 100) ** 0.5, rel=0.05)
    assert noise(data_size=10000) == pytest.approx((2 * 0.1 * 0.1 / 10000) ** 0.5, rel=0.05)
    assert noise(data_size=100, temperature=0.25) == pytest.approx((2 * 0.1 * 0.1 * 0.25 / 100) ** 0.5, rel=0.05)


# Potentials --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("generators", "n"), [(1, 1), (2, 2), (2, 8)])
def test_each_chain_has_the_potential_of_a_gan_of_its_own(generators, n):
    gan = small(generators, 3, prior_std=None)
    real = batch(n)
    fake = gan.fake_like(real)
    scores = [value(gan.score(x))[:, 0, :].astype("float64") for x in (real, fake)]
    assert scores[0].shape == (n, 3)
    softplus = np.log1p(np.exp([-scores[0], scores[1]])).mean(axis=1).sum(axis=0)
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(softplus.sum(), rel=1e-6)
    of_generators = [np.log1p(np.exp(-scores[1][i::generators])).mean() for i in range(generators)]
    assert float(gan.generator_objective(real, fake)) == pytest.approx(sum(of_generators), rel=1e-6)


# At batch 1, log(1 + exp(-2)) + log(1 + exp(-1.5)), and log(1 + exp(1.5)).
@pytest.mark.parametrize(
    ("n", "of_discriminator", "of_generator"), [(1, 0.3283412890, 1.7014132780), (4, 1.1075991077, 1.1793855991)]
)
def test_golden_losses_with_one_chain_each(n, of_discriminator, of_generator):
    gan = small(1, 1)
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0][:n]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0][:n])
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(of_discriminator, rel=1e-6)
    assert float(gan.generator_loss(f)) == pytest.approx(of_generator, rel=1e-6)


@pytest.mark.parametrize("n", [1, 8])
def test_the_prior_is_a_sum_over_weights(n):
    gan = small(prior_std=0.5, data_size=10)
    flat = small(prior_std=None)
    flat.set_weights(gan.get_weights())
    real = batch(n)
    for name in ("discriminator", "generator"):
        squares = sum((weight.astype("float64") ** 2).sum() for weight in getattr(gan, name).get_weights())
        prior = squares / (2 * 0.25 * 10)
        assert float(gan.prior_loss(getattr(gan, name))) == pytest.approx(prior, rel=1e-6)
        # Against a sum: a difference of float32 objectives keeps fewer digits than each of them.
        with_prior, without = (float(getattr(game, f"{name}_objective")(real, real)) for game in (gan, flat))
        assert with_prior == pytest.approx(without + prior, rel=1e-6) and prior > 0.1


def test_one_chain_without_noise_and_prior_is_the_gan(round_of):
    def trained(gan):
        return gan.train_on_batch(*round_of(gan), return_dict=True), gan.get_weights()

    def gan():
        keras.utils.set_random_seed(1)
        model = DCGAN((2, 2, 1), 3, generator=maker(), discriminator=judge(), seed=0)
        model.compile(*(keras.optimizers.SGD(0.1, momentum=0.9) for _ in range(2)), run_eagerly=True)
        return model

    logs, weights = trained(small(1, 1, prior_std=None, temperature=0.0))
    expected_logs, expected = trained(gan())
    assert logs == pytest.approx(expected_logs, rel=1e-6)
    assert len(weights) == len(expected)
    for a, b in zip(weights, expected, strict=True):
        # One round: what is multiplied by no temperature is drawn all the same, so later ones have other latents.
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    _, warm = trained(small(1, 1, prior_std=None, data_size=10))
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(warm, weights, strict=True) if a.dtype == "float32")


def test_steps_move_what_is_theirs(take_step):
    gan = small()
    for player, still in zip(gan.players(), (gan.generator, gan.discriminator), strict=True):
        before, moving = still.get_weights(), [value(v).copy() for v in player.variables]
        take_step(gan, player, batch())
        for a, b in zip(before, still.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert all(np.abs(a - value(b)).max() > 1e-6 for a, b in zip(moving, player.variables, strict=True))


def test_a_conditional_one_trains_on_labels(round_of):
    gan = BayesianGAN((16, 16, 1), 4, width=4, generators=2, num_classes=3, seed=0)
    gan.compile(run_eagerly=True)
    assert np.isfinite(list(gan.train_on_batch(*round_of(gan), return_dict=True).values())).all()
    assert gan.generate(2, labels=[0, 2], members=[1, 0]).shape == (2, 16, 16, 1)


def test_optimizers_that_do_not_sample_are_refused():
    gan = small()
    before = gan.optimizer
    with pytest.raises(ValueError, match="must be keras.optimizers.SGD.* Received: Adam"):
        gan.compile(keras.optimizers.Adam(1e-3))
    assert gan.optimizer is before


# Eight Gaussians: what several chains cover, and one that only climbs its posterior does not. -----------------------------


def small_network(inputs, outputs, *more):
    hidden = [layers.Dense(64, layers.LeakyReLU(0.2), kernel_initializer="he_normal") for _ in range(2)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs), *more])


def coverage_of_chains(generators, temperature):
    """Mean over a game of the modes that are nearest to 20 of 2,500 samples, and the variance of the chains' means."""
    keras.utils.set_random_seed(0)
    # Bounds keep such long steps from running away.
    chains = [small_network(16, 2, layers.Activation("tanh"), layers.Rescaling(3.0)) for _ in range(generators)]
    networks = {"generator": mixture(chains), "discriminator": panel([small_network(2, 1) for _ in range(2)])}
    options = {"generators": generators, "temperature": temperature, "data_size": 2000}
    gan = on_points(BayesianGAN)(latent_dim=16, seed=0, **networks, **options)
    gan.compile(*(keras.optimizers.SGD(1e-2, momentum=0.9) for _ in range(2)), steps_per_execution=50)
    modes, covered, variances = ring(), [], []
    latents = gan.latents(500, seed=0)
    for points in np.split(modes.sample(800 * 64, 0)[0], 4):
        gan.fit({"points": points}, batch_size=64, verbose=0)
        covered.append(mode_coverage(gan.generate(2500, seed=0), modes.means, modes.sigma).nearest20)
        means = [gan.generate(500, latents=latents, members=i).mean(axis=0) for i in range(generators)]
        variances.append(np.var(means, axis=0).sum())
    return np.mean(covered), np.mean(variances)


def test_chains_cover_more_modes_than_the_best_point_and_differ():
    (several, variance), (single, _) = coverage_of_chains(6, temperature=1.0), coverage_of_chains(1, temperature=0.0)
    assert several >= 6
    assert single <= 4
    assert variance > 0.1
