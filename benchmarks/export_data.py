"""Writes data sets as compressed .npz files, for machines without TensorFlow, TFDS and network.

    python -m benchmarks export-data mnist fashion_mnist --output data      TFDS names: data/mnist.npz, ...
    python -m benchmarks export-data photos.zip --size 64 --output data     a folder or zip: data/photos.npz

`python -m benchmarks train --data-dir data` trains from them. A file holds `x_train`, `y_train`, `x_test`, `y_test` for the
splits of a data set, as the mnist.npz of Keras does, and `images` and `labels` for a folder or zip.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.cells import words
from keras_gan_zoo.files import whole_file


def export_data(
    sources: Annotated[list[str], typer.Argument(help="TFDS names, folders, zips.")],
    output: Annotated[Path, typer.Option(help="The folder of the files.")],
    splits: Annotated[str, typer.Option(help="Of TFDS data sets, with commas between.")] = "train,test",
    size: Annotated[int | None, typer.Option(min=1, help="Side of the images, where they are not of one size.")] = None,
    channels: Annotated[int | None, typer.Option(help="1 gray, 3 RGB; by default what the source has.")] = None,
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Pass over files that cannot be read.")] = False,
):
    """Writes data sets as compressed .npz files, labels included."""
    from keras_gan_zoo.data.load import npz_name

    output.mkdir(parents=True, exist_ok=True)
    for source in sources:
        arrays, options = {}, {"size": size, "channels": channels}
        if Path(source).exists():
            arrays["images"], labels = _arrays(source, {**options, "on_error": "skip" if skip_unreadable else "raise"})
            arrays |= {} if labels is None else {"labels": labels}
        else:
            for split in words(splits):
                arrays[f"x_{split}"], labels = _arrays(source, {**options, "split": split})
                arrays |= {} if labels is None else {f"y_{split}": labels}
        path = output / npz_name(source)
        with whole_file(path) as partial:
            np.savez_compressed(partial, **arrays)
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        typer.echo(f"{path}: {shapes}, {path.stat().st_size / 1e6:.1f} MB")


def _arrays(source, options):
    """Images, and labels where the source has some."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.data.checks import InvalidData

    try:
        data = load_images(source, labels=True, **options)
    except InvalidData as error:
        try:
            data = load_images(source, labels=False, **options)
        except InvalidData:
            raise error from None
    return data.images, data.labels
