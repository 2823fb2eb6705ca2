"""Results with all that it takes to repeat and to compare them: a number such as "FID 7.3" alone means nothing."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from keras_gan_zoo import provenance
from keras_gan_zoo.metrics.checks import as_labels

if TYPE_CHECKING:
    from keras_gan_zoo.metrics.classifier import Classifier

DESCRIPTION = ("extractor", "extractor_sha256", "resizer", "dtype")
PROTOCOL = ("metric", "settings", *DESCRIPTION, "n_real", "n_fake", "reference_split")
NONE = dict.fromkeys(DESCRIPTION, "none")


@dataclasses.dataclass(frozen=True)
class Record:
    """One measured value.

    Args:
        value, metric: the number, and what it measures.
        extractor, extractor_sha256: name of the network that saw the images, and of its weight file; "none" where the metric
            looks at the pixels.
        resizer: how images reached the network's input size; "none" where they had it.
        n_real, n_fake: real images behind the reference, 0 where the metric needs none; and images measured.
        reference_split: real data of the reference, as in "mnist/test"; "none" where the metric needs none.
        dtype: Keras dtype policy of the network.
        seed: seed or seeds behind the images, if there are any.
        settings, details: what the metric was told, such as {"k": 5}; and further results of the same measurement.
        backend, device, versions: Keras backend, its first device, and the version of each library that computes.
        commit: Git commit of the code ("-dirty" appended where files differ from it), or the installed version.
    """

    value: float
    metric: str
    extractor: str
    extractor_sha256: str
    resizer: str
    n_real: int
    n_fake: int
    reference_split: str
    dtype: str
    seed: int | Sequence[int] | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    backend: str = dataclasses.field(default_factory=keras.backend.backend)
    device: str = dataclasses.field(default_factory=provenance.device)
    versions: dict[str, str] = dataclasses.field(default_factory=provenance.versions)
    commit: str = dataclasses.field(default_factory=provenance.commit)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What `to_dict` gave, as a record. Keys that a record does not have (a card's "digits") are passed over."""
        fields = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in fields})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. `Record.from_dict` turns them back."""
        return dataclasses.asdict(self)


def compare(a: Record, b: Record) -> float:
    """a.value - b.value, for records of one protocol.

    Seeds, devices and library versions may differ; what defines the number may not.

    Raises:
        ValueError: the records were measured differently; the message names each field that differs, and both values.
    """
    if differing := differences(vars(a), vars(b), PROTOCOL):
        raise ValueError(f"Records must be of one protocol. Received: different protocols ({differing}).")
    return a.value - b.value


def differences(a: dict[str, Any], b: dict[str, Any], names: Iterable[str]) -> str:
    """The entries of these names in which two dictionaries differ, in words; "" where there are none."""
    return "; ".join(f"{name}: {a.get(name)!r} and {b.get(name)!r}" for name in names if a.get(name) != b.get(name))


def class_histogram(images: np.ndarray, classifier: "Classifier", *, seed: int | Sequence[int] | None = None) -> Record:
    """How images spread over the classes that a classifier sees in them.

        value = 1/2 sum_c |share_c - 1 / classes|

    the total variation distance from even shares: 0 where all classes are equally frequent, 1 - 1 / classes where only
    one is left. It measures missing modes, not quality.

    Args:
        images: (n, 28, 28, 1), uint8 in [0, 255] or floats in [-1, 1]. At least one.
        classifier: the judge.
        seed: seed or seeds of the images, for the record.

    Returns:
        A record; `details` has "shares" (a list over the classes, summing to 1), and "mean_confidence" (mean largest
        probability, in [1 / classes, 1]).

    Raises:
        ValueError: no images, or a wrong shape or range.
    """
    probabilities = _probabilities(images, classifier)
    shares = np.bincount(probabilities.argmax(axis=1), minlength=classifier.classes) / len(probabilities)
    distance = float(np.abs(shares - 1 / classifier.classes).sum() / 2)
    confidence = float(probabilities.max(axis=1).mean(dtype="float64"))
    details = {"shares": shares.tolist(), "mean_confidence": confidence}
    return record_of(distance, "class_histogram", classifier, len(probabilities), seed=seed, details=details)


def label_agreement(
    images: np.ndarray, labels: np.ndarray, classifier: "Classifier", *, seed: int | Sequence[int] | None = None
) -> Record:
    """Share of images in which a classifier sees the label that was asked for.

    Args:
        images: (n, 28, 28, 1), uint8 in [0, 255] or floats in [-1, 1]. At least one.
        labels: integers (n,) in [0, classes).
        classifier: the judge. Its own errors bound the value: compare with its test accuracy.
        seed: seed or seeds of the images, for the record.

    Returns:
        A record; value in [0, 1]. `details` has "per_class": the share for each label, None for one never asked for.

    Raises:
        ValueError: no images, a wrong shape or range, labels that are not integers of that range, one per image.
    """
    labels = as_labels(labels, len(images))
    probabilities = _probabilities(images, classifier)
    if labels.min() < 0 or labels.max() >= classifier.classes:
        raise ValueError(f"labels must lie in 0 to {classifier.classes - 1}. Received: {labels.min()} to {labels.max()}.")
    right = probabilities.argmax(axis=1) == labels
    per_class = [right[labels == c] for c in range(classifier.classes)]
    details = {"per_class": [float(r.mean()) if len(r) else None for r in per_class]}
    return record_of(float(right.mean()), "label_agreement", classifier, len(labels), seed=seed, details=details)


def described(extractor: Any) -> dict[str, str]:
    """The fields of a record that say which network saw the images, and how."""
    values = extractor.name, extractor.sha256, extractor.resizer, extractor.dtype
    return dict(zip(DESCRIPTION, values, strict=True))


def _probabilities(images, classifier):
    if not len(images):
        raise ValueError("images must hold one at least. Received: no images.")
    return classifier.probabilities(images)


def record_of(value: float, metric: str, judge: Any, n: int, *, n_real: int = 0, **fields: Any) -> Record:
    """A record of n images that a network or a distance has seen, without a reference; `fields` are further ones."""
    return Record(value, metric, **described(judge), n_real=n_real, n_fake=n, reference_split="none", **fields)
