"""The players' optimizers behind the one contract of `compile`."""

import contextlib
import difflib
import weakref
from collections.abc import Callable
from typing import Any

import keras

from ..data.checks import check_integer, refused


class _Owners:
    """What `keras.optimizers.MultiOptimizer` asks for: all optimizers, and the one that moves a variable."""

    def __init__(self, optimizers, moved):
        self.optimizers, self.moved = optimizers, moved
        self.owner = {key: optimizers[name] for name, variables in moved.items() for key in variables}

    def values(self):
        return self.optimizers.values()

    def __call__(self, variable):
        return self.owner[id(variable)]


class PlayersOptimizer(keras.optimizers.MultiOptimizer):
    """The players' optimizers as one, for `fit`, checkpoints and JAX; `move` applies its members directly.

    Moments are made when something first asks for them, since they take as long to make as the networks, and models that
    are loaded to draw samples, or compiled again, never need them.

    Args:
        optimizers: name -> optimizer.
        moved: name -> all variables that the optimizer of this name moves, by their ids.
        scope: scope() opens the context in which the model's variables are made.
    """

    # Not known while Keras makes the container's own variables.
    _scope = None

    def __init__(
        self,
        optimizers: dict[str, keras.optimizers.Optimizer],
        moved: dict[str, dict[int, keras.Variable]],
        scope: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__(_Owners(optimizers, moved))
        self._scope = scope

    def build(self, variables: Any = None) -> None:
        """Makes the moments of what players move; Keras passes all that can be trained, which may be more."""
        if self.built or self._scope is None:
            return
        owners, every = self._optimizer_map, {}
        with self._scope():
            for name, optimizer in owners.optimizers.items():
                # For all variables that its players move, since two of them may share a trunk.
                optimizer.build(list(owners.moved[name].values()))
                every |= owners.moved[name]
            super().build(list(every.values()))

    def by_name(self) -> dict[str, keras.optimizers.Optimizer]:
        """Name -> optimizer, with their moments."""
        self.build()
        return self._optimizer_map.optimizers

    @property
    def variables(self) -> list[keras.Variable]:
        """Those of the container, and of all members."""
        self.build()
        return super().variables


# Arguments of Keras's `compile` -> what to use in their place.
_OF_KERAS = {
    "optimizer": "pass one for each player",
    "loss": "the losses are those of the game, each a method of the class; pass optimizers alone",
    "metrics": "the logs are those of the game, and keras_gan_zoo.metrics.evaluate measures samples; pass optimizers alone",
}


def _optimizer(key, value):
    try:
        found = keras.optimizers.get(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{key} must be a Keras optimizer, or the name of one. Received: {key}={value!r}. Fix: for example, "
            f"{key}=keras.optimizers.Adam(2e-4)."
        ) from error
    # At the end of each fit Keras would put the averages in the place of the weights that the other player has met.
    if getattr(found, "inner_optimizer", found).use_ema:
        raise ValueError(
            f"{key} must leave the weights that it moves as they are. Received: use_ema=True. Fix: leave it out; "
            "ema_half_life of the model averages the weights that samples are drawn with."
        )
    return found


# Optimizer -> the variables that it was compiled to move, by their ids; it is built for them later.
_COMPILED_FOR = weakref.WeakKeyDictionary()


def _moved_before(optimizer):
    """The ids of the variables that an optimizer was compiled or built for, or None if it is new."""
    if optimizer in _COMPILED_FOR:
        return _COMPILED_FOR[optimizer].keys()
    built = getattr(optimizer, "inner_optimizer", optimizer)
    return {id(variable) for variable in built._trainable_variables} if optimizer.built else None


class Compiling:
    """`compile` and its configuration; mixed into `Game`."""

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        """The names of the optimizers, which are those of their players, in the order of their first moves."""
        return tuple(dict.fromkeys(player.optimizer_name for player in self.players()))

    def compile(
        self,
        discriminator_optimizer: keras.optimizers.Optimizer | str | None = None,
        generator_optimizer: keras.optimizers.Optimizer | str | None = None,
        *,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        **optimizers: keras.optimizers.Optimizer | str | None,
    ) -> None:
        """Sets the optimizers, one for each player. A new model already has those of its paper.

        Args:
            discriminator_optimizer: Keras optimizer, or its name; by default that of the variant's paper.
            generator_optimizer: the same for the generator.
            run_eagerly, jit_compile: as in `keras.Model.compile`.
            steps_per_execution: the same; rounds that are compiled as one, of which an epoch must hold a multiple.
            **optimizers: optimizers of a variant's other players, such as `encoder_optimizer`.

        Raises:
            TypeError: an optimizer is for a player that does not exist, or is not an optimizer.
            ValueError: two players have the same object, or one moves the weights of another model, or averages weights.
        """
        names = {f"{name}_optimizer": name for name in self.optimizer_names}
        optimizers |= {"discriminator_optimizer": discriminator_optimizer, "generator_optimizer": generator_optimizer}
        given = {key: value for key, value in optimizers.items() if value is not None}
        for key in given:
            if key in _OF_KERAS:
                raise TypeError(
                    f"{type(self).__name__}.compile takes the optimizers of its players ({', '.join(names)}). Received: an "
                    f"argument {key!r}. Fix: {_OF_KERAS[key]}."
                )
            if key not in names:
                # d_optimizer is closer to the other one's name.
                alike = [name for name in names if name[0] == key[0]] or names
                close = difflib.get_close_matches(key, alike, n=1, cutoff=0.5)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise TypeError(
                    f"{type(self).__name__}.compile takes the optimizers of its players ({', '.join(names)}). Received: an "
                    f"argument {key!r}.{hint}"
                )
        default = self.default_optimizers()
        found = {name: _optimizer(key, given[key]) if key in given else default[name] for key, name in names.items()}
        owners = {}
        for name, optimizer in found.items():
            if (first := owners.setdefault(id(optimizer), name)) != name:
                raise ValueError(
                    f"Each player must have its own optimizer. Received: the same object as {first}_optimizer and as "
                    f"{name}_optimizer, whose moments would be shared. Fix: make two."
                )
        moved = {name: self._moved_by(name) for name in found}
        for name, optimizer in found.items():
            if _moved_before(optimizer) not in (None, moved[name].keys()):
                raise ValueError(
                    f"{name}_optimizer must be new, or have moved the same weights before. Received: one that was compiled "
                    "for other weights: those of another model, or of this one before some were frozen. Fix: make a new one."
                )
        self.check_optimizers(found)
        for name, optimizer in found.items():
            _COMPILED_FOR[optimizer] = moved[name]
        check_integer(steps_per_execution, "steps_per_execution", 1)
        for name, value, possible in (
            ("run_eagerly", run_eagerly, (True, False)),
            ("jit_compile", jit_compile, (True, False, "auto")),
        ):
            if not isinstance(value, (bool, str)) or value not in possible:
                raise refused(name, value, f"{', '.join(map(repr, possible[:-1]))} or {possible[-1]!r}")
        super().compile(
            optimizer=PlayersOptimizer(found, moved, self.making_variables),
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        self._compile_arguments = {
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Name -> optimizer, for each of `optimizer_names`, with its moments."""
        return self.optimizer.by_name()

    def check_optimizers(self, optimizers: dict[str, keras.optimizers.Optimizer]) -> None:
        """Refuses optimizers, by their names, that the game cannot use."""

    def _moved_by(self, name):
        """id -> variable, for all variables that the optimizer `name` moves as the players are now."""
        movers = [player for player in self.players() if player.optimizer_name == name]
        return {id(variable): variable for player in movers for variable in player.variables}

    def check_compiled(self) -> None:
        """Refuses to train weights that the optimizers were not compiled for, such as weights that were unfrozen later."""
        for name, optimizer in self.optimizers.items():
            if _moved_before(optimizer) != self._moved_by(name).keys():
                raise ValueError(
                    f"The {name} must have the trainable weights that it was compiled with. Received: others, since layers "
                    "were frozen, unfrozen, or replaced. Fix: call compile() again, with new optimizers."
                )

    def get_compile_config(self) -> dict[str, Any]:
        optimizers = {f"{name}_optimizer": optimizer for name, optimizer in self.optimizers.items()}
        serialized = {key: keras.saving.serialize_keras_object(value) for key, value in optimizers.items()}
        return {**serialized, **self._compile_arguments}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
