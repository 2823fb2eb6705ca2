"""A side of the game."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras


class Player(NamedTuple):
    """One side of the game.

    Attributes:
        name: names the loss in the logs ("discriminator" gives "discriminator_loss").
        networks: the models whose weights, and no others, this player moves.
        optimizer: the optimizer of their trainable variables.
        objective: function of a batch and of as many generated samples (`GAN.fake_like`); returns the scalar loss that
            the player minimises.
        steps: gradient steps in a round, each on images of its own; the last player, who generates, takes one.
    """

    name: str
    networks: tuple[keras.Model, ...]
    optimizer: keras.optimizers.Optimizer
    objective: Callable
    steps: int = 1

    @property
    def variables(self) -> list[keras.Variable]:
        return [variable for network in self.networks for variable in network.trainable_variables]

    def move(self, gradients: Sequence[Any]) -> None:
        """Lets the optimizer take the step that the gradients by `variables` ask for."""
        self.optimizer.apply(gradients, self.variables)
