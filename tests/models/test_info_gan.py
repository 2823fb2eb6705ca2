"""InfoGAN: codes, the bound on their information, and the reduction to GAN."""

import math

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import GAN, InfoGAN
from keras_gan_zoo.base.batches import stopped


def value(x):
    return float(ops.convert_to_numpy(x))


def images(n=8, seed=0):
    return ops.convert_to_tensor(np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32"))


def built(cls=InfoGAN, **options):
    keras.utils.set_random_seed(0)
    gan = cls((16, 16, 1), 6, width=4, hidden=16, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def test_defaults_are_the_papers():
    gan = InfoGAN(width=4, hidden=8)
    assert (gan.categories, gan.continuous, gan.latent_dim) == (10, 2, 62)
    assert (gan.categorical_weight, gan.continuous_weight) == (1.0, 0.1)
    assert gan.generator.input_shape == (None, 74)
    gan.compile()
    assert [value(optimizer.learning_rate) for optimizer in gan.optimizers.values()] == pytest.approx([2e-4, 1e-3])
    assert list(gan.fields()) == ["images"] and list(gan.inputs()) == ["numbers", "latents", "labels"]


def codes_of(fake):
    """One-hot categories and numbers, as NumPy arrays."""
    return np.eye(10)[ops.convert_to_numpy(fake["labels"])], ops.convert_to_numpy(fake["numbers"])


def batch(*arguments, **options):
    return {"images": images(*arguments, **options)}


def test_codes_are_uniform():
    gan = built(categories=4)
    one_hot, numbers = codes_of(gan.fake_like({"images": ops.zeros((4000, 16, 16, 1))}))
    np.testing.assert_allclose(one_hot.sum(axis=0), [1000] * 4 + [0] * 6, atol=150)
    assert not one_hot[:, 4:].any()
    assert numbers.shape == (4000, 2) and np.abs(numbers).max() <= 1
    assert numbers.std() == pytest.approx(3**-0.5, rel=0.03)


def test_the_generator_is_given_the_codes_that_q_is_asked_for():
    gan = built(norm=None)
    gan.generator = keras.Sequential([keras.Input((18,)), layers.Reshape((1, 18, 1)), layers.Activation("linear")])
    fake = gan.fake_like({"images": ops.zeros((5, 16, 16, 1))})
    one_hot, numbers = codes_of(fake)
    latents = ops.convert_to_numpy(fake["images"])[:, 0, :, 0]
    np.testing.assert_array_equal(latents[:, :6], ops.convert_to_numpy(fake["latents"]))
    np.testing.assert_array_equal(latents[:, 6:8], numbers)
    np.testing.assert_array_equal(latents[:, 8:], one_hot)


def information_loss(gan, fake):
    return gan.information_loss(fake, gan.judge(fake)["features"])


def test_an_ignorant_q_knows_nothing():
    gan = built()
    gan.recognition.set_weights([0 * weight for weight in gan.recognition.get_weights()])
    fake = gan.fake_like(batch(8))
    numbers = (codes_of(fake)[1] ** 2).sum(axis=1).mean() / 2 + math.log(2 * math.pi)
    assert value(information_loss(gan, fake)) == pytest.approx(math.log(10) + 0.1 * numbers, abs=1e-5)
    assert value(gan.trackers["information"].result()) == pytest.approx(0.0, abs=1e-5)


def test_a_perfect_q_knows_all():
    gan = built()
    fake = gan.fake_like(batch(8))
    gan.recognition = lambda features, training: (100.0 * ops.one_hot(fake["labels"], 10), fake["numbers"])
    assert value(information_loss(gan, fake)) == pytest.approx(0.1 * 1.8378771, abs=1e-5)
    assert value(gan.trackers["information"].result()) == pytest.approx(math.log(10), abs=1e-5)


def fixed(n):
    """Always the same latents and codes."""
    rng = np.random.default_rng(1)
    drawn = {"latents": rng.normal(size=(n, 6)), "numbers": rng.uniform(-1, 1, (n, 2))}
    drawn = {name: ops.convert_to_tensor(array.astype("float32")) for name, array in drawn.items()}
    return {**drawn, "labels": ops.arange(n) % 10}


class Fixed(InfoGAN):
    def fake_like(self, real):
        return super().fake_like({**real, **fixed(len(real["images"]))})


class FixedGAN(GAN):
    """The 2014 game, whose latents have those codes at their end."""

    def fake_like(self, real):
        given = fixed(len(real["images"]))
        latents = [given["latents"], given["numbers"], ops.one_hot(given["labels"], 10)]
        return super().fake_like({**real, "latents": ops.concatenate(latents, axis=-1)})


def clone(network, outputs=slice(None)):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return keras.Model(copy.inputs, copy.outputs[outputs])


@pytest.mark.parametrize("norm", ["batch", None])
def test_without_weights_a_round_is_that_of_gan(norm):
    def trained(gan):
        gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), run_eagerly=True)
        logs = gan.train_on_batch(images(), return_dict=True)
        return logs, [network.get_weights() for network in (gan.generator, gan.discriminator)]

    gan = built(Fixed, categorical_weight=0.0, continuous_weight=0.0, norm=norm)
    weighted = built(Fixed, norm=norm)
    weighted.set_weights(gan.get_weights())
    networks = {"generator": clone(gan.generator), "discriminator": clone(gan.discriminator, 0)}
    plain = FixedGAN((16, 16, 1), 18, **networks, seed=0)
    before = gan.generator.get_weights()
    logs, weights = trained(gan)
    expected_logs, expected = trained(plain)
    _, others = trained(weighted)
    assert {name: logs[name] for name in expected_logs} == pytest.approx(expected_logs, rel=1e-6)
    for ours, theirs, told in zip(weights, expected, others, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert max(np.abs(a - b).max() for a, b in zip(ours, told, strict=True)) > 1e-3
    assert max(np.abs(a - b).max() for a, b in zip(weights[0], before, strict=True)) > 1e-3


@pytest.mark.parametrize(("weights", "moves"), [((1.0, 0.1), True), ((0.0, 0.0), False)])
def test_q_learns_in_the_discriminators_step_from_fakes_only(weights, moves, gradients_of):
    gan = built(categorical_weight=weights[0], continuous_weight=weights[1], norm=None)
    gradients = gradients_of(
        lambda: gan.discriminator_objective(batch(), gan.fake_like(batch())), gan.recognition.trainable_variables
    )
    assert all((gradient is not None and np.abs(gradient).max() > 1e-7) == moves for gradient in gradients)
    discriminator, generator = gan.players()
    assert gan.recognition in discriminator.networks and gan.recognition not in generator.networks
    information = gradients_of(
        lambda: information_loss(gan, stopped(gan.fake_like(batch(8)))),
        [gan.discriminator.get_layer("hidden").kernel],
    )
    assert (information[0] is not None and np.abs(information[0]).max() > 1e-9) == moves


def test_q_sees_no_real_image():
    seen = []

    class Listening(InfoGAN):
        def information_loss(self, fake, features):
            seen.append(ops.convert_to_numpy(features))
            return super().information_loss(fake, features)

    gan = built(Listening, norm=None)
    gan.train_on_batch(ops.ones((4, 16, 16, 1)))
    real = ops.convert_to_numpy(gan.judge({"images": ops.ones((4, 16, 16, 1))})["features"])
    assert len(seen) == 2 and all(np.abs(features - real).max() > 1e-4 for features in seen)


def test_a_category_is_asked_for_by_its_label():
    gan = built()
    images = gan.generate(3, labels=[0, 1, 2], seed=0)
    assert images.shape == (3, 16, 16, 1)
    with pytest.raises(ValueError, match="must be less than 10"):
        gan.generate(1, labels=10)


def test_logs_tell_the_information(round_of):
    gan = built()
    logs = gan.train_on_batch(*round_of(gan), return_dict=True)
    assert set(logs) == {"discriminator_loss", "generator_loss", "information", "loss"}
    assert all(np.isfinite(float(value)) for value in logs.values())


# Ten blobs on 8 x 8 pixels: with the bound the categories become readable, without it they do not. ------------------------


def blob_gan(weight):
    keras.utils.set_random_seed(0)
    noise, features = 4, 32
    generator = keras.Sequential(
        [
            keras.Input((noise + 11,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="tanh"),
            layers.Reshape((8, 8, 1)),
        ]
    )
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(64, activation="leaky_relu")(layers.Flatten()(inputs))
    x = layers.Dense(features, activation="leaky_relu")(x)
    discriminator = keras.Model(inputs, [layers.Dense(1)(x), x])
    gan = InfoGAN(
        (8, 8, 1),
        noise,
        continuous=1,
        categorical_weight=weight,
        continuous_weight=0.0,
        generator=generator,
        discriminator=discriminator,
        norm=None,
        seed=0,
    )
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    return gan


def blobs(rng, n):
    grid = np.arange(8)
    centers = np.array([(2 + 2 * (i % 3), 1 + 2 * (i // 3)) for i in range(10)])[rng.integers(0, 10, n)]
    squared = (grid[:, None] - centers[:, 0, None, None]) ** 2 + (grid - centers[:, 1, None, None]) ** 2
    return (2 * np.exp(-squared) - 1)[..., None].astype("float32")


def information_after(steps, weight):
    gan, rng = blob_gan(weight), np.random.default_rng(0)
    for _ in range(steps):
        gan.reset_metrics()
        logs = gan.train_on_batch(blobs(rng, 64), return_dict=True)
    return float(logs["information"])


def test_the_bound_makes_categories_readable():
    assert information_after(400, weight=1.0) > 2.2
    assert information_after(400, weight=0.0) < 0.3
