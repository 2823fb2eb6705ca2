"""What the JAX and torch trainers share: one program of one device, in which nothing has to be held back or gathered."""

import contextlib

from keras import ops

# Keras does not export this class, but its `fit` takes it as it is.
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from .processes import refuse_sharing


def replicas():
    """1: there is one device."""
    return 1


def drawn(sample, shape):
    """sample(shape)."""
    return sample(shape)


def whole(x):
    """x, which is the global batch."""
    return x


own_part = mean_over_replicas = whole


def batch_normalized(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) over all axes but the last."""
    y = ops.cast(x, "float32")
    axes = tuple(range(len(x.shape) - 1))
    mean, variance = ops.moments(y, axes)
    y = ops.batch_normalization(y, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=epsilon)
    return ops.cast(y, x.dtype), mean, variance


class SingleDevice:
    """The counterparts of what the TensorFlow trainer does for its replicas and its graphs."""

    def writing(self, variables):
        """Lets the assignments of a round be made at once."""
        return contextlib.nullcontext()

    draw, whole, mean_over_replicas = staticmethod(drawn), staticmethod(whole), staticmethod(mean_over_replicas)

    replicas = 1

    def refuse_devices(self, batch_size):
        """Refuses batches that devices cannot share equally."""
        refuse_sharing(self, batch_size)

    def as_dataset(self, begin, signature, length):
        """Makes what `fit` takes of a function that begins an iterator of batches; `length` is their number, if known."""
        rank, processes = self.rank, self.processes
        if processes == 1:
            return _Batches(begin, length)

        def part():
            for batch in begin():
                cut = len(next(iter(batch.values()))) // processes
                yield {name: array[rank * cut : (rank + 1) * cut] for name, array in batch.items()}

        return _Batches(part, length)


class _Batches(DataAdapter):
    """An adapter of our own, since Keras draws the first two batches of a generator before it calls the callbacks, and gives
    them again in the next epoch."""

    def __init__(self, begin, length):
        self._begin, self._length = begin, length

    def get_numpy_iterator(self):
        # The first iterator begins here, and not with the first batch: state may not be readable then.
        return ((batch,) for batch in self._begin())

    get_jax_iterator = get_torch_dataloader = get_numpy_iterator

    @property
    def num_batches(self):
        return self._length

    @property
    def batch_size(self):
        return None
