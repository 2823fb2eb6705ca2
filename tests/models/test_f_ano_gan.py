"""f-AnoGAN: its loss and scores in closed form, what it moves, its presets, its speed, and images that it has not seen."""

import time

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan_zoo
from keras_gan_zoo import DCGAN, FAnoGAN, invert
from keras_gan_zoo.config import parse_recipe
from keras_gan_zoo.preset_saving import save_to_preset
from keras_gan_zoo.presets import PresetError, built, load

SHAPE = (1, 3, 1)
PLANE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "float32")


def by_hand(kappa=1.0, **options):
    """E(x) are the first two pixels, G puts them back and 0 as the third, and h(x) = 2 x."""
    encoder = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(2, use_bias=False)])
    encoder.set_weights([PLANE.T])
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(3, use_bias=False), layers.Reshape(SHAPE)])
    generator.set_weights([PLANE])
    critic = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3, use_bias=False), layers.Dense(1)])
    critic.layers[1].set_weights([2 * np.eye(3, dtype="float32")])
    networks = {"generator": generator, "discriminator": critic, "encoder": encoder}
    return FAnoGAN(SHAPE, 2, kappa=kappa, **networks, seed=0, **options)


def clone(network):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("kappa", [0.0, 1.0, 0.5])
def test_loss_and_scores_in_closed_form(n, kappa):
    gan = by_hand(kappa)
    images = np.random.default_rng(0).integers(0, 256, (n, *SHAPE), dtype="uint8")
    # At most 85: gray, which is 0, would leave float32 fewer digits.
    images[:, 0, 2, 0] //= 3
    third = images[:, 0, 2, 0] / 127.5 - 1.0
    # The mean over three pixels, and over three features that are twice as large.
    expected = third**2 / 3 * (1 + 4 * kappa)
    np.testing.assert_allclose(gan.anomaly_scores(images), expected, rtol=1e-6)
    np.testing.assert_allclose(gan.encode(images), images[:, 0, :2, 0] / 127.5 - 1.0, atol=1e-6)
    np.testing.assert_allclose(gan.translate(images)[:, 0, 2, 0], 0.0, atol=1e-6)
    real = gan.schema.preprocess({"images": images})
    assert float(gan.encoder_objective(real, {})) == pytest.approx(expected.mean(), rel=1e-6)
    np.testing.assert_allclose(keras_gan_zoo.anomaly_scores(gan, images, batch_size=2), expected, rtol=1e-6)


def test_the_pair_stands_still_and_its_batch_norm_infers():
    gan = FAnoGAN.tiny(seed=0)
    gan.compile(run_eagerly=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 16, 16, 1), dtype="uint8")
    kept = [[w.copy() for w in getattr(gan, name).get_weights()] for name in gan.network_names]
    logs = gan.train_on_batch(images, return_dict=True)
    assert set(logs) == {"encoder_loss", "loss"}
    gan.encode(images), gan.anomaly_scores(images), gan.translate(images)
    for name, before in zip(gan.network_names, kept, strict=True):
        same = [np.array_equal(a, b) for a, b in zip(before, getattr(gan, name).get_weights(), strict=True)]
        assert all(same) if name in gan.frozen_names else not any(same), name
    # One image or many, each is scored alone.
    apart = np.concatenate([gan.anomaly_scores(images[i : i + 1]) for i in range(6)])
    np.testing.assert_allclose(gan.anomaly_scores(images), apart, rtol=1e-4)


def test_a_discriminator_must_show_its_features():
    with pytest.raises(ValueError, match="discriminator of FAnoGAN must show its features"):
        pair = keras.Sequential([keras.Input((16, 16, 1)), layers.Flatten()])
        FAnoGAN.tiny(discriminator=pair)
    with pytest.raises(ValueError, match="must be of shape"):
        FAnoGAN.tiny(generator=by_hand().generator, latent_dim=2)


def test_latents_are_within_their_limit():
    gan = FAnoGAN.tiny(seed=0, latent_limit=0.5)
    for weight in gan.encoder.trainable_variables[-2:]:
        weight.assign(100 * ops.ones_like(weight))
    latents = gan.encode(np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), dtype="uint8"))
    np.testing.assert_allclose(np.abs(latents), 0.5, atol=1e-3)


def test_a_recipe_takes_the_pair_from_a_preset_and_holds_the_encoder_alone(blob_gan, tmp_path):
    save_to_preset(blob_gan, tmp_path / "pair", networks=("generator", "discriminator"))
    pair = {name: {"preset": str(tmp_path / "pair"), "network": name} for name in ("generator", "discriminator")}
    model = {"shape": [8, 8, 1], "latent_dim": 4, "width": 4, **pair}
    recipe = parse_recipe({"variant": "f_ano_gan", "model": model}, "the recipe")
    gan = built(recipe)
    for name in pair:
        for ours, theirs in zip(getattr(gan, name).get_weights(), getattr(blob_gan, name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    save_to_preset(gan, tmp_path / "encoder", recipe=recipe)
    again = load(tmp_path / "encoder")
    assert again.fresh == ()
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype="uint8")
    np.testing.assert_array_equal(again.anomaly_scores(images), gan.anomaly_scores(images))
    size = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("encoder", "pair")]
    assert size[0] < 6 * gan.encoder.count_params() < sum(size)
    # A model that was put together by hand is saved whole.
    save_to_preset(whole := by_hand(), tmp_path / "whole")
    rows = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), dtype="uint8")
    np.testing.assert_array_equal(load(tmp_path / "whole").anomaly_scores(rows), whole.anomaly_scores(rows))
    with pytest.raises(PresetError, match="Fix: add encoder"):
        save_to_preset(gan, tmp_path / "none", recipe=recipe, networks=("generator",))


def test_it_finds_images_of_a_kind_that_it_has_not_seen(blobs, blob_gan):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(64, "leaky_relu"),
            layers.Dense(4, "tanh"),
            layers.Rescaling(3),
        ]
    )
    pair = {name: clone(getattr(blob_gan, name)) for name in ("generator", "discriminator")}
    gan = FAnoGAN((8, 8, 1), 4, encoder=encoder, **pair, seed=0)
    gan.compile(encoder_optimizer=keras.optimizers.Adam(3e-3))
    images = np.concatenate([blobs(100, seed=1), blobs(100, upright=True, seed=1)])

    def auc():
        scores = gan.anomaly_scores(images)
        return (scores[100:, None] > scores[None, :100]).mean()

    before = auc()
    gan.fit(blobs(3000), batch_size=50, epochs=10, verbose=0)
    # With an encoder that has learned nothing the scores do not point to the other kind.
    assert before < 0.6
    assert auc() > 0.95


def test_it_finds_latents_a_hundred_times_as_fast_as_the_search():
    pair = DCGAN.tiny(seed=0)
    networks = {name: clone(getattr(pair, name)) for name in ("generator", "discriminator")}
    gan = FAnoGAN.tiny(latent_dim=pair.latent_dim, **networks, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), dtype="uint8")

    def seconds(find):
        begun = time.process_time()
        find()
        return time.process_time() - begun

    # The best of several, as the first ones have more to set up.
    encoded = min(seconds(lambda: gan.encode(images)) for _ in range(5))
    assert seconds(lambda: invert(pair, images, steps=500)) > 100 * encoded
