"""What the JAX and torch trainers share: `fit` takes its batches from Python, where TensorFlow has data sets."""

import contextlib

# Keras does not export this class, but its `fit` takes it as it is.
from keras.src.trainers.data_adapters.data_adapter import DataAdapter


class PythonData:
    """The data and the checks of a trainer whose batches come from Python; each process takes its part of them."""

    making_variables = staticmethod(contextlib.nullcontext)
    # The number of gradients that an optimizer adds up: what `differentiate` returns is that of the global batch.
    addends = 1

    def refuse_devices(self):
        """Refuses what the devices of this backend cannot share: nothing."""

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
