"""Equalized learning rates (Karras et al., 2017, https://arxiv.org/abs/1710.10196).

    W = m w / sqrt(fan in),   b = m c,   with w ~ N(0, 1) / m and c trained, and m = lr_multiplier

So Adam, whose steps have the size of its rate, moves all layers at the same relative speed; m below 1 slows a layer down.
"""

import math
from typing import Any

import keras
from keras import layers, ops

from .reparametrized import Reparametrized


@keras.saving.register_keras_serializable("keras_gan_zoo")
def scaled_leaky_relu(x: Any) -> Any:
    """sqrt(2) LeakyReLU(0.2), which nearly keeps the mean square of N(0, 1)."""
    return ops.leaky_relu(x, negative_slope=0.2) * math.sqrt(2.0)


class _Equalized(Reparametrized):
    """Scales the kernel and the bias of the layer it is mixed into.

    Args:
        lr_multiplier: m.
        **kwargs: of the layer.
    """

    def __init__(self, *arguments: Any, lr_multiplier: float = 1.0, **kwargs: Any) -> None:
        kwargs.setdefault("kernel_initializer", keras.initializers.RandomNormal(stddev=1.0 / lr_multiplier))
        super().__init__(*arguments, **kwargs)
        self.lr_multiplier = lr_multiplier

    def effective(self, kernel: Any) -> Any:
        return kernel * (self.lr_multiplier / math.sqrt(math.prod(kernel.shape[:-1])))

    @property
    def bias(self) -> Any:
        return None if self._bias is None else self._bias * self.lr_multiplier

    @bias.setter
    def bias(self, value: Any) -> None:
        self._bias = value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "lr_multiplier": self.lr_multiplier}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class EqualizedDense(_Equalized, layers.Dense):
    """`keras.layers.Dense` at an equalized learning rate."""


@keras.saving.register_keras_serializable("keras_gan_zoo")
class EqualizedConv2D(_Equalized, layers.Conv2D):
    """`keras.layers.Conv2D` at an equalized learning rate."""
