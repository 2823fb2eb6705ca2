"""What one pass over a set of images leaves behind for the metrics: moments, features, scores, the images themselves."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any, Self

import keras
import numpy as np

from keras_gan_zoo.data.checks import as_array, check_integer
from keras_gan_zoo.metrics.checks import as_rows
from keras_gan_zoo.metrics.features import extractor_of
from keras_gan_zoo.metrics.frechet import Moments
from keras_gan_zoo.metrics.images import Quantizer, require_axes
from keras_gan_zoo.metrics.records import NONE, described, differences
from keras_gan_zoo.metrics.scores import ScoreSums, split_assignment

KINDS = ("moments", "features", "scores", "images", "labels")
GIVEN = {**NONE, "extractor": "features as given"}


@dataclasses.dataclass
class Sample:
    """A set of images, as far as the metrics need it. What was not asked for is None.

    Attributes:
        n: number of images.
        source: extractor, extractor_sha256, resizer and dtype behind the features, and the split, as strings.
        moments: of the features.
        features: (n, dimension) float32.
        scores: sums of class probabilities, for the Inception Score.
        images: uint8 (n, height, width, channels).
        labels: integers (n,).
        image_shape: (height, width, channels) of all images; None where it is not known, as for features given.
    """

    n: int
    source: dict[str, str]
    moments: Moments | None = None
    features: np.ndarray | None = None
    scores: ScoreSums | None = None
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    image_shape: tuple[int, int, int] | None = None

    @property
    def split(self) -> str:
        return self.source.get("split", "none")

    def merge(self, other: "Sample") -> Self:
        """Takes in the images of `other`, which come after these; a ValueError unless both are and hold the same kind."""
        ours, theirs = (
            {**sample.source, "image_shape": sample.image_shape, "kept": sample._kept()} for sample in (self, other)
        )
        if differing := differences(ours, theirs, {**ours, **theirs}):
            raise ValueError(f"Samples to merge must be alike. Received: two that differ ({differing}).")
        self.n += other.n
        for kind in self._kept():
            mine, further = getattr(self, kind), getattr(other, kind)
            setattr(self, kind, np.concatenate([mine, further]) if is_array(mine) else mine.merge(further))
        return self

    def _kept(self):
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    def arrays(self) -> dict[str, Any]:
        """All that it holds, by name, for an .npz file."""
        arrays = {"n": self.n, "source": json.dumps(self.source), "image_shape": self.image_shape or ()}
        for kind in self._kept():
            part = getattr(self, kind)
            arrays |= {kind: part} if is_array(part) else {f"{kind}/{name}": a for name, a in part.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The sample that `arrays` gave."""
        sample = cls(int(arrays["n"]), json.loads(str(arrays["source"])))
        sample.image_shape = tuple(map(int, arrays["image_shape"])) or None
        for kind, of in (("moments", Moments), ("scores", ScoreSums)):
            if part := below(kind, arrays):
                setattr(sample, kind, of.from_arrays(part))
        for kind in ("features", "images", "labels"):
            setattr(sample, kind, arrays.get(kind))
        return sample


def below(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `name/`, by the rest of their names."""
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}


def gather(
    images: Any,
    extractor: Any = None,
    keep: Iterable[str] = ("moments",),
    *,
    labels: np.ndarray | None = None,
    split: str = "none",
    batch_size: int = 50,
    splits: int = 10,
    shuffle_seed: int | None = 2020,
    first: int = 0,
    total: int | None = None,
    progress: str | None = None,
) -> Sample:
    """Passes once over images, or over features.

    Moments and scores are sums, so memory does not grow with the number of images unless features or images are kept.

    Args:
        images: uint8 (n, height, width, channels) in [0, 255] or floats in [-1, 1], which are quantized; or an iterable
            of such batches, or of pairs (images, labels); or, without an extractor, features (n, dimension).
        extractor: see `feature_extractor`. None where `images` are features, or where only images are kept.
        keep: any of "moments", "features", "scores", "images", "labels".
        labels: integers (n,), where `images` is one array.
        split: data set and split that the images come from, such as "mnist/test".
        batch_size: images in a pass of the network, where `images` is one array.
        splits: of the Inception Score.
        shuffle_seed: of the Inception Score's order of images; None keeps their order. Either needs their number, so
            images from an iterable go to the splits in turn.
        first, total: where the images are a part of a larger set, the number of those before them, and of all; for the
            splits of the Inception Score.
        progress: what a progress bar on the terminal calls the images; None for no bar.

    Raises:
        ValueError: no images, another shape or range, batches of images of different sizes.
    """
    keep = set(keep)
    if unknown := keep - set(KINDS):
        raise ValueError(f"keep must be among {', '.join(KINDS)}. Received: {', '.join(map(repr, sorted(unknown)))}.")
    extractor = extractor_of(extractor)
    check_integer(batch_size, "batch_size", 1)
    count = len(images) if is_array(images) else None
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and count not in (None, len(labels)):
        raise ValueError(f"labels must be one for each image. Received: {len(labels)} entries for {count} images.")
    if extractor is None and is_array(images) and np.ndim(images) == 2:
        return _of_features(images, keep, labels, split)
    if extractor is None and keep & {"moments", "features", "scores"}:
        raise ValueError("extractor=None takes features (n, dimension), and these are images. Fix: pass an extractor.")
    sample = Sample(0, {**(described(extractor) if extractor else NONE), "split": split})
    if "moments" in keep:
        sample.moments = Moments(extractor.dimension, sample.source)
    if "scores" in keep:
        if extractor.classes is None:
            raise ValueError(
                f"The Inception Score needs class logits. Received: weights of {extractor.name!r}, which have none. Fix: "
                "load weights with the logits layer, or leave inception_score out."
            )
        order = None if count is None else split_assignment(total or count, splits, shuffle_seed)[first : first + count]
        sample.scores = ScoreSums(splits, order, first)
    kept = {kind: [] for kind in keep & {"features", "images", "labels"}}
    bar, quantize = keras.utils.Progbar(count, unit_name=progress) if progress else None, Quantizer()
    if count is not None:
        images = np.asarray(as_array(images))
        quantize.look_at(images)
    for batch, batch_labels in batches(images, labels, batch_size):
        require_axes(np.shape(batch), (1, 3, 4))
        batch = quantize(batch)
        shape = sample.image_shape = sample.image_shape or batch.shape[1:]
        if batch.shape[1:] != shape:
            raise ValueError(f"Images must have one shape. Received: several shapes, {shape} and {batch.shape[1:]}.")
        features, logits = extractor.extract(batch, batch_size) if keep & {"moments", "features", "scores"} else (None, None)
        if sample.moments is not None:
            sample.moments.update(features)
        if sample.scores is not None:
            sample.scores.update(logits)
        for kind, part in (("features", features), ("images", batch), ("labels", batch_labels)):
            if kind in kept:
                kept[kind].append(_required(part, kind))
        sample.n += len(batch)
        if bar:
            bar.add(len(batch))
    if not sample.n:
        raise ValueError("There are no images. Fix: pass at least one; check how they were selected or read.")
    for kind, parts in kept.items():
        setattr(sample, kind, np.concatenate(parts))
    return sample


def is_array(images: Any) -> bool:
    """Whether something is one array, rather than an iterable of batches."""
    return hasattr(images, "ndim") and hasattr(images, "dtype")


def batches(images: Any, labels: np.ndarray | None, size: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """(images, labels or None) of at most `size` images each; an iterable's own batches are passed on as they are."""
    if is_array(images):
        # Several passes of the network in each batch, since moments are products that are slow on few rows.
        step = 10 * size
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            yield images[part], None if labels is None else labels[part]
        return
    if labels is not None:
        raise ValueError("labels was given beside batches. Fix: let the batches be pairs (images, labels).")
    for batch in images:
        batch, batch_labels = batch if isinstance(batch, tuple) and len(batch) == 2 else (batch, None)
        yield np.asarray(as_array(batch)), None if batch_labels is None else np.asarray(batch_labels)


def _of_features(features, keep, labels, split):
    if "scores" in keep or "images" in keep:
        raise ValueError("This metric takes images, and features (n, dimension) were given. Fix: pass the images.")
    features, source = as_rows(features, "features"), {**GIVEN, "split": split}
    if "labels" in keep:
        _required(labels, "labels")
    moments = Moments.of(features, source) if "moments" in keep else None
    return Sample(len(features), source, moments, features, labels=labels)


def _required(part, kind):
    if part is None:
        raise ValueError(f"This metric needs {kind}. Received: none. Fix: pass {kind}=, or batches (images, {kind}).")
    return part
