"""Writes the statistics of real images that are shipped, in keras_gan_zoo/metrics/statistics.

    python -m benchmarks references mnist/test cifar10/test --weights inception.npz

Moments are computed in float64, or read from the cache of references, and packed in float32.
"""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cells import Resizer


def references(
    splits: Annotated[list[str], typer.Argument(help="NAME/SPLIT of TFDS data sets.")],
    weights: Annotated[Path, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")],
    resizer: Annotated[Resizer, typer.Option(help="legacy (TF1 bilinear) or clean (antialiased).")] = "legacy",
    data_dir: Annotated[Path | None, typer.Option(help="Of TFDS; by default its own.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for statistics; by default that of the library.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where the files go; by default into the package.")] = None,
):
    """Writes the shipped statistics of real images, as the Inception network sees them."""
    from keras_gan_zoo.metrics.features import feature_extractor

    write(splits, feature_extractor("inception", weights=weights, resizer=resizer), data_dir, cache, folder)


def write(splits: list[str], extractor, data_dir: Path | None, cache: Path | None, folder: Path | None) -> None:
    """One file for each split, where `shipped_reference` looks for it."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.references import SHAPES, pack, reference, shipped_file

    for split in splits:
        name, slash, part = split.rpartition("/")
        if not slash:
            raise ValueError(f"Splits must be NAME/SPLIT, such as mnist/test. Received: {split!r}.")
        images = load_images(name, split=part, labels=False, data_dir=data_dir).images
        if SHAPES.get(split) != images.shape[1:]:
            raise ValueError(
                f"SHAPES in keras_gan_zoo/metrics/references.py has {SHAPES.get(split)} for {split!r}, whose images are "
                f"{images.shape[1:]}. Fix: write that there, so that images of another shape are refused."
            )
        sample = reference(images, extractor, split=split, cache=cache, progress=True)
        path = shipped_file(split, extractor.resizer, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        pack(sample.moments, path)
        typer.echo(f"{path}: {sample.n:,} images, {path.stat().st_size / 1e6:.1f} MB")
