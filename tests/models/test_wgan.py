"""WGAN: the clipped critic, its count of steps, and the distance that it estimates."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import WGAN


def value(x):
    return float(ops.convert_to_numpy(x))


def largest(network):
    return max(np.abs(ops.convert_to_numpy(v)).max() for v in network.trainable_variables)


def test_defaults_are_the_papers():
    gan = WGAN((16, 16, 1), width=4)
    assert gan.options.n_critic == 5 and gan.clip_limit == 0.01
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert (type(optimizer).__name__, optimizer.rho, optimizer.momentum) == ("RMSprop", 0.99, 0.0)
        assert value(optimizer.learning_rate) == pytest.approx(5e-5)


@pytest.mark.parametrize("limit", [0, -1.0])
def test_a_clip_that_leaves_no_weights_is_refused(limit):
    with pytest.raises(ValueError, match=rf"clip_limit must be in \(0, inf\). Received: clip_limit={limit}"):
        WGAN((16, 16, 1), clip_limit=limit)


def test_losses(tiny_gan):
    gan = tiny_gan(WGAN)
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0])
    assert value(gan.discriminator_loss(r, f)) == pytest.approx(-1.6875, abs=1e-6)
    assert value(gan.generator_loss(f)) == pytest.approx(0.5625, abs=1e-6)


def test_every_critic_weight_is_clipped_after_every_critic_step(round_of, take_step):
    gan = WGAN((16, 16, 1), 8, width=4, clip_limit=0.015, seed=0)
    gan.compile(run_eagerly=True)
    (images,) = round_of(gan)
    assert largest(gan.discriminator) > 0.5
    critic, generator = gan.players()
    for i in range(3):
        take_step(gan, critic, gan.schema.preprocess({"images": images[4 * i : 4 * i + 4]}))
        assert 0.015 * 0.999 < largest(gan.discriminator) <= 0.015 + 1e-8
    at_the_limit = [np.isclose(np.abs(ops.convert_to_numpy(v)), 0.015).mean() for v in gan.discriminator.trainable_variables]
    assert at_the_limit[0] > 0.1
    norms = [v for v in gan.discriminator.trainable_variables if v.path.endswith("gamma")]
    assert norms and all(np.abs(ops.convert_to_numpy(v)).max() <= 0.015 + 1e-8 for v in norms)
    take_step(gan, generator, {"images": ops.zeros((4, 16, 16, 1))})
    assert largest(gan.generator) > 0.5


@pytest.mark.parametrize("n_critic", [2, 5])
def test_critic_steps_in_a_round(n_critic, tiny_gan, round_of):
    gan = tiny_gan(WGAN, n_critic=n_critic)
    for _ in range(3):
        gan.train_on_batch(*round_of(gan))
    assert [int(value(optimizer.iterations)) for optimizer in gan.optimizers.values()] == [3 * n_critic, 3]


def line(mean):
    """A linear critic on numbers, and a generator of N(mean, 1)."""
    generator = keras.Sequential([keras.Input((1,)), layers.Dense(1, kernel_initializer="ones"), layers.Reshape((1, 1, 1))])
    generator.layers[0].bias.assign([mean])
    discriminator = keras.Sequential([keras.Input((1, 1, 1)), layers.Flatten(), layers.Dense(1, use_bias=False)])
    gan = WGAN((1, 1, 1), 1, generator=generator, discriminator=discriminator, seed=0)
    gan.compile(keras.optimizers.RMSprop(5e-3), run_eagerly=True)
    return gan


def test_a_linear_critic_estimates_the_distance(take_step):
    real = {"images": ops.convert_to_tensor(np.random.default_rng(0).normal(size=(20_000, 1, 1, 1)).astype("float32"))}
    estimates = []
    for mean in (0.5, 1.0, 2.0, 4.0, -2.0):
        gan = line(mean)
        critic = gan.players()[0]
        gan.discriminator.set_weights([np.zeros((1, 1), "float32")])
        for _ in range(6):
            take_step(gan, critic, real)
        assert gan.discriminator.get_weights()[0].item() == pytest.approx(-0.01 * np.sign(mean), rel=1e-6)
        estimates.append(-value(gan.discriminator_objective(real, gan.fake_like(real))))
        assert estimates[-1] == pytest.approx(0.01 * abs(mean), rel=0.05)
    assert estimates[:4] == sorted(estimates[:4])


def test_the_clip_survives_saving(tmp_path, tiny_gan, round_of):
    gan = tiny_gan(WGAN, clip_limit=0.02)
    gan.train_on_batch(*round_of(gan))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.clip_limit == 0.02
    for variable in loaded.discriminator.trainable_variables:
        variable.assign(ops.ones(variable.shape))
    loaded.train_on_batch(*round_of(loaded))
    assert largest(loaded.discriminator) == pytest.approx(0.02, abs=1e-7)
