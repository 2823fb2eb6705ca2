"""Image files in folders and zip archives -> uint8 arrays, in one order on every machine."""

import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import numpy as np

from keras_gan_zoo.data.checks import InvalidData, refuse_masks
from keras_gan_zoo.data.convert import convert_channels, mixed_sizes
from keras_gan_zoo.data.decoding import ImageFile, attempt, decode, no_bombs, scan, unreadable, warn_of_dark
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.data.on_demand import ImagesInFiles, fits_in_memory, probes, unreadable_now
from keras_gan_zoo.untrusted import printable, repeated, require_bounded, why_not_regular

EXTENSIONS = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif")
# These are images too, and count as files that cannot be read: to leave them out silently would train on part of the data.
_UNREAD = tuple(".tif .tiff .avif .heic .heif .jp2 .j2k .jxl .tga .ppm .pgm .pbm .pnm .exr .hdr".split())
# A zip member is read into memory, so what it claims to unpack to is bounded first.
_MAX_MEMBER_BYTES = 2**28


def load_files(
    source: Path,
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    on_error: Literal["raise", "skip"],
    stream: bool = False,
) -> ImageData:
    """Load all images below a folder or in a zip archive, without writing what is unpacked; see `load_images`."""
    files, where = image_files(source)
    return _load(files, where, size, channels, labels, on_error, stream)


def image_names(folder: Path) -> list[str]:
    """Paths of the images below a folder, relative to it, in the order in which they are loaded."""
    names = [path.relative_to(folder).as_posix() for path in _walk(folder)]
    if not (wanted := _wanted(names)):
        raise _no_images(f"folder '{folder}'", names)
    return wanted


def load_file(path: Path, size: tuple[int, int] | None, channels: int | None) -> ImageData:
    """Load one image."""
    return _load([file_at(path, path.name)], f"image '{path}'", size, channels, labels=False, on_error="raise")


def file_at(path: Path, relative: str) -> ImageFile:
    # Paths as text, since there may be millions of them.
    return ImageFile(relative, str(path), partial(_open, str(path)))


def _open(path: str) -> BinaryIO:
    if reason := why_not_regular(path, _MAX_MEMBER_BYTES):
        raise InvalidData(reason)
    return open(path, "rb")


def image_files(source: Path) -> tuple[list[ImageFile], str]:
    """The images of a folder or zip archive in the order in which they are loaded, and what messages call it.

    An archive stays open as long as one of its files is kept.
    """
    if source.is_dir():
        return [file_at(source / name, name) for name in image_names(source)], f"folder '{source}'"
    try:
        if reason := why_not_regular(source):
            raise ValueError(reason)
        members = zipfile.ZipFile(source)
        require_bounded(sum(info.file_size for info in members.infolist()), source.stat().st_size)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidData(
            f"'{source}' must be a zip archive that can be read. Received: {error}. Fix: copy or download it again; it may "
            "be truncated."
        ) from error

    def read(name: str) -> BinaryIO:
        if members.getinfo(name).file_size > _MAX_MEMBER_BYTES:
            raise InvalidData(f"unpacks to more than {_MAX_MEMBER_BYTES >> 20} MiB")
        return BytesIO(members.read(name))

    named = [(_normal(info.filename), info.filename) for info in members.infolist() if not info.is_dir()]
    held, names = dict(named), [name for name, _ in named]
    if twice := repeated(wanted := _wanted(names)):
        raise InvalidData(
            f"The archive '{source}' must hold each image once. Received: {printable(twice)} twice, where / and \\ are one. "
            "Fix: remove or rename one."
        )
    files = [ImageFile(name, f"{source}/{name}", partial(read, held[name])) for name in wanted]
    if not files:
        raise _no_images(f"archive '{source}'", names)
    return files, f"archive '{source}'"


def _walk(folder: Path) -> Iterator[Path]:
    # Linked class folders are common, so links are followed; a link back to a parent would never end.
    seen = set()
    for directory, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(directory)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # of two links to one folder, the first by name is read on every machine
        yield from (Path(directory, name) for name in names)


def _normal(name: str) -> str:
    """The name of a member of an archive as a path below its top: without ./ and the \\ of other systems."""
    return str(PurePosixPath(name.replace("\\", "/").lstrip("/")))


def below_top(files: list[ImageFile]) -> list[ImageFile]:
    """The files relative to the innermost folder that holds them all, if there is one."""
    tops = {file.relative.partition("/")[0] for file in files}
    if len(tops) > 1 or not all("/" in file.relative for file in files):
        return files
    return below_top([file._replace(relative=file.relative.partition("/")[2]) for file in files])


def natural(name: str) -> tuple:
    """A key by which names sort as people count: "2" before "10"."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))], name


def _wanted(names: list[str]) -> list[str]:
    """The image files among `names`, sorted, without hidden ones and the resource forks that macOS adds to zips."""

    def hidden(name: str) -> bool:
        return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)

    suffixes = [(name, PurePosixPath(name).suffix.lower()) for name in names if not hidden(name)]
    if not any(suffix in EXTENSIONS for _, suffix in suffixes):
        return []
    return sorted(name for name, suffix in suffixes if suffix in (*EXTENSIONS, *_UNREAD))


def _no_images(where: str, names: list[str]) -> InvalidData:
    kinds = Counter(PurePosixPath(name).suffix.lower() or "no extension" for name in names).most_common(5)
    found = ", ".join(f"{count} x {printable(kind)}" for kind, count in kinds) or "no files at all"
    return InvalidData(
        f"The {where} must hold images ({', '.join(EXTENSIONS)}), possibly in sub-folders. Received: {found}. Fix: name the "
        "folder with the images, or convert them to one of these formats."
    )


def _load(
    files: list[ImageFile],
    where: str,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    on_error: Literal["raise", "skip"],
    stream: bool = False,
) -> ImageData:
    files, classes = classes_of(files, where) if labels else (files, None)
    bad: list[tuple[str, str]] = []
    wide: list[int] = []
    with no_bombs():
        readable = files
        if not (stream and size and channels):  # which say all that is asked of the headers
            headers, native = scan(files, where, bad, one_size=size is None)
            readable, channels = list(headers), channels or native
        looked_at = probes(readable) if stream else readable
        images, shape, kept, highest = None, None, [], 0
        for file in looked_at:
            image = attempt(lambda stream: decode(stream, size, wide), file, bad)
            if image is None:
                continue
            if shape is None:
                shape = (*image.shape[:2], channels)
                if not stream and fits_in_memory(len(readable), shape):
                    images = np.empty((len(readable), *shape), np.uint8)
            elif image.shape[:2] != shape[:2]:
                # The sides in the headers agree up to their order, so this is a portrait among landscapes.
                raise mixed_sizes(np.array([shape[:2], image.shape[:2]]), where)
            if images is not None:
                images[len(kept)] = convert_channels(image[None], channels)[0]
            highest = max(highest, int(image.max()))
            kept.append(file)
    if bad and (on_error == "raise" or not kept):
        # A stream cannot skip files, since it has not seen which.
        raise unreadable(bad, len(files), where, "skip" if stream else on_error)
    kept = readable if stream else kept
    if images is None:
        images = ImagesInFiles(kept, shape, partial(read_now, size), lambda file: file.path)
    else:
        images = images[: len(kept)]
    refuse_masks(highest, where)
    warn_of_dark(wide, where)
    skipped = tuple(sorted(bad))
    if classes is None:
        return ImageData(images, skipped=skipped)
    numbers = {name: number for number, name in enumerate(classes)}
    indices = np.array([numbers[file.relative.split("/")[0]] for file in kept], np.int32)
    return ImageData(images, indices, classes, skipped)


def read_now(size: tuple[int, int] | None, file: ImageFile) -> np.ndarray:
    """The image of a file that a training needs."""
    bad: list[tuple[str, str]] = []
    image = attempt(lambda stream: decode(stream, size, []), file, bad)
    if image is None:
        raise unreadable_now(*bad[0])
    return image


def classes_of(files: list[ImageFile], where: str) -> tuple[list[ImageFile], tuple[str, ...]]:
    """The files relative to the folder of the classes, and the classes in their order."""
    otherwise = "in Python, {'images': folder, 'labels': y} is data too, and load_images takes labels=False"
    outside = [file.path for file in files if "/" not in file.relative]
    if outside:
        raise InvalidData(
            f"With labels=True each image must lie in a sub-folder of the {where}, which is its class. Received: "
            f"{len(outside)} images outside of them, the first of which is '{printable(outside[0])}'. Fix: move them into "
            f"class folders; {otherwise}."
        )
    lower = below_top(files)
    if any("/" not in file.relative for file in lower):
        raise InvalidData(
            f"With labels=True the {where} must have several sub-folders, one for each class. Received: only "
            f"'{printable(Path(lower[0].path).parent.name)}'. Fix: one folder for the images of each class; {otherwise}."
        )
    return lower, tuple(sorted({file.relative.split("/")[0] for file in lower}, key=natural))
