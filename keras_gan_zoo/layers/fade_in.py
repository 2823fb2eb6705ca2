"""Layers that come in while a model trains (Karras et al., 2017, https://arxiv.org/abs/1710.10196)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class FadeIn(layers.Layer):
    """[old, new] -> (1 - a) old + a new, with a = rounds / steps, at most 1.

    Args:
        steps: rounds of the game, which calls `end_round`, after which the old one has no part.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def build(self, input_shape: Sequence[Sequence[int | None]]) -> None:
        options = {"initializer": "zeros", "trainable": False, "dtype": "float32", "autocast": False}
        self.seen = self.add_weight(name="seen", shape=(), **options)

    def call(self, inputs: Any) -> Any:
        old, new = inputs
        share = ops.cast(self.seen / self.steps, old.dtype)
        return (1.0 - share) * old + share * new

    def end_round(self) -> None:
        """Counts a round, however often networks were called in it."""
        self.seen.assign(ops.minimum(self.seen + 1.0, float(self.steps)))

    def compute_output_shape(self, input_shape: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "steps": self.steps}
