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


class _Shared:
    """What a layer draws is cut like latents. Of inputs that are neutral to `combine`, it gives what it drew."""

    def __init__(self, *amount: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*amount, seed=random.randint(1, 10**9) if seed is None else seed, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        call = super().call
        if not training or replicas() == 1:
            return call(inputs, training=training)
        of_all = drawn(lambda shape: call(self.neutral(shape, inputs.dtype), training=True), ops.shape(inputs))
        return self.combine(inputs, of_all)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Dropout(_Shared, layers.Dropout):
    """`keras.layers.Dropout` (Srivastava et al., 2014, http://jmlr.org/papers/v15/srivastava14a.html).

    Args:
        rate: share of the inputs that become 0.
        seed: integer, or None.
        **kwargs: of `keras.layers.Dropout`.
    """

    neutral, combine = staticmethod(ops.ones), staticmethod(ops.multiply)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GaussianNoise(_Shared, layers.GaussianNoise):
    """`keras.layers.GaussianNoise`: x + N(0, stddev^2) in training.

    Args:
        stddev: standard deviation.
        seed: integer, or None.
        **kwargs: of `keras.layers.GaussianNoise`.
    """

    neutral, combine = staticmethod(ops.zeros), staticmethod(ops.add)
