"""StyleGAN2: its regularizers in closed form and in their rounds, styles, noise, and path lengths that grow alike."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import StyleGAN2, invert
from keras_gan_zoo.base import tricks
from keras_gan_zoo.layers.style import PixelNoise

SHAPE = (3, 2, 1)


def array(x):
    return ops.convert_to_numpy(x)


def linear(**options):
    """Images that are linear in the styles of two layers, and scores that are linear in the images."""
    styles, noise = keras.Input((2, 4), name="styles"), keras.Input((6,), name="noise")
    x = layers.Dense(6, use_bias=False)(layers.Flatten()(styles))
    generator = keras.Model([styles, noise], PixelNoise(0)([layers.Reshape(SHAPE)(x), noise]))
    discriminator = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1, use_bias=False)])
    discriminator.set_weights([np.array([[3.0], [4.0], [0.0], [0.0], [0.0], [0.0]], "float32")])
    gan = StyleGAN2(SHAPE, 4, generator=generator, discriminator=discriminator, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def test_defaults_are_those_of_the_small_configuration():
    gan = StyleGAN2(width=2, latent_dim=16)
    assert (gan.gamma, gan.r1_interval, gan.path_length_weight, gan.style_mixing, gan.mapping_depth) == (0.01, 16, 0, 0, 2)
    for optimizer in gan.optimizers.values():
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.99)
        assert float(array(optimizer.learning_rate)) == pytest.approx(2.5e-3)
    assert gan.generator.inputs[0].shape[1:] == (8, 16)
    assert gan.generator.inputs[1].shape[1] == 16 + 2 * (64 + 256 + 1024)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("r2_gamma", [0.0, 0.4])
def test_r1_counts_for_the_rounds_between_and_r2_in_each(n, interval, r2_gamma):
    gan = linear(gamma=0.2, r1_interval=interval, r2_gamma=r2_gamma)
    real = {"images": ops.convert_to_tensor(np.random.default_rng(0).normal(size=(n, *SHAPE)).astype("float32"))}
    found = []
    for i in range(2 * interval):
        gan.rounds.assign(i)
        found.append(float(array(gan.penalty(real, real))))
    # gamma / 2 |grad|^2 = 0.1 * 25, on average over the rounds.
    expected = [2.5 * interval if i % interval == 0 else 0.0 for i in range(2 * interval)]
    np.testing.assert_allclose(found, np.add(expected, 12.5 * r2_gamma), rtol=1e-6)
    assert float(array(linear(gamma=0.0, r2_gamma=r2_gamma).penalty(real, real))) == pytest.approx(12.5 * r2_gamma)


def test_path_lengths_of_a_linear_generator():
    gan = linear()
    (kernel,) = gan.generator.layers[2].get_weights()
    n = 4096
    rng = np.random.default_rng(1)
    styles, noise = rng.normal(size=(n, 2, 4)).astype("float32"), np.zeros((n, 6), "float32")
    directions = rng.normal(size=(n, *SHAPE)).astype("float32")
    lengths = array(gan.path_lengths(*map(ops.convert_to_tensor, (styles, noise, directions))))
    slopes = (directions.reshape(n, 6) @ kernel.T).reshape(n, 2, 4) / np.sqrt(6)
    np.testing.assert_allclose(lengths, np.sqrt((slopes**2).sum(axis=2).mean(axis=1)), rtol=1e-6)
    assert (lengths**2).mean() == pytest.approx((kernel**2).sum() / 6 / 2, rel=0.05)


def test_the_mean_of_path_lengths_follows_them_in_rounds_that_are_due():
    gan = linear(path_length_weight=2.0, path_length_interval=4)
    real = {"images": ops.zeros((4, *SHAPE))}
    gan.path_lengths = lambda *_: ops.convert_to_tensor([1.0, 3.0])
    assert float(array(gan.path_length_penalty(real))) == pytest.approx(4 * 2 * (0.98**2 + 2.98**2) / 2, rel=1e-6)
    assert float(array(gan.path_length)) == pytest.approx(0.02, rel=1e-6)
    gan.rounds.assign(3)
    assert float(array(gan.path_length_penalty(real))) == 0.0
    assert float(array(gan.path_length)) == pytest.approx(0.02, rel=1e-6)
    gan.rounds.assign(4)
    gan.path_length_penalty(real)
    assert float(array(gan.path_length)) == pytest.approx(0.02 + 0.01 * 1.98, rel=1e-6)


def test_path_lengths_reach_mapping_and_generator_alone(gradients_of):
    gan = StyleGAN2.tiny(seed=0, path_length_weight=2.0)
    real = {"images": ops.zeros((4, 16, 16, 1))}
    reached = {
        name: gradients_of(lambda: gan.path_length_penalty(real), getattr(gan, name).trainable_variables[:1])[0]
        for name in gan.network_names
    }
    assert np.abs(reached["mapping"]).max() > 0 and np.abs(reached["generator"]).max() > 0
    assert reached["discriminator"] is None


def test_styles_are_mixed_from_a_random_layer_on():
    gan = StyleGAN2.tiny(seed=0, style_mixing=1.0)
    styles = gan.in_layers(gan.mapping(ops.convert_to_tensor(gan.latents(64, seed=0))))
    own = (array(gan.mixed(styles, {})) == array(styles)).all(axis=2)
    count = own.shape[1]
    # The first layer keeps its style, the last does not, and there is one cut between.
    assert own[:, 0].all() and not own[:, -1].any() and (np.diff(own.astype(int)) <= 0).all()
    assert set(own.sum(axis=1)) == set(range(1, count))
    gan.style_mixing = 0.5
    share = (~(array(gan.mixed(styles, {})) == array(styles)).all(axis=(1, 2))).mean()
    assert 0.25 < share < 0.75


def test_truncation_draws_styles_to_their_average():
    gan = StyleGAN2.tiny(seed=0)
    gan.mapping(gan.latents(64, seed=1), training=True)
    options = {"seed": 0, "noise": np.zeros(gan.generator.inputs[1].shape[1], "float32")}
    images = {share: gan.generate(8, truncation=share, **options) for share in (1.0, 0.5, 1e-6)}
    spread = [array(images[share]).std(axis=0).mean() for share in (1.0, 0.5, 1e-6)]
    assert spread[0] > spread[1] > 100 * spread[2]
    with pytest.raises(ValueError, match="truncation must be in"):
        gan.generate(1, truncation=0)


def test_noise_is_an_input_that_no_search_looks_for():
    gan = StyleGAN2.tiny(seed=0, ema_half_life=10)
    for layer in gan.network("generator").layers:
        if isinstance(layer, PixelNoise):
            layer.strength.assign(1.0)
    one, again, other = (gan.generate(2, seed=0, **given) for given in ({}, {}, {"noise": np.zeros((2, 656), "float32")}))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1
    found = invert(gan, np.zeros((2, 16, 16, 1)) - 1.0, steps=2, seed=3)
    drawn = gan._drawn(2, {}, 3)
    np.testing.assert_array_equal(found.inputs["noise"], drawn["noise"])
    assert np.abs(found.inputs["latents"] - drawn["latents"]).min() > 1e-3
    made = array(gan.sampler([drawn["latents"], drawn["noise"]]))
    np.testing.assert_allclose(np.clip(made, -1, 1), gan.generate(2, **drawn), atol=1e-5)


def test_with_classes_the_label_reaches_styles_and_scores(tmp_path):
    gan = StyleGAN2.tiny(seed=0, num_classes=3, style_mixing=0.5, path_length_weight=2.0)
    labels = np.array([0, 1, 2, 0], "int32")
    latents = np.repeat(gan.latents(1, seed=0), 4, axis=0)
    styles = array(gan.mapping([latents, labels]))
    np.testing.assert_array_equal(styles[0], styles[3])
    assert np.abs(styles[:3] - np.roll(styles[:3], 1, axis=0)).max(axis=1).min() > 1e-3
    noise = np.zeros(gan.generator.inputs[1].shape[1], "float32")
    images = gan.generate(4, latents=latents, labels=labels, noise=noise)
    made = array(gan.sampler([latents, labels, np.repeat(noise[None], 4, axis=0)]))
    np.testing.assert_allclose(np.clip(made, -1, 1), images, atol=1e-5)
    same = {"images": ops.convert_to_tensor(np.repeat(images[:1], 4, axis=0)), "labels": ops.convert_to_tensor(labels)}
    scores = array(gan.score(same, training=False))
    assert scores.shape == (4,) and abs(scores[0] - scores[3]) < 1e-6
    assert np.abs(scores[:3] - np.roll(scores[:3], 1)).min() > 1e-5
    gan.compile(run_eagerly=True)
    logs = gan.train_on_batch(np.zeros((4, 16, 16, 1), "uint8"), labels, return_dict=True)
    assert all(np.isfinite(float(value)) for value in logs.values())
    loaded = keras_gan_zoo.load(gan.save_to_preset(tmp_path / "preset"))
    for truncation in (1.0, 0.5):
        given = {"labels": 2, "seed": 1, "truncation": truncation}
        np.testing.assert_array_equal(loaded.generate(2, **given), gan.generate(2, **given))


def test_slopes_through_the_deviation_are_penalized_and_through_batch_norm_are_not():
    assert StyleGAN2.tiny(gamma=1.0).may_mix_samples()
    images = keras.Input((16, 16, 1))
    batch_norm = keras.Model(images, layers.Dense(1)(layers.Flatten()(layers.BatchNormalization()(images))))
    with pytest.raises(ValueError, match="must not mix the samples"):
        StyleGAN2.tiny(discriminator=batch_norm)
    with pytest.raises(ValueError, match="r1_gamma must be left out of StyleGAN2: gamma weighs its own R1"):
        StyleGAN2.tiny(r1_gamma=1)


def spread_of_path_lengths(weight, blobs):
    """Standard deviation among latents of path lengths, in the mean square over directions, and its share of their mean."""
    keras.utils.set_random_seed(0)
    shape, hidden = (8, 8, 1), {"units": 64, "activation": "leaky_relu"}
    styles, noise = keras.Input((2, 8), name="styles"), keras.Input((64,), name="noise")
    x = layers.Dense(64, "tanh")(layers.Dense(**hidden)(layers.Dense(**hidden)(layers.Flatten()(styles))))
    judge = [layers.Flatten(), layers.Dense(**hidden), layers.Dense(**hidden), layers.Dense(1)]
    networks = {
        "mapping": keras.Sequential([keras.Input((8,)), layers.Dense(**hidden), layers.Dense(8)]),
        "generator": keras.Model([styles, noise], PixelNoise(0)([layers.Reshape(shape)(x), noise])),
        "discriminator": keras.Sequential([keras.Input(shape), *judge]),
    }
    gan = StyleGAN2(shape, 8, **networks, gamma=0.1, path_length_weight=weight, path_length_interval=1, seed=0)
    adam = [keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    gan.compile(*adam, steps_per_execution=25)
    gan.fit(blobs(300 * 32), batch_size=32, verbose=0)
    styles = gan.in_layers(gan.mapping(gan.latents(64, seed=1).repeat(16, axis=0)))
    directions = np.random.default_rng(1).normal(size=(1024, *shape)).astype("float32")
    lengths = array(gan.path_lengths(styles, ops.zeros((1024, 64)), ops.convert_to_tensor(directions)))
    lengths = np.sqrt((lengths.reshape(64, 16) ** 2).mean(axis=1))
    return lengths.std(), lengths.std() / lengths.mean()


def test_path_lengths_become_alike(blobs):
    regularized, free = (spread_of_path_lengths(weight, blobs) for weight in (2.0, 0.0))
    assert regularized[0] < 0.7 * free[0]
    # Not by being shorter alone.
    assert regularized[1] < 0.95 * free[1]


def test_it_learns_what_the_images_show_and_not_what_they_do_not(blobs):
    keras.utils.set_random_seed(0)
    gan = StyleGAN2((8, 8, 1), 8, width=8, gamma=0.1, seed=0)
    lying, upright = (blobs(400, upright=turned, seed=5).reshape(1, 400, 64) for turned in (False, True))

    def samples():
        x = gan.generate(200, seed=1)
        to_lying, to_upright = (np.square(x.reshape(200, 1, 64) - y).sum(axis=2).min(axis=1) for y in (lying, upright))
        return (to_lying < to_upright).mean(), to_lying.mean(), x.std(axis=0).mean()

    share, distance, _ = samples()
    gan.fit(blobs(2000), batch_size=16, epochs=1, steps_per_epoch=200, verbose=0)
    trained_share, trained_distance, spread = samples()
    assert share < 0.6 and trained_share > 0.9
    assert trained_distance < distance / 4
    # They are not all alike: the data's own spread is 0.4.
    assert spread > 0.2


# Sixteen images, which a discriminator soon knows by heart. ---------------------------------------------------------------


def bumps(n):
    """Images (n, 8, 8, 1) of eight bright and dark bumps each."""
    rng, grid, sums = np.random.default_rng(0), np.arange(8.0), 0.0
    for _ in range(8):
        row, column = rng.uniform(-0.5, 7.5, (2, n, 1, 1))
        sums = sums + rng.choice([-1, 1], (n, 1, 1)) * np.exp(-((grid[:, None] - row) ** 2 + (grid - column) ** 2) / 2)
    return np.tanh(2 * sums)[..., None].astype("float32")


def sign_of_real_scores(**options):
    """Mean sign of the scores of the data, as D sees them, over the second half of a game that D leads."""
    keras.utils.set_random_seed(0)
    gan = StyleGAN2((8, 8, 1), 8, width=4, discriminator_width=24, seed=0, **options)
    gan.compile(*(keras.optimizers.Adam(rate, 0.0, 0.99) for rate in (1e-3, 3e-4)), steps_per_execution=20)
    images, signs = bumps(16), []
    for i in range(10):
        gan.fit(np.tile(images, (40, 1, 1, 1)), batch_size=16, verbose=0)
        if i >= 5:
            scores = [gan.score(gan.as_judged({"images": ops.convert_to_tensor(images)}), training=False) for _ in range(4)]
            signs.append(np.sign(array(ops.stack(scores))).mean())
    return np.mean(signs)


def test_ada_keeps_the_discriminator_from_knowing_few_images_by_heart(monkeypatch):
    # So that in 6,400 images the probability can move as far as in a million.
    monkeypatch.setattr(tricks, "ADA_IMAGES", 2500)
    adapted = sign_of_real_scores(augment="flip,rotate90,translation,color", ada_target=0.6)
    free = sign_of_real_scores()
    assert 0.4 < adapted < 0.8 < free
