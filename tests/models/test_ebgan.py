"""EBGAN: its energies, who learns from what, and what margin and pulling-away term do to samples."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import EBGAN
from keras_gan_zoo.data import Points
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.losses.energy import pulling_away_term
from keras_gan_zoo.metrics.modes import mode_coverage


def value(x):
    return float(ops.convert_to_numpy(x))


def small(**options):
    keras.utils.set_random_seed(0)
    gan = EBGAN.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def batch(n=4, seed=0, **fields):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images), **fields}


def test_defaults():
    gan = EBGAN(width=4)
    assert (gan.margin, gan.pulling_away_weight, gan.code_dim) == (0.2, 0.1, 32)
    # A code that depends on the rest of the batch would make the term depend on itself.
    assert not gan.may_mix_samples()
    for optimizer in gan.optimizers.values():
        assert (value(optimizer.learning_rate), optimizer.beta_1) == (pytest.approx(1e-3), 0.5)


@pytest.mark.parametrize("n", [1, 4])
def test_golden_losses(n):
    gan = small(margin=1.0)
    real, fake = ops.convert_to_tensor([-0.2, -0.5, -0.1, -0.4][:n]), ops.convert_to_tensor([-0.3, -1.5, -0.8, -2.0][:n])
    expected = {1: (0.9, 0.3), 4: (0.525, 1.15)}[n]
    losses = value(gan.discriminator_loss(real, fake)), value(gan.generator_loss(fake))
    assert losses == pytest.approx(expected, rel=1e-6)


def test_scores_are_minus_mean_squared_errors():
    gan, real = small(), batch()
    copies, codes = gan.discriminator(real["images"])
    expected = -((ops.convert_to_numpy(real["images"]) - ops.convert_to_numpy(copies)) ** 2).mean(axis=(1, 2, 3))
    said = gan.judge(real, training=False)
    np.testing.assert_allclose(ops.convert_to_numpy(said["scores"]), expected, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(said["codes"]), ops.convert_to_numpy(codes), rtol=1e-6)


def test_the_term_is_in_the_generators_loss_alone():
    real = batch()
    plain, weighted = small(pulling_away_weight=0.0), small(pulling_away_weight=0.5)
    fake = plain.fake_like(real)
    term = value(pulling_away_term(plain.judge(fake)["codes"]))
    added = value(weighted.generator_objective(real, fake)) - value(plain.generator_objective(real, fake))
    assert term > 0.01 and added == pytest.approx(0.5 * term, rel=1e-4)
    assert value(weighted.trackers["pulling_away"].result()) == pytest.approx(term, rel=1e-6)
    assert value(weighted.discriminator_objective(real, fake)) == value(plain.discriminator_objective(real, fake))


def test_the_generator_learns_through_sample_and_copy(gradients_of):
    gan = small(pulling_away_weight=0.0)
    latents = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 8)).astype("float32"))
    variables = gan.generator.trainable_variables

    def energy(of_sample=lambda x: x, of_copy=lambda x: x):
        sample = gan.generator(latents)
        return ops.sum(ops.square(of_sample(sample) - of_copy(gan.discriminator(sample)[0])))

    full = gradients_of(lambda: -256 * ops.sum(gan.judge({"images": gan.generator(latents)})["scores"]), variables)
    through_copy = gradients_of(lambda: energy(of_sample=ops.stop_gradient), variables)
    through_sample = gradients_of(lambda: energy(of_copy=ops.stop_gradient), variables)
    for whole, a, b in zip(full, through_copy, through_sample, strict=True):
        np.testing.assert_allclose(whole, a + b, rtol=1e-3, atol=1e-4)
    for part in (through_copy, through_sample):
        assert max(np.abs(gradient).max() for gradient in part) > 1e-3


def test_a_step_leaves_the_other_player_as_it_was(take_step):
    gan = small()
    for player in gan.players():
        own = {id(weight) for network in player.networks for weight in network.weights}
        before = [(weight, ops.convert_to_numpy(weight).copy()) for weight in gan.weights]
        take_step(gan, player, batch())
        moved = {id(weight) for weight, was in before if not np.array_equal(was, ops.convert_to_numpy(weight))}
        networks = {id(weight) for name in gan.network_names for weight in getattr(gan, name).weights}
        assert moved & networks == own


def test_with_classes_the_decoder_is_told_the_label():
    gan = small(num_classes=3)
    energies = [value(gan.score(batch(1, labels=ops.convert_to_tensor([label])))[0]) for label in range(3)]
    assert len(set(energies)) == 3


def test_impossible_arguments_are_refused():
    for name, wrong in (("margin", 0.0), ("pulling_away_weight", -0.1), ("code_dim", 0)):
        with pytest.raises(ValueError, match=f"{name}="):
            EBGAN.tiny(**{name: wrong})


# A ring of eight Gaussians -------------------------------------------------------------------------------------------------


class PointsEBGAN(EBGAN):
    sample = "points"

    def fields(self):
        return {"points": Points((2,))}


def dense(x, units, outputs):
    for count in units:
        x = layers.LeakyReLU(0.2)(layers.Dense(count)(x))
    return layers.Dense(outputs)(x)


def ring_gan(margin):
    keras.utils.set_random_seed(0)
    latents, points = keras.Input((8,)), keras.Input((2,))
    codes = dense(points, (64,), 2)
    networks = {
        "generator": keras.Model(latents, dense(latents, (64, 64), 2)),
        "discriminator": keras.Model(points, [dense(codes, (64,), 2), codes]),
    }
    gan = PointsEBGAN(latent_dim=8, seed=0, margin=margin, **networks)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    return gan


def trained(gan, rounds):
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        gan.train_on_batch(ring().sample(128, rng)[0])
    return gan.generate(2500, seed=0)


def test_samples_cover_the_data_where_their_energies_are_raised():
    """Without a margin to speak of, D only copies, and any sample that it copies well is an optimum of G."""

    def modes(margin):
        samples = trained(ring_gan(margin), 400)
        return mode_coverage(samples, ring().means, ring().sigma).nearest20

    assert modes(1.0) >= 7
    assert modes(1e-3) <= 5


def test_the_term_pulls_codes_apart():
    """Codes are the points themselves, and every copy is one and the same point, so that energy alone draws all there."""

    def term(weight):
        keras.utils.set_random_seed(0)
        latents, points = keras.Input((8,)), keras.Input((2,))
        codes = layers.Identity()(points)
        copies = layers.Dense(2, kernel_initializer="zeros", bias_initializer="ones")(codes)
        networks = {
            "generator": keras.Model(latents, dense(latents, (64,), 2)),
            "discriminator": keras.Model(points, [copies, codes]),
        }
        gan = PointsEBGAN(latent_dim=8, seed=0, pulling_away_weight=weight, **networks)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(3e-3, beta_1=0.5))
        return value(pulling_away_term(ops.convert_to_tensor(trained(gan, 200))))

    # Of points in all directions of the plane it is 1/2, and of points in one line 1.
    assert 0.45 < term(10.0) < 0.7
    assert term(0.0) > 0.9


def test_ada_is_refused_as_no_score_is_above_0():
    with pytest.raises(ValueError, match="ada_target must be left out of EBGAN: the sign of its scores says nothing"):
        EBGAN.tiny(augment="flip", ada_target=0.6)
