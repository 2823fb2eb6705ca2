"""Callbacks that write files: checkpoints, sample grids, and a CSV log.

Each acts at the end of an epoch, which in the zoo's recipes is a fixed number of rounds.
"""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data import Field
from ..data.checks import check_integer
from ..data.convert import convert_channels
from ..files import require_ending, require_file, require_folder, whole_file
from ..untrusted import read_bounded
from .watching import DivergedError, rounds_played

# A trained weight beyond this is not a solution: float32 cannot hold the product of five of them.
LARGEST_WEIGHT = 1e9
# Of a log, which holds a line for each epoch.
MAX_LOG = 10**8


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state of the training, so that a resumed run is bit-identical to an uninterrupted one.

    Args:
        path: file to write, ending in `.weights.h5`; load it with `gan.load_weights(path)` after `compile`.

    Raises:
        ValueError: `path` has another ending.
        OSError: at the beginning of the training: nothing can be written there.
        DivergedError: during training: the training cannot go on from its state, which has values that are NaN or infinite,
            or weights beyond 1e9. That state is not written, so that the last good one stays.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        require_ending(path, "path", ".weights.h5")
        self.path = Path(path)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        require_file(self.path, "path")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._require_sane()
        save_state(self.model, self.path)

    def _require_sane(self):
        # The losses of a round are those before its last step, which may have moved the weights anywhere.
        trained = {id(variable) for variable in self.model.trainable_variables}
        for variable in (*self.model.variables, *self.model.optimizer.variables):
            if "float" not in str(variable.dtype):
                continue
            largest = float(np.abs(keras.ops.convert_to_numpy(variable).astype("float32")).max(initial=0.0))
            if not largest <= (LARGEST_WEIGHT if id(variable) in trained else np.finfo("float32").max):
                raise DivergedError(
                    f"{variable.path} holds {largest:.3g} at round {rounds_played(self.model)}; the training stopped, and "
                    f"{self.path} is left as it was. Lower the learning rates, or add a penalty (r1_gamma)."
                )


def save_state(gan: Any, path: Path) -> None:
    """Writes the whole state of a training, without checking it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        _reserve(partial, gan)
        gan.save_weights(partial)


def _reserve(path, model):
    """Fails cleanly if a checkpoint has no room; HDF5 may bring the process down if one of its writes fails."""
    variables = [*model.variables, *model.optimizer.variables]
    # Keras writes the optimizers twice, under the model and in their container; and HDF5 has its own overhead.
    size = sum(2 * math.prod(variable.shape) * 4 + 4096 for variable in variables)
    with open(path, "wb") as file:
        for _ in range(0, size, 2**20):
            file.write(bytes(2**20))


class SampleGrid(keras.callbacks.Callback):
    """Writes the model's `preview`, from the same latents or inputs each time.

    Args:
        folder: folder for the files, such as `round_000500.png`, or .txt for text.
        every: epochs from one file to the next; the last epoch always gets one.
        n: number of samples.
        seed: seed of the latents.
        data: arrays of the fields, for models that need an input.

    Raises:
        ValueError: an impossible argument.
        OSError: at the beginning of the training: nothing can be written there.
    """

    def __init__(
        self, folder: str | Path, every: int = 1, n: int = 64, seed: int = 0, data: dict[str, np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.folder, self.every, self.data = Path(folder), check_integer(every, "every", 1), data
        self.n, self.seed = check_integer(n, "n", 1), check_integer(seed, "seed", 0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        require_folder(self.folder, "folder")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.params["epochs"]:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        preview = self.model.preview(self.n, self.data, self.seed)
        save_preview(preview, self.folder / f"round_{rounds_played(self.model):06d}")


class CSVLog(keras.callbacks.Callback):
    """Writes one line of logs for each epoch: the round, then the mean of each log over the epoch.

    Lines past the model's round, which a killed run may have left behind, are dropped when the training starts again.

    Raises:
        OSError, ValueError: at the beginning of the training: `path` cannot be written, or holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        require_file(self.path, "path")
        self.rows = []
        if self.path.exists():
            try:
                self.rows = [row for row in read_rows(self.path) if int(row["round"]) <= rounds_played(self.model)]
            except (KeyError, TypeError, ValueError, csv.Error) as error:
                raise ValueError(
                    f"{self.path} must be a log of CSVLog. Received: a file that cannot be read ({error!r}). Fix: move it "
                    "away; the training goes on without it."
                ) from error

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.rows.append({"round": rounds_played(self.model), **{key: f"{float(value):.6g}" for key, value in logs.items()}})
        # A player that stands still for a while is not in the logs of that time.
        write_rows(self.path, dict.fromkeys(name for row in self.rows for name in row), self.rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; raises the errors of `read_bounded` and of csv."""
    return list(csv.DictReader(io.StringIO(read_bounded(path, MAX_LOG).decode(), newline="")))


def write_rows(path: Path, names: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    """Writes a CSV file with these columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def save_preview(preview: dict[str, tuple[Field, np.ndarray]], path: str | Path) -> Path:
    """Writes the `preview` of a model: one grid of all pictures, with those of a case side by side; or lines of text.

    Args:
        preview: title -> (field, array (n, ...) as networks make it).
        path: path of the file; its ending becomes .png, or .txt for text.

    Returns:
        The path of the file.
    """
    path = Path(path)
    path = path.with_suffix("") if path.suffix in (".png", ".txt") else path
    shown = {title: field.render(array) for title, (field, array) in preview.items()}
    if all(isinstance(value, np.ndarray) for value in shown.values()):
        path = path.parent / f"{path.name}.png"
        wide = _side_by_side(list(shown.values()))
        # Cases of several pictures are wider than high; the grid should be about square all the same.
        n, height, width = wide.shape[:3]
        save_grid(wide, path, columns=None if len(shown) == 1 else round(math.sqrt(n * height / width)) or 1)
        return path
    path = path.parent / f"{path.name}.txt"
    cases = zip(*shown.values(), strict=True)
    lines = [" -> ".join(map(str, case)) for case in cases]
    with whole_file(path) as partial:
        partial.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def _side_by_side(pictures):
    """Joins several sets of n images to n wide ones, at the size and with the channels of the largest."""
    if len(pictures) == 1:
        return pictures[0]
    height = max(images.shape[1] for images in pictures)
    channels = max(images.shape[3] for images in pictures)
    scaled = [
        images.repeat(height // images.shape[1], axis=1).repeat(height // images.shape[1], axis=2) for images in pictures
    ]
    return np.concatenate([convert_channels(images, channels) for images in scaled], axis=2)


def grid(images: np.ndarray, scale: int | None = None, columns: int | None = None) -> Any:
    """One picture of uint8 images (n, height, width, channels), row by row in a grid as square as n allows; of PIL.

    Raises:
        TypeError: the images are not uint8; floats would come out black.
    """
    from PIL import Image

    if images.dtype != np.uint8:
        raise TypeError(f"images must be uint8. Received: dtype {images.dtype}. Fix: gan.generate(..., dtype='uint8').")
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * columns, height, width, channels), images.dtype)
    canvas[:n] = images
    canvas = canvas.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    canvas = canvas.reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(canvas[..., 0] if channels == 1 else canvas)
    scale = scale or max(1, 64 // max(height, width))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def save_grid(images: np.ndarray, path: str | Path, scale: int | None = None, columns: int | None = None) -> None:
    """Writes `grid` of images as a PNG file."""
    picture = grid(images, scale, columns)
    with whole_file(path) as partial:
        picture.save(partial, format="PNG")
