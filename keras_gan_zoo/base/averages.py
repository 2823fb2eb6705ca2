"""Averages of weights, which inference uses in place of the weights themselves."""

import contextlib
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops


class Averages:
    """The averages of `averaged_names`, if `ema_half_life` asks for them; mixed into `Game`."""

    def build_averages(self) -> None:
        """Makes a copy of each averaged network, `average_<name>`, or None if there is no average."""
        for key in self.averaged_names:
            average = None
            if self.options.ema_half_life:
                average = keras.models.clone_model(getattr(self, key))
                average.trainable = False
                average.set_weights(getattr(self, key).get_weights())
            setattr(self, f"average_{key}", average)

    def network(self, name: str) -> keras.Model:
        """Returns a network as inference uses it: with the average of its weights if one is kept, else the network "
        "itself."""
        average = getattr(self, f"average_{name}", None)
        return getattr(self, name) if average is None else average

    def averaged(self) -> Any:
        """Opens a scope in which networks have the averages of their weights, if those are kept; all inference runs in "
        "it."""
        pairs = [
            (weight, average.value)
            for name in self.averaged_names
            if self.network(name) is not getattr(self, name)
            for weight, average in zip(getattr(self, name).weights, self.network(name).weights, strict=True)
        ]
        return keras.StatelessScope(state_mapping=pairs) if pairs else contextlib.nullcontext()

    def unwritten(self, network: keras.Model, others: Iterable[tuple[keras.Variable, Any]] = ()) -> keras.StatelessScope:
        """A scope that drops what a network writes inside, such as the statistics of a batch.

        Args:
            network: its variables have the values there that they have now.
            others: further variables, with the values that they have there.
        """
        return keras.StatelessScope(state_mapping=[*((variable, variable.value) for variable in network.variables), *others])

    def update_averages(self, batch_size: Any) -> None:
        """Updates the averages: average <- d average + (1 - d) weights, with d = 0.5^(samples of this round / half-life)."""
        if not self.options.ema_half_life:
            return
        samples = ops.cast(batch_size, "float32")
        ramp = self.options.ema_rampup * samples * ops.cast(self.rounds, "float32")
        half_life = ops.maximum(ops.minimum(float(self.options.ema_half_life), ramp), 1e-8)
        rest = 1.0 - ops.power(0.5, samples / half_life)
        for name in self.averaged_names:
            for average, weight in zip(self.network(name).weights, getattr(self, name).weights, strict=True):
                average.assign(average + ops.cast(rest, average.dtype) * (weight - average))
