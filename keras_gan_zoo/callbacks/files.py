"""Callbacks that write files: checkpoints, sample grids and a CSV log.

Each acts at the end of an epoch, which in the zoo's recipes is a fixed number of rounds.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..files import whole_file


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state of the training, so that a resumed run is bit-identical to an uninterrupted one.

    Args:
        path: file to write, ending in `.weights.h5`; load it with `gan.load_weights(path)` after `compile`.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with whole_file(self.path) as partial:
                _reserve(partial, self.model)
                self.model.save_weights(partial)
        except OSError as error:
            raise OSError(
                error.errno, f"The checkpoint {self.path} could not be written ({error}); the one before it is kept"
            ) from error


def _reserve(path, model):
    """Fails cleanly where a checkpoint has no room; HDF5 may bring the process down when one of its writes fails."""
    variables = [*model.variables, *model.optimizer.variables]
    # Keras writes the optimizers twice, under the model and in their container; and HDF5 has its own overhead.
    size = sum(2 * math.prod(variable.shape) * 4 + 4096 for variable in variables)
    with open(path, "wb") as file:
        for _ in range(0, size, 2**20):
            file.write(bytes(2**20))


class SampleGrid(keras.callbacks.Callback):
    """Writes a grid of samples, from the same latents each time.

    Args:
        folder: where the PNG files go, as `round_000500.png`.
        every: epochs from one grid to the next; the last epoch always gets one.
        n: number of images.
        seed: of the latents.
    """

    def __init__(self, folder: str | Path, every: int = 1, n: int = 64, seed: int = 0) -> None:
        super().__init__()
        self.folder, self.every, self.n, self.seed = Path(folder), every, n, seed

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        images = grid_samples(self.model, self.n, self.seed)
        save_grid(images, self.folder / f"round_{int(self.model.rounds):06d}.png")


class CSVLog(keras.callbacks.Callback):
    """One line of logs for each epoch: the round, then the mean of each log over the epoch.

    Lines past the model's round, which a killed run may have left behind, are dropped when training starts again.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.rows = []
        if self.path.exists():
            with self.path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["round"]) <= int(self.model.rounds)]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.rows.append({"round": int(self.model.rounds), **{key: f"{float(value):.6g}" for key, value in logs.items()}})
        with whole_file(self.path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[-1])
            writer.writeheader()
            writer.writerows(self.rows)


def grid_samples(
    gan: Any, n: int, seed: int, labels: int | Sequence[int] | np.ndarray | None = None, truncation: float = 1.0
) -> np.ndarray:
    """n uint8 images; those of a conditional model go through all its classes in order, unless labels are given."""
    classes = gan.in_order(n) if labels is None else {"labels": labels}
    return gan.generate(n, seed=seed, truncation=truncation, dtype="uint8", **classes)


def tiled(images: np.ndarray) -> np.ndarray:
    """Images (n, height, width, channels) as one (rows * height, columns * width, channels), as square as n allows."""
    n, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * columns, height, width, channels), images.dtype)
    canvas[:n] = images
    canvas = canvas.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return canvas.reshape(rows * height, columns * width, channels)


def save_grid(images: np.ndarray, path: str | Path, scale: int | None = None) -> None:
    """Writes uint8 images (n, height, width, channels) as one PNG, row by row in a grid as square as n allows.

    Raises:
        TypeError: images that are not uint8, which would come out black.
    """
    from PIL import Image

    if images.dtype != np.uint8:
        raise TypeError(f"images must be uint8, got {images.dtype}. Fix: gan.generate(..., dtype='uint8').")
    canvas = tiled(images)
    picture = Image.fromarray(canvas[..., 0] if canvas.shape[-1] == 1 else canvas)
    scale = scale or max(1, 64 // max(images.shape[1:3]))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    with whole_file(path) as partial:
        picture.save(partial, format="PNG")
