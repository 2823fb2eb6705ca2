"""SAGAN: where attention and spectral norm stand, two time scales, and distant places that agree."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import SAGAN, SNGAN
from keras_gan_zoo.layers import SNConv2D, SNConv2DTranspose, SNDense
from keras_gan_zoo.layers.self_attention import SelfAttention

SPECTRAL = (SNDense, SNConv2D, SNConv2DTranspose)


def value(x):
    return float(ops.convert_to_numpy(x))


def small(**options):
    keras.utils.set_random_seed(0)
    gan = SAGAN.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def attention_of(network):
    (layer,) = (layer for layer in network.layers if isinstance(layer, SelfAttention))
    return layer


@pytest.mark.parametrize("num_classes", [None, 3])
def test_every_layer_of_both_networks_has_spectral_norm(num_classes):
    gan = small(num_classes=num_classes)
    for network in (gan.generator, gan.discriminator):
        linear = [x for x in network.layers if isinstance(x, (layers.Dense, layers.Conv2D, layers.Conv2DTranspose))]
        assert len(linear) >= 3 and all(isinstance(layer, SPECTRAL) for layer in linear)
    assert any("norm" in layer.name for layer in gan.generator.layers)  # beside batch norm
    assert not gan.may_mix_samples()


@pytest.mark.parametrize(("attention", "side"), [(1, 8), (2, 4)])
def test_attention_stands_where_it_is_asked_for(attention, side):
    gan = small(attention=attention)
    for network in (gan.generator, gan.discriminator):
        assert attention_of(network).output.shape[1:3] == (side, side)
    assert gan.get_config()["attention"] == attention


def test_a_place_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"attention must be in \[1, 2\].*Received: attention=3"):
        small(attention=3)
    with pytest.raises(ValueError, match="attention"):
        small(attention=0)


def test_defaults_are_the_papers():
    gan = SAGAN(width=4)
    assert gan.options.n_critic == 1
    for name, rate in (("discriminator", 4e-4), ("generator", 1e-4)):
        optimizer = gan.optimizers[name]
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
        assert value(optimizer.learning_rate) == pytest.approx(rate)


@pytest.mark.parametrize("n", [1, 4])
def test_golden_losses(n):
    gan = small()
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0][:n]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0][:n])
    expected = {1: (0.0, 1.5), 4: (1.4375, 0.5625)}[n]
    assert (value(gan.discriminator_loss(r, f)), value(gan.generator_loss(f))) == pytest.approx(expected, rel=1e-6)


def test_at_its_start_attention_changes_nothing():
    gan = small()
    plain = SNGAN.tiny(seed=0, width=gan.width)
    without = [w for layer in gan.discriminator.layers if not isinstance(layer, SelfAttention) for w in layer.weights]
    plain.discriminator.set_weights([ops.convert_to_numpy(weight) for weight in without])
    images = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 1)).astype("float32")
    scores = [ops.convert_to_numpy(model.score({"images": images}, False)) for model in (gan, plain)]
    np.testing.assert_array_equal(*scores)
    attention_of(gan.discriminator).gamma.assign(1.0)
    assert np.abs(ops.convert_to_numpy(gan.score({"images": images}, False)) - scores[1]).max() > 1e-4


def test_a_step_leaves_the_other_player_as_it_was(take_step):
    gan = small()
    for name in ("generator", "discriminator"):
        attention_of(getattr(gan, name)).gamma.assign(0.1)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)).astype("float32")
    for player in gan.players():
        networks = [(name, weight) for name in gan.network_names for weight in getattr(gan, name).weights]
        before = [(name, weight, ops.convert_to_numpy(weight).copy()) for name, weight in networks]
        take_step(gan, player, {"images": ops.convert_to_tensor(images)})
        for name, weight, was in before:
            moved = not np.array_equal(was, ops.convert_to_numpy(weight))
            assert not moved or name == player.name, weight.path
            # All scores lie within the margins of the hinge, so that a constant in them counts for nothing.
            if name == player.name and weight.trainable and not weight.path.endswith("score/bias"):
                assert moved, weight.path


# Images of one color, whose first place alone is given latents: the others know of it by attention or not at all. ---------


def agreement(attends, rounds=200):
    """Shares of generated images whose two far corners are both light, and both dark."""
    keras.utils.set_random_seed(0)
    latents = keras.Input((4,))
    x = layers.ZeroPadding2D(((0, 3), (0, 3)))(layers.Reshape((1, 1, 4))(latents))
    x = layers.LeakyReLU(0.2)(layers.Dense(16)(x))
    x = SelfAttention(name="attention")(x) if attends else x
    x = layers.LeakyReLU(0.2)(layers.Dense(16)(x))
    generator = keras.Model(latents, layers.Dense(1, activation="tanh")(x))
    if attends:
        # From 0 it would take thousands of rounds to grow.
        generator.get_layer("attention").gamma.assign(1.0)
    images = keras.Input((4, 4, 1))
    x = layers.LeakyReLU(0.1)(SNDense(32)(layers.Flatten()(images)))
    discriminator = keras.Model(images, SNDense(1)(layers.LeakyReLU(0.1)(SNDense(32)(x))))
    gan = SAGAN((4, 4, 1), 4, generator=generator, discriminator=discriminator, seed=0)
    gan.compile(*(keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9) for rate in (1e-2, 5e-3)))
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        colors = rng.choice([-0.8, 0.8], (64, 1, 1, 1)).astype("float32")
        gan.train_on_batch(np.broadcast_to(colors, (64, 4, 4, 1)).copy())
    light = gan.generate(1000, seed=0)[:, [0, 3], [0, 3], 0] > 0
    return light.all(axis=1).mean(), (~light).all(axis=1).mean()


def test_attention_lets_distant_places_agree():
    light, dark = agreement(attends=True)
    assert min(light, dark) > 0.3 and light + dark > 0.9
    assert min(agreement(attends=False)) == 0.0
