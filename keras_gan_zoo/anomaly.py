"""The images of a folder that a model makes worst: what `keras-gan-zoo anomaly` does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .callbacks import save_preview
from .data import Images, InvalidData, load_images
from .data.checks import refused
from .data.files import image_names
from .files import require_ending, require_file
from .inversion import anomaly_scores, invert

if TYPE_CHECKING:
    from .base import Game


def score_folder(
    gan: "Game", folder: str | Path, output: str | Path, *, n: int = 16, **options: Any
) -> list[tuple[str, float]]:
    """Scores all images of a folder, and writes the most anomalous ones beside what the model makes of them.

    Args:
        gan: a model that makes images from latents, or that has an encoder.
        folder: the images, which are brought to the size that the model makes.
        output: the PNG file to write: the image, and then its reconstruction.
        n: number of images that are shown.
        **options: of `invert`, where the model has no encoder.

    Returns:
        (path below the folder, score) of each image, the most anomalous first.

    Raises:
        InvalidData: no folder, no images, or a model of another kind of data.
        ValueError: `output` does not end in .png.
        OSError: `output` cannot be written.
    """
    require_file(output, "output")
    require_ending(output, "output", ".png")
    folder = Path(folder)
    kind = gan.fields()[gan.sample]
    if not isinstance(kind, Images):
        raise InvalidData(f"Files are scored by models of images. Received: {type(gan).__name__}, which makes {gan.sample}.")
    if not folder.is_dir():
        raise refused("folder", str(folder), "a folder of images")
    images = load_images(folder, size=kind.shape[:2], channels=kind.shape[2]).images[:]
    if hasattr(gan, "anomaly_scores"):
        if "labels" in options:
            raise refused("labels", options["labels"], f"left out for {type(gan).__name__}, which has no classes")
        scores = anomaly_scores(gan, images)
        first = np.argsort(-scores, kind="stable")
        made = gan.translate(images[first[:n]])
    else:
        found = invert(gan, images, **options)
        scores = found.scores
        first = np.argsort(-scores, kind="stable")
        made = found.samples[first[:n]]
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    worst = images[first[:n]].astype("float32") / 127.5 - 1.0
    save_preview({"images": (kind, worst), "reconstructions": (kind, made)}, output)
    names = image_names(folder)
    return [(names[i], float(scores[i])) for i in first]
