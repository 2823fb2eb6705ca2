"""Pairs of images -> two uint8 arrays whose rows belong together."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from keras_gan_zoo.data.checks import InvalidData, refused
from keras_gan_zoo.data.convert import convert_channels, resize_images
from keras_gan_zoo.data.decoding import ImageFile, read_image, unreadable, warn_of_dark, warn_of_skipped
from keras_gan_zoo.data.files import below_top, image_files
from keras_gan_zoo.data.load import DATA_VARIABLE, load_images, read_arrays
from keras_gan_zoo.data.on_demand import ImagesInFiles, probes, unreadable_now


def load_pairs(
    source: str | os.PathLike | Mapping[str, str | os.PathLike],
    shapes: Mapping[str, Sequence[int]],
    *,
    direction: Literal["left_to_right", "right_to_left"] | None = None,
    split: str = "train",
    on_error: Literal["raise", "skip"] = "raise",
    stream: bool = False,
) -> dict[str, np.ndarray]:
    """Load pairs of images into memory as uint8; or read them as they are needed.

    Each image is resized on its own so that it covers its shape, antialiased (LANCZOS), and center-cropped.

    Args:
        source: one of
            * a folder or .zip of images that each hold a pair, side by side: they are cut in the middle;
            * a dictionary, name -> folder or .zip, for the two names in `shapes`: files with the same relative path, apart
              from the extension, are a pair;
            * a folder or .zip with two sub-folders of these names, which hold such files;
            * an .npz file with an array of each name, or the name of one in the folder of KERAS_GAN_ZOO_DATA.
        shapes: name -> (height, width, channels) of the two images of a pair; the first is what is translated.
        direction: for images side by side, "left_to_right" (the default) if the left half is the first of the two, or
            "right_to_left".
        split: name of a sub-folder of the folder or .zip, such as "test". "train" is everything if there is none.
        on_error: "raise" names the files that cannot be read; "skip" leaves their pairs out.
        stream: for folders and zips, decodes images when they are needed; see `load_images`.

    Returns:
        Name -> array (n, height, width, channels), in the order of the sorted paths.

    Raises:
        InvalidData: the source or an option cannot be used, an image has no partner or one of other proportions, or it does
            not have two halves. The message names the value and the fix.
    """
    for name, value, possible in (
        ("direction", direction, (None, "left_to_right", "right_to_left")),
        ("on_error", on_error, ("raise", "skip")),
    ):
        if value not in possible:
            raise refused(name, value, f"{possible[-2]!r} or {possible[-1]!r}")
    if stream and on_error == "skip":
        raise refused("on_error", on_error, "left out with stream=True, which does not look at all files beforehand")
    if len(shapes) != 2:
        raise InvalidData(
            f"A folder or .zip must hold two images for each example. Received: the fields {', '.join(shapes)}. Fix: pass "
            "arrays, one for each."
        )
    if not isinstance(source, Mapping) and _is_npz(source):
        _refuse_direction(direction, "an .npz file")
        if split != "train":
            raise InvalidData(
                f"split must be left out, except for folders and zips. Received: split={split!r}, and an .npz file as the "
                "source. Fix: leave it out."
            )
        if stream:
            raise refused(
                "stream", stream, "left out, except for folders and zips", "unpack the images of the .npz into files"
            )
        arrays = read_arrays(source, shapes, required=next(iter(shapes)))
        return {
            name: load_images(array, size=tuple(shapes[name][:2]), channels=shapes[name][2]).images
            for name, array in arrays.items()
        }
    if isinstance(source, Mapping):
        if set(source) != set(shapes):
            expected = ", ".join(map(repr, shapes))
            received = ", ".join(map(repr, source)) or "none"
            raise InvalidData(
                f"source must have the keys {expected}. Received: {received}. Fix: pass one folder or .zip for each."
            )
        opened = {name: _opened(source[name], split) for name in shapes}
        places = {name: (below_top(files), where) for name, (files, where) in opened.items()}
    else:
        files, where = _opened(source, split)
        held = below_top(files)
        places = {name: (_below(held, name), f"{where}, {name}") for name in shapes}
        if not all(found for found, _ in places.values()):
            names = list(shapes) if direction != "right_to_left" else list(shapes)[::-1]
            return _read([dict.fromkeys(names, file) for file in files], shapes, where, on_error, stream)
    _refuse_direction(direction, "two folders")
    return _read(_partners(places), shapes, " and ".join(where for _, where in places.values()), on_error, stream)


def _is_npz(source: str | os.PathLike) -> bool:
    path = Path(source)
    return path.suffix == ".npz" or bool(os.environ.get(DATA_VARIABLE) and not path.exists())


def _refuse_direction(direction: str | None, what: str) -> None:
    if direction is not None:
        raise InvalidData(
            "direction must be left out, except for pairs side by side in one image. Received: "
            f"direction={direction!r}, and {what} as the source. Fix: leave it out."
        )


def _opened(source: str | os.PathLike, split: str) -> tuple[list[ImageFile], str]:
    """The images of a split, and what messages call their place."""
    path = Path(source)
    if not path.is_dir() and path.suffix.lower() != ".zip":
        what = "a file of another kind" if path.exists() else "which does not exist"
        raise InvalidData(
            f"source must be a folder, .zip, or .npz file, which pairs are read from. Received: source='{source}', {what}. "
            f"Fix: correct the path (relative ones start at '{Path.cwd()}')."
        )
    files, where = image_files(path)
    for held in (files, below_top(files)):
        if found := _below(held, split):
            return found, f"{where}, {split}"
    if split != "train":
        folders = sorted({file.relative.split("/")[0] for file in files if "/" in file.relative})
        held = ", ".join(map(repr, folders)) or "none"
        raise InvalidData(
            f"split must be the name of a sub-folder of the {where}. Received: split={split!r}, and the sub-folders {held}. "
            "Fix: put the images of the split into one, or leave it out."
        )
    return files, where


def _below(files: list[ImageFile], folder: str) -> list[ImageFile]:
    """The files in a sub-folder, relative to it."""
    start = f"{folder}/"
    return [f._replace(relative=f.relative.removeprefix(start)) for f in files if f.relative.startswith(start)]


def _partners(places: Mapping[str, tuple[list[ImageFile], str]]) -> list[dict[str, ImageFile]]:
    """Name -> file of each pair: the files of one name in two places."""
    found: dict[str, dict[str, ImageFile]] = {}
    for name, (files, _) in places.items():
        found[name] = {}
        for file in files:
            known = found[name].setdefault(str(PurePosixPath(file.relative).with_suffix("")), file)
            if known is not file:
                raise InvalidData(
                    f"The images of {name} must have different names, apart from the extension. Received: '{known.path}' "
                    f"and '{file.path}', either of which may belong to the pair. Fix: remove or rename one."
                )
    for name, other in (list(places), list(places)[::-1]):
        if alone := [file for stem, file in found[name].items() if stem not in found[other]]:
            raise InvalidData(
                f"Each image of {name} must have a partner of the same name in the {places[other][1]}. Received: "
                f"'{alone[0].path}' without one; of {len(found[name])} images of {name}, {len(alone)} have none among the "
                f"{len(found[other])} of {other}. Fix: give both images of a pair one name, and remove those without a "
                "partner."
            )
    first, second = found.values()
    return [dict(zip(found, (file, second[stem]), strict=True)) for stem, file in first.items()]


def _read(
    pairs: list[dict[str, ImageFile]], shapes: Mapping[str, Sequence[int]], where: str, on_error: str, stream: bool
) -> dict[str, np.ndarray]:
    """The arrays of pairs of files, or of files that each hold a pair, with its halves in the order of the names."""
    looked_at = probes(pairs) if stream else pairs
    arrays = {name: np.empty((len(looked_at), *shape), np.uint8) for name, shape in shapes.items()}
    bad: list[tuple[str, str]] = []
    wide: list[int] = []
    kept = 0
    for pair in looked_at:
        if (images := _images(pair, bad, wide)) is None:
            continue
        for name, image in images.items():
            image = resize_images(image[None], tuple(shapes[name][:2]))
            arrays[name][kept] = convert_channels(image, shapes[name][2])[0]
        kept += 1
    if bad and (on_error == "raise" or not kept):
        count = len({file.path for pair in pairs for file in pair.values()})
        raise unreadable(bad, count, where, "skip" if stream else on_error)
    warn_of_dark(wide, where)
    if stream:
        return {
            name: ImagesInFiles(pairs, shape, partial(_half_now, name, tuple(shape[:2])), partial(_path_in, name))
            for name, shape in shapes.items()
        }
    warn_of_skipped(bad, kept)
    return {name: array[:kept] for name, array in arrays.items()}


def _path_in(name: str, pair: dict[str, ImageFile]) -> str:
    return pair[name].path


def _half_now(name: str, size: tuple[int, int], pair: dict[str, ImageFile]) -> np.ndarray:
    """One image of a pair that a training needs."""
    bad: list[tuple[str, str]] = []
    if (images := _images(pair, bad, [])) is None:
        raise unreadable_now(*bad[0])
    return resize_images(images[name][None], size)[0]


def _images(pair: dict[str, ImageFile], bad: list[tuple[str, str]], wide: list[int]) -> dict[str, np.ndarray] | None:
    """Name -> image; None where one cannot be read, which is added to `bad`."""
    first, second = pair.values()
    if first is second:
        image = read_image(first, bad, wide)
        return None if image is None else dict(zip(pair, _halves(image, first.path), strict=True))
    images = {name: read_image(file, bad, wide) for name, file in pair.items()}
    if any(image is None for image in images.values()):
        return None
    (height, width), (other_height, other_width) = (image.shape[:2] for image in images.values())
    # To a pixel, as the sides of the smaller one may have been rounded.
    if abs(height * other_width - width * other_height) >= max(width, other_width):
        raise InvalidData(
            "The two images of a pair must have the same proportions, or they would be cropped differently. Received: "
            f"'{first.path}' of {height}x{width} pixels and '{second.path}' of {other_height}x{other_width} (height x "
            "width). Fix: crop one of them."
        )
    return images


def _halves(image: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
    width = image.shape[1]
    if width % 2:
        raise InvalidData(
            f"An image that holds a pair must have an even width. Received: '{path}', {width} pixels wide. Fix: images of "
            "even width that hold a pair side by side, or one folder for each side of the pairs."
        )
    return image[:, : width // 2], image[:, width // 2 :]
