"""BadGAN: its three terms, the density of the data, and generated samples that avoid it."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import BadGAN, SemiSupervisedGAN
from keras_gan_zoo.data import InvalidData, Points
from keras_gan_zoo.losses.energy import pulling_away_term
from keras_gan_zoo.losses.semi_supervised import conditional_entropy
from keras_gan_zoo.networks.semi_supervised import noisy_classifier

WITHOUT = {"entropy_weight": 0.0, "pull_away_weight": 0.0, "density_weight": 0.0}


def value(x):
    return ops.convert_to_numpy(x).copy()


def small(cls=BadGAN, **options):
    keras.utils.set_random_seed(0)
    gan = cls.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def batch(labels, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (len(labels), 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images), "labels": ops.convert_to_tensor(labels, dtype="int32")}


def test_without_its_terms_it_is_the_semi_supervised_gan():
    bad, plain = small(**WITHOUT), small(SemiSupervisedGAN)
    for name in ("generator", "discriminator"):
        getattr(plain, name).set_weights(getattr(bad, name).get_weights())
    plain.compile(*bad.default_optimizers().values(), run_eagerly=True)
    kept = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), dtype=np.uint8)
    logs = [gan.train_on_batch(kept, np.array([0, -1, 2, -1]), return_dict=True) for gan in (bad, plain)]
    assert logs[0] == logs[1]
    for name in ("generator", "discriminator"):
        for a, b in zip(getattr(bad, name).get_weights(), getattr(plain, name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_each_term_has_its_weight_and_its_samples():
    gan, real = small(**WITHOUT), batch([0, -1, 2, -1, -1])
    fake = gan.fake_like(real)
    of_real, of_fake = gan.judge(real), gan.judge(fake)
    gan.reference_samples.assign(np.random.default_rng(1).uniform(-1, 1, (6, 16, 16, 1)))
    gan.low_density.assign(np.median(value(gan.log_density(fake["images"]))))
    too_dense = np.maximum(value(gan.log_density(fake["images"])) - value(gan.low_density), 0).mean()
    entropy = value(conditional_entropy(of_real["logits"], np.array([False, True, False, True, True])))
    apart = value(pulling_away_term(of_fake["features"]))
    assert min(too_dense, entropy, apart) > 1e-3
    losses = gan.discriminator_objective, gan.generator_objective
    before = [value(loss(real, fake)) for loss in losses]
    for name, player, term in (
        ("entropy_weight", 0, entropy),
        ("pull_away_weight", 1, apart),
        ("density_weight", 1, too_dense),
    ):
        setattr(gan, name, 0.7)
        now = [value(loss(real, fake)) for loss in losses]
        setattr(gan, name, 0.0)
        assert now[player] - before[player] == pytest.approx(0.7 * term, rel=1e-3), name
        assert now[1 - player] == pytest.approx(before[1 - player], rel=1e-6), name


def test_the_density_is_that_of_gaussians_around_the_references():
    gan = small(references=5)
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), dtype=np.uint8)
    gan.fit(images, np.zeros(60, "int32"), batch_size=8, steps_per_epoch=1, verbose=0)
    data, references = images.reshape(60, -1) / 127.5 - 1, value(gan.reference_samples).reshape(5, -1).astype("float64")
    squares = ((data[:, None] - references[None]) ** 2).sum(axis=-1)
    chosen = (squares < 1e-6).any(axis=1)
    assert chosen.sum() == 5  # of the data, each once
    variance = float(value(gan.kernel_variance))
    expected = np.log(np.exp(-(squares - squares.min()) / (2 * variance)).mean(axis=1)) - squares.min() / (2 * variance)
    found = value(gan.log_density((images / 127.5 - 1).astype("float32")))
    np.testing.assert_allclose(found[~chosen], expected[~chosen], rtol=1e-4)
    # Five others have set the variance and the density that a tenth of them falls short of.
    assert squares[~chosen].min() / 256 < variance < squares[~chosen].min(axis=1).max() / 256
    assert expected[~chosen].min() < float(value(gan.low_density)) < expected[~chosen].max()
    assert small(references=100).fit(images, np.zeros(60, "int32"), batch_size=8, steps_per_epoch=1, verbose=0)


def test_images_that_repeat_count_once_and_a_single_one_is_refused():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (6, 16, 16, 1), dtype=np.uint8), np.zeros(60, "int32")
    gan = small(references=20)
    gan.fit(np.repeat(images, 10, axis=0), labels, batch_size=8, steps_per_epoch=1, verbose=0)
    once = small(references=20)
    once.fit(images, labels[:6], batch_size=6, steps_per_epoch=1, verbose=0)
    assert float(gan.kernel_variance) == pytest.approx(float(once.kernel_variance), rel=0.3)
    # Near-equal ones are as far apart as the rounding to 8 bits.
    almost = small(references=20)
    almost.fit(images[:1] // 2 + (np.arange(60) == 0)[:, None, None, None].astype("uint8"), labels, verbose=0, batch_size=8)
    assert float(almost.kernel_variance) >= (2 / 255) ** 2 / 12
    assert all(np.isfinite(weight).all() for weight in almost.get_weights())
    for same, size in ((np.repeat(images[:1], 60, axis=0), 8), (images[:1], 1)):
        gan = small()
        before = gan.get_weights()
        with pytest.raises(InvalidData, match="must hold different images. Received: the same one alone"):
            gan.fit(same, labels[: len(same)], batch_size=size, verbose=0)
        for weight, was in zip(gan.get_weights(), before, strict=True):
            np.testing.assert_array_equal(weight, was)


def test_a_step_leaves_the_other_player_and_the_density_as_they_were(take_step):
    gan, real = small(), batch([0, -1, 2, -1])
    for player in gan.players():
        own = {id(weight) for network in player.networks for weight in network.weights}
        others = [v for v in gan.variables if id(v) not in own and v.path.split("/")[-1] not in ("total", "count")]
        others = [v for v in others if "seed" not in v.path]
        before = [value(v) for v in others]
        assert any(v is gan.reference_samples for v in others)
        take_step(gan, player, real)
        for variable, was in zip(others, before, strict=True):
            np.testing.assert_array_equal(value(variable), was)


# Two moons ---------------------------------------------------------------------------------------------------------------


class PointsGAN(BadGAN):
    sample = "points"

    def fields(self):
        return {"points": Points((2,)), "labels": super().fields()["labels"]}


def trained(points, labels, **weights):
    """Share of generated points that are where the data are, and the mean entropy of the classes of the data."""
    keras.utils.set_random_seed(0)
    latents = keras.Input((4,))
    x = layers.Dense(32, "relu")(layers.Dense(32, "relu")(latents))
    networks = {
        "discriminator": noisy_classifier((2,), 2, width=64, noise=(0.1, 0.2)),
        "generator": keras.Model(latents, layers.Dense(2)(x)),
    }
    gan = PointsGAN(latent_dim=4, num_classes=2, seed=0, **networks, **{**WITHOUT, **weights})
    gan.compile(*(keras.optimizers.Adam(3e-3, beta_1=0.5) for _ in range(2)))
    gan.fit(points, labels, batch_size=64, steps_per_epoch=250, verbose=0)
    densities = value(gan.log_density(gan.generate(1000, seed=0)))
    probabilities = gan.classify(points).astype("float64")
    entropies = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
    return (densities > value(gan.low_density)).mean(), entropies.mean()


def test_generated_points_avoid_the_data_and_data_get_one_class():
    angles, rng = np.linspace(0, 2 * np.pi, 1000), np.random.default_rng(0)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) + rng.normal(0, 0.1, (1000, 2))
    points, labels = points.astype("float32"), np.full(1000, -1)
    labels[::125] = np.arange(8) // 4  # the two halves of a ring
    dense, unsure = trained(points, labels, entropy_weight=1.0, density_weight=3.0)
    dense_without, unsure_without = trained(points, labels)
    assert dense < 0.6 * dense_without and dense_without > 0.3
    assert unsure < 0.6 * unsure_without
