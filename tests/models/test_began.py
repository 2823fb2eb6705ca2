"""BEGAN: its golden values, its controller, and the routes of its gradients."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import BEGAN


def value(x):
    return float(ops.convert_to_numpy(x))


def images(n=6, shape=(10, 10, 1), seed=0):
    return ops.convert_to_tensor(np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32"))


@pytest.fixture
def gan():
    keras.utils.set_random_seed(0)
    gan = BEGAN((10, 10, 1), 4, width=4, seed=0)
    gan.compile(run_eagerly=True)
    return gan


def test_defaults_are_the_papers():
    gan = BEGAN(width=4)
    assert (gan.gamma, gan.balance_rate, gan.options.latent_distribution, value(gan.balance)) == (0.5, 0.001, "uniform", 0.0)
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert optimizer.beta_1 == 0.5
        rates = []
        for step in (0, 100_000, 100_001, 200_001, 10**7):
            optimizer.iterations.assign(step)
            rates.append(value(optimizer.learning_rate))
        np.testing.assert_allclose(rates, [8e-5, 8e-5, 4e-5, 2e-5, 2e-5], rtol=1e-6)


@pytest.mark.parametrize(("given", "expected"), [(None, 6), (3, 3)])
def test_the_autoencoder_has_the_generators_width_or_its_own(given, expected):
    gan = BEGAN((10, 10, 1), 4, width=6, discriminator_width=given)
    assert gan.generator.get_layer("base_conv_1").filters == 6
    assert gan.discriminator.get_layer("pixels_in").filters == expected
    assert gan.discriminator.get_layer("decoder").get_layer("base_conv_1").filters == expected
    assert gan.get_config()["discriminator_width"] == given


def test_golden_values(gan):
    gan.balance.assign(0.05)
    real, fake = ops.convert_to_tensor([-0.3, -0.5]), ops.convert_to_tensor([-0.1, -0.2])
    assert value(gan.discriminator_loss(real, fake)) == pytest.approx(0.3925, abs=1e-6)
    assert value(gan.generator_loss(fake)) == pytest.approx(0.15, abs=1e-6)
    gan.move_balance(ops.convert_to_tensor(0.4), ops.convert_to_tensor(0.15))
    assert value(gan.balance) == pytest.approx(0.05005, abs=1e-7)
    assert value(gan.trackers["convergence"].result()) == pytest.approx(0.45, abs=1e-6)
    assert value(gan.trackers["balance"].result()) == pytest.approx(0.05005, abs=1e-7)


@pytest.mark.parametrize("gamma", [0.3, 0.7])
def test_the_balance_moves_against_the_imbalance(gamma):
    gan = BEGAN((10, 10, 1), 4, width=4, gamma=gamma)
    gan.balance.assign(0.5)
    gan.move_balance(1.0, gamma + 0.1)
    assert value(gan.balance) == pytest.approx(0.5 - 0.001 * 0.1, abs=1e-6)
    gan.move_balance(1.0, gamma - 0.1)
    assert value(gan.balance) == pytest.approx(0.5, abs=1e-6)


def test_the_balance_stays_in_its_bounds(gan):
    for error, expected in (((0.0, 1e6), 0.0), ((1e6, 0.0), 1.0)):
        for _ in range(3):
            gan.move_balance(*error)
            assert value(gan.balance) == expected


def test_impossible_diversity_ratios_are_refused():
    for gamma in (-0.1, 1.1):
        with pytest.raises(ValueError, match="gamma="):
            BEGAN((10, 10, 1), 4, width=4, gamma=gamma)


def test_scores_are_minus_the_mean_absolute_error(gan):
    x = images()
    reconstruction = ops.convert_to_numpy(gan.discriminator(x))
    expected = -np.abs(ops.convert_to_numpy(x) - reconstruction).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(ops.convert_to_numpy(gan.score({"images": x})), expected, atol=1e-6)


class Fixed(BEGAN):
    """Always the same fakes."""

    def fake_like(self, real):
        return {"images": -real["images"] / 2}


def test_the_gradient_of_the_discriminator_is_that_of_real_minus_k_that_of_fake(gradients_of):
    gan = Fixed((10, 10, 1), 4, width=4, seed=0)
    gan.compile(run_eagerly=True)
    gan.balance.assign(0.3)
    x, variables = {"images": images()}, gan.discriminator.trainable_variables
    both = gradients_of(lambda: gan.discriminator_objective(x, gan.fake_like(x)), variables)
    real = gradients_of(lambda: ops.mean(-gan.score(x)), variables)
    fake = gradients_of(lambda: ops.mean(-gan.score(gan.fake_like(x))), variables)
    for g, r, f in zip(both, real, fake, strict=True):
        np.testing.assert_allclose(g, r - 0.3 * f, atol=1e-6)
    assert max(np.abs(f).max() for f in fake) > 1e-3


def test_the_generator_learns_through_image_and_reconstruction(gan, gradients_of):
    variables = gan.generator.trainable_variables
    full = gradients_of(lambda: ops.mean(-gan.score({"images": gan.generator(ops.ones((2, 4)))})), variables)

    def stopped(image=False):
        fake = gan.generator(ops.ones((2, 4)))
        reconstruction = gan.discriminator(fake)
        pair = (ops.stop_gradient(fake), reconstruction) if image else (fake, ops.stop_gradient(reconstruction))
        return ops.mean(ops.abs(pair[0] - pair[1]))

    parts = [gradients_of(stopped, variables), gradients_of(lambda: stopped(image=True), variables)]
    for g, a, b in zip(full, *parts, strict=True):
        np.testing.assert_allclose(g, a + b, atol=1e-6)
    for part in parts:
        assert max(np.abs(gradient).max() for gradient in part) > 1e-5


def test_the_generator_hears_nothing_of_real_images(gan):
    losses = []
    for seed in (0, 1):
        fresh = BEGAN((10, 10, 1), 4, width=4, seed=0)
        fresh.set_weights(gan.get_weights())
        real = {"images": images(seed=seed)}
        losses.append(value(fresh.generator_objective(real, fresh.fake_like(real))))
    assert losses[0] == losses[1]


def test_a_round_moves_the_balance_by_the_errors_it_began_with(gan):
    kept = gan.fields()["images"].random(np.random.default_rng(0), 6)
    x = gan.schema.preprocess({"images": kept})
    gan.gamma, gan.balance_rate = 1.0, 1.0
    weights = gan.discriminator.get_weights()
    seeds = ops.convert_to_numpy(gan.seed_generator.state).copy()
    fake = gan.fake_like(x)
    gan.seed_generator.state.assign(seeds)
    expected = value(ops.mean(-gan.score(x))) - value(ops.mean(-gan.score(fake)))
    logs = gan.train_on_batch(kept, return_dict=True)
    assert value(gan.balance) == pytest.approx(max(expected, 0.0), abs=1e-5)
    assert float(logs["balance"]) == pytest.approx(max(expected, 0.0), abs=1e-5)
    assert expected > 1e-3
    assert any(np.abs(a - b).max() > 0 for a, b in zip(weights, gan.discriminator.get_weights(), strict=True))


def test_the_controller_brings_the_convergence_measure_down():
    # 8 x 8 blobs, fully connected auto-encoder. The measure says nothing of diversity: here the generator collapses.
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    grid = np.arange(8)
    centers = rng.uniform(1.5, 5.5, (2048, 2))
    squared = (grid[:, None] - centers[:, None, None, 0]) ** 2 + (grid - centers[:, None, None, 1]) ** 2
    data = (2 * np.exp(-squared / 3) - 1)[..., None].astype("float32")

    def stack(size, units, output):
        hidden = [layers.Dense(n, activation="elu") for n in units]
        return keras.Sequential([keras.Input(size), layers.Flatten(), *hidden, layers.Dense(64), layers.Reshape(output)])

    networks = {
        "generator": stack((8,), (64, 64), (8, 8, 1)),
        "discriminator": stack((8, 8, 1), (64, 8, 64), (8, 8, 1)),
    }
    gan = BEGAN((8, 8, 1), 8, seed=0, **networks)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    measures, balances = [], []
    for i in range(500):
        gan.reset_metrics()
        logs = gan.train_on_batch(data[64 * (i % 32) : 64 * (i % 32) + 64], return_dict=True)
        measures.append(float(logs["convergence"]))
        balances.append(float(logs["balance"]))
    assert 0 < np.mean(measures[-50:]) < 0.6 * np.mean(measures[:50])
    assert 0 <= min(balances) <= max(balances) < 0.1
