"""MAD-GAN: many generators and who made what, the reduction to GAN, and modes that they share among them."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import DCGAN, MADGAN
from keras_gan_zoo.networks.mixtures import mixture
from tests.models.ring_games import coverage, network, on_points

# Rows made by generators 0 and 1; the last class is "real".
LOGITS = np.array([[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]], "float32")


def value(x):
    return ops.convert_to_numpy(x)


def images(n=8, shape=(2, 2, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def linear_generator(shape=(2, 2, 1), latent_dim=3):
    size = int(np.prod(shape))
    return keras.Sequential([keras.Input((latent_dim,)), layers.Dense(size, "tanh"), layers.Reshape(shape)])


def saying_pixels(k, **options):
    """Images of k + 1 pixels, which D gives as its logits."""
    shape = (1, k + 1, 1)
    discriminator = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(k + 1, use_bias=False, kernel_initializer="identity")]
    )
    networks = {"generator": mixture([linear_generator(shape) for _ in range(k)]), "discriminator": discriminator}
    gan = MADGAN(shape, 3, generators=k, **networks, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def rows(logits, repeats=1):
    """A batch of samples with these logits, made by generators 0, 1, ..."""
    pixels = np.tile(logits[:, None, :, None], (repeats, 1, 1, 1)).astype("float32")
    members = np.tile(np.arange(len(logits), dtype="int32"), repeats)
    return {"images": ops.convert_to_tensor(pixels), "members": ops.convert_to_tensor(members)}


@pytest.mark.parametrize("repeats", [1, 4])
def test_golden_losses(repeats):
    gan, batch = saying_pixels(2), rows(LOGITS, repeats)
    real = {"images": batch["images"]}
    of_real = -np.log(np.exp(LOGITS[:, 2]) / np.exp(LOGITS).sum(axis=1)).mean()
    loss = float(gan.discriminator_objective(real, batch))
    # The sum over two generators is twice the mean over their samples.
    assert loss == pytest.approx(of_real + 2 * 0.3569808383, rel=1e-6)
    assert float(gan.generator_objective(real, batch)) == pytest.approx(2.1069808383, rel=1e-6)
    assert float(saying_pixels(2, saturating=True).generator_objective(real, batch)) == pytest.approx(
        -0.1368859891, rel=1e-6
    )


def test_golden_losses_are_means_of_those_of_single_samples():
    gan, batch = saying_pixels(2), rows(LOGITS)
    single = [{name: part[i : i + 1] for name, part in batch.items()} for i in range(2)]
    real = {"images": ops.convert_to_tensor(np.zeros((1, 1, 3, 1), "float32"))}  # of loss log 3
    of_fakes = [float(gan.discriminator_objective(real, one)) - np.log(3) for one in single]
    # 2 (log(e + 1 + 1/e) - 1), twice as there are two generators.
    assert of_fakes[0] == pytest.approx(0.8152119289, rel=1e-6)
    assert np.mean(of_fakes) == pytest.approx(2 * 0.3569808383, rel=1e-6)
    of_generators = [float(gan.generator_objective(real, one)) for one in single]
    assert np.mean(of_generators) == pytest.approx(2.1069808383, rel=1e-6)


def test_losses_stay_finite_far_out():
    gan = saying_pixels(2)
    for sign in (1, -1):
        batch = rows(sign * np.array([[80.0, -80.0, 0.0], [0.0, 80.0, -80.0]], "float32"))
        for saturating in (True, False):
            gan.options = dataclasses.replace(gan.options, saturating=saturating)
            assert np.isfinite(float(gan.generator_objective(batch, batch)))
        assert np.isfinite(float(gan.discriminator_objective(batch, batch)))


def test_the_best_discriminator_knows_the_shares_of_all(take_step):
    # Four points, each with logits of its own; how often the data and two generators have each.
    counts = np.array([[4, 1, 2, 1], [1, 5, 1, 1], [1, 1, 1, 5]])
    points = [np.eye(4, dtype="float32")[np.repeat(np.arange(4), n)][:, None, :, None] for n in counts]

    class Given(MADGAN):
        def fake_like(self, real):
            members = np.repeat([0, 1], 8).astype("int32")
            return {
                "images": ops.convert_to_tensor(np.concatenate(points[1:])),
                "members": ops.convert_to_tensor(members),
            }

    discriminator = keras.Sequential([keras.Input((1, 4, 1)), layers.Flatten(), layers.Dense(3, use_bias=False)])
    generator = mixture([linear_generator((1, 4, 1)) for _ in range(2)])
    gan = Given((1, 4, 1), 3, generators=2, generator=generator, discriminator=discriminator, seed=0)
    gan.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1), run_eagerly=True)
    real = {"images": ops.convert_to_tensor(np.concatenate([points[0]] * 2))}
    for _ in range(200):
        take_step(gan, gan.players()[0], real)
    logits = value(discriminator.get_weights()[0])
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = counts[[1, 2, 0]].T / counts.sum(axis=0)[:, None]
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_each_generator_makes_an_equal_share_and_its_own_samples():
    keras.utils.set_random_seed(0)
    generators = [linear_generator() for _ in range(3)]
    gan = MADGAN((2, 2, 1), 3, generators=3, generator=mixture(generators), discriminator=judges(4), seed=0)
    fake = gan.fake_like({"images": ops.convert_to_tensor(images(6))})
    np.testing.assert_array_equal(value(fake["members"]), [0, 1, 2, 0, 1, 2])
    for i, generator in enumerate(generators):
        expected = value(generator(fake["latents"]))[i::3]
        np.testing.assert_allclose(value(fake["images"])[i::3], expected, rtol=1e-6)
    latents = gan.latents(4, seed=0)
    samples = [gan.generate(4, members=i, latents=latents) for i in range(3)]
    assert all(np.abs(samples[i] - samples[j]).max() > 1e-2 for i in range(3) for j in range(i))
    drawn = gan.inputs()["members"].random(np.random.default_rng(0), 3000)
    np.testing.assert_allclose(np.bincount(drawn), [1000] * 3, atol=100)


def judges(outputs, shape=(2, 2, 1)):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(outputs)])


def test_by_default_the_generators_share_their_first_layer_alone():
    gan = MADGAN((16, 16, 1), 4, width=4, generators=3)
    one = DCGAN((16, 16, 1), 4, width=4)
    first = sum(one.generator.get_layer(name).count_params() for name in ("base", "base_norm"))
    assert gan.generator.count_params() == first + 3 * (one.generator.count_params() - first)
    assert gan.discriminator.output_shape == (None, 4)


class Difference(layers.Layer):
    mixes_samples = False

    def call(self, logits):
        return logits[:, 1:] - logits[:, :1]


def test_with_one_generator_it_is_the_gan(round_of):
    def trained(cls, options, discriminator):
        keras.utils.set_random_seed(1)
        single = linear_generator()
        networks = {"generator": mixture([single]) if options else single, "discriminator": discriminator()}
        gan = cls((2, 2, 1), 3, **networks, seed=0, **options)
        gan.compile(run_eagerly=True)
        logs = [gan.train_on_batch(*round_of(gan, seed=i), return_dict=True) for i in range(3)]
        return logs, gan.get_weights()

    def score():
        return keras.Sequential([*judges(2).layers, Difference()])

    logs, weights = trained(MADGAN, {"generators": 1}, lambda: judges(2))
    expected_logs, expected = trained(DCGAN, {}, score)
    for ours, theirs in zip(logs, expected_logs, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    two = saying_pixels(2)
    assert float(two.discriminator_objective(rows(LOGITS), rows(LOGITS))) > logs[0]["discriminator_loss"]


def test_steps_move_what_is_theirs(take_step):
    gan = MADGAN(
        (2, 2, 1),
        3,
        generators=2,
        generator=mixture([linear_generator(), linear_generator()]),
        discriminator=judges(3),
        seed=0,
    )
    gan.compile(run_eagerly=True)
    real = {"images": ops.convert_to_tensor(images())}
    for player, still in zip(gan.players(), (gan.generator, gan.discriminator), strict=True):
        before, moving = still.get_weights(), [value(v).copy() for v in player.variables]
        take_step(gan, player, real)
        for a, b in zip(before, still.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert all(np.abs(a - value(b)).max() > 1e-6 for a, b in zip(moving, player.variables, strict=True))


def test_a_generator_owes_nothing_for_samples_of_another(gradients_of):
    generators = [linear_generator(), linear_generator()]
    gan = MADGAN((2, 2, 1), 3, generators=2, generator=mixture(generators), discriminator=judges(3), seed=0)
    real = {"images": ops.convert_to_tensor(images())}

    def loss():
        fake = gan.make({"latents": gan.normal((8, 3)), "members": ops.zeros((8,), "int32")}, training=True)
        return gan.generator_objective(real, fake)

    first, second = (gradients_of(loss, generator.trainable_variables) for generator in generators)
    assert all(np.abs(gradient).max() > 1e-4 for gradient in first)
    assert all(gradient is None or not gradient.any() for gradient in second)


def test_a_conditional_one_trains_on_labels(round_of):
    gan = MADGAN((16, 16, 1), 4, width=4, generators=2, num_classes=3, seed=0)
    gan.compile(run_eagerly=True)
    assert np.isfinite(list(gan.train_on_batch(*round_of(gan), return_dict=True).values())).all()
    assert gan.generate(4, labels=[0, 1, 2, 0], members=[0, 0, 1, 1]).shape == (4, 16, 16, 1)


def test_what_does_not_go_is_refused():
    with pytest.raises(ValueError, match="label_smoothing must be left out of MADGAN: the discriminator names"):
        MADGAN((16, 16, 1), 4, width=4, label_smoothing=0.1)
    with pytest.raises(ValueError, match=r"logits of the discriminator must be of shape \(3,\)"):
        MADGAN(
            (2, 2, 1), 3, generators=2, generator=mixture([linear_generator(), linear_generator()]), discriminator=judges(1)
        )
    with pytest.raises(ValueError, match="must be less than 4"):
        MADGAN((16, 16, 1), 4, width=4).generate(1, members=4)


# Eight Gaussians and eight generators, of which each keeps a few; one alone ends in a single mode. ------------------------


def nearest_modes(k, **game):
    keras.utils.set_random_seed(0)
    generator = mixture([network(16, 2, name=f"generator_{i}") for i in range(k)])
    gan = on_points(MADGAN)(latent_dim=16, generators=k, generator=generator, discriminator=network(2, k + 1), seed=0)
    return coverage(gan, **game).nearest20


def test_generators_share_the_modes_that_one_loses():
    # In a game that one loses late, and in which eight keep 6 to 8. Where learning is slower, one keeps all of them too.
    game = {"rounds": 2500, "batch_size": 64, "rate": 2e-3}
    assert nearest_modes(1, **game) <= 3
    assert nearest_modes(8, **game) >= 6
