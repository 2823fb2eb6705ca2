"""A side of the game."""

from collections.abc import Callable
from typing import NamedTuple

import keras


class Player(NamedTuple):
    """One side of the game.

    Attributes:
        name: names the loss in the logs ("discriminator" gives "discriminator_loss"), and the optimizer in `compile`.
        networks: the models whose weights, and no others, this player moves.
        objective: function of a batch and of as many generated samples (`GAN.fake_like`); returns the scalar loss that
            the player minimises.
        steps: gradient steps in a round, each on images of its own; the last player, who generates, takes one.
        optimizer: name of the player whose optimizer this one shares; by default it has its own.
    """

    name: str
    networks: tuple[keras.Model, ...]
    objective: Callable
    steps: int = 1
    optimizer: str | None = None

    @property
    def variables(self) -> list[keras.Variable]:
        return [variable for network in self.networks for variable in network.trainable_variables]

    @property
    def optimizer_name(self) -> str:
        return self.optimizer or self.name
