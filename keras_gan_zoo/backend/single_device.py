"""What the JAX and torch trainers share: there is one device, and nothing has to be held back or gathered."""

import contextlib


class SingleDevice:
    """Counterparts of what the TensorFlow trainer does for its replicas and its graphs."""

    def writing(self, variables):
        """Assignments of a round are made where they stand."""
        return contextlib.nullcontext()

    def draw(self, sample, shape):
        """sample(shape)."""
        return sample(shape)

    @staticmethod
    def as_dataset(batches, signature):
        """What `fit` takes, a generator of tuples, from a function that begins an iterator of batches."""
        return (batch if isinstance(batch, tuple) else (batch,) for batch in batches())
