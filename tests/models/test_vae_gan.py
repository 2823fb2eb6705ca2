"""VAE-GAN: who learns from what, who waits, and reconstructions by features alone."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import VAEGAN
from keras_gan_zoo.data import Points
from keras_gan_zoo.data.toy import ring


def value(x):
    return ops.convert_to_numpy(x)


def small(cls=VAEGAN, **options):
    keras.utils.set_random_seed(0)
    gan = cls.tiny(seed=0, **{"discriminator_norm": None, **options})
    gan.compile(run_eagerly=True)
    return gan


def batch(n=4, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images)}


def moved_by(gradients):
    return any(gradient is not None and np.abs(gradient).max() > 1e-9 for gradient in gradients)


def test_defaults():
    gan = VAEGAN(width=4)
    assert (gan.latent_dim, gan.margin) == (128, 0.4)
    assert gan.encoder.output_shape == (None, 256)
    assert [player.name for player in gan.players()] == ["encoder", "discriminator", "generator"]
    for optimizer in gan.optimizers.values():
        assert isinstance(optimizer, keras.optimizers.RMSprop)
        assert float(optimizer.learning_rate) == pytest.approx(3e-4)


def test_codes_are_drawn_from_what_the_encoder_says():
    gan, seen = small(), []
    gan.make = lambda batch, training: seen.append(value(batch["latents"])) or {"images": ops.zeros((2000, 16, 16, 1))}
    means, log_variances = ops.full((2000, 8), 3.0), ops.full((2000, 8), np.log(0.25))
    gan.reconstructed(batch(2000), means, log_variances)
    assert seen[0].mean() == pytest.approx(3.0, abs=0.02) and seen[0].std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("n", [1, 4])
def test_the_losses_are_those_of_the_paper(n):
    gan, real = small(reconstruction_weight=0.25), batch(n)
    # Far from N(0, I): near it the terms of the prior cancel, and float32 keeps four digits of their sum.
    gan.encoder.get_layer("code").bias.assign(np.linspace(-2, -1, 16))
    # The same noise in each draw, so that the encoder's reconstructions are those of the batch of fakes.
    gan.normal = lambda shape: ops.convert_to_tensor(np.random.default_rng(7).normal(size=shape), "float32")
    fake = gan.fake_like(real)
    of_real, of_prior = gan.judge(real), gan.judge(fake)
    of_copies = gan.judge({"images": fake["reconstructions"]})
    scores = [value(said["scores"]).astype("float64") for said in (of_real, of_prior, of_copies)]
    softplus = lambda x: np.log1p(np.exp(x)).mean()  # noqa: E731
    expected = softplus(-scores[0]) + softplus(scores[1]) + softplus(scores[2])
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    features = [value(said["features"]).astype("float64") for said in (of_real, of_copies)]
    error = 0.5 * ((features[0] - features[1]) ** 2).sum(axis=1).mean()
    expected = 0.25 * error + softplus(-scores[1]) + softplus(-scores[2])
    assert float(gan.generator_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    means, log_variances = (value(code).astype("float64") for code in gan.codes(real["images"], True))
    prior = 0.5 * (means**2 + np.exp(log_variances) - 1 - log_variances).sum(axis=1).mean()
    loss = float(gan.encoder_objective(real, fake))
    assert float(gan.trackers["prior"].result()) == pytest.approx(prior, rel=1e-6)
    assert float(gan.trackers["reconstruction"].result()) == pytest.approx(error, rel=1e-6)
    assert loss == pytest.approx(prior + error, rel=1e-6) and error > 1


def test_each_term_teaches_whom_it_should(gradients_of):
    gan, real = small(), batch()
    networks = {name: getattr(gan, name).trainable_variables for name in gan.network_names}

    def taught(objective):
        return {name for name, variables in networks.items() if moved_by(gradients_of(objective, variables))}

    encoder, discriminator, generator = (player.objective for player in gan.players())
    # What each loss could teach; of these a player moves its own network alone.
    assert "encoder" in taught(lambda: encoder(real, {}))
    assert taught(lambda: discriminator(real, gan.fake_like(real))) == {"discriminator"}
    assert taught(lambda: generator(real, gan.fake_like(real))) == {"generator", "discriminator"}
    assert [player.networks for player in gan.players()] == [(gan.encoder,), (gan.discriminator,), (gan.generator,)]
    # Without its weight the reconstruction does not reach G: the loss is then the adversarial one.
    bare = small(reconstruction_weight=0.0)
    fake = bare.fake_like(real)
    scores = [bare.score(fake), bare.score({"images": fake["reconstructions"]})]
    assert float(bare.generator_objective(real, fake)) == pytest.approx(
        sum(float(ops.mean(ops.softplus(-x))) for x in scores), rel=1e-6
    )


def test_a_step_leaves_the_other_players_as_they_were(take_step):
    gan = small(discriminator_norm="batch")
    for player in gan.players():
        own = {id(weight) for network in player.networks for weight in network.weights}
        before = [(weight, value(weight).copy()) for name in gan.network_names for weight in getattr(gan, name).weights]
        take_step(gan, player, batch())
        assert {id(weight) for weight, was in before if not np.array_equal(was, value(weight))} == own


@pytest.mark.parametrize(
    ("real_score", "fake_score", "expected"),
    [
        (0.0, 0.0, (True, True)),
        (3.0, 0.0, (False, True)),  # D is sure of real images
        (0.0, -3.0, (False, True)),  # and of samples
        (-3.0, 0.0, (True, False)),
        (0.0, 3.0, (True, False)),
        (3.0, 3.0, (True, True)),  # ahead on one side and behind on the other: nobody waits
    ],
)
def test_who_waits(real_score, fake_score, expected):
    gan, real = small(), batch()
    fake = {**real, "images": -real["images"]}
    gan.judge_pair = lambda real, fake: tuple({"scores": ops.full((4,), score)} for score in (real_score, fake_score))
    assert tuple(bool(moves) for moves in gan.moves(real, fake)) == expected


def test_who_waits_is_not_moved_and_not_in_the_logs(round_of):
    gan = small()
    gan.discriminator.get_layer("score").bias.assign([5.0])  # so that samples cost D too much, and real images nothing
    gan.moves = lambda real, fake: (False, True)
    before = {name: getattr(gan, name).get_weights() for name in gan.network_names}
    logs = gan.train_on_batch(*round_of(gan), return_dict=True)
    assert "discriminator_loss" not in logs and {"encoder_loss", "generator_loss"} < set(logs)
    for name, weights in before.items():
        same = all(np.array_equal(a, b) for a, b in zip(weights, getattr(gan, name).get_weights(), strict=True))
        assert same == (name == "discriminator")
    always = small(margin=None)
    assert not any(player.when for player in always.players())


def test_verbs():
    gan = small(ema_half_life=100)
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    codes = gan.encode(images)
    assert codes.shape == (5, 8)
    np.testing.assert_array_equal(codes, gan.encode(images))  # means, and nothing drawn
    copies = gan.reconstruct(images)
    assert copies.shape == images.shape and copies.dtype == np.float32
    np.testing.assert_array_equal(copies, gan.generate(5, latents=codes))


# A ring of eight Gaussians -----------------------------------------------------------------------------------------------


class PointsVAEGAN(VAEGAN):
    sample = "points"

    def fields(self):
        return {"points": Points((2,))}


class Blind(PointsVAEGAN):
    """What reconstructions are compared by is the mean of a batch, which no sample has of its own."""

    def judge(self, batch, training=True, by="discriminator"):
        said = super().judge(batch, training, by)
        return {**said, "features": ops.mean(said["features"], axis=0, keepdims=True) + 0 * said["features"]}


def reconstruction(cls, rounds=400):
    """Mean distance of samples from their reconstructions, as a share of that from the reconstructions of others."""
    keras.utils.set_random_seed(0)

    def hidden(x):
        for _ in range(2):
            x = layers.LeakyReLU(0.2)(layers.Dense(64)(x))
        return x

    latents, points = keras.Input((2,)), keras.Input((2,))
    features = hidden(points)
    networks = {
        "generator": keras.Model(latents, layers.Dense(2)(hidden(latents))),
        "encoder": keras.Model(points, layers.Dense(4)(hidden(points))),
        "discriminator": keras.Model(points, [layers.Dense(1)(features), features]),
    }
    gan = cls(latent_dim=2, reconstruction_weight=1.0, seed=0, **networks)
    gan.compile(**{f"{name}_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.5) for name in gan.network_names})
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        gan.train_on_batch(ring().sample(64, rng)[0])
    points = ring().sample(1000, rng)[0]
    copies = gan.reconstruct(points)
    own, other = (np.linalg.norm(points - x, axis=1).mean() for x in (copies, np.roll(copies, 1, axis=0)))
    return own / other


def test_features_bring_samples_back():
    features, blind = reconstruction(PointsVAEGAN), reconstruction(Blind)
    assert features < 0.5
    assert 0.8 < blind < 1.2


# Textures, which eight numbers cannot hold --------------------------------------------------------------------------------


def textures(n):
    """Images (n, 16, 16, 1) of blocks that are bright or dark by chance."""
    blocks = np.random.default_rng(0).choice([-0.8, 0.8], (n, 8, 8, 1))
    return blocks.repeat(2, axis=1).repeat(2, axis=2).astype("float32")


def judge_of_pixels():
    """With it the game is a VAE: the pixels are what is compared, and the score says nothing of an image."""
    images = keras.Input((16, 16, 1))
    pixels = layers.Flatten()(images)
    return keras.Model(images, [layers.Dense(1)(layers.Rescaling(0.0)(pixels)), pixels])


def sharpness(**options):
    """Variance of the Laplacian of reconstructions; that of the data is 3.8."""
    keras.utils.set_random_seed(0)
    gan = VAEGAN((16, 16, 1), 8, width=16, base_size=4, seed=0, **options)
    adam = {f"{name}_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.5) for name in gan.network_names}
    gan.compile(**adam, steps_per_execution=20)
    images = textures(200 * 32)
    gan.fit(images, batch_size=32, verbose=0)
    x = gan.reconstruct(images[:200])[..., 0]
    sides = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    return (4 * x[:, 1:-1, 1:-1] - sides).var()


def test_reconstructions_are_sharper_than_those_of_a_vae():
    assert sharpness() > 0.5
    assert sharpness(discriminator=judge_of_pixels(), reconstruction_weight=1.0, margin=None) < 0.2
