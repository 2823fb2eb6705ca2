"""How a game is saved: its configuration, its whole state, and presets."""

import dataclasses
import os
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from ..untrusted import why_not_regular

# What a file says of averages, among its state variables.
_AVERAGES = "averages"


class Saving:
    """Saving and loading; mixed into `Game`."""

    def _saved(self):
        """Variables of the model itself and, since Keras leaves them out, the states of all random generators in it."""
        weights = {id(variable) for variable in self.weights}
        seeds = [variable for variable in self.non_trainable_variables if id(variable) not in weights]
        return {
            str(i): variable for i, variable in enumerate(self._trainable_variables + self._non_trainable_variables + seeds)
        }

    def saved_as(self, variable: keras.Variable) -> str:
        """The name of one of the model's own variables among those of a file of weights."""
        return next(name for name, saved in self._saved().items() if saved is variable)

    def save_to_preset(self, folder: str | Path, **options: Any) -> Path:
        """Writes the model as a preset, which `keras_gan_zoo.load(folder)` reads.

        Args:
            folder: the folder to write; it is replaced whole if it is a preset, and nothing else, already.
            **options: `dtype`, `networks` and `recipe`, as `keras_gan_zoo.save_to_preset` has them.
        """
        # When it is asked for: files and their checks take a while to import.
        from ..preset_saving import save_to_preset

        return save_to_preset(self, folder, **options)

    def save(self, filepath: str | Path, **options: Any) -> None:
        """`keras.Model.save`, of the whole state, in Keras's own format.

        Args:
            filepath: the file to write, NAME.keras.
            **options: as in `keras.Model.save`.
        """
        if Path(filepath).suffix in (".h5", ".hdf5"):
            raise ValueError(
                f"filepath must end in .keras. Received: filepath={str(filepath)!r}, whose format has no place for the "
                "optimizers of several players. Fix: NAME.keras, or save_weights(NAME.weights.h5)."
            )
        super().save(filepath, **options)

    @classmethod
    def from_preset(cls, name: str | Path, **options: Any) -> Self:
        """`keras_gan_zoo.load` for a preset of this class.

        Raises:
            PresetError: it is of another class, which the message names.
        """
        from ..presets import load_as

        return load_as(cls, name, **options)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, defaults included; networks of the caller's own as Keras configurations."""
        if unnamed := [name for name in self._arguments if name.startswith("*")]:
            raise TypeError(
                f"{type(self).__name__} must be built from arguments by name to be saved. Received: some in {unnamed[0]}. "
                "Fix: pass them by name."
            )
        config = {
            **self._arguments,
            **dataclasses.asdict(self.options),
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }
        networks = {key: value for key, value in config.items() if isinstance(value, keras.Model)}
        return {**config, **{key: keras.saving.serialize_keras_object(value) for key, value in networks.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        networks = {key: config[key] for key in cls.network_names if isinstance(config.get(key), dict)}
        return cls(**{**config, **{key: keras.saving.deserialize_keras_object(value) for key, value in networks.items()}})

    def load_weights(self, filepath: str | Path, **options: Any) -> None:
        """`keras.Model.load_weights`, which leaves the model as it was where it fails.

        Args:
            filepath: a file of `save_weights`, or of `save`.
            **options: as in `keras.Model.load_weights`.

        Raises:
            ValueError: it is a pipe or the like, which might never end, or does not fit the model.
        """
        if os.path.exists(filepath) and (reason := why_not_regular(filepath)):
            raise ValueError(f"filepath must be a file of weights. Received: filepath={str(filepath)!r}, and {reason}.")
        held = [*self.variables, *self.optimizer.variables]
        before, fresh = [ops.convert_to_numpy(variable) for variable in held], self.fresh
        try:
            super().load_weights(filepath, **options)
        except BaseException:
            for variable, value in zip(held, before, strict=True):
                variable.assign(value)
            self.fresh = fresh
            raise

    def save_own_variables(self, store: Any) -> None:
        for name, variable in self._saved().items():
            store[name] = ops.convert_to_numpy(variable)
        store[_AVERAGES] = np.frombuffer(self._averages().encode(), "uint8")

    def _averages(self):
        return ", ".join(name for name in self.averaged_names if self.network(name) is not getattr(self, name)) or "none"

    def load_own_variables(self, store: Any) -> None:
        variables = self._saved()
        # Keras passes over parts of a file that the model does not have. Older files do not say it.
        if _AVERAGES in store.keys() and (held := bytes(np.asarray(store[_AVERAGES])).decode()) != self._averages():
            raise ValueError(
                f"A file must hold averages of the networks that have one in the {type(self).__name__}: {self._averages()}. "
                f"Received: those of {held}. Fix: build it with the ema_half_life that the saved model had, or with none."
            )
        if (found := set(store.keys()) - {_AVERAGES}) != set(variables):
            raise ValueError(
                f"A file must hold as many state variables as {type(self).__name__} has, {len(variables)}. Received: "
                f"{len(found)} for {self.name!r}. Fix: build it with the arguments that the saved model had."
            )
        for name, variable in variables.items():
            variable.assign(store[name])
        self.fresh = ()
