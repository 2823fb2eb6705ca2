"""What is shared by callbacks that look at the model every so many rounds."""

from typing import Any

import keras
import numpy as np

from ..data.checks import check_integer
from .watching import rounds_played


class EveryRounds(keras.callbacks.Callback):
    """Calls `look(logs)` whenever the model's rounds pass a multiple of `every`.

    Rounds are counted in Python: reading the model's own counter (or, on JAX, touching `self.model` at all) in every round
    would make an accelerator wait. `self.round` is exact at each look, whatever another callback has restored before.
    """

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = check_integer(every, "every", 1)

    def look(self, logs: dict[str, Any] | None) -> None:
        """Does the callback's work at `self.round`."""
        raise NotImplementedError(f"{type(self).__name__} must override look().")

    def align(self) -> None:
        """Takes the round from the model; the next look is at the next multiple of `every`."""
        self.round = rounds_played(self.model)
        self.due = (self.round // self.every + 1) * self.every

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.align()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.first = batch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With steps_per_execution there are several rounds between begin and end.
        self.round += batch - self.first + 1
        if self.round >= self.due:
            self.align()
            self.look(logs)


def fixed_samples(gan: Any, n: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The sampler's floats (n, height, width, channels) in [-1, 1] (or NaN), and the labels (n,) they were made for.

    Latents and labels are those of its `preview`.
    """
    classes = gan.in_order(n)
    return gan.generate(n, seed=seed, **classes), classes.get("labels")
