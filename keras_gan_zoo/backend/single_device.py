"""What the JAX and torch trainers share: there is one device, and nothing has to be held back or gathered."""

import contextlib

from keras import ops


def batch_normalised(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) over all axes but the last."""
    y = ops.cast(x, "float32")
    axes = tuple(range(len(x.shape) - 1))
    mean, variance = ops.moments(y, axes)
    y = ops.batch_normalization(y, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=epsilon)
    return ops.cast(y, x.dtype), mean, variance


class SingleDevice:
    """Counterparts of what the TensorFlow trainer does for its replicas and its graphs."""

    replicas = 1

    def writing(self, variables):
        """Assignments of a round are made where they stand."""
        return contextlib.nullcontext()

    def draw(self, sample, shape):
        """sample(shape)."""
        return sample(shape)

    @staticmethod
    def as_dataset(batches, signature):
        """What `fit` takes, a generator of tuples, from a function that begins an iterator of batches."""
        return ((batch,) for batch in batches())
