"""WGAN-GP: the penalty through the model, its interpolates, and the reduction to WGAN."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import WGAN, WGANGP
from keras_gan_zoo.base.batches import stopped


def value(x):
    return float(ops.convert_to_numpy(x))


def images(n, shape, seed=0):
    return ops.convert_to_tensor(np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32"))


def batch(*arguments, **options):
    return {"images": images(*arguments, **options)}


def linear(weights, **options):
    """A WGAN-GP whose critic is x -> w x on images of 1 x len(w) pixels."""
    shape = (1, len(weights), 1)
    discriminator = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1, use_bias=False)])
    discriminator.set_weights([np.array(weights, "float32")[:, None]])
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(len(weights)), layers.Reshape(shape)])
    gan = WGANGP(shape, 2, generator=generator, discriminator=discriminator, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def test_defaults_are_the_papers():
    gan = WGANGP(width=4)
    assert (gan.penalty_weight, gan.options.n_critic, gan.latent_dim) == (10.0, 5, 128)
    assert not gan.may_mix_samples()
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
        assert value(optimizer.learning_rate) == pytest.approx(1e-4)


def kinds_of(network):
    return {type(layer).__name__ for layer in network.layers}


def kernel_sides(network):
    return {layer.kernel_size for layer in network.layers if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose))}


def test_networks_by_default_are_those_of_the_mnist_script():
    gan = WGANGP(width=4)
    assert kernel_sides(gan.generator) == kernel_sides(gan.discriminator) == {(5, 5)}
    assert not any("Norm" in kind for kind in kinds_of(gan.generator) | kinds_of(gan.discriminator))


def test_only_the_generator_is_normalized_and_both_have_the_kernels_asked_for():
    gan = WGANGP(width=4, kernel_size=4, generator_norm="batch")
    assert kernel_sides(gan.generator) == kernel_sides(gan.discriminator) == {(4, 4)}
    assert "BatchNorm" in kinds_of(gan.generator)
    assert not any("Norm" in kind for kind in kinds_of(gan.discriminator)) and not gan.may_mix_samples()
    config = gan.get_config()
    assert (config["kernel_size"], config["generator_norm"]) == (4, "batch")


@pytest.mark.parametrize("n", [1, 4])
def test_golden_penalty(n):
    # A norm of the whole batch would give 10 * 81 at n = 4.
    real, fake = batch(n, (1, 2, 1)), batch(n, (1, 2, 1), seed=1)
    assert value(linear([3.0, 4.0]).penalty(real, fake)) == pytest.approx(160.0, rel=1e-6)
    assert value(linear([3.0, 4.0], penalty_weight=0.1).penalty(real, fake)) == pytest.approx(1.6, rel=1e-6)
    assert value(linear([0.3, 0.4]).penalty(real, fake)) == pytest.approx(2.5, rel=1e-6)
    assert value(linear([0.3, 0.4], one_sided=True).penalty(real, fake)) == 0.0
    assert value(linear([3.0, 4.0], one_sided=True).penalty(real, fake)) == pytest.approx(160.0, rel=1e-6)


def test_interpolates_lie_on_the_segments_one_share_for_each_sample():
    gan = linear([1.0] * 12)
    real, fake = images(500, (1, 12, 1)), images(500, (1, 12, 1), seed=1)
    between = ops.convert_to_numpy(gan.interpolates(real, fake))
    a, b = ops.convert_to_numpy(real), ops.convert_to_numpy(fake)
    shares = ((between - b) * (a - b)).sum(axis=(1, 2, 3)) / ((a - b) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(between, b + shares[:, None, None, None] * (a - b), atol=1e-5)
    # Uniform on [0, 1]: not normal, not one share for all, not one for each pixel.
    assert -1e-4 <= shares.min() < 0.05 and 0.95 < shares.max() <= 1 + 1e-4
    assert shares.mean() == pytest.approx(0.5, abs=0.05) and shares.std() == pytest.approx(12**-0.5, abs=0.02)


def test_the_penalty_reaches_the_critic_only(gradients_of):
    gan = WGANGP((8, 8, 1), 3, width=4, seed=0)
    gan.compile(run_eagerly=True)
    x = batch(4, (8, 8, 1))
    penalty = lambda: gan.penalty(x, stopped(gan.fake_like(x)))  # noqa: E731
    kernels = [v for v in gan.discriminator.trainable_variables if v.path.endswith("kernel")]
    assert all(np.abs(gradient).max() > 1e-5 for gradient in gradients_of(penalty, kernels))
    objective = gradients_of(lambda: gan.discriminator_objective(x, gan.fake_like(x)), gan.generator.trainable_variables)
    assert all(gradient is None for gradient in objective)


def test_without_a_penalty_it_is_wgan(tiny_gan, round_of):
    def trained(cls, **options):
        gan = tiny_gan(cls, n_critic=2, **options)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
        logs = [gan.train_on_batch(*round_of(gan, seed=i), return_dict=True) for i in range(3)]
        return logs, gan.get_weights()

    (logs, weights), (expected_logs, expected) = trained(WGANGP, penalty_weight=0.0), trained(WGAN, clip_limit=1e9)
    assert logs == expected_logs
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    penalized, _ = trained(WGANGP)
    assert abs(penalized[0]["discriminator_loss"] - logs[0]["discriminator_loss"]) > 1e-3


def test_r1_comes_on_top():
    real, fake = batch(3, (1, 2, 1)), batch(3, (1, 2, 1), seed=1)
    assert value(linear([3.0, 4.0], r1_gamma=2.0).penalty(real, fake)) == pytest.approx(160.0 + 25.0, rel=1e-6)
    assert value(linear([3.0, 4.0], r1_gamma=2.0, penalty_weight=0.0).penalty(real, fake)) == pytest.approx(25.0, rel=1e-6)


def test_batch_norm_in_the_critic_is_refused():
    discriminator = keras.Sequential(
        [keras.Input((1, 2, 1)), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)]
    )
    networks = {"generator": linear([1.0, 1.0]).generator, "discriminator": discriminator}
    with pytest.raises(ValueError, match="must not mix the samples .* Received: BatchNormalization"):
        WGANGP((1, 2, 1), 2, **networks)
    assert WGANGP((1, 2, 1), 2, penalty_weight=0.0, **networks).may_mix_samples()


def test_training_brings_the_gradient_norm_to_one(round_of):
    keras.utils.set_random_seed(0)
    shape = (1, 2, 1)
    discriminator = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(32, "relu"), layers.Dense(1)]
    )
    gan = WGANGP(shape, 2, generator=linear([1.0, 1.0]).generator, discriminator=discriminator, n_critic=1, seed=0)
    gan.compile(keras.optimizers.Adam(3e-3, beta_1=0.5), keras.optimizers.SGD(0.0))
    rng = np.random.default_rng(0)

    def norms():
        real = ops.convert_to_tensor((rng.normal(size=(256, *shape)) * 0.1 + 0.5).astype("float32"))
        between = gan.interpolates(real, gan.fake_like({"images": real})["images"])
        return np.sqrt((ops.convert_to_numpy(gan.score_gradient({"images": between})) ** 2).sum(axis=(1, 2, 3)))

    # The optimum is 1 + W / (2 penalty_weight), where W, the distance of data and model, is about 0.7.
    assert abs(norms().mean() - 1) > 0.2
    for _ in range(300):
        gan.train_on_batch((rng.normal(size=(64, *shape)) * 0.1 + 0.5).astype("float32"))
    assert norms().mean() == pytest.approx(1.0, abs=0.1)
