"""Batch normalization with a scale and a shift for each class (Dumoulin et al., 2017, https://arxiv.org/abs/1610.07629)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .batch_norm import BatchNorm
from .labels import class_weights


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ConditionalBatchNorm(layers.Layer):
    """y = gamma_c (x - mean) / sqrt(variance + epsilon) + beta_c, with the statistics of all classes together.

    Takes [x (batch, ..., channels), labels c (batch,), or the rows of `class_weights`]; gives y of the shape of x. gamma and
    beta, (num_classes, channels), begin at 1 and 0.

    Args:
        num_classes: number of classes.
        momentum, epsilon: as in `BatchNorm`.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, num_classes: int, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes, self.momentum, self.epsilon = num_classes, momentum, epsilon
        self.norm = BatchNorm(momentum, epsilon, center=False, scale=False, dtype=self.dtype_policy, name="norm")

    def build(self, input_shape: Sequence[Sequence[int | None]]) -> None:
        shape = (self.num_classes, input_shape[0][-1])
        self.norm.build(input_shape[0])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, inputs: Any, training: bool = False) -> Any:
        x, labels = inputs
        known = class_weights(labels, self.num_classes, self.compute_dtype)
        shape = (-1, *(1,) * (len(x.shape) - 2), x.shape[-1])
        gamma, beta = (ops.reshape(ops.matmul(known, rows), shape) for rows in (self.gamma, self.beta))
        return gamma * self.norm(x, training=training) + beta

    def compute_output_shape(self, input_shape: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        own = ("num_classes", "momentum", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
