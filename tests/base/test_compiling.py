"""Optimizers by the names of their players."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import GAN
from keras_gan_zoo.base.player import Player


def test_one_optimizer_cannot_serve_both_players(tiny_gan):
    optimizer = keras.optimizers.Adam(1e-3)
    with pytest.raises(ValueError, match="Fix: make two"):
        tiny_gan().compile(optimizer, optimizer)


@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, keras.optimizers.LossScaleOptimizer])
def test_an_optimizer_that_overwrites_weights_by_averages_is_refused(tiny_gan, wrap):
    with pytest.raises(ValueError, match="generator_optimizer must leave .* Received: use_ema=True. Fix: .*ema_half_life"):
        tiny_gan().compile(generator_optimizer=wrap(keras.optimizers.Adam(1e-3, use_ema=True)))


def test_an_optimizer_of_a_player_that_there_is_not_is_refused(tiny_gan):
    with pytest.raises(TypeError, match="Received: an argument 'generater_optimizer'. Did you mean 'generator_optimizer'"):
        tiny_gan().compile(generater_optimizer="adam")
    with pytest.raises(TypeError, match="Received: an argument 'd_optimizer'. Did you mean 'discriminator_optimizer'"):
        tiny_gan().compile(d_optimizer="adam")


def test_players_that_share_a_trunk_have_optimizers_over_all_that_they_move(tiny_gan):
    """The second player moves the generator too; each has slots of its own for it, and the steps are those of SGD."""

    class Helped(GAN):
        def default_optimizers(self):
            return {name: keras.optimizers.SGD(0.5, momentum=0.9) for name in ("discriminator", "helper", "generator")}

        def players(self):
            discriminator, generator = super().players()
            helper = Player("helper", (self.generator, self.discriminator), self.helper_objective)
            return discriminator, helper, generator

        def helper_objective(self, real, fake):
            weights = [*self.generator.trainable_variables, *self.discriminator.trainable_variables]
            return sum(ops.sum(weight) for weight in weights)

    gan = tiny_gan(Helped)
    assert gan.optimizer_names == ("discriminator", "helper", "generator")
    both = len(gan.generator.trainable_variables) + len(gan.discriminator.trainable_variables)
    assert len(gan.optimizers["helper"].momentums) == both
    assert len(gan.optimizers["generator"].momentums) == len(gan.generator.trainable_variables)
    saved = {id(variable) for variable in gan.optimizer.variables}
    assert all(id(v) in saved for optimizer in gan.optimizers.values() for v in optimizer.variables)
    gan.compile(generator_optimizer=keras.optimizers.SGD(0.0), helper_optimizer=keras.optimizers.SGD(0.25))
    before = [ops.convert_to_numpy(weight) for weight in gan.generator.trainable_variables]
    gan.train_on_batch(np.zeros((4, 2, 2, 1), "float32"))
    for old, weight in zip(before, gan.generator.trainable_variables, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(weight), old - 0.25, rtol=1e-5, atol=1e-6)


def test_optimizers_are_found_by_name_and_default_to_the_papers(tiny_gan):
    gan = tiny_gan()
    gan.compile(generator_optimizer="sgd")
    assert [type(optimizer).__name__ for optimizer in gan.optimizers.values()] == ["Adam", "SGD"]
    assert all(optimizer.built for optimizer in gan.optimizers.values())


def test_moments_are_made_when_something_asks_for_them(tiny_gan, round_of):
    gan = tiny_gan()
    gan.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    assert not gan.optimizer.built
    gan.train_on_batch(*round_of(gan))
    assert gan.optimizer.built and all(optimizer.built for optimizer in gan.optimizers.values())
    moved = sum(len(player.variables) for player in gan.players())
    # A rate and a count of steps for each of two optimizers and their container, and two moments of each weight.
    assert len(tiny_gan().optimizer.variables) == len(gan.optimizer.variables) == 3 * 2 + 2 * moved


def test_one_optimizer_cannot_serve_two_models(tiny_gan):
    gan, optimizer = tiny_gan(), keras.optimizers.Adam(1e-3)
    gan.compile(generator_optimizer=optimizer)
    with pytest.raises(ValueError, match="^generator_optimizer must be new.* those of another model"):
        tiny_gan().compile(generator_optimizer=optimizer)
    elsewhere = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    elsewhere.compile(keras.optimizers.SGD(), "mse")
    elsewhere.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0)
    with pytest.raises(ValueError, match="^discriminator_optimizer must be new"):
        gan.compile(discriminator_optimizer=elsewhere.optimizer)
    assert gan.optimizers["generator"] is optimizer  # a refused call leaves what there was
    gan.compile(generator_optimizer=optimizer)  # its moments go on over the same weights


@pytest.mark.parametrize("value", ["adamm", 1e-3, keras.optimizers.Adam])
def test_what_is_no_optimizer_is_refused_by_name(value, tiny_gan):
    with pytest.raises(TypeError, match="^generator_optimizer must be a Keras optimizer"):
        tiny_gan().compile(generator_optimizer=value)


@pytest.mark.parametrize(
    "arguments",
    [{"steps_per_execution": value} for value in (0, -1, 2.5, "2", None)]
    + [{"jit_compile": "foo"}, {"jit_compile": 2}, {"run_eagerly": "yes"}],
)
def test_other_arguments_are_checked_by_name(arguments, tiny_gan):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"^{name} must be .* Received: {name}={value!r}"):
        tiny_gan().compile(**arguments)


def test_weights_that_were_unfrozen_since_ask_for_another_compile(tiny_gan):
    images = np.zeros((4, 2, 2, 1), "float32")
    gan = tiny_gan()
    gan.discriminator.layers[-1].trainable = False
    with pytest.raises(ValueError, match="discriminator must have the trainable weights .* call compile"):
        gan.fit(images, batch_size=4, verbose=0)
    gan.discriminator.layers[-1].trainable = True
    gan.fit(images, batch_size=4, verbose=0)
    frozen = gan.generator.layers[0]
    frozen.trainable = False
    gan.generator.add(keras.layers.Rescaling(1.0))
    for train in (gan.train_on_batch, lambda x: gan.fit(x, batch_size=4, verbose=0)):
        with pytest.raises(ValueError, match="generator must have the trainable weights"):
            train(images)
    frozen.trainable = True
    gan.compile(run_eagerly=True)
    gan.fit(images, batch_size=4, verbose=0)
