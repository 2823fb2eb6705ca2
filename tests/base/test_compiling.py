"""Optimizers by the names of their players."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import GAN
from keras_gan_zoo.base.player import Player


def test_one_optimizer_cannot_serve_both_players(tiny_gan):
    optimizer = keras.optimizers.Adam(1e-3)
    with pytest.raises(ValueError, match="Make two"):
        tiny_gan().compile(optimizer, optimizer)


def test_an_optimizer_of_a_player_that_there_is_not_is_refused(tiny_gan):
    with pytest.raises(TypeError, match="GAN has no 'generater_optimizer'; did you mean 'generator_optimizer'"):
        tiny_gan().compile(generater_optimizer="adam")


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
