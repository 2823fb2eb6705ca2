"""Self-attention between the places of a map (Zhang et al., 2018, https://arxiv.org/abs/1805.08318).

    y = x + gamma W_o A (g x),   A = softmax over keys of (theta x) (phi x)^T

theta, phi, g and W_o are convolutions of 1 x 1 with spectral norm and without bias, with c / 8, c / 8, c / 2 and c channels.
As in the authors' code, keys (phi x) and values (g x) are the maxima over windows of 2 x 2. gamma is 0 at the start, so that
the layer begins as the identity and its convolutions have no gradient before gamma has moved.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .spectral_norm import SNConv2D


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SelfAttention(layers.Layer):
    """Maps (batch, height, width, channels) -> the same shape, each place having looked at all others."""

    # Places of one sample look at each other; samples do not.
    mixes_samples = False

    def build(self, input_shape: Sequence[int | None]) -> None:
        channels = input_shape[-1]
        self.convolutions = {}
        for name, count in (("theta", channels // 8), ("phi", channels // 8), ("g", channels // 2), ("output", channels)):
            convolution = SNConv2D(max(count, 1), 1, use_bias=False, dtype=self.dtype_policy, name=name)
            convolution.build((*input_shape[:-1], max(channels // 2, 1)) if name == "output" else input_shape)
            self.convolutions[name] = convolution
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")
        self.built = True

    def attention(self, x: Any, training: bool = False) -> Any:
        """A, (batch, places, keys): in each row how much of each key a place takes, summing to 1."""
        queries, keys = (self._rows(x, name, training) for name in ("theta", "phi"))
        return ops.softmax(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))), axis=-1)

    def call(self, x: Any, training: bool = False) -> Any:
        taken = ops.matmul(self.attention(x, training), self._rows(x, "g", training))
        taken = ops.reshape(taken, (*ops.shape(x)[:-1], taken.shape[-1]))
        return x + self.gamma * self.convolutions["output"](taken, training=training)

    def _rows(self, x, name, training):
        """A convolution of x as (batch, places, channels); that of keys and values over windows of 2 x 2."""
        y = self.convolutions[name](x, training=training)
        if name != "theta":
            y = ops.max_pool(y, 2, strides=2, padding="same")  # Keras on JAX fails without strides
        return ops.reshape(y, (ops.shape(y)[0], -1, y.shape[-1]))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)
