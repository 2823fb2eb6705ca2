"""Spectral normalization as a reparametrization (Miyato et al., 2018, https://arxiv.org/abs/1802.05957).

    W_SN = W / s,   s = u^T W v,   and before it, once in each training call,
    v <- W^T u / |W^T u|,   u <- W v / |W v|        (u and v are constants for the gradient, W in s is not)

The gradient is that of the function W -> W / s: it is orthogonal to W, and a call never changes the kernel variable itself.
`keras.layers.SpectralNormalization` of Keras 3.15 overwrites the kernel in each training call and leaves out the derivative
of s, which is another method.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .reparametrized import Reparametrized


def _unit(vector):
    return vector / ops.sqrt(ops.maximum(ops.sum(ops.square(vector)), 1e-24))


class _SpectralNorm(Reparametrized):
    """Divides the kernel of the layer it is mixed into by an estimate of its largest singular value."""

    output_axis = -1

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        matrix = self._matrix(self._kernel)
        rows, columns = matrix.shape
        options = {"initializer": "zeros", "trainable": False, "dtype": "float32", "autocast": False}
        self.u = self.add_weight(name="u", shape=(columns,), **options)
        self.v = self.add_weight(name="v", shape=(rows,), **options)
        # So that the first step is already divided by the largest singular value: eigenvalues come in ascending order. Of
        # the smaller of the two square matrices, since a wide layer would take minutes by the other one.
        wide = rows < columns
        square = ops.matmul(matrix, ops.transpose(matrix)) if wide else ops.matmul(ops.transpose(matrix), matrix)
        _, vectors = ops.linalg.eigh(square)
        self.u.assign(_unit(ops.matmul(vectors[:, -1], matrix)) if wide else vectors[:, -1])
        self._iterate()

    def _iterate(self):
        matrix = ops.stop_gradient(self._matrix(self._kernel))
        v = _unit(ops.matmul(matrix, self.u))
        self.v.assign(v)
        # A kernel that was zero for once would end the iteration for good.
        self.u.assign(ops.where(ops.any(v != 0), _unit(ops.matmul(v, matrix)), self.u.value))

    def _matrix(self, kernel):
        """(all other axes, output channels): the transpose of the paper's matrix, with the same singular values."""
        kernel = ops.moveaxis(ops.cast(kernel, "float32"), self.output_axis, -1)
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def effective(self, kernel: Any) -> Any:
        kernel = ops.convert_to_tensor(kernel)
        u, v = ops.stop_gradient(self.u.value), ops.stop_gradient(self.v.value)
        sigma = ops.sum(v * ops.matmul(self._matrix(kernel), u))
        # A kernel of zeros has no direction, and stays as it is.
        sigma = ops.where(sigma == 0, 1.0, sigma)
        return kernel / ops.cast(sigma, kernel.dtype)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self._iterate()
        return super().call(inputs)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SNDense(_SpectralNorm, layers.Dense):
    """`keras.layers.Dense` with a spectrally normalized kernel."""


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SNConv2D(_SpectralNorm, layers.Conv2D):
    """`keras.layers.Conv2D` with a spectrally normalized kernel."""


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SNConv2DTranspose(_SpectralNorm, layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with a spectrally normalized kernel (whose output channels are the last axis but "
    "one)."""

    output_axis = -2
