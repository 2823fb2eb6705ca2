"""The metrics that `evaluate` knows by name: what each needs of the images, and how it comes to its value."""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from keras_gan_zoo.metrics.accuracy_score import classification_accuracy_score
from keras_gan_zoo.metrics.bins import number_of_different_bins
from keras_gan_zoo.metrics.copies import birthday_paradox, memorization
from keras_gan_zoo.metrics.frechet import Moments, fid_infinity, frechet_distance
from keras_gan_zoo.metrics.kernel import kernel_distance
from keras_gan_zoo.metrics.manifolds import manifold_metrics
from keras_gan_zoo.metrics.samples import GIVEN
from keras_gan_zoo.metrics.similarity import ms_ssim_diversity, psnr, ssim
from keras_gan_zoo.metrics.wasserstein import sliced_wasserstein


class Metric(NamedTuple):
    """How `evaluate` comes to one metric."""

    needs: frozenset[str]  # what a pass has to keep of the fakes, see `gather`
    # (fake, real, train, once, **settings) -> value, or (value, details); `once` is what metrics share.
    compute: Callable[..., float | tuple[float, dict[str, Any]]]
    others: dict[str, frozenset[str]]  # the same for "real" and "train", as far as it compares with them

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that can be passed, with their defaults."""
        parameters = inspect.signature(self.compute).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


METRICS: dict[str, Metric] = {}


class Once:
    """Computes what several metrics need a single time."""

    def __init__(self, fake, real, chosen):
        self.chosen = chosen
        self.of_features = functools.cache(lambda function, *arguments: function(real.features, fake.features, *arguments))

    def manifolds(self, name, k):
        """One of precision, recall, density and coverage; the distances are computed once where both pairs are asked for."""
        pairs = ("precision", "recall"), ("density", "coverage")
        ks = (k if name in pair else self._k_of(pair) for pair in pairs)
        return getattr(self.of_features(manifold_metrics, *ks), name)

    def _k_of(self, names):
        return next((self.chosen[name]["k"] for name in names if name in self.chosen), None)


def _metric(name, *needs, **others):
    """Registers a metric; where nothing is said of the others, it needs of the real images what it needs of the fakes."""
    others = {kind: frozenset(kept) for kind, kept in (others or {"real": needs}).items() if kept is not None}

    def register(compute):
        METRICS[name] = Metric(frozenset(needs), compute, others)
        return compute

    return register


@_metric("fid", "moments")
def _fid(fake, real, once):
    n, dimension = min(fake.n, real.n), fake.moments.dimension
    if n <= dimension and fake.source["extractor"] != GIVEN["extractor"]:
        message = f"FID of {n} images and {dimension} features is far above its limit; compare equal n only."
        warnings.warn(message, stacklevel=4)
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
    result = once.of_features(number_of_different_bins, bins, seed)
    return result.ndb / bins, {"different_bins": int(result.ndb)}


@_metric("jsd", "features")
def _jsd(fake, real, once, bins=100, seed=0):
    """Jensen-Shannon divergence, in nats, between the shares of real and fake in those bins."""
    return once.of_features(number_of_different_bins, bins, seed).jsd


@_metric("intra_fid", "features", "labels")
def _intra_fid(fake, real, once):
    """Mean over the classes of the FID within a class."""
    classes = np.unique(real.labels)
    if missing := sorted(set(np.unique(fake.labels)) ^ set(classes)):
        raise ValueError(f"labels must be of the same classes. Received: {missing} among the fakes or the real images only.")
    within = []
    for c in classes:
        parts = [sample.features[sample.labels == c] for sample in (real, fake)]
        if min(map(len, parts)) < 2:
            raise ValueError(
                f"labels must have 2 real and 2 fake images of each class or more. Received: {len(parts[0])} and "
                f"{len(parts[1])} of class {c}."
            )
        within.append(frechet_distance(*map(Moments.of, parts)))
    return float(np.mean(within)), {"per_class": within}


@_metric("memorization", "features", real=("features",), train=("features",))
def _memorization(fake, real, train, once):
    """Share of fakes that are nearer to a training image than all but 1 % of held-out real images are."""
    result = memorization(train.features, real.features, fake.features)
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


@_metric("intra_ms_ssim", "images", "labels")
def _intra_ms_ssim(fake, real, once, pairs=200, seed=0):
    """Mean MS-SSIM of random pairs of fakes of the same class, so many of each; its details have that of the real images."""
    result, of_real = (ms_ssim_diversity(sample.images, pairs, sample.labels, seed) for sample in (fake, real))
    return result.mean, {"standard_error": result.standard_error, "real": of_real.mean}


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
