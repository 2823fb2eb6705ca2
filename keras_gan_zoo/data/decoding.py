"""One image file -> a uint8 array; and the messages about files that cannot be read."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from keras_gan_zoo.data.checks import InvalidData
from keras_gan_zoo.data.convert import fit_image, image_to_array, mixed_sizes
from keras_gan_zoo.untrusted import printable

# What Pillow may decode, whatever a file is called: its other readers are larger, older, or start other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_BAD_FILES_NAMED = 10


class ImageFile(NamedTuple):
    """An image that may be read."""

    relative: str  # below the folder, or in the archive; with / on every system
    path: str  # for messages
    open: Callable[[], BinaryIO]


def read_image(file: ImageFile, bad: list[tuple[str, str]], wide: list[int]) -> np.ndarray | None:
    """Read one image as it is, uint8 (height, width, 1, 3, or 4); None if it cannot be read, with (path, reason) in `bad`.

    The largest value of a 16-bit image is added to `wide`.
    """
    with no_bombs():
        return attempt(lambda stream: decode(stream, None, wide), file, bad)


@contextlib.contextmanager
def no_bombs() -> Iterator[None]:
    with warnings.catch_warnings():
        # Pillow only warns of images that are up to twice as large as its limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def scan(files: list[ImageFile], where: str, bad: list, one_size: bool) -> tuple[dict[ImageFile, tuple[int, int, int]], int]:
    """(file -> height, width, and channels of those whose header can be read, channels that hold them all)."""
    headers = {file: header for file in files if (header := attempt(_header, file, bad))}
    if one_size and headers:
        _refuse_mixed([(height, width) for height, width, _ in headers.values()], where)
    native = {count for _, _, count in headers.values()}
    return headers, 4 if 4 in native else 1 if native == {1} else 3


def attempt(read: Callable, file: ImageFile, bad: list[tuple[str, str]]):
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
    if image.mode.startswith("I"):  # 16-bit gray, see decode
        return 1
    if image.has_transparency_data:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def decode(stream: BinaryIO, size: tuple[int, int] | None, wide: list[int]) -> np.ndarray:
    """The first frame, upright, resized and cropped: uint8 (height, width, 1, 3, or 4); see `read_image` for `wide`."""
    with Image.open(stream, formats=_FORMATS) as image:
        native = _native_channels(image)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I"):
            # Pillow's own conversion to L clips the 16-bit values at 255 instead of scaling them.
            values = np.asarray(image).astype(np.float64)
            wide.append(int(values.max()))
            image = Image.fromarray(np.rint(values / 257).clip(0, 255).astype(np.uint8))
        else:
            image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[native])
        return image_to_array(fit_image(image, size))


def _refuse_mixed(sides: list[tuple[int, int]], where: str) -> None:
    # EXIF may still swap height and width, which only decoding tells for sure; hence the sorting.
    array = np.array(sides)
    if len(np.unique(np.sort(array, axis=1), axis=0)) > 1:
        raise mixed_sizes(array, where)


def unreadable(bad: list[tuple[str, str]], total: int, where: str, on_error: str) -> InvalidData:
    """The error for files that cannot be read, given as (path, reason)."""
    bad = sorted(bad)
    lines = [f"  {printable(path)}: {printable(reason)}" for path, reason in bad[:_BAD_FILES_NAMED]]
    if len(bad) > _BAD_FILES_NAMED:
        lines.append(f"  and {len(bad) - _BAD_FILES_NAMED} more")
    fix = "repair or remove them"
    if on_error == "raise" and len(bad) < total:
        fix += ", or on_error='skip' to leave them out"
    received = f"All images in {where} must be readable. Received: {len(bad)} of {total} images that cannot be read:"
    return InvalidData("\n".join([received, *lines, f"Fix: {fix}."]))


def warn_of_skipped(bad: Sequence[tuple[str, str]], kept: int) -> None:
    """Count and name the files, given as (path, reason), that a training goes on without."""
    if bad:
        named = "; ".join(f"{printable(path)}: {printable(reason)}" for path, reason in sorted(bad)[:_BAD_FILES_NAMED])
        more = f"; and {len(bad) - _BAD_FILES_NAMED} more" if len(bad) > _BAD_FILES_NAMED else ""
        warnings.warn(
            f"{len(bad)} files cannot be read and are left out; {kept} examples remain: {named}{more}.", stacklevel=2
        )


def warn_of_dark(wide: list[int], where: str) -> None:
    """Warn if the largest values of all 16-bit images, `wide`, suggest fewer bits."""
    if wide and max(wide) < 2**15:
        warnings.warn(
            f"The {len(wide)} 16-bit images in the {where} hold values up to {max(wide)} of 65535, and are read as 0 to "
            f"{round(max(wide) / 257)} of 255. If they have fewer bits, such as 12, scale them to 16 bits first.",
            stacklevel=2,
        )
