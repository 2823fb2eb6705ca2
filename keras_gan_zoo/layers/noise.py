"""Layers of Keras that draw random numbers in training, with seeds that they know and masks that replicas share.

On torch, a layer of Keras without a seed takes numbers from torch's global generator, whose state no checkpoint holds. So a
seed is drawn here as Keras would do it, but the layer knows it. The replicas of a strategy take their parts of what one
device would have drawn.
"""

import random
from typing import Any

import keras
from keras import layers, ops

from ..backend import drawn, replicas


def _seeded(seed):
    return random.randint(1, 10**9) if seed is None else seed


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Dropout(layers.Dropout):
    """`keras.layers.Dropout` (Srivastava et al., 2014, http://jmlr.org/papers/v15/srivastava14a.html).

    Args:
        rate: share of the inputs that become 0.
        seed: integer, or None.
        **kwargs: of `keras.layers.Dropout`.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=_seeded(seed), **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or replicas() == 1:
            return super().call(inputs, training=training)
        call = super().call
        # What is left of ones is what stands in place of each input.
        return inputs * drawn(lambda shape: call(ops.ones(shape, inputs.dtype), training=True), ops.shape(inputs))


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GaussianNoise(layers.GaussianNoise):
    """`keras.layers.GaussianNoise`: x + N(0, stddev^2) in training.

    Args:
        stddev: standard deviation.
        seed: integer, or None.
        **kwargs: of `keras.layers.GaussianNoise`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(stddev, seed=_seeded(seed), **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or replicas() == 1:
            return super().call(inputs, training=training)
        call = super().call
        return inputs + drawn(lambda shape: call(ops.zeros(shape, inputs.dtype), training=True), ops.shape(inputs))
