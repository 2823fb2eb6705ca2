"""References: what a set of real images looks like to an extractor, computed once and kept.

Kept under the hash of the images' content, so that a changed data set, network or resizer is never mistaken for another.
The statistics of the test splits of MNIST and CIFAR-10 under legacy resizing are shipped, written by
`python -m benchmarks references`; those of others would be too large.
"""

import hashlib
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from keras_gan_zoo.files import cache_folder, whole_file
from keras_gan_zoo.metrics.features import extractor_of
from keras_gan_zoo.metrics.frechet import Moments
from keras_gan_zoo.metrics.records import described
from keras_gan_zoo.metrics.samples import Sample, gather, is_array
from keras_gan_zoo.untrusted import read_npz, why_not_regular

SHIPPED = Path(__file__).parent / "statistics"
# Shapes of the images behind what is shipped, which the files do not hold.
SHAPES = {"mnist/test": (28, 28, 1), "cifar10/test": (32, 32, 3)}


def content_hash(images: np.ndarray) -> str:
    """sha256 of shape, dtype and values of an array of images, in hexadecimal."""
    images = np.ascontiguousarray(images)
    return hashlib.sha256(f"{images.shape} {images.dtype}".encode() + images.tobytes()).hexdigest()


def reference(
    images: Any,
    extractor: Any,
    *,
    split: str,
    keep: Iterable[str] = ("moments",),
    content: str | None = None,
    cache: str | Path | None = None,
    batch_size: int = 50,
    progress: bool = False,
) -> Sample:
    """Moments, and features where they are asked for, of real images; read from the cache where they are known.

    Args:
        images: uint8 (n, height, width, channels); or an iterable of batches that has an `image_shape`, with `content`.
        extractor: see `feature_extractor`.
        split: data set and split, such as "mnist/test", for the records.
        keep: "moments", "features" or both. Features take 4 bytes x dimension for each image, also on the disk.
        content: what names the images in the cache, in place of their hash.
        cache: folder; by default `references` in `keras_gan_zoo.files.cache_folder()`.
        batch_size, progress: as in `gather`.

    What cannot be kept is computed all the same, with a warning.
    """
    extractor, keep = extractor_of(extractor), {"moments", *keep}
    gathered = {"split": split, "batch_size": batch_size, "progress": "real image" if progress else None}
    if extractor.sha256.startswith("unknown-"):
        # Nothing says what such an extractor computes, so nothing of it is ever found again.
        return gather(images, extractor, keep, **gathered)
    content = content or content_hash(images)
    folder = Path(cache) if cache else cache_folder() / "references"
    key = hashlib.sha256(json.dumps([content, *described(extractor).values()]).encode()).hexdigest()[:32]
    moments_file, features_file = folder / f"{key}.npz", folder / f"{key}.npy"
    if moments_file.exists() and ("features" not in keep or features_file.exists()):
        try:
            moments = _kept_moments(moments_file, extractor, len(images) if is_array(images) else None)
            features = _kept_features(features_file, moments) if "features" in keep else None
        except Exception as error:  # whatever a file that is truncated, or was written by something else, brings about
            warnings.warn(f"The reference kept in {moments_file} is not used ({error}); it is computed again.", stacklevel=2)
        else:
            moments.source = source = {**moments.source, "split": split}
            shape = images.shape[1:] if is_array(images) else images.image_shape
            return Sample(moments.n, source, moments, features, image_shape=shape)
    sample = gather(images, extractor, keep, **gathered)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if "features" in keep:
            with whole_file(features_file) as partial:
                np.save(partial, sample.features)
        with whole_file(moments_file) as partial:
            sample.moments.save(partial)
    except OSError as error:
        warnings.warn(f"The reference cannot be kept in {folder} ({error}); it is computed anew each time.", stacklevel=2)
    return sample


def _is_of(moments, extractor):
    return described(extractor).items() <= moments.source.items()


def _kept_moments(path, extractor, n):
    moments = Moments.load(path)
    if not _is_of(moments, extractor):
        raise ValueError("it is of another extractor")
    if moments.n < 2 or n not in (None, moments.n) or moments.dimension != extractor.dimension:
        raise ValueError(f"it is of {moments.n} vectors of {moments.dimension} numbers")
    return moments


def _kept_features(path, moments):
    if reason := why_not_regular(path):
        raise ValueError(f"{path}: {reason}")
    features = np.load(path, mmap_mode="r", allow_pickle=False)
    if features.shape != (moments.n, moments.dimension) or features.dtype != np.float32:
        raise ValueError(f"{path} holds {features.dtype} {features.shape}, and there are {moments.n} images")
    # NaN fails too.
    error = np.abs(features.mean(axis=0, dtype="float64") - moments.mean)
    if not error.max() <= 1e-4 * np.abs(moments.mean).max():
        raise ValueError(f"{path} holds features of other images")
    return features


def shipped_reference(split: str, extractor: Any) -> Sample | None:
    """The shipped moments of a split, such as "mnist/test", as an extractor sees it; None where there are none."""
    path = shipped_file(split, extractor.resizer)
    moments = unpacked(path) if path.exists() else None
    if moments is None or not _is_of(moments, extractor):
        return None
    return Sample(moments.n, moments.source, moments, image_shape=SHAPES.get(split))


def shipped_file(split: str, resizer: str, folder: Path | None = None) -> Path:
    """Where the moments of a split lie, as a resizer brings its images to the network; `SHIPPED` is the default folder."""
    return (folder or SHIPPED) / f"{split.replace('/', '_')}_{resizer}.npz"


def pack(moments: Moments, path: str | Path) -> None:
    """Writes moments in float32, one half of the symmetric covariance: 8.4 MB at 2048 dimensions."""
    upper = moments.covariance[np.triu_indices(moments.dimension)].astype("float32")
    mean, source = moments.mean.astype("float32"), json.dumps(moments.source)
    with whole_file(path) as partial:
        np.savez_compressed(partial, n=moments.n, mean=mean, upper=upper, source=source)


def unpacked(path: str | Path) -> Moments:
    """What `pack` wrote, as moments."""
    arrays, _ = read_npz(path)
    dimension = len(arrays["mean"])
    covariance = np.zeros((dimension, dimension))
    covariance[np.triu_indices(dimension)] = arrays["upper"]
    covariance += np.triu(covariance, 1).T
    return Moments.from_arrays({**arrays, "covariance": covariance})
