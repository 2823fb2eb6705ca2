"""Two optimizers behind the one contract of `compile`."""

from typing import Any

import keras


class Compiling:
    """`compile` and its configuration; mixed into `Base`."""

    def compile(
        self,
        discriminator_optimizer: keras.optimizers.Optimizer | str | None = None,
        generator_optimizer: keras.optimizers.Optimizer | str | None = None,
        *,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Sets the optimizers, one for each side of the game.

        Args:
            discriminator_optimizer: Keras optimizer, or its name; by default the variant's paper's.
            generator_optimizer: the same for the generator.
            run_eagerly, steps_per_execution, jit_compile: as in `keras.Model.compile`.
        """
        given = (discriminator_optimizer, generator_optimizer)
        if given[0] is not None and given[0] is given[1]:
            raise ValueError(
                "discriminator_optimizer and generator_optimizer are the same object; its moments would be shared. Make two."
            )
        self.optimizers = tuple(
            default if optimizer is None else keras.optimizers.get(optimizer)
            for optimizer, default in zip(given, self.default_optimizers(), strict=True)
        )
        owner = {id(v): player.optimizer for player in self.players() for v in player.variables}
        # The container lets fit, checkpoints and JAX see all optimizers as one; `update` applies its members directly.
        container = keras.optimizers.MultiOptimizer(lambda variable: owner[id(variable)])
        container.build([variable for player in self.players() for variable in player.variables])
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

    def get_compile_config(self) -> dict[str, Any]:
        if not self.compiled:
            return {}
        optimizers = dict(zip(("discriminator_optimizer", "generator_optimizer"), self.optimizers, strict=True))
        serialized = {name: keras.saving.serialize_keras_object(value) for name, value in optimizers.items()}
        return {**serialized, **self._compile_arguments}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
