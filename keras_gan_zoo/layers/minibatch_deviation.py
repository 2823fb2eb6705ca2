"""Minibatch standard deviation (Karras et al., 2017, https://arxiv.org/abs/1710.10196)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from ..backend import own_part, whole


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MinibatchDeviation(layers.Layer):
    """A map (batch, height, width, channels) with one more channel: how much the images of a group differ.

        s = mean over pixels and channels of sqrt(variance over the group + 1e-8)

    which tells a discriminator of a generator whose images are all alike.

    Args:
        group_size: images of a group, at most; it is lowered to what divides the batch.
        **kwargs: of `keras.layers.Layer`.
    """

    mixes_samples = True
    # The papers that have it take input-gradient penalties through it.
    penalized = True

    def __init__(self, group_size: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group_size = group_size
        # Where TensorFlow does not know the number of images when it compiles, XLA ends the process.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    def call(self, inputs: Any) -> Any:
        n, *rest = ops.shape(whole(inputs))
        x = ops.reshape(ops.cast(whole(inputs), "float32"), (self._group(n), -1, *rest))
        deviation = ops.mean(ops.sqrt(ops.var(x, axis=0) + 1e-8), axis=(1, 2, 3))
        plane = ops.zeros_like(x[..., :1]) + deviation[None, :, None, None, None]
        plane = own_part(ops.reshape(plane, (-1, *rest[:-1], 1)))
        return ops.concatenate([inputs, ops.cast(plane, inputs.dtype)], axis=-1)

    def _group(self, n):
        """The largest number of images in a group that divides n."""
        if isinstance(n, int):
            return max(size for size in range(1, self.group_size + 1) if n % size == 0)
        # TensorFlow may not know it when it builds a graph.
        sizes = ops.arange(1, self.group_size + 1)
        return ops.max(ops.where(ops.equal(ops.mod(n, sizes), 0), sizes, 1))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "group_size": self.group_size}
