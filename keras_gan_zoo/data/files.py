"""Image files in folders and zip archives -> uint8 arrays, in one order on every machine."""

import contextlib
import functools
import hashlib
import os
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.convert import convert_channels, fit_image, image_to_array, mixed_sizes
from keras_gan_zoo.data.image_data import ImageData
from keras_gan_zoo.files import printable, require_bounded, why_not_regular

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
# What Pillow may decode, whatever a file is called: its other readers are larger, older, or start other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# A zip member is read into memory, so what it claims to unpack to is bounded first.
_MAX_MEMBER_BYTES = 2**28
_BAD_FILES_NAMED = 10


class ImageFile(NamedTuple):
    """An image that may be read."""

    relative: str  # below the folder, or in the archive; with / on every system
    path: str  # for messages
    open: Callable[[], BinaryIO]


def load_folder(
    folder: Path,
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    on_error: Literal["raise", "skip"],
) -> ImageData:
    """Load all images below a folder; see `load_images`."""
    files = [_file(folder / name, name) for name in image_names(folder)]
    return _load(files, f"folder '{folder}'", size, channels, labels, on_error)


def image_names(folder: Path) -> list[str]:
    """Paths of the images below a folder, relative to it, in the order in which they are loaded."""
    names = [path.relative_to(folder).as_posix() for path in _walk(folder)]
    if not (wanted := _wanted(names)):
        raise _no_images(f"folder '{folder}'", names)
    return wanted


def load_file(path: Path, size: tuple[int, int] | None, channels: int | None) -> ImageData:
    """Load one image."""
    return _load([_file(path, path.name)], f"image '{path}'", size, channels, labels=False, on_error="raise")


def _file(path: Path, relative: str) -> ImageFile:
    return ImageFile(relative, str(path), partial(_open, path))


def _open(path: Path) -> BinaryIO:
    if reason := why_not_regular(path, _MAX_MEMBER_BYTES):
        raise InvalidData(reason)
    return path.open("rb")


def load_zip(
    archive: Path,
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    on_error: Literal["raise", "skip"],
) -> ImageData:
    """Load all images of a zip archive, unpacking to memory only; see `load_images`."""
    with image_files(archive) as (files, where):
        return _load(files, where, size, channels, labels, on_error)


@contextlib.contextmanager
def image_files(source: Path) -> Iterator[tuple[list[ImageFile], str]]:
    """The images of a folder or zip archive in the order in which they are loaded, and what messages call it."""
    if source.is_dir():
        yield [_file(source / name, name) for name in image_names(source)], f"folder '{source}'"
        return
    try:
        if reason := why_not_regular(source):
            raise ValueError(reason)
        opened = zipfile.ZipFile(source)
        require_bounded(sum(info.file_size for info in opened.infolist()), source.stat().st_size)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidData(
            f"'{source}' is not a readable zip archive ({error}). Fix: copy or download it again, it may be truncated."
        ) from error
    with opened as members:

        def read(name: str) -> BinaryIO:
            if members.getinfo(name).file_size > _MAX_MEMBER_BYTES:
                raise InvalidData(f"unpacks to more than {_MAX_MEMBER_BYTES >> 20} MiB")
            return BytesIO(members.read(name))

        # A name may occur twice; zipfile reads the last one for either.
        names = sorted({info.filename for info in members.infolist() if not info.is_dir()})
        files = [ImageFile(name, f"{source}/{name}", partial(read, name)) for name in _wanted(names)]
        if not files:
            raise _no_images(f"archive '{source}'", names)
        yield files, f"archive '{source}'"


def read_image(file: ImageFile, bad: list[tuple[str, str]]) -> np.ndarray | None:
    """One image as it is, uint8 (height, width, 1, 3 or 4); None where it cannot be read: (path, reason) goes to `bad`."""
    with _no_bombs():
        return _attempt(lambda stream: _decode(stream, None), file, bad)


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


def _wanted(names: list[str]) -> list[str]:
    """The image files among `names`, sorted; without hidden ones and the resource forks that macOS adds to zips."""

    def hidden(name: str) -> bool:
        return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)

    return sorted(n for n in names if PurePosixPath(n).suffix.lower() in EXTENSIONS and not hidden(n))


def _no_images(where: str, names: list[str]) -> InvalidData:
    kinds = Counter(PurePosixPath(name).suffix.lower() or "no extension" for name in names).most_common(5)
    found = ", ".join(f"{count} x {printable(kind)}" for kind, count in kinds) or "no files at all"
    return InvalidData(
        f"{where} holds no images: looked, sub-folders included, for {', '.join(EXTENSIONS)}; found {found}. "
        f"Fix: point to the images, or convert them to one of these."
    )


def _load(
    files: list[ImageFile],
    where: str,
    size: tuple[int, int] | None,
    channels: int | None,
    labels: bool,
    on_error: Literal["raise", "skip"],
) -> ImageData:
    classes = _classes(files, where) if labels else None
    bad: list[tuple[str, str]] = []
    with _no_bombs():
        headers, native = _scan(files, where, bad, one_size=size is None)
        channels = channels or native
        images, kept = None, []
        for file in headers:
            image = _attempt(lambda stream: _decode(stream, size), file, bad)
            if image is None:
                continue
            if images is None:
                images = np.empty((len(headers), *image.shape[:2], channels), np.uint8)
            elif image.shape[:2] != images.shape[1:3]:
                # The sides of the headers agree up to their order, so this is a portrait among landscapes.
                raise mixed_sizes(np.array([images.shape[1:3], image.shape[:2]]), where)
            images[len(kept)] = convert_channels(image[None], channels)[0]
            kept.append(file)
    if bad and (on_error == "raise" or images is None):
        raise unreadable(bad, len(files), where, on_error)
    skipped = tuple(sorted(bad))
    if classes is None:
        return ImageData(images[: len(kept)], skipped=skipped)
    numbers = {name: number for number, name in enumerate(classes)}
    indices = np.array([numbers[file.relative.split("/")[0]] for file in kept], np.int32)
    return ImageData(images[: len(kept)], indices, classes, skipped)


class FolderBatches:
    """The images below a folder, batch by batch, so that memory does not grow with their number.

    Iterating yields uint8 (n, height, width, channels) in the order of the sorted paths, n up to `batch_size`; a thread
    decodes one batch ahead. Files that cannot be read are passed over, and listed in `skipped` as (path, reason).

    Args:
        folder: searched with its sub-folders.
        batch_size: images in a batch.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA), as in `load_images`; None for what the files have.

    Raises:
        InvalidData: no folder, no images, images of several sizes, or none that can be read.
    """

    def __init__(self, folder: str | Path, batch_size: int = 500, channels: int | None = None) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise InvalidData(f"'{folder}' is not a folder. Fix: name the folder that holds the images.")
        self.where, self.batch_size = f"folder '{folder}'", batch_size
        self.skipped: list[tuple[str, str]] = []
        self._files = [_file(folder / name, name) for name in image_names(folder)]
        self.total = len(self._files)
        with _no_bombs():
            headers, native = _scan(self._files, self.where, self.skipped, one_size=True)
        if not headers:
            raise unreadable(self.skipped, self.total, self.where, "skip")
        self._files, self.channels = list(headers), channels or native
        self._no_headers = len(self.skipped)

    @functools.cached_property
    def _sides(self) -> tuple[int, int]:
        images = (_attempt(lambda stream: _decode(stream, None), file, []) for file in self._files)
        # Decoded, since EXIF may turn what the header says. Where no file can be, there will be no batch either.
        return next((image.shape[:2] for image in images if image is not None), (0, 0))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images, from the first of them."""
        return (*self._sides, self.channels)

    def digest(self) -> str:
        """sha256 over the bytes of the files, in hexadecimal: a name for the images in a cache."""
        digest = hashlib.sha256()
        for file in self._files:
            with file.open() as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[np.ndarray]:
        size = None
        # What cannot be decoded is listed once, however often the folder is read.
        del self.skipped[self._no_headers :]
        with ThreadPoolExecutor(1) as reader:
            ahead = None
            for start in [*range(0, len(self._files), self.batch_size), None]:
                now, ahead = ahead, None if start is None else reader.submit(self._read, start)
                images = now.result() if now else []
                # The sides of the headers agree up to their order, so another size is a portrait among landscapes.
                sizes = {image.shape[:2] for image in images} | ({size} if size else set())
                if len(sizes) > 1:
                    raise mixed_sizes(np.array(sorted(sizes)), self.where)
                if images:
                    size = images[0].shape[:2]
                    yield np.concatenate([convert_channels(image[None], self.channels) for image in images])

    def _read(self, start: int) -> list[np.ndarray]:
        files = self._files[start : start + self.batch_size]
        with _no_bombs():
            images = [_attempt(lambda stream: _decode(stream, None), file, self.skipped) for file in files]
        return [image for image in images if image is not None]


@contextlib.contextmanager
def _no_bombs() -> Iterator[None]:
    with warnings.catch_warnings():
        # Pillow only warns of images that are up to twice as large as its limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _scan(
    files: list[ImageFile], where: str, bad: list, one_size: bool
) -> tuple[dict[ImageFile, tuple[int, int, int]], int]:
    """(file -> height, width and channels of those whose header can be read, channels that hold them all)."""
    headers = {file: header for file in files if (header := _attempt(_header, file, bad))}
    if one_size and headers:
        _refuse_mixed([(height, width) for height, width, _ in headers.values()], where)
    native = {count for _, _, count in headers.values()}
    return headers, 4 if 4 in native else 1 if native == {1} else 3


def _classes(files: list[ImageFile], where: str) -> tuple[str, ...]:
    outside = [file.path for file in files if "/" not in file.relative]
    if outside:
        raise InvalidData(
            f"labels=True takes the sub-folders of the {where} as classes, but {len(outside)} images lie outside of "
            f"them, '{printable(outside[0])}' first. Fix: move them into class folders, or labels=False."
        )
    classes = tuple(sorted({file.relative.split("/")[0] for file in files}))
    if len(classes) == 1:
        raise InvalidData(
            f"labels=True takes the sub-folders of the {where} as classes, but there is only one, "
            f"'{printable(classes[0])}'. "
            f"Fix: load that one if the classes lie in it, or labels=False."
        )
    return classes


def _attempt(read: Callable, file: ImageFile, bad: list[tuple[str, str]]):
    try:
        with file.open() as stream:
            return read(stream)
    except Exception as error:  # noqa: BLE001 - a damaged file makes decoders raise anything, struct.error included
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, Image.UnidentifiedImageError):
            reason = f"not an image of the kinds {', '.join(_FORMATS)}"
        elif isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            reason = f"decompression bomb refused: {reason}"
        bad.append((file.path, reason))
        return None


def _header(stream: BinaryIO) -> tuple[int, int, int]:
    """Height and width as stored, and native channels, without decoding the pixels."""
    with Image.open(stream, formats=_FORMATS) as image:
        return image.height, image.width, _native_channels(image)


def _native_channels(image: Image.Image) -> int:
    if image.mode.startswith("I"):  # 16-bit grey, see _decode
        return 1
    if image.has_transparency_data:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def _decode(stream: BinaryIO, size: tuple[int, int] | None) -> np.ndarray:
    """First frame, upright, resized and cropped to size: uint8 (height, width, 1, 3 or 4)."""
    with Image.open(stream, formats=_FORMATS) as image:
        native = _native_channels(image)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I"):
            # Pillow's own conversion to L clips the 16-bit values at 255 instead of scaling them.
            wide = np.asarray(image).astype(np.float64)
            image = Image.fromarray(np.rint(wide / 257).clip(0, 255).astype(np.uint8))
        else:
            image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[native])
        return image_to_array(fit_image(image, size))


def _refuse_mixed(sides: list[tuple[int, int]], where: str) -> None:
    # EXIF may still swap height and width, which only decoding tells for sure; hence the sorting.
    array = np.array(sides)
    if len(np.unique(np.sort(array, axis=1), axis=0)) > 1:
        raise mixed_sizes(array, where)


def unreadable(bad: list[tuple[str, str]], total: int, where: str, on_error: str) -> InvalidData:
    """The error for files that cannot be read, (path, reason) each."""
    bad = sorted(bad)
    lines = [f"  {printable(path)}: {printable(reason)}" for path, reason in bad[:_BAD_FILES_NAMED]]
    if len(bad) > _BAD_FILES_NAMED:
        lines.append(f"  and {len(bad) - _BAD_FILES_NAMED} more")
    fix = "repair or remove them"
    if on_error == "raise" and len(bad) < total:
        fix += ", or on_error='skip' to leave them out"
    return InvalidData("\n".join([f"{len(bad)} of {total} images in {where} cannot be read:", *lines, f"Fix: {fix}."]))
