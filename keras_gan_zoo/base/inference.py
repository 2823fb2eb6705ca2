"""The building blocks of inference, and Keras's own methods that have no meaning here."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras import ops

from ..data import Field
from ..data.checks import check_integer, check_seed


class Inference:
    """Passes under the averaged weights, and previews; mixed into `Game`."""

    def mapped(self, function: Callable, *arrays: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Returns function(*tensors) of arrays of n rows, some rows at a time, as a NumPy array; with averaged weights."""
        check_integer(batch_size, "batch_size", 1)
        parts = []
        with self.averaged():
            for i in range(0, len(arrays[0]), batch_size):
                tensors = (ops.convert_to_tensor(array[i : i + batch_size]) for array in arrays)
                parts.append(ops.convert_to_numpy(function(*tensors)))
        return np.concatenate(parts)

    @contextlib.contextmanager
    def seeded(self, seed: int | None) -> Iterator[None]:
        """Takes draws inside from `seed`, or from a fresh one; the random numbers of training stay as they were."""
        state = self.seed_generator.state
        before = ops.convert_to_numpy(state)
        word = np.random.default_rng(check_seed(seed)).integers(0, 2**32, dtype="uint32")
        state.assign(np.array([word, 0], "uint32").astype(before.dtype))
        try:
            yield
        finally:
            state.assign(before)

    def preview(
        self, n: int, data: dict[str, np.ndarray] | None = None, seed: int = 0
    ) -> dict[str, tuple[Field, np.ndarray]]:
        """Shows what the model does, in n cases: title -> (field, array as networks make it), in the order of display.

        Args:
            n: number of cases.
            data: arrays of the fields, for models that need an input.
            seed: the same seed gives the same cases.
        """
        raise NotImplementedError(f"{type(self).__name__} must override preview(), which returns a dictionary.")

    def evaluate(self, *arguments: Any, **options: Any) -> None:
        """Raises a TypeError: a game has no measure of its own."""
        raise TypeError(
            f"{type(self).__name__} is measured on generated samples. Received: evaluate(), which compares predictions with "
            "targets. Fix: keras_gan_zoo.metrics.evaluate(samples, real), or the callback Evaluate in fit."
        )

    def predict(self, *arguments: Any, **options: Any) -> None:
        """Raises a TypeError: a game has methods of its own in place of `predict`."""
        raise TypeError(
            f"{type(self).__name__} makes samples, and does not predict from data. Received: predict(). Fix: generate(n) or "
            f"translate(inputs), or predict of one of its networks: {', '.join(self.network_names)}."
        )

    test_on_batch, predict_on_batch = evaluate, predict
