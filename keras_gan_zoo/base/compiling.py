"""The players' optimizers behind the one contract of `compile`."""

import difflib
from typing import Any

import keras


class _Owners:
    """What `keras.optimizers.MultiOptimizer` asks for: all optimizers, and one that moves a variable."""

    def __init__(self, optimizers, owner):
        self.optimizers, self.owner = optimizers, owner

    def values(self):
        return self.optimizers.values()

    def __call__(self, variable):
        return self.owner[id(variable)]


# Arguments of `compile` of Keras -> what there is in their place.
_OF_KERAS = {
    "optimizer": "pass one for each player",
    "loss": "the losses are those of the game, a method of the class each; pass optimizers alone",
    "metrics": "the logs are those of the game, and keras_gan_zoo.metrics.evaluate measures samples; pass optimizers alone",
}


def _optimizer(key, value):
    try:
        return keras.optimizers.get(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{key} must be a Keras optimizer, or the name of one. Received: {key}={value!r}. Pass such as "
            "keras.optimizers.Adam(2e-4)."
        ) from error


def _built_for(optimizer):
    """The ids of the variables that an optimizer was built for, which it keeps alive."""
    return {id(variable) for variable in getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables}


class Compiling:
    """`compile` and its configuration; mixed into `Game`."""

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        """Names of the optimizers, which are those of their players, in the order of their first moves."""
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
        """Sets the optimizers, one for each player. A model that is built has those of its paper already.

        Args:
            discriminator_optimizer: Keras optimizer, or its name; by default the variant's paper's.
            generator_optimizer: the same for the generator.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.
            **optimizers: those of a variant's further players, such as `encoder_optimizer`.

        Raises:
            TypeError: an optimizer for a player that there is not, or what is no optimizer.
            ValueError: one object for two players, or one that moves the weights of another model.
        """
        names = {f"{name}_optimizer": name for name in self.optimizer_names}
        optimizers |= {"discriminator_optimizer": discriminator_optimizer, "generator_optimizer": generator_optimizer}
        given = {key: value for key, value in optimizers.items() if value is not None}
        for key in given:
            if key in _OF_KERAS:
                raise TypeError(
                    f"compile of {type(self).__name__} takes no {key!r}. Fix: {_OF_KERAS[key]} ({', '.join(names)})."
                )
            if key not in names:
                close = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}."
                raise TypeError(f"{type(self).__name__} has no {key!r}; {hint}")
        default = self.default_optimizers()
        found = {name: _optimizer(key, given[key]) if key in given else default[name] for key, name in names.items()}
        owners, owner = {}, {}
        for name, optimizer in found.items():
            if (first := owners.setdefault(id(optimizer), name)) != name:
                raise ValueError(
                    f"Each player must have an optimizer of its own. Received: one object as {first}_optimizer and as "
                    f"{name}_optimizer, whose moments would be shared. Make two."
                )
        for name, optimizer in found.items():
            moved = self._moved_by(name)
            if optimizer.built and _built_for(optimizer) != moved.keys():
                raise ValueError(
                    f"{name}_optimizer must be new, or have moved the same weights before. Received: one that was built for "
                    "those of another model, or before others were frozen. Make one of its own."
                )
            # Over all that its players move, as two of them may share a trunk.
            optimizer.build(list(moved.values()))
            owner |= dict.fromkeys(moved, optimizer)
        self.optimizers = found
        # The container lets fit, checkpoints and JAX see all optimizers as one; `move` applies its members directly.
        container = keras.optimizers.MultiOptimizer(_Owners(self.optimizers, owner))
        container.build(list({id(v): v for player in self.players() for v in player.variables}.values()))
        super().compile(
            optimizer=container,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        self._compile_arguments = {
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }

    def _moved_by(self, name):
        """id -> variable, of all that the optimizer `name` moves as the players are now."""
        movers = [player for player in self.players() if player.optimizer_name == name]
        return {id(variable): variable for player in movers for variable in player.variables}

    def check_compiled(self) -> None:
        """Refuses to train weights that the optimizers were not built for, such as those that were unfrozen later."""
        for name, optimizer in self.optimizers.items():
            if _built_for(optimizer) != self._moved_by(name).keys():
                raise ValueError(
                    f"The {name} must have the trainable weights that it was compiled with. Received: others, since layers "
                    "were frozen, unfrozen or replaced. Call compile() again, with new optimizers."
                )

    def get_compile_config(self) -> dict[str, Any]:
        optimizers = {f"{name}_optimizer": optimizer for name, optimizer in self.optimizers.items()}
        serialized = {key: keras.saving.serialize_keras_object(value) for key, value in optimizers.items()}
        return {**serialized, **self._compile_arguments}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
