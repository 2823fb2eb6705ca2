"""Inception features of whole data sets, by chunks of 1,000 images, so that a run that was stopped goes on.

    python -m benchmarks features FOLDER mnist/train mnist/test --weights inception.npz

writes FOLDER/mnist_train.npy and so on, float32 (n, 2048), under legacy resizing, and the first images of each split as
mnist_train_images.npy. `python -m benchmarks.peers record --data-set` takes distances of them, by us and by the peers.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from keras_gan_zoo.files import whole_file

CHUNK = 1000
FIRST = 2500  # images that the peers' own networks see: more than dimensions, so that their square root is sound


def features(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    splits: Annotated[list[str], typer.Argument(help="NAME/SPLIT of TFDS data sets.")],
    weights: Annotated[Path, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")],
    data_dir: Annotated[Path | None, typer.Option(help="Of TFDS; by default its own.")] = None,
):
    """Writes Inception features of whole data sets, to hold our distances against those of the peers."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor = feature_extractor("inception", weights=weights)
    for data in splits:
        name, _, split = data.rpartition("/")
        images = load_images(name, split=split, labels=False, data_dir=data_dir).images
        features_of(images, extractor, folder / f"{name}_{split}")


def features_of(images: np.ndarray, extractor, stem: Path) -> None:
    """Writes the features and the first images of a split to files that begin with `stem`.

    Chunks carry the hash of the weights and the resizer in their names, so that those of another network are not taken.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(images), CHUNK):
        file = stem.with_name(f"{stem.name}_{extractor.sha256[:12]}_{extractor.resizer}_{start:06}.npy")
        if not file.exists():
            with whole_file(file) as partial:
                np.save(partial, extractor.extract(images[start : start + CHUNK])[0])
            print(f"{stem.name}: {min(start + CHUNK, len(images))} of {len(images)}", flush=True)
        parts.append(np.load(file))
    for suffix, array in (("", np.concatenate(parts)), ("_images", images[:FIRST])):
        with whole_file(stem.with_name(f"{stem.name}{suffix}.npy")) as partial:
            np.save(partial, array)
