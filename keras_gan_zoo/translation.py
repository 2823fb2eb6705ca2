"""Image files through a model that translates: what `keras-gan-zoo translate` does."""

from pathlib import Path
from typing import TYPE_CHECKING

from .data import Images, InvalidData, load_images
from .data.checks import refused
from .data.files import EXTENSIONS, image_names, load_file
from .files import require_ending, require_file, require_folder, whole_file

if TYPE_CHECKING:
    from .base import Game


def translate_files(gan: "Game", source: str | Path, output: str | Path, *, seed: int = 0) -> int:
    """Translates an image, or all images of a folder, and writes the results as PNG files.

    Args:
        gan: a model that makes images from images.
        source: an image, or a folder of images, which are brought to the size that the model takes.
        output: the file to write; for a folder a new or empty folder, in which each file has the name of its source.
        seed: seed of what the model draws.

    Returns:
        Number of files.

    Raises:
        TypeError: the model makes samples from noise.
        InvalidData: there is no image, or the model is of another kind.
        ValueError: `output`, of a single image, does not end in .png.
        OSError: `output` is a folder that already holds files, or cannot be written.
    """
    from PIL import Image

    source, output = Path(source), Path(output)
    needed = [name for name, field in gan.inputs().items() if not field.optional]
    if not needed:
        raise TypeError(
            f"gan must be a model that makes images from images. Received: a {type(gan).__name__}, which makes samples from "
            "noise. Fix: keras-gan-zoo sample."
        )
    field = gan.inputs()[needed[0]]
    if len(needed) > 1 or not isinstance(field, Images) or not isinstance(gan.fields()[gan.sample], Images):
        raise InvalidData(
            f"gan must be a model that makes images from images. Received: a {type(gan).__name__}, which makes {gan.sample} "
            f"from {', '.join(needed)}. Fix: gan.translate on arrays."
        )
    if source.is_dir():
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise FileExistsError(
                f"output must be a new or empty folder. Received: output={str(output)!r}, which exists. Fix: name a new one."
            )
        require_folder(output, "output")
        images = load_images(source, size=field.shape[:2], channels=field.shape[2]).images
        names = image_names(source)
        files = [(output / name).with_suffix(".png") for name in names]
        if len(set(files)) < len(files):
            twice = next(file for file in files if files.count(file) > 1)
            same = ", ".join(name for name, file in zip(names, files, strict=True) if file == twice)
            raise InvalidData(
                f"Images must have different names without their endings. Received: {same}, whose translations would both "
                f"be {twice.name}. Fix: rename one."
            )
    elif source.is_file() and source.suffix.lower() in EXTENSIONS:
        require_file(output, "output")
        require_ending(output, "output", ".png")
        images, files = load_file(source, field.shape[:2], field.shape[2]).images, [output]
    else:
        raise refused("source", str(source), f"a folder, or an image ({', '.join(EXTENSIONS)})")
    made = gan.translate(images, seed=seed, dtype="uint8")
    for image, path in zip(made, files, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(partial, format="PNG")
    return len(files)
