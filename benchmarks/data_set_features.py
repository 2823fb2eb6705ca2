"""Inception features of whole data sets, by chunks of 1,000 images, so that a run that was stopped goes on.

    python -m benchmarks.data_set_features FOLDER mnist/train mnist/test --inception inception.npz

writes FOLDER/mnist_train.npy and so on, float32 (n, 2048), under legacy resizing, and the first images of each split as
mnist_train_images.npy. `python -m peers record --data-set` takes distances of them, by us and by the peers.
"""

import argparse
from pathlib import Path

import numpy as np

from keras_gan_zoo.files import whole_file

CHUNK = 1000
FIRST = 2500  # images that the peers' own networks see: more than dimensions, so that their square root is sound


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_set_features", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("splits", nargs="+", metavar="NAME/SPLIT")
    parser.add_argument("--inception", type=Path, required=True, help="weights of the FID network")
    parser.add_argument("--data-dir", type=Path, help="of TFDS; by default its own")
    options = parser.parse_args(arguments)
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor = feature_extractor("inception", weights=options.inception)
    for data in options.splits:
        name, _, split = data.rpartition("/")
        images = load_images(name, split=split, labels=False, data_dir=options.data_dir).images
        features_of(images, extractor, options.folder / f"{name}_{split}")


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


if __name__ == "__main__":
    main()
