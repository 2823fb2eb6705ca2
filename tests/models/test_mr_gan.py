"""MRGAN: its two regularizers and their signs, whom they move, the reduction to GAN, and what they keep."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import DCGAN, GAN, MRGAN
from keras_gan_zoo.data.toy import ring
from tests.models.ring_games import modes_covered, network, on_points
from tests.smallest import smallest_gan


def value(x):
    return ops.convert_to_numpy(x)


def images(n=8, shape=(2, 2, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def batch(*arguments, **options):
    return {"images": ops.convert_to_tensor(images(*arguments, **options))}


def encoder(latent_dim=3, shape=(2, 2, 1)):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(latent_dim)], name="encoder")


def linear(generator, encoder, discriminator, **options):
    """Images of 1 x 2 pixels; each network is a matrix."""
    shape, matrices = (1, 2, 1), (generator, encoder, discriminator)
    g, e, d = (layers.Dense(np.shape(m)[1], use_bias=False) for m in matrices)
    networks = {
        "generator": keras.Sequential([keras.Input((2,)), g, layers.Reshape(shape)]),
        "encoder": keras.Sequential([keras.Input(shape), layers.Flatten(), e]),
        "discriminator": keras.Sequential([keras.Input(shape), layers.Flatten(), d]),
    }
    for layer, matrix in zip((g, e, d), matrices, strict=True):
        layer.set_weights([np.array(matrix, "float32")])
    gan = MRGAN(shape, 2, **networks, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


IDENTITY = [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("n", [1, 4])
def test_the_regularizers_are_sums_over_pixels_and_means_over_samples(n):
    gan = linear(IDENTITY, [[0.5, 0.0], [0.0, 1.0]], [[1.0], [2.0]], reconstruction_weight=3.0, realism_weight=0.7)
    real = batch(n, (1, 2, 1))
    x = value(real["images"]).reshape(n, 2).astype("float64")
    scores = 0.5 * x[:, 0] + 2 * x[:, 1]
    expected = 3.0 * (0.25 * x[:, 0] ** 2).mean() + 0.7 * np.log1p(np.exp(-scores)).mean()
    assert float(gan.generator_extra(real, real, {})) == pytest.approx(expected, rel=1e-6)
    assert float(gan.trackers["reconstruction_error"].result()) == pytest.approx((0.25 * x[:, 0] ** 2).mean(), rel=1e-6)


def test_golden_losses_of_the_game_are_below(tiny_gan):
    gan = tiny_gan(MRGAN, encoder=encoder())
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0])
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(1.1075991077, rel=1e-6)
    assert float(gan.generator_loss(f)) == pytest.approx(1.1793855991, rel=1e-6)
    real = batch()
    fake = gan.fake_like(real)
    more = float(gan.generator_objective(real, fake)) - float(gan.generator_extra(real, fake, {}))
    assert more == pytest.approx(float(gan.generator_loss(gan.score(fake))), rel=1e-6)


def test_an_encoder_that_is_the_inverse_owes_nothing(gradients_of):
    gan = linear([[2.0, 1.0], [0.0, 1.0]], [[0.5, -0.5], [0.0, 1.0]], [[1.0], [2.0]], realism_weight=0.0)
    real = batch(8, (1, 2, 1))
    assert float(gan.generator_extra(real, real, {})) == pytest.approx(0.0, abs=1e-10)
    gradients = gradients_of(lambda: gan.generator_extra(real, real, {}), gan.encoder.trainable_variables)
    assert all(gradient is None or np.abs(gradient).max() < 1e-6 for gradient in gradients)


def test_reconstructions_are_moved_toward_higher_scores(take_step):
    # With the sign that the paper prints they would be moved toward lower ones.
    gan = linear(IDENTITY, IDENTITY, [[1.0], [2.0]], reconstruction_weight=0.0, realism_weight=1.0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    real = {"images": ops.convert_to_tensor(np.abs(images(8, (1, 2, 1))))}
    before = float(ops.mean(gan.score(gan.rebuilt(real))))
    generator = gan.generator.get_weights()
    take_step(gan, gan.players()[1], real)
    gan.generator.set_weights(generator)  # so that it is the encoder which is asked
    assert float(ops.mean(gan.score(gan.rebuilt(real)))) > before + 1e-3


def test_the_encoder_plays_on_the_side_of_the_generator(tiny_gan, take_step):
    gan = tiny_gan(MRGAN, encoder=encoder())
    discriminator, generator = gan.players()
    assert generator.networks == (gan.generator, gan.encoder) and discriminator.networks == (gan.discriminator,)
    for player, other in ((discriminator, generator), (generator, discriminator)):
        before, moving = [value(v).copy() for v in other.variables], [value(v).copy() for v in player.variables]
        take_step(gan, player, batch())
        for a, b in zip(before, other.variables, strict=True):
            np.testing.assert_array_equal(a, value(b))
        assert all(np.abs(a - value(b)).max() > 1e-6 for a, b in zip(moving, player.variables, strict=True))


def test_without_weights_it_is_the_gan(tiny_gan, round_of):
    def trained(cls, **options):
        gan = tiny_gan(cls, **options)
        logs = [gan.train_on_batch(*round_of(gan, seed=i), return_dict=True) for i in range(3)]
        return logs, gan.generator.get_weights() + gan.discriminator.get_weights()

    none = {"reconstruction_weight": 0.0, "realism_weight": 0.0}
    logs, weights = trained(MRGAN, encoder=encoder(), **none)
    expected_logs, expected = trained(DCGAN)
    for ours, theirs in zip(logs, expected_logs, strict=True):
        assert {key: ours[key] for key in theirs} == theirs
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    regularized, _ = trained(MRGAN, encoder=encoder())
    assert regularized[0]["generator_loss"] > logs[0]["generator_loss"] + 1e-2


@pytest.mark.parametrize("name", ["mr_gan", "vae_gan"])
def test_inference_has_the_statistics_of_drawn_latents(name, round_of):
    """Codes of images lie elsewhere than latents, and the moving statistics of a mixture are those of neither."""

    def moving_statistics(shift):
        gan = smallest_gan(name, seed=0)
        gan.compile(run_eagerly=True, **{f"{key}_optimizer": keras.optimizers.SGD(0.0) for key in gan.optimizer_names})
        rng = np.random.default_rng(0)
        for part in (gan.generator, gan.encoder, gan.discriminator):
            part.set_weights([rng.uniform(0.1, 0.3, weight.shape) for weight in part.get_weights()])
        bias = gan.encoder.trainable_variables[-1]
        bias.assign(bias + shift)
        gan.train_on_batch(*round_of(gan))
        return [value(weight) for weight in gan.generator.non_trainable_weights]

    near, far = moving_statistics(0.0), moving_statistics(20.0)
    assert len(near) >= 2
    for a, b in zip(near, far, strict=True):
        np.testing.assert_array_equal(a, b)


def two_steps(**options):
    """MDGAN on images of 1 x 2 pixels; G doubles, E halves the first one, D2 is the sum of both, D1 twice the first one."""
    shape = (1, 2, 1)
    g, e, d2, d1 = (layers.Dense(n, use_bias=False) for n in (2, 2, 1, 1))
    images = keras.Input(shape)
    scores = layers.Concatenate()([d(layers.Flatten()(images)) for d in (d2, d1)])
    networks = {
        "generator": keras.Sequential([keras.Input((2,)), g, layers.Reshape(shape)]),
        "encoder": keras.Sequential([keras.Input(shape), layers.Flatten(), e]),
        "discriminator": keras.Model(images, layers.Reshape((1, 2))(scores)),
    }
    matrices = [[2.0, 0.0], [0.0, 2.0]], [[0.25, 0.0], [0.0, 0.5]], [[1.0], [1.0]], [[2.0], [0.0]]
    for layer, matrix in zip((g, e, d2, d1), matrices, strict=True):
        layer.set_weights([np.array(matrix, "float32")])
    gan = MRGAN(shape, 2, **networks, diffusion=True, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


@pytest.mark.parametrize("n", [1, 4])
def test_in_two_steps_reconstructions_are_fake_and_then_real(n, gradients_of):
    gan = two_steps(reconstruction_weight=3.0, realism_weight=0.7)
    real, fake = batch(n, (1, 2, 1)), batch(n, (1, 2, 1), seed=1)
    x, f = (value(given["images"]).reshape(n, 2).astype("float64") for given in (real, fake))
    copies = x * [0.5, 1.0]

    def softplus(scores):
        return np.log1p(np.exp(scores)).mean()

    of_manifold = softplus(-2 * x[:, 0]) + softplus(2 * copies[:, 0])
    of_diffusion = softplus(-copies.sum(axis=1)) + softplus(f.sum(axis=1))
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(of_manifold + of_diffusion, rel=1e-6)
    expected = 3.0 * (0.25 * x[:, 0] ** 2).mean() + 0.7 * softplus(-2 * copies[:, 0])
    assert float(gan.encoder_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(softplus(-f.sum(axis=1)), rel=1e-6)
    # To D2 they are given.
    variables = gan.encoder.trainable_variables + gan.generator.trainable_variables
    assert gradients_of(lambda: gan.discriminator_objective(real, fake), variables) == [None, None]


def test_in_two_steps_each_player_moves_what_is_its_own(take_step):
    gan = two_steps()
    discriminator, encoder, generator = gan.players()
    networks = {name: getattr(gan, name) for name in gan.network_names}
    for player, moving in (
        (discriminator, {"discriminator"}),
        (encoder, {"generator", "encoder"}),
        (generator, {"generator"}),
    ):
        before = {name: network.get_weights() for name, network in networks.items()}
        take_step(gan, player, batch(8, (1, 2, 1)))
        changes = {
            name: [np.abs(a - b).max() for a, b in zip(before[name], network.get_weights(), strict=True)]
            for name, network in networks.items()
        }
        assert {name for name, of_network in changes.items() if max(of_network) > 0} == moving
        assert all(min(changes[name]) > 1e-6 for name in moving)


def test_two_steps_are_trained_and_kept(round_of, tmp_path):
    gan = MRGAN.tiny(seed=0, diffusion=True, num_classes=3)
    gan.compile(run_eagerly=True)
    logs = gan.train_on_batch(*round_of(gan), return_dict=True)
    assert {"discriminator_loss", "encoder_loss", "generator_loss", "reconstruction_error"} <= logs.keys()
    assert np.isfinite(list(logs.values())).all()
    loaded = keras_gan_zoo.load(gan.save_to_preset(tmp_path / "preset"))
    np.testing.assert_array_equal(loaded.generate(3, labels=1, seed=0), gan.generate(3, labels=1, seed=0))
    with pytest.raises(ValueError, match=r"scores of the discriminator must be of shape \(1, 2\)"):
        MRGAN.tiny(diffusion=True, discriminator=DCGAN.tiny().discriminator)


def test_a_conditional_one_is_told_the_labels(round_of):
    gan = MRGAN((16, 16, 1), 4, width=4, num_classes=3, seed=0)
    gan.compile(run_eagerly=True)
    assert gan.encoder.output_shape == (None, 4) and len(gan.encoder.inputs) == 2
    assert np.isfinite(list(gan.train_on_batch(*round_of(gan), return_dict=True).values())).all()


def test_an_encoder_of_another_size_is_refused(tiny_gan):
    with pytest.raises(ValueError, match=r"output of the encoder must be of shape \(3,\)"):
        tiny_gan(MRGAN, encoder=encoder(4))


# Eight Gaussians: whether the generator has a place for each. One for their common mean would leave an error of 4. ---------


def error_after_training(weight):
    keras.utils.set_random_seed(0)
    networks = {"generator": network(16, 2), "discriminator": network(2, 1), "encoder": network(2, 16)}
    weights = {"reconstruction_weight": weight, "realism_weight": 2 * weight}
    gan = on_points(MRGAN)(latent_dim=16, seed=0, **weights, **networks)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)), steps_per_execution=50)
    points, _ = ring().sample(500 * 128, 0)
    return gan.fit({"points": points}, batch_size=128, verbose=0).history["reconstruction_error"][0]


def test_the_generator_learns_to_rebuild_all_modes():
    assert error_after_training(0.2) < 1.5
    assert error_after_training(0.0) > 4


def test_in_two_steps_it_keeps_the_modes_that_the_gan_loses():
    points = keras.Input((2,))
    judges = layers.Concatenate()([network(2, 1)(points) for _ in range(2)])
    networks = {"encoder": network(2, 16), "discriminator": keras.Model(points, layers.Reshape((1, 2))(judges))}
    weights = {"reconstruction_weight": 1.0, "realism_weight": 0.01}
    kept = modes_covered(MRGAN, diffusion=True, **networks, **weights)
    lost = modes_covered(GAN)
    assert kept >= 6
    assert lost <= 4
