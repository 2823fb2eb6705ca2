"""Every metric that is asked for, from one pass over the images; each comes back as a record.

    extractor = feature_extractor("inception", weights="inception.npz")
    records = evaluate(fake, real, metrics=("fid", "kid", "precision", "recall"), extractor=extractor)
    print(records["fid"].value)

What a metric is told (subsets, k, splits) is in its record.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_gan_zoo.metrics.definitions import METRICS, Once, known_metrics
from keras_gan_zoo.metrics.frechet import Moments
from keras_gan_zoo.metrics.records import DESCRIPTION, NONE, Record
from keras_gan_zoo.metrics.samples import Sample, gather


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
            batches; or their features (n, dimension), without an extractor.
        real: what they are compared with, in the same forms; or a `Sample` or `Moments` of it, from the same extractor.
        metrics: names, any of `METRICS`.
        extractor: network that sees the images, see `feature_extractor`. None for metrics of pixels, or of features given.
        labels: classes of the fakes, integers (n,), for metrics within classes; or let batches be (images, labels).
        real_labels: the same for the real images.
        train: the images that the generator was trained on, in the same forms as `real`, for "memorisation".
        settings: for each metric what differs from its defaults, as {"kid": {"subsets": 50}}.
        split: data set and split of `real`, as "mnist/test", for the record.
        seed: seed or seeds of the fakes, for the record.
        batch_size: images in a pass of the network.
        progress: show a progress bar.

    Returns:
        Name of the metric -> record, in the order of `metrics`.

    Raises:
        ValueError: an unknown metric or setting; something that a metric needs and was not given; images or features of a
            wrong shape or range, too few of them for the metric, or of another extractor than the reference's.
    """
    known_metrics(metrics)
    chosen = {name: _settings(name, settings or {}) for name in metrics}
    if unused := set(settings or {}) - set(chosen):
        raise ValueError(f"settings are given for {sorted(unused)}, which metrics={list(metrics)} does not have.")
    needs = {kind for name in chosen for kind in METRICS[name].needs}
    scores = chosen.get("inception_score", {})
    options = {"batch_size": batch_size, **({key: scores[key] for key in ("splits", "shuffle_seed") if key in scores})}
    fakes = gather(fake, extractor, needs, labels=labels, progress="fake image" if progress else None, **options)
    given = {"real": real, "train": train}
    others = {}
    for kind, images in given.items():
        names = [name for name in chosen if kind in METRICS[name].others]
        if not names:
            continue
        wanted = {need for name in names for need in METRICS[name].others[kind]}
        if images is None:
            raise ValueError(f"{', '.join(names)} compares with {kind} images, and there are none. Fix: pass {kind}=.")
        bar = f"{kind} image" if progress else None
        classes = real_labels if kind == "real" else None
        others[kind] = _other(images, fakes, extractor, wanted, kind, split, classes, bar, batch_size)

    once = Once(fakes, others.get("real"), chosen)
    records = {}
    for name, told in chosen.items():
        metric = METRICS[name]
        result = metric.compute(fakes, *(others.get(kind) for kind in metric.others), once=once, **told)
        value, details = result if isinstance(result, tuple) else (result, {})
        if not np.isfinite(value):
            raise ValueError(f"{name} is {value}. Fix: look at the images; constant or broken ones give such values.")
        reference = others.get("real") if "real" in metric.others else None
        pixels = not metric.needs & {"moments", "features", "scores"}
        described = NONE if pixels else {key: fakes.source[key] for key in DESCRIPTION}
        records[name] = Record(
            value=float(value),
            metric=name,
            **described,
            n_real=reference.n if reference else 0,
            n_fake=fakes.n,
            reference_split=reference.split if reference else "none",
            seed=seed,
            settings=told,
            details=details,
        )
    return records


def _settings(name, given):
    defaults, own = METRICS[name].settings, given.get(name, {})
    if unknown := set(own) - set(defaults):
        raise ValueError(f"settings of {name!r} has {sorted(unknown)}; possible are {', '.join(defaults) or 'none'}.")
    return {**defaults, **own}


def _other(images, fakes, extractor, needs, kind, split, labels, bar, batch_size):
    """The real or training images as a `Sample` that holds what is needed, from the extractor behind the fakes."""
    if isinstance(images, Moments):
        images = Sample(images.n, images.source, moments=images)
    if not isinstance(images, Sample):
        images = gather(images, extractor, needs, labels=labels, split=split, batch_size=batch_size, progress=bar)
    for need in needs:
        if getattr(images, need) is None:
            raise ValueError(f"The {kind} reference holds no {need}. Fix: gather(..., keep=(..., {need!r})), or the images.")
    for key in DESCRIPTION if needs & {"moments", "features"} else ():
        if images.source.get(key) != fakes.source[key]:
            raise ValueError(f"The {kind} reference has {key} {images.source.get(key)!r}, the fakes {fakes.source[key]!r}.")
    shapes = [sample.image_shape for sample in (fakes, images)]
    if None not in shapes and shapes[0] != shapes[1]:
        # A network would resize both, and give a number that is about their sizes.
        raise ValueError(
            f"The fakes are {sides(shapes[0])}, the {kind} images {sides(shapes[1])}. Fix: bring them to one shape, as "
            "keras_gan_zoo.data.load_images(..., size=, channels=) does."
        )
    return images


def sides(shape: Sequence[int]) -> str:
    """An image's shape in words, as "28 x 28 x 1"."""
    return " x ".join(map(str, shape))
