"""A batch is a dictionary: name of a field -> tensor (batch, ...)."""

from typing import Any

from keras import ops, tree

from ..data import Batch


def batch_size_of(batch: Batch) -> Any:
    return ops.shape(next(iter(batch.values())))[0]


def joined(first: Batch, second: Batch) -> Batch:
    """Joins the samples of both batches, in this order, with the fields that both have."""
    return {name: ops.concatenate([first[name], second[name]], axis=0) for name in first if name in second}


def stopped(batch: Batch) -> Batch:
    """Returns the same values, through which no gradient flows."""
    return tree.map_structure(ops.stop_gradient, batch)


def per_sample(scores: Any) -> Any:
    """Turns (batch, 1) into (batch,), so that no loss broadcasts scores against scores; patch maps lose their last axis."""
    return ops.squeeze(scores, axis=-1) if len(scores.shape) > 1 and scores.shape[-1] == 1 else scores


def minibatches(batch: Batch, count: int) -> list[Batch]:
    """Cuts a batch into `count` equal parts."""
    if count == 1:
        return [batch]
    size = next(iter(batch.values())).shape[0]
    if size is not None and size % count:
        raise ValueError(
            f"A round takes {count} minibatches of equal size. Received: a batch of {size} {next(iter(batch))}. Fix: pass a "
            f"multiple of {count} to train_on_batch."
        )
    parts = tree.map_structure(lambda x: ops.reshape(x, (count, -1, *x.shape[1:])), batch)
    return [tree.map_structure(lambda x, i=i: x[i], parts) for i in range(count)]
