"""ImprovedGAN: each tool alone, and a collapse that minibatch discrimination sees."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import ImprovedGAN
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.layers.minibatch_discrimination import MinibatchDiscrimination
from keras_gan_zoo.layers.virtual_batch_norm import VirtualBatchNorm
from tests.models.ring_games import modes_covered, on_points

WITHOUT = {"minibatch_kernels": 0, "history_weight": 0.0, "reference_size": 0}


def value(x):
    return ops.convert_to_numpy(x).copy()


def small(**options):
    keras.utils.set_random_seed(0)
    gan = ImprovedGAN.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def batch(n=4, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images)}


def has(network, kind):
    return any(isinstance(layer, kind) for layer in network._flatten_layers())


def test_each_tool_has_an_argument_of_its_own():
    gan = ImprovedGAN(width=4)
    assert (gan.minibatch_kernels, gan.minibatch_dims, gan.reference_size, gan.feature_matching) == (100, 5, 64, False)
    assert has(gan.discriminator, MinibatchDiscrimination) and has(gan.generator, VirtualBatchNorm) and gan.past_means
    bare = small(**WITHOUT)
    assert not has(bare.discriminator, MinibatchDiscrimination) and not has(bare.generator, VirtualBatchNorm)
    assert not bare.past_means and not bare.may_mix_samples() and gan.may_mix_samples()


def test_without_its_tools_it_is_dcgan(take_step):
    from keras_gan_zoo import DCGAN

    bare, plain = small(**WITHOUT), DCGAN.tiny(seed=0, discriminator_norm=None)
    plain.compile(run_eagerly=True)
    for name in ("generator", "discriminator"):
        getattr(plain, name).set_weights(getattr(bare, name).get_weights())
    kept = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), dtype=np.uint8)
    logs = [gan.train_on_batch(kept, return_dict=True) for gan in (bare, plain)]
    assert logs[0] == logs[1]
    for name in ("generator", "discriminator"):
        for a, b in zip(getattr(bare, name).get_weights(), getattr(plain, name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    armed = small()
    armed.train_on_batch(kept)
    assert value(armed.past_steps["generator"]) == 1


# Historical averaging ----------------------------------------------------------------------------------------------------


def test_the_drift_is_from_the_mean_of_all_steps_and_0_while_nothing_moves(gradients_of):
    gan = small(history_weight=0.5)
    variables = gan.generator.trainable_variables
    for _ in range(3):
        assert value(gan.drift("generator")) == pytest.approx(0.0, abs=1e-9)
    seen = [[value(v) for v in variables]] * 3
    rng = np.random.default_rng(0)
    for _ in range(2):
        for variable in variables:
            variable.assign(value(variable) + rng.normal(size=variable.shape))
        seen = [*seen, [value(v) for v in variables]]
        drift = value(gan.drift("generator"))
    means = [np.mean(kept, axis=0, dtype="float64") for kept in zip(*seen, strict=True)]
    for mean, kept in zip(means, gan.past_means["generator"], strict=True):
        np.testing.assert_allclose(value(kept), mean, rtol=1e-6, atol=1e-6)
    squares = sum(((a - b) ** 2).sum() for a, b in zip(seen[-1], means, strict=True))
    assert drift == pytest.approx(0.5 * squares, rel=1e-6) and squares > 1
    # As if the present step were the next one: the mean is a constant for the gradient.
    gradients = gradients_of(lambda: gan.drift("generator"), variables)
    for gradient, mean, now in zip(gradients, means, seen[-1], strict=True):
        np.testing.assert_allclose(gradient, now - (mean + (now - mean) / 6), rtol=1e-6, atol=1e-6)


def test_both_players_are_held_to_their_own_past(take_step):
    gan = small()
    for player in gan.players():
        take_step(gan, player, batch())
        assert value(gan.past_steps[player.name]) == 1
        for kept, variable in zip(gan.past_means[player.name], player.variables, strict=True):
            assert kept.shape == variable.shape
    assert [len(gan.past_means[name]) for name in ("discriminator", "generator")] == [
        len(gan.discriminator.trainable_variables),
        len(gan.generator.trainable_variables),
    ]


# Virtual batch norm ------------------------------------------------------------------------------------------------------


def test_the_latents_of_the_reference_are_those_of_no_seed():
    """They were those of seed 0: the first samples that people see came from what no discriminator ever judges."""
    gan = small()
    reference = value(next(layer for layer in gan.generator.layers if layer.name == "latents_reference").reference)
    for seed in range(3):
        drawn = gan.latents(len(reference), seed=seed)
        assert np.abs(value(drawn)[:, None] - reference).max(axis=2).min() > 0.01


def test_the_reference_is_chosen_once_with_the_datas_labels():
    gan = small(num_classes=3, ema_half_life=100)
    references = {layer.name: layer.reference for layer in gan.generator.layers if layer.name.endswith("_reference")}
    assert set(references) == {"latents_reference", "labels_reference"}
    assert value(references["latents_reference"]).std() > 0.5
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), dtype=np.uint8)
    gan.fit(images, np.full(8, 2), batch_size=4, epochs=1, verbose=0)
    np.testing.assert_array_equal(value(references["labels_reference"]), [2] * 6)
    averaged = gan.network("generator").get_layer("labels_reference").reference
    np.testing.assert_array_equal(value(averaged), [2] * 6)
    before = value(references["latents_reference"])
    gan.fit(images, np.zeros(8, "int32"), batch_size=4, epochs=1, verbose=0)  # goes on, and chooses no other
    np.testing.assert_array_equal(value(references["labels_reference"]), [2] * 6)
    np.testing.assert_array_equal(value(references["latents_reference"]), before)
    # So does another model that gets the generator, and one that starts by hand chooses as well.
    zeros = np.zeros(8, "int32")
    starts = (
        lambda gan: gan.fit(images, zeros, batch_size=4, epochs=1, verbose=0),
        lambda gan: gan.train_on_batch(images, zeros),
    )
    for first in starts:
        other = small(num_classes=3, generator=gan.generator)
        first(other)
        np.testing.assert_array_equal(value(references["labels_reference"]), [2] * 6)
        fresh = small(num_classes=3)
        first(fresh)
        np.testing.assert_array_equal(value(fresh.generator.get_layer("labels_reference").reference), [0] * 6)


def test_a_sample_does_not_depend_on_its_batch():
    gan = small()
    latents = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    together = value(gan.generator(latents, training=True))
    np.testing.assert_allclose(value(gan.generator(latents[:1], training=True)), together[:1], atol=1e-6)
    batch_norm = small(reference_size=0)
    together = value(batch_norm.generator(latents, training=True))
    assert np.abs(value(batch_norm.generator(latents[:2], training=True)) - together[:2]).max() > 1e-3


# Feature matching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4])
def test_feature_matching_replaces_the_generators_loss(n, gradients_of):
    gan = small(feature_matching=True, history_weight=0.0, minibatch_kernels=0)
    real = batch(n)
    fake = gan.fake_like(real)
    means = [value(gan.judge(x)["features"]).astype("float64").mean(axis=0) for x in (real, fake)]
    assert value(gan.generator_objective(real, fake)) == pytest.approx(((means[0] - means[1]) ** 2).sum(), rel=1e-6)
    # The score has no part in it: D's last layer could be anything.
    head = gan.discriminator.get_layer("score").kernel
    assert gradients_of(lambda: gan.generator_objective(real, fake), [head]) == [None]
    assert value(gan.generator_objective(real, real)) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(ValueError, match="saturating must be left out of ImprovedGAN: with feature_matching"):
        small(feature_matching=True, saturating=True)
    assert small(saturating=True).options.saturating


def test_a_step_leaves_the_other_player_as_it_was(take_step):
    gan = small()
    take_step(gan, gan.players()[1], batch())
    for player in gan.players():
        own = {id(variable) for variable in player.variables}
        before = [(weight, value(weight)) for name in gan.network_names for weight in getattr(gan, name).weights]
        take_step(gan, player, batch())
        moved = {id(weight) for weight, was in before if not np.array_equal(was, value(weight))}
        assert moved == own


# A ring of eight Gaussians -----------------------------------------------------------------------------------------------


def judge(kernels, width):
    """A network on points, which looks at the whole batch if it has kernels."""
    points = features = keras.Input((2,))
    for _ in range(2):
        features = layers.Dense(width, layers.LeakyReLU(0.2), kernel_initializer="he_normal")(features)
    scored = MinibatchDiscrimination(kernels, 4)(features) if kernels else features
    return keras.Model(points, [layers.Dense(1)(scored), features])


def loss_against_one_point(kernels, rounds=150):
    """Of a discriminator after its training against a generator whose samples are all one point, that of a mode."""
    keras.utils.set_random_seed(0)
    latents, data = keras.Input((8,)), ring()
    start = keras.initializers.Constant(data.means[0])
    generator = keras.Model(latents, layers.Dense(2, kernel_initializer="zeros", bias_initializer=start)(latents))
    networks = {"generator": generator, "discriminator": judge(kernels, 64)}
    gan = on_points(ImprovedGAN)(latent_dim=8, history_weight=0.0, seed=0, **networks)
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.SGD(0.0))
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        gan.reset_metrics()
        logs = gan.train_on_batch(data.sample(64, rng)[0], return_dict=True)
    return float(logs["discriminator_loss"])


def test_a_discriminator_that_sees_the_neighbors_of_a_sample_sees_collapse():
    """One that sees each sample alone has to give up that mode: its loss is 0.39 at least, for 1/8 of the data are there."""
    assert loss_against_one_point(16) < 0.1
    assert loss_against_one_point(0) > 0.3


def test_a_generator_leaves_its_one_mode_if_the_discriminator_sees_the_neighbors():
    assert modes_covered(ImprovedGAN, discriminator=judge(8, 128), history_weight=0.0) >= 6
    assert modes_covered(ImprovedGAN, discriminator=judge(0, 128), history_weight=0.0) <= 3
