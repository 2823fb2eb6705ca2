"""A batch is images, or a tuple whose first part is images and whose others are their conditions (labels)."""

from typing import Any

from keras import ops, tree


def images_of(batch: Any) -> Any:
    return batch[0] if isinstance(batch, tuple) else batch


def with_images(batch: Any, images: Any) -> Any:
    return (images, *batch[1:]) if isinstance(batch, tuple) else images


def batch_size_of(batch: Any) -> Any:
    return ops.shape(images_of(batch))[0]


def joined(first: Any, second: Any) -> Any:
    """One batch of the samples of both, in this order."""
    return tree.map_structure(lambda a, b: ops.concatenate([a, b], axis=0), first, second)


def per_sample(scores: Any) -> Any:
    """(batch, 1) -> (batch,), so that no loss broadcasts scores against scores; patch maps lose their last axis of 1."""
    return ops.squeeze(scores, axis=-1) if len(scores.shape) > 1 and scores.shape[-1] == 1 else scores


def minibatches(batch: Any, count: int) -> list[Any]:
    """Cuts a batch into `count` equal parts."""
    if count == 1:
        return [batch]
    size = images_of(batch).shape[0]
    if size is not None and size % count:
        raise ValueError(
            f"A round needs {count} minibatches of equal size, but the batch has {size} images; "
            f"pass a multiple of {count} to train_on_batch."
        )
    parts = tree.map_structure(lambda x: ops.reshape(x, (count, -1, *x.shape[1:])), batch)
    return [tree.map_structure(lambda x, i=i: x[i], parts) for i in range(count)]


def scaled(batch: Any) -> Any:
    """Images of dtype uint8 become floats in [-1, 1]; floats are taken as being there already."""
    images = ops.convert_to_tensor(images_of(batch))
    if "uint8" in str(images.dtype):
        images = ops.cast(images, "float32") / 127.5 - 1.0
    conditions = batch[1:] if isinstance(batch, tuple) else ()
    return (images, *map(ops.convert_to_tensor, conditions)) if conditions else images
