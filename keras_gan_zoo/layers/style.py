"""What a style-based generator is made of (Karras et al., 2019, https://arxiv.org/abs/1912.04958)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .equalized import EqualizedDense
from .resample import filter_matrix, filtered


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ModulatedConv2D(layers.Layer):
    """A convolution whose kernel depends on the style of each image.

        s = A(style),   w'_ikl = s_i w_ikl,   w''_ikl = w'_ikl / sqrt(sum over i, k of w'_ikl^2 + 1e-8)

    for input channels i, output channels l and places k of the kernel; an equalized learning rate, and A an equalized linear
    map whose bias starts at 1. Computed as scale, convolution, scale, which is the same without a kernel for each image.

    Takes [map (batch, height, width, channels), styles (batch, layers, style_dim)]; gives (batch, height, width, filters),
    or twice the size and one pixel more where it climbs.

    Args:
        filters: output channels.
        kernel_size: side of the kernel.
        index: which of the styles it takes.
        climbs: whether it doubles the size, by a transposed convolution of stride 2; a `Blur` belongs after it.
        demodulates: whether w' is divided by its norm.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        index: int,
        *,
        climbs: bool = False,
        demodulates: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.index = filters, kernel_size, index
        self.climbs, self.demodulates = climbs, demodulates

    def build(self, input_shape: Sequence[Sequence[int | None]]) -> None:
        channels = input_shape[0][-1]
        shape = (self.kernel_size, self.kernel_size, channels, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=keras.initializers.RandomNormal(stddev=1.0))
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.affine = EqualizedDense(channels, bias_initializer="ones", dtype=self.dtype_policy, name="affine")
        self.affine.build((input_shape[1][0], input_shape[1][-1]))

    def call(self, inputs: Any) -> Any:
        x, styles = inputs
        scales = self.affine(styles[:, self.index])
        kernel = ops.convert_to_tensor(self.kernel)
        kernel = kernel * ops.cast((self.kernel_size**2 * kernel.shape[2]) ** -0.5, kernel.dtype)
        y = x * scales[:, None, None, :]
        if self.climbs:
            y = ops.conv_transpose(y, ops.transpose(kernel, (0, 1, 3, 2)), strides=2, padding="valid")
        else:
            y = ops.conv(y, kernel, padding="same")
        if self.demodulates:
            squares = ops.sum(ops.square(ops.cast(kernel, "float32")), axis=(0, 1))
            norms = ops.matmul(ops.square(ops.cast(scales, "float32")), squares)
            y = y * ops.cast(ops.rsqrt(norms + 1e-8), y.dtype)[:, None, None, :]
        return y + self.bias

    def compute_output_shape(self, input_shape: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape[0]
        if self.climbs:
            height, width = 2 * height + 1, 2 * width + 1
        return (batch, height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = ("filters", "kernel_size", "index", "climbs", "demodulates")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class PixelNoise(layers.Layer):
    """x + strength n, with one number n for each pixel and a learned strength, which starts at 0.

    Takes [map (batch, height, width, channels), noise (batch, pixels)], of which it uses as many as there are pixels.

    Args:
        offset: the first of the numbers that are used.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, offset: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offset = offset

    def build(self, input_shape: Sequence[Sequence[int | None]]) -> None:
        self.strength = self.add_weight(name="strength", shape=(), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        x, noise = inputs
        _, height, width, _ = x.shape
        noise = noise[:, self.offset : self.offset + height * width]
        return x + self.strength * ops.reshape(noise, (-1, height, width, 1))

    def compute_output_shape(self, input_shape: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "offset": self.offset}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Blur(layers.Layer):
    """A fixed low-pass filter along both sides of a map, with zeros around it.

    Args:
        taps: the filter, which is divided by its sum; (1, 3, 3, 1) in the paper.
        padding: ((top, bottom), (left, right)).
        gain: what it multiplies by; 4 after zeros have come between the pixels.
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(
        self,
        taps: Sequence[float] = (1, 3, 3, 1),
        padding: Sequence[Sequence[int]] = ((1, 1), (1, 1)),
        gain: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taps, self.padding, self.gain = tuple(taps), tuple(map(tuple, padding)), gain

    def call(self, inputs: Any) -> Any:
        taps = [tap * self.gain**0.5 / sum(self.taps) for tap in self.taps]
        sides = zip(inputs.shape[1:3], self.padding, strict=True)
        return filtered(inputs, *(filter_matrix(taps, size, padding) for size, padding in sides))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        batch, *sides, channels = input_shape
        less = len(self.taps) - 1
        return (batch, *(side + sum(pad) - less for side, pad in zip(sides, self.padding, strict=True)), channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "taps": self.taps, "padding": self.padding, "gain": self.gain}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class LearnedMap(layers.Layer):
    """A map (height, width, channels) that is learned, N(0, 1) at first, for each of the samples of its input.

    Args:
        shape: (height, width, channels).
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape: Sequence[int | None]) -> None:
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.kernel = self.add_weight(name="kernel", shape=self.shape, initializer=normal)

    def call(self, inputs: Any) -> Any:
        return ops.broadcast_to(ops.convert_to_tensor(self.kernel)[None], (ops.shape(inputs)[0], *self.shape))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class AveragedStyles(layers.Layer):
    """Gives styles (batch, style_dim) as they are, and keeps their moving average over what it sees in training.

    Args:
        momentum: share of the average that a step keeps (0.995).
        **kwargs: of `keras.layers.Layer`.
    """

    def __init__(self, momentum: float = 0.995, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.average = self.add_weight(
            name="average", shape=(input_shape[-1],), initializer="zeros", trainable=False, dtype="float32"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            mean = ops.cast(ops.stop_gradient(ops.mean(inputs, axis=0)), "float32")
            self.average.assign(self.average * self.momentum + mean * (1.0 - self.momentum))
        return inputs

    def truncated(self, styles: Any, truncation: float) -> Any:
        """average + truncation (styles - average): more typical and less varied ones."""
        return self.average + truncation * (styles - self.average)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}
