"""Virtual batch norm (Salimans et al., 2016, https://arxiv.org/abs/1606.03498).

Each sample is normalized by the statistics of a reference batch, which is chosen once, and of itself; so no sample depends
on the others of its batch, in training and after it.

    mean = (n mean_R + mean_x) / (n + 1),   square = (n square_R + square_x) / (n + 1)
    y = gamma (x - mean) / sqrt(square - mean^2 + epsilon) + beta

The reference goes through the network in front of each batch: `Reference` puts it there, `VirtualBatchNorm` finds it there,
and `Unreferenced` takes it off. `virtually_normalized` makes a network with these of one with batch norm.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


class _Referenced(layers.Layer):
    """A layer of a network whose batches begin with a reference of `size` samples."""

    mixes_samples = False

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Reference(_Referenced):
    """(batch, ...) -> (size + batch, ...), the reference first; it is a weight, which no training moves."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (self.size, *input_shape[1:])
        self.reference = self.add_weight(name="reference", shape=shape, initializer="zeros", trainable=False)
        self.built = True

    def call(self, x: Any) -> Any:
        return ops.concatenate([self.reference, x], axis=0)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable("keras_gan_zoo")
class VirtualBatchNorm(_Referenced):
    """Normalizes over all axes but the first and the last; the reference by its own statistics alone.

    Args:
        size: n, samples of the reference, with which each batch begins.
        epsilon: what is added to the variance.
        gamma_initializer: of the scale of each channel.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, size: int, epsilon: float = 1e-5, gamma_initializer: Any = "ones", **kwargs: Any) -> None:
        super().__init__(size, **kwargs)
        self.epsilon, self.gamma_initializer = epsilon, keras.initializers.get(gamma_initializer)

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=self.gamma_initializer)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        # In float32: the variance is a difference of squares.
        reference, rest = ops.cast(x[: self.size], "float32"), ops.cast(x[self.size :], "float32")
        within = tuple(range(1, len(x.shape) - 1))

        def moments(x, axes):
            return tuple(ops.mean(y, axis=axes, keepdims=True) if axes else y for y in (x, ops.square(x)))

        of_reference = moments(reference, (0, *within))
        n, of_rest = self.size, moments(rest, within)
        of_rest = tuple((n * a + b) / (n + 1) for a, b in zip(of_reference, of_rest, strict=True))
        parts = [self._normalized(reference, *of_reference), self._normalized(rest, *of_rest)]
        return self.gamma * ops.cast(ops.concatenate(parts, axis=0), self.compute_dtype) + self.beta

    def _normalized(self, x, mean, square):
        return (x - mean) * ops.rsqrt(ops.maximum(square - ops.square(mean), 0.0) + self.epsilon)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        start = keras.initializers.serialize(self.gamma_initializer)
        return {**super().get_config(), "epsilon": self.epsilon, "gamma_initializer": start}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Unreferenced(_Referenced):
    """(size + batch, ...) -> (batch, ...), without the reference."""

    def call(self, x: Any) -> Any:
        return x[self.size :]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])


def virtually_normalized(network: keras.Model, size: int) -> keras.Model:
    """A network with virtual batch norm in place of batch norm, of fresh weights; each of its inputs gets a reference.

    Args:
        network: of one output, with layers of `keras.layers.BatchNormalization`.
        size: n, samples of the reference batch. It is zeros until it is chosen.
    """

    def virtual(layer):
        config = layer.get_config()
        if not isinstance(layer, layers.BatchNormalization):
            return type(layer).from_config(config)
        kept = {key: config[key] for key in ("epsilon", "gamma_initializer", "name", "dtype")}
        return VirtualBatchNorm(size, **kept)

    inner = keras.models.clone_model(network, clone_function=virtual)
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype, name=x.name) for x in network.inputs]
    behind = [Reference(size, dtype=x.dtype, name=f"{x.name}_reference")(x) for x in inputs]
    outputs = inner(behind[0] if len(behind) == 1 else behind)
    made = Unreferenced(size, dtype="float32", name="samples")(outputs)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, made, name=network.name)
