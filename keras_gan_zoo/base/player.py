"""One side of the game."""

from collections.abc import Callable
from typing import NamedTuple

import keras


class Player(NamedTuple):
    """One side of the game.

    Attributes:
        name: names the loss in the logs ("discriminator" gives "discriminator_loss"), and the optimizer in `compile`. The
            player called "generator" makes the fakes, and its gradient flows through them.
        networks: the models whose weights this player moves, and no others.
        objective: function of a batch and of as many generated samples (`Game.fake_like`); returns the scalar loss that
            the player minimizes.
        steps: gradient steps in a round, each on its own data.
        when: function of a batch, of as many fakes, and of the losses of the players that came before in this round (NaN for
            one that stood still); returns whether the player takes this step, a scalar boolean tensor. None means always.
            Whatever networks compute in it in training mode updates their statistics.
        optimizer: name of the player whose optimizer this one shares; by default it has its own.
    """

    name: str
    networks: tuple[keras.Model, ...]
    objective: Callable
    steps: int = 1
    when: Callable | None = None
    optimizer: str | None = None

    @property
    def variables(self) -> list[keras.Variable]:
        return [variable for network in self.networks for variable in network.trainable_variables]

    @property
    def optimizer_name(self) -> str:
        return self.optimizer or self.name

    def shares_networks_with(self, other: "Player") -> bool:
        """Whether both move some weight, for example in a trunk that is nested in their networks."""
        return bool({id(variable) for variable in self.variables} & {id(variable) for variable in other.variables})
