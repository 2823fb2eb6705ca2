"""Pictures of model cards beside the samples: class by class, between classes, and along each code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_gan_zoo.callbacks import save_grid
from keras_gan_zoo.data import Images, Labels, Latents, Noise

COLUMNS = 10
SEED = 0


class Picture(NamedTuple):
    """A grid of `COLUMNS` images in each row: its name, what it shows, and what makes its uint8 images."""

    name: str
    title: str
    make: Callable[[], np.ndarray]


def pictures(gan: Any) -> list[Picture]:
    """What a model shows beyond its samples; nothing for one that makes images from latents alone."""
    fields, found = gan.inputs(), []
    if not gan.generates or not isinstance(gan.fields()[gan.sample], Images):
        return found
    for name, field in fields.items():
        if isinstance(field, Labels):
            title = "A class for each row, a latent vector for each column"
            found.append(Picture(name, title, lambda name=name, field=field: _classes(gan, name, field)))
        # Each pixel has a number of its own in noise, which says nothing by itself.
        elif isinstance(field, Latents) and not isinstance(field, Noise) and name != "latents":
            title = f"Two rows for each of {field.shape[0]} {name}, which goes from -1 to 1"
            found.append(Picture(name, title, lambda name=name, field=field: _numbers(gan, name, field)))
    if list(fields) == ["latents", "labels"] and len(gan.generator.inputs) == 2:
        title = "Each row goes from a class to the next one"
        found.append(Picture("between_classes", title, lambda: _between(gan, fields["labels"].classes)))
    return found


def write_pictures(gan: Any, folder: Path) -> None:
    """Writes the pictures of a model into the folder of its preset."""
    for picture in pictures(gan):
        save_grid(picture.make(), folder / f"{picture.name}.png", columns=COLUMNS)


def _classes(gan, name, field):
    latents = np.tile(gan.latents(COLUMNS, seed=SEED), (field.classes, 1))
    return _made(gan, latents, **{name: np.arange(field.classes).repeat(COLUMNS)})


def _numbers(gan, name, field):
    """Each number goes its way for two latent vectors, of two classes where there are some, and the others stand at 0."""
    (size,) = field.shape
    values = np.zeros((size, 2, COLUMNS, size), "float32")
    for i in range(size):
        values[i, ..., i] = np.linspace(-1, 1, COLUMNS)
    rows = np.arange(2).repeat(COLUMNS)
    classes = {other: np.tile(rows, size) for other, field in gan.inputs().items() if isinstance(field, Labels)}
    return _made(gan, np.tile(gan.latents(2, seed=SEED)[rows], (size, 1)), **{name: values.reshape(-1, size)}, **classes)


def _between(gan, classes):
    from keras_gan_zoo import mix_classes

    way, ends = np.linspace(0, 1, COLUMNS)[:, None], np.eye(classes)
    rows = np.concatenate([(1 - way) * ends[c] + way * ends[(c + 1) % classes] for c in range(classes)])
    return mix_classes(gan, rows, latents=gan.latents(1, seed=SEED)[0], dtype="uint8")


def _made(gan, latents, **given):
    return gan.generate(len(latents), latents=latents, seed=SEED, dtype="uint8", **given)
