"""Every metric that is asked for, from one pass over the images; each comes back as a record."""

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_gan_zoo.metrics.definitions import METRICS, Once
from keras_gan_zoo.metrics.frechet import Moments
from keras_gan_zoo.metrics.protocol import Protocol
from keras_gan_zoo.metrics.records import DESCRIPTION, NONE, Record
from keras_gan_zoo.metrics.samples import Sample, is_array


def evaluate(
    fake: Any,
    real: Any = None,
    *,
    metrics: Sequence[str] = ("fid", "kid", "precision", "recall", "density", "coverage"),
    extractor: Any = None,
    labels: np.ndarray | None = None,
    real_labels: np.ndarray | None = None,
    train: Any = None,
    settings: dict[str, dict[str, Any]] | None = None,
    split: str = "none",
    seed: int | Sequence[int] | None = None,
    batch_size: int = 50,
    progress: bool = False,
) -> dict[str, Record]:
    """Measures generated images.

    Args:
        fake: generated images: uint8 (n, height, width, channels) in [0, 255], floats in [-1, 1], an iterable of such
            batches; their features (n, dimension), without an extractor; or a `Sample` of them.
        real: what they are compared with, in the same forms; or a `Sample` or `Moments` of it, from the same extractor.
        metrics: names, any of `METRICS`.
        extractor: network that sees the images, or what `feature_extractor` takes. None for metrics of
            pixels, or of features given.
        labels: classes of the fakes, integers (n,), for metrics within classes; or let batches be (images, labels).
        real_labels: the same for the real images.
        train: the images that the generator was trained on, in the same forms as `real`, for "memorization".
        settings: for each metric what differs from its defaults, such as {"kid": {"subsets": 50}}.
        split: data set and split of `real`, such as "mnist/test", for the record.
        seed: seed or seeds of the fakes, for the record.
        batch_size: images in a pass of the network.
        progress: show a progress bar.

    Returns:
        Name of the metric -> record, in the order of `metrics`.

    Raises:
        ValueError: an unknown metric or setting; something that a metric needs and was not given; images or features of a
            wrong shape or range, too few of them for the metric, or of another extractor than the reference's.
    """
    told = {"split": split, "seed": seed, "batch_size": batch_size, "progress": progress}
    protocol = Protocol.of(metrics, settings, extractor, **told)
    return records_of(fake, real, protocol, labels=labels, real_labels=real_labels, train=train)


def records_of(
    fake: Any,
    real: Any,
    protocol: Protocol,
    *,
    labels: np.ndarray | None = None,
    real_labels: np.ndarray | None = None,
    train: Any = None,
) -> dict[str, Record]:
    """What `evaluate` does, by a protocol."""
    chosen = protocol.settings
    given = {"real": _as_sample(real), "train": _as_sample(train)}
    _require_possible(protocol, fake, given)
    # Without an extractor only features have a number that counts; `gather` says what else is missing.
    if protocol.extractor is not None or isinstance(fake, Sample) or (is_array(fake) and np.ndim(fake) == 2):
        protocol.require_enough(fake=_count(fake), real=_count(given["real"]))
    fakes = fake if isinstance(fake, Sample) else protocol.gather(fake, "fake", labels)
    others = {
        kind: _other(images, fakes, protocol, kind, real_labels if kind == "real" else None)
        for kind, images in given.items()
        if protocol.needs(kind)
    }
    if "real" in others and _same(fakes, others["real"]):
        warnings.warn("fake and real are the same images, so this says nothing of a generator.", stacklevel=3)
    if fakes.scores is not None and fakes.scores.assigned is None and "inception_score" in chosen:
        # Images of a number that is not known beforehand cannot be shuffled.
        chosen = {**chosen, "inception_score": {**chosen["inception_score"], "shuffle_seed": "in turn"}}
    once = Once(fakes, others.get("real"), chosen)
    records = {}
    for name, told in chosen.items():
        metric = METRICS[name]
        result = metric.compute(fakes, *(others.get(kind) for kind in metric.others), once=once, **told)
        value, details = result if isinstance(result, tuple) else (result, {})
        if not np.isfinite(value):
            raise ValueError(
                f"{name} must be finite. Received: {value}. Fix: look at the images; broken ones give such values."
            )
        reference = others.get("real") if "real" in metric.others else None
        pixels = not metric.needs & {"moments", "features", "scores"}
        records[name] = Record(
            value=float(value),
            metric=name,
            **(NONE if pixels else {key: fakes.source[key] for key in DESCRIPTION}),
            n_real=reference.n if reference else 0,
            n_fake=fakes.n,
            reference_split=reference.split if reference else "none",
            seed=protocol.seed,
            settings=told,
            details=details,
        )
    return records


def _require_possible(protocol, fake, given):
    """Refuses what can be seen to fail before an image goes through a network."""
    for argument, images in {"fake": fake, **given}.items():
        if isinstance(images, (str, os.PathLike)):
            raise ValueError(
                f"{argument} must be images, their features, or batches. Received: {argument}={str(images)!r}. Fix: "
                "keras_gan_zoo.data.load_images(path).images, or keras_gan_zoo.evaluation.evaluate_source."
            )
    for name in protocol.settings:
        for kind in METRICS[name].others:
            if given[kind] is None:
                raise ValueError(f"{name} compares with {kind} images. Received: {kind}=None. Fix: pass {kind}=.")
            for need in METRICS[name].others[kind] if isinstance(given[kind], Sample) else ():
                if getattr(given[kind], need) is None:
                    raise ValueError(
                        f"The {kind} reference must hold {need}. Received: one that holds no {need}. Fix: gather(..., "
                        f"keep=(..., {need!r})), or the images."
                    )
            _require_one_shape(_shape(fake), _shape(given[kind]), kind)


def _as_sample(images):
    return Sample(images.n, images.source, moments=images) if isinstance(images, Moments) else images


def _shape(images):
    return images.shape[1:] if is_array(images) and np.ndim(images) == 4 else getattr(images, "image_shape", None)


def _count(images):
    return len(images) if is_array(images) else getattr(images, "n", None)


def _require_one_shape(fake, other, kind):
    if None not in (fake, other) and tuple(fake) != tuple(other):
        # A network would resize both, and give a number that is about their sizes.
        raise ValueError(
            f"Images must have one shape. Received: fakes of {sides(fake)}, the {kind} images {sides(other)}. Fix: bring "
            "them to one shape, as keras_gan_zoo.data.load_images(..., size=, channels=) does."
        )


def _same(fakes, real):
    """Whether both sets are the same images in one order, as far as what was kept of them tells."""
    if fakes.n != real.n:
        return False
    kept = [(getattr(fakes, kind), getattr(real, kind)) for kind in ("images", "features")]
    kept += [(fakes.moments and fakes.moments.mean, real.moments and real.moments.mean)]
    pairs = [pair for pair in kept if not any(part is None for part in pair)]
    return bool(pairs) and all(np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-9, atol=0) for a, b in pairs)


def _other(images, fakes, protocol, kind, labels):
    """The real or training images as a `Sample` that holds what is needed, from the extractor behind the fakes."""
    if not isinstance(images, Sample):
        images = protocol.gather(images, kind, labels, split=protocol.split)
    for key in DESCRIPTION if protocol.needs(kind) & {"moments", "features"} else ():
        if images.source.get(key) != fakes.source[key]:
            raise ValueError(
                f"The {kind} reference must be of the fakes' extractor. Received: the reference has "
                f"{key}={images.source.get(key)!r}, the fakes {key}={fakes.source[key]!r}."
            )
    _require_one_shape(fakes.image_shape, images.image_shape, kind)
    return images


def sides(shape: Sequence[int]) -> str:
    """An image's shape in words, such as "28 x 28 x 1"."""
    return " x ".join(map(str, shape))
