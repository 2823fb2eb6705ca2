"""The results that presets store.

Protocol: 10,000 images of seed 0 in 8 bits, classes in turn where the model has some; FID against the images of the data
set's test split, on the features of the 2015 Inception network; and, where the zoo has a classifier for the data set, what
that one sees in the images.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluation import METRICS, N_IMAGES, SEED, SPLIT, generated, reference_of
from .metrics.features import CLASSIFIERS
from .presets import find_preset, load

if TYPE_CHECKING:
    from .metrics.records import Record


def measure_preset(
    name: str | Path,
    extractor: Any = None,
    *,
    n: int = N_IMAGES,
    seed: int = SEED,
    results: Iterable[str] | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
) -> dict[str, "Record"]:
    """The results that a preset stores: "FID", and what the zoo's classifier sees.

    Args:
        name: of a preset, or its folder.
        extractor: for the FID; None leaves it out.
        n: images to generate.
        seed: of the images.
        results: keys to measure; by default all that the preset can have.
        cache: folder for the statistics of real images.
        progress: show progress bars.
    """
    from .config import read_recipe
    from .metrics.measuring import records_of
    from .metrics.protocol import Protocol

    gan = load(name)
    data = read_recipe(find_preset(name)).data
    images, labels = generated(gan, n, seed)
    records = {}
    if extractor is not None and (results is None or "FID" in results):
        protocol = Protocol.of(METRICS, extractor=extractor, seed=seed, progress=progress)
        records["FID"] = records_of(images, reference_of(data.source, SPLIT, protocol, cache=cache), protocol)["fid"]
    if data.source in CLASSIFIERS:
        records |= seen_by_classifier(gan, images, labels, data.source, seed)
    return {key: record for key, record in records.items() if results is None or key in results}


def seen_by_classifier(gan: Any, images: np.ndarray, labels: np.ndarray | None, data: str, seed: int) -> dict[str, "Record"]:
    """What the classifier of a data set, which no generator was trained against, sees in a model's images.

    Returns:
        "rarest class": share of the class that it sees least often. For conditional models "label agreement": share of the
        images in which it sees the class that was asked for. For models that invent their classes, "code purity": the
        same, where a code means the class that it shows most often.
    """
    from .metrics.classifier import Classifier
    from .metrics.records import class_histogram, label_agreement

    classifier = Classifier(data)
    histogram = class_histogram(images, classifier, seed=seed)
    rarest = min(histogram.details["shares"])
    records = {"rarest class": dataclasses.replace(histogram, metric="share_of_rarest_class", value=rarest)}
    if "labels" in gan.fields():
        records["label agreement"] = label_agreement(images, labels, classifier, seed=seed)
    elif labels is not None:
        seen = classifier.probabilities(images).argmax(axis=1)
        # What a code means is the network's choice, so each code is named by the class that it shows most often.
        codes = range(gan.inputs()["labels"].classes)
        meaning = np.array([np.bincount(seen[labels == code], minlength=classifier.classes).argmax() for code in codes])
        record = label_agreement(images, meaning[labels], classifier, seed=seed)
        details = {**record.details, "class_of_code": meaning.tolist()}
        records["code purity"] = dataclasses.replace(record, metric="code_purity", details=details)
    return records
