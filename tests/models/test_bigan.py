"""BiGAN: pairs, labels that are swapped on both sides, and an encoder that inverts the generator without being told to."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import BiGAN
from keras_gan_zoo.base.batches import stopped
from keras_gan_zoo.data import Points
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.losses import minimax_discriminator_loss


def value(x):
    return ops.convert_to_numpy(x)


def small(**options):
    keras.utils.set_random_seed(0)
    gan = BiGAN.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def batch(n=4, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images)}


class PointsBiGAN(BiGAN):
    sample = "points"

    def fields(self):
        return {"points": Points((2,))}


def test_defaults_are_the_papers():
    gan = BiGAN(width=4)
    assert (gan.latent_dim, gan.options.latent_distribution) == (50, "uniform")
    assert gan.encoder.output_shape == (None, 50)
    # The one that is not; the paper has batch norm.
    assert gan.discriminator_norm == "spectral"
    # Bounded as the latents are: D could tell pairs by the size of their codes.
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1))
    assert np.abs(value(gan.encoder(100 * images))).max() <= 1
    assert np.abs(value(BiGAN(width=4, latent_distribution="normal").encoder(1e4 * images))).max() > 1


@pytest.mark.parametrize("n", [1, 4])
def test_the_second_loss_is_the_first_with_its_sides_swapped(n):
    gan, real = small(discriminator_norm=None), batch(n)
    fake = gan.fake_like(real)
    scores = [value(gan.score(pairs)) for pairs in (gan.with_codes(real), fake)]
    expected = minimax_discriminator_loss(*map(ops.convert_to_tensor, scores))
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(float(expected), rel=1e-6)
    expected = minimax_discriminator_loss(*map(ops.convert_to_tensor, reversed(scores)))
    assert float(gan.generator_objective(real, fake)) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_golden_losses(n):
    gan = small()
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0][:n]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0][:n])
    assert float(gan.discriminator_loss(r, f)) == pytest.approx({1: 0.3283413, 4: 1.1075991}[n], rel=1e-6)
    assert float(gan.discriminator_loss(f, r)) == pytest.approx({1: 3.8283413, 4: 2.7950991}[n], rel=1e-6)


def test_the_encoder_learns_from_its_own_pairs_alone(gradients_of):
    gan, real = small(discriminator_norm=None), batch()
    variables = gan.encoder.trainable_variables
    fake = gan.fake_like(real)
    own = lambda: ops.mean(ops.softplus(gan.score(gan.with_codes(real))))  # noqa: E731
    for whole, part in zip(
        gradients_of(lambda: gan.generator_objective(real, fake), variables), gradients_of(own, variables), strict=True
    ):
        np.testing.assert_allclose(whole, part, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in gradients_of(own, variables)) > 1e-4
    of_generator = gradients_of(own, gan.generator.trainable_variables)
    assert all(gradient is None for gradient in of_generator)
    of_discriminator = gradients_of(lambda: gan.discriminator_objective(real, stopped(fake)), variables)
    assert all(gradient is None for gradient in of_discriminator)


def movable(network):
    """All but the singular vectors of D's last layer: of a single output, they are exact before its kernel moves."""
    return [weight for weight in network.weights if weight.trainable or not weight.path.startswith("score/")]


def test_a_step_leaves_the_other_player_as_it_was(take_step):
    gan = small()
    discriminator, generator = gan.players()
    assert generator.networks == (gan.generator, gan.encoder)
    for player in (discriminator, generator):
        own = {id(weight) for network in player.networks for weight in movable(network)}
        before = [(weight, value(weight).copy()) for name in gan.network_names for weight in movable(getattr(gan, name))]
        take_step(gan, player, batch())
        assert {id(weight) for weight, was in before if not np.array_equal(was, value(weight))} == own


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_moments_of_pairs_move_a_discriminator_that_is_linear_in_them(scale, gradients_of):
    """G(z) = scale z and E(x) = x: D's first gradient is half the difference of the pairs' moments."""
    x, z = keras.Input((1,)), keras.Input((1,))
    moments = layers.Concatenate()([layers.Multiply()(pair) for pair in ([x, x], [x, z], [z, z])])
    discriminator = keras.Model([x, z], layers.Dense(1, use_bias=False, kernel_initializer="zeros")(moments))
    generator = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    encoder = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    generator.set_weights([np.array([[scale]])])
    encoder.set_weights([np.array([[1.0]])])

    class Line(PointsBiGAN):
        def fields(self):
            return {"points": Points((1,))}

    gan = Line(latent_dim=1, generator=generator, discriminator=discriminator, encoder=encoder, seed=0)
    numbers = np.random.default_rng(0).uniform(-1, 1, (50, 1)).astype("float32")
    real = {"points": ops.convert_to_tensor(numbers)}
    fake = {"points": generator(numbers), "latents": ops.convert_to_tensor(numbers)}
    variables = discriminator.trainable_variables
    (gradient,) = gradients_of(lambda: gan.discriminator_objective(real, fake), variables)
    square = (numbers.astype("float64") ** 2).mean()
    expected = np.array([scale**2 - 1, scale - 1, 0]) * square / 2
    np.testing.assert_allclose(gradient[:, 0], expected, atol=1e-6)


def test_samples_alone_are_judged_with_their_codes():
    gan, real = small(), batch()
    np.testing.assert_array_equal(value(gan.score(real, False)), value(gan.score(gan.with_codes(real, False), False)))
    other = {**real, "latents": ops.convert_to_tensor(np.ones((4, 8), "float32"))}
    assert np.abs(value(gan.score(other, False)) - value(gan.score(real, False))).max() > 1e-6


@pytest.mark.parametrize("num_classes", [None, 3])
def test_verbs(num_classes):
    gan = small(num_classes=num_classes, ema_half_life=100)
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    given = {} if num_classes is None else {"labels": [0, 1, 2, 0, 1]}
    codes = gan.encode(images)
    assert codes.shape == (5, 8) and np.abs(codes).max() <= 1
    # Of batches of one they are the same, and those of the averaged encoder.
    np.testing.assert_allclose(gan.encode(images, batch_size=1), codes, atol=1e-5)
    gan.average_encoder.get_layer("code").bias.assign(np.full(8, 3.0))
    assert gan.encode(images).min() > codes.max()
    copies = gan.reconstruct(images, dtype="uint8", **given)
    assert copies.shape == images.shape and copies.dtype == np.uint8
    np.testing.assert_array_equal(copies, gan.generate(5, latents=gan.encode(images), dtype="uint8", **given))
    with pytest.raises(ValueError, match="images"):
        gan.encode(images[..., 0, :, :])
    if num_classes:
        with pytest.raises(TypeError, match="reconstruct takes the labels"):
            gan.reconstruct(images)


# A ring of eight Gaussians -----------------------------------------------------------------------------------------------


class Shuffled(PointsBiGAN):
    """Its discriminator sees each code beside the sample of another."""

    def judge(self, batch, training=True, by="discriminator"):
        return super().judge({**batch, "latents": ops.roll(batch["latents"], 1, axis=0)}, training, by)


def reconstruction(cls, rounds=500):
    """Mean distance of samples from their reconstructions, as a share of that from the reconstructions of others."""
    keras.utils.set_random_seed(0)

    def network(inputs, outputs, activation=None):
        x = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
        for _ in range(2):
            x = layers.LeakyReLU(0.2)(layers.Dense(64)(x))
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], layers.Dense(outputs, activation)(x))

    networks = {
        "generator": network([keras.Input((2,))], 2),
        "encoder": network([keras.Input((2,))], 2, "tanh"),
        "discriminator": network([keras.Input((2,)), keras.Input((2,))], 1),
    }
    gan = cls(latent_dim=2, seed=0, **networks)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        gan.train_on_batch(ring().sample(128, rng)[0])
    points = ring().sample(1000, rng)[0]
    copies = gan.reconstruct(points)
    own, other = (np.linalg.norm(points - x, axis=1).mean() for x in (copies, np.roll(copies, 1, axis=0)))
    return own / other


def test_samples_are_reconstructed_without_a_loss_that_asks_for_it():
    pairs, shuffled = reconstruction(PointsBiGAN), reconstruction(Shuffled)
    assert pairs < 0.4
    assert shuffled > 0.55
