"""Every metric that is asked for, from one pass over the images; each comes back as a record.

    extractor = feature_extractor("inception", weights="inception.npz")
    records = evaluate(fake, real, metrics=("fid", "kid", "precision", "recall"), extractor=extractor)
    print(records["fid"].value)

The formulas are in the modules that the metrics come from; what a metric is told (subsets, k, splits) is in its record.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_gan_zoo.metrics.accuracy_score import classification_accuracy_score
from keras_gan_zoo.metrics.bins import number_of_different_bins
from keras_gan_zoo.metrics.frechet import Moments, fid_infinity, frechet_distance
from keras_gan_zoo.metrics.kernel import kernel_distance
from keras_gan_zoo.metrics.neighbours import (
    birthday_paradox,
    density_coverage,
    manifold_metrics,
    memorisation,
    precision_recall,
)
from keras_gan_zoo.metrics.records import DESCRIPTION, NONE, Record
from keras_gan_zoo.metrics.samples import GIVEN, Sample, gather
from keras_gan_zoo.metrics.similarity import ms_ssim_diversity, psnr, ssim
from keras_gan_zoo.metrics.wasserstein import sliced_wasserstein


class Metric(NamedTuple):
    """How `evaluate` comes to one metric.

    Attributes:
        needs: what a pass has to keep of the fakes, see `gather`.
        compute: (fake, real, train, once, **settings) -> value, or (value, details). `once` is what metrics share.
        others: "real" and "train", as far as it compares with them -> what a pass has to keep of those.
    """

    needs: frozenset[str]
    compute: Callable[..., float | tuple[float, dict[str, Any]]]
    others: dict[str, frozenset[str]]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that can be passed, with their defaults."""
        parameters = inspect.signature(self.compute).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


METRICS: dict[str, Metric] = {}


class _Once:
    """Computes what several metrics need a single time."""

    def __init__(self, fake, real, chosen):
        self.chosen = chosen
        self._known = functools.cache(lambda function, *arguments: function(real, fake, *arguments))

    def features(self, function, *arguments):
        """A function of the real and the fake features."""
        return self._known(_on_features, function, *arguments)

    def manifolds(self, name, k):
        """One of precision, recall, density and coverage; the distances are computed once where both pairs are asked for."""
        first, second = ("precision", "recall"), ("density", "coverage")
        own, other = (first, second) if name in first else (second, first)
        other_k = next((self.chosen[o]["k"] for o in other if o in self.chosen), None)
        if other_k is None:
            return getattr(self.features(precision_recall if own is first else density_coverage, k), name)
        return getattr(self.features(manifold_metrics, *((k, other_k) if own is first else (other_k, k))), name)


def _on_features(real, fake, function, *arguments):
    return function(real.features, fake.features, *arguments)


def _metric(name, *needs, **others):
    """Registers a metric; where nothing is said of the others, it needs of the real images what it needs of the fakes."""
    others = {kind: frozenset(kept) for kind, kept in (others or {"real": needs}).items() if kept is not None}

    def register(compute):
        METRICS[name] = Metric(frozenset(needs), compute, others)
        return compute

    return register


def known_metrics(names: Sequence[str]) -> list[Metric]:
    """The metrics of these names.

    Raises:
        ValueError: a name that is unknown.
    """
    for name in names:
        if name not in METRICS:
            raise ValueError(f"metrics has {name!r}, which is unknown; possible are {', '.join(METRICS)}.")
    return [METRICS[name] for name in names]


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

    once = _Once(fakes, others.get("real"), chosen)
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


# The metrics ---------------------------------------------------------------------------------------------------------------


@_metric("fid", "moments")
def _fid(fake, real, once):
    smaller = min(fake.n, real.n)
    if smaller <= fake.moments.dimension and fake.source["extractor"] != GIVEN["extractor"]:
        message = (
            f"FID of {smaller} images and {fake.moments.dimension} features is far above its limit; compare equal n only."
        )
        warnings.warn(message, stacklevel=3)
    return frechet_distance(real.moments, fake.moments)


@_metric("fid_infinity", "features", real=("moments",))
def _fid_infinity(fake, real, once, sizes=15, smallest=5000, seed=0):
    result = fid_infinity(fake.features, real.moments, sizes=sizes, smallest=smallest, seed=seed)
    return result.value, {"slope": result.slope, "standard_error": result.standard_error}


@_metric("kid", "features")
def _kid(fake, real, once, subsets=100, subset_size=1000, seed=2020):
    result = kernel_distance(real.features, fake.features, subsets=subsets, subset_size=subset_size, seed=seed)
    return result.mean, {"std": result.std}


@_metric("inception_score", "scores", real=None)
def _inception_score(fake, once, splits=10, shuffle_seed=2020):
    result = fake.scores.result()
    return result.mean, {"std": result.std}


def _manifold(name, default):
    @_metric(name, "features")
    def compute(fake, real, once, k=default):
        return once.manifolds(name, k)


for _name, _k in (("precision", 3), ("recall", 3), ("density", 5), ("coverage", 5)):
    _manifold(_name, _k)


@_metric("ndb", "features")
def _ndb(fake, real, once, bins=100, seed=0):
    """Share of k-means bins of the real features in which the fakes' share differs at the 5 % level."""
    result = once.features(number_of_different_bins, bins, seed)
    return result.ndb / bins, {"different_bins": int(result.ndb)}


@_metric("jsd", "features")
def _jsd(fake, real, once, bins=100, seed=0):
    """Jensen-Shannon divergence, in nats, between the shares of real and fake in those bins."""
    return once.features(number_of_different_bins, bins, seed).jsd


@_metric("intra_fid", "features", "labels")
def _intra_fid(fake, real, once):
    """Mean over the classes of the FID within a class."""
    classes = np.unique(real.labels)
    if missing := sorted(set(np.unique(fake.labels)) ^ set(classes)):
        raise ValueError(f"labels: the classes {missing} are among the fakes or among the real images only.")
    within = []
    for c in classes:
        parts = [sample.features[sample.labels == c] for sample in (real, fake)]
        if min(map(len, parts)) < 2:
            raise ValueError(
                f"labels: class {c} has {len(parts[0])} real and {len(parts[1])} fake images; it takes 2 of each."
            )
        within.append(frechet_distance(*map(Moments.of, parts)))
    return float(np.mean(within)), {"per_class": within}


@_metric("memorisation", "features", real=("features",), train=("features",))
def _memorisation(fake, real, train, once):
    """Share of fakes that are nearer to a training image than all but 1 % of held-out real images are."""
    result = memorisation(train.features, real.features, fake.features)
    return result.share_near_train, {"ks_statistic": result.ks_statistic, "p_value": result.p_value, "n_train": train.n}


@_metric("birthday_paradox", "features")
def _birthday(fake, real, once, batch_size=400):
    """Size of the support that as many near-duplicates as were found speak for."""
    result = birthday_paradox(fake.features, real.features, batch_size=batch_size)
    return result.support, {"bound": result.bound, "share_of_batches": result.share, "batches": result.batches}


@_metric("ms_ssim", "images", real=None)
def _ms_ssim(fake, once, pairs=1000, seed=0):
    """Mean MS-SSIM of random pairs of fakes; lower is more diverse."""
    result = ms_ssim_diversity(fake.images, pairs=pairs, seed=seed)
    return result.mean, {"standard_error": result.standard_error}


@_metric("sliced_wasserstein", "images")
def _sliced_wasserstein(fake, real, once, seed=0):
    result = sliced_wasserstein(real.images, fake.images, seed=seed)
    return result.mean, {"levels": dict(result.levels)}


@_metric("psnr", "images")
def _psnr(fake, real, once, channel="rgb", border=0):
    """Mean over pairs: fake i is a restoration of real i."""
    return float(np.mean(psnr(real.images, fake.images, channel=channel, border=border)))


@_metric("ssim", "images")
def _ssim(fake, real, once, channel="rgb", border=0):
    return float(np.mean(ssim(real.images, fake.images, channel=channel, border=border)))


@_metric("classification_accuracy_score", "images", "labels")
def _accuracy_score(fake, real, once, epochs=3, seed=0):
    """Accuracy on the real images of a classifier that was trained on the fakes only."""
    result = classification_accuracy_score(fake.images, fake.labels, real.images, real.labels, epochs=epochs, seed=seed)
    return result.gan_train, {"training": result.settings}
