"""Batch norm as one device computes it, by what Keras has."""

from keras import ops


def batch_normalized(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) over all axes but the last."""
    y = ops.cast(x, "float32")
    axes = tuple(range(len(x.shape) - 1))
    mean, variance = ops.moments(y, axes)
    y = ops.batch_normalization(y, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=epsilon)
    return ops.cast(y, x.dtype), mean, variance
