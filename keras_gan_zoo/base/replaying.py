"""Replay: a store of generated samples, from which discriminators see past ones beside those of now."""

from collections.abc import Callable

from keras import ops, tree

from ..data import Batch
from .batches import batch_size_of

# What says which entries of a store hold something: 1 there, 0 elsewhere. No field has such a name.
HELD = "is held"


def exchanged(new: Batch, past: Batch, uniform: Callable) -> tuple[Batch, Batch]:
    """Exchanges half of a batch, chosen at random, for as many random entries of a store.

    An entry that holds nothing yet takes what it is given and gives the same back. Half of an odd number is rounded up as
    often as down, so that batches of one are replayed too. A store with fewer entries is exchanged as a whole.

    Args:
        new: fields (n, ...).
        past: the same fields (entries, ...), and `HELD` (entries,).
        uniform: function of a shape that draws from U(0, 1).

    Returns:
        What is seen in place of `new`, and what the store holds then.
    """
    n, entries = batch_size_of(new), past[HELD].shape[0]
    # Pair i is the sample order[i] and the entry places[i]; so many pairs are exchanged. All sizes may be unknown when a
    # round is compiled, so nothing is cut: ranks say who is among them.
    order, places = ops.argsort(uniform((n,))), ops.argsort(uniform((entries,)))
    count = ops.floor(ops.cast(n, "float32") / 2 + uniform(()))
    count = ops.cast(ops.minimum(count, entries), "int32")
    of_sample, of_entry = (ops.cast(ops.argsort(index), "int32") for index in (order, places))
    entry_of = ops.take(places, ops.minimum(of_sample, entries - 1))
    sample_of = ops.take(order, ops.minimum(of_entry, n - 1))
    from_past = (of_sample < count) & (ops.take(past[HELD], entry_of) > 0)
    seen = {name: _chosen(from_past, ops.take(past[name], entry_of, axis=0), value) for name, value in new.items()}
    given = {HELD: ops.ones((n,)), **new}
    kept = {
        name: _chosen(of_entry < count, ops.take(given[name], sample_of, axis=0), ops.convert_to_tensor(value))
        for name, value in past.items()
    }
    return seen, kept


def grouped(batch: Batch, size: int) -> Batch:
    """(n, ...) -> (n / size, size, ...): neighbors that are judged together."""
    return tree.map_structure(lambda x: ops.reshape(x, (-1, size, *x.shape[1:])), batch)


def ungrouped(batch: Batch) -> Batch:
    """The inverse of `grouped`."""
    return tree.map_structure(lambda x: ops.reshape(x, (-1, *x.shape[2:])), batch)


def _chosen(which, first, second):
    """Rows of `first` where `which` says so, and of `second` elsewhere, in the dtype of `second`."""
    return ops.where(ops.reshape(which, (-1, *[1] * (len(first.shape) - 1))), ops.cast(first, second.dtype), second)
