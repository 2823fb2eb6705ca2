"""Batch normalization (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167)."""

from typing import Any

import keras
from keras import layers, ops

from ..backend import batch_normalized


@keras.saving.register_keras_serializable("keras_gan_zoo")
class BatchNorm(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, trained with the backend's own operation.

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta
        moving <- momentum moving + (1 - momentum) batch   (the variance of the batch divided by n, as in Keras)

    The values are those of Keras, up to rounding in training, and exactly in inference.

    Args:
        momentum: share of the moving statistics that a step keeps.
        epsilon: number added to the variance.
        **kwargs: arguments of `keras.layers.BatchNormalization`, except for axis, renorm, and synchronized.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training or not self.trainable:
            return super().call(inputs, training=training)
        shape = self.moving_mean.shape
        gamma = self.gamma if self.scale else ops.ones(shape, "float32")
        beta = self.beta if self.center else ops.zeros(shape, "float32")
        y, mean, variance = batch_normalized(inputs, gamma, beta, self.epsilon)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            value = ops.stop_gradient(value)
            moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        return y
