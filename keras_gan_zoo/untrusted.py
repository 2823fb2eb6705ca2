"""Reading files that anybody may have written: bounded in size and time, and shown without harm.

Nothing here imports a framework.
"""

import math
import os
import stat
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# An archive may unpack to this many bytes, or to so many times its own size, whichever is more.
SMALL, RATIO = 2**28, 200


def printable(text: str) -> str:
    """Returns text that a terminal does not act on: control codes and line ends, which file names may hold, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: Any) -> str:
    """Returns a value as messages show it, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of too many digits
        text = "an integer of very many digits"
    return text if len(text) <= 100 else f"{text[:80]}... ({len(text):,} characters)"


def why_not_regular(path: str | Path, limit: int | None = None) -> str | None:
    """Returns why a path is not read, or None: opening a pipe may wait forever, and a sparse file may exceed the memory.

    Raises:
        OSError: it does not exist, or is a link that loops.
    """
    return _why_not(os.stat(path), limit)


def _why_not(status, limit):
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if limit is not None and status.st_size > limit:
        return f"it must have at most {limit:,} bytes, and has {status.st_size:,}"
    return None


def read_bounded(path: str | Path, limit: int) -> bytes:
    """Reads the bytes of a regular file of at most `limit` bytes.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is larger, or a device, pipe, or the like, which might never end; the message is the reason alone.
    """
    # Opened without waiting for a writer to a pipe, and checked once it is open, so that nobody changes it in between.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if reason := _why_not(os.fstat(descriptor), limit):
            raise ValueError(reason)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ValueError(f"it has grown beyond {limit:,} bytes")
    return data


def repeated(names: Iterable[str]) -> str | None:
    """The first name that is there twice, or None: of two members of an archive, readers take the last without a word."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)


def require_bounded(unpacked: int, packed: int) -> None:
    """Checks what an archive says that it unpacks to.

    Raises:
        ValueError: it is a decompression bomb.
    """
    if unpacked > max(SMALL, RATIO * packed):
        raise ValueError(f"decompression bomb refused: {packed:,} bytes that unpack to {unpacked:,}")


def free_memory() -> int | None:
    """Bytes that a process may still take, according to Linux and its control groups; None on other systems."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        group = Path("/sys/fs/cgroup")
        return min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no group, or "max"
        return free


def read_npz(path: str | Path, names: Collection[str] | None = None) -> tuple[dict[str, "np.ndarray"], list[str]]:
    """Reads arrays of an .npz, and the names of all that it holds. Nothing is unpickled, and no header is trusted.

    Args:
        path: path of the file.
        names: names of the arrays to read, as far as they are there; None for all.

    Raises:
        ValueError: it cannot be read, or not into the memory; the message is the reason alone.
        OSError: it does not exist.
    """
    if reason := why_not_regular(path):
        raise ValueError(reason)
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not a zip archive, as every .npz is")
    try:
        with zipfile.ZipFile(path) as members:
            named = [(info.filename.removesuffix(".npy"), info) for info in members.infolist()]
            if twice := repeated(name for name, _ in named):
                raise ValueError(f"it holds {printable(twice)} twice, where one must be kept")
            held = dict(named)
            wanted = [name for name in (held if names is None else names) if name in held]
            unpacked, free = sum(held[name].file_size for name in wanted), free_memory()
            require_bounded(unpacked, os.path.getsize(path))
            if free is not None and unpacked > free:
                # Not left to the MemoryError, before which the system may end this process, or another one.
                raise ValueError(f"it unpacks to {unpacked:,} bytes, and only {free:,} bytes of memory are free")
            return {name: _read_array(members, held[name]) for name in wanted}, list(held)
    except MemoryError as error:
        raise ValueError(f"it is larger than the memory: {error}") from error
    except Exception as error:  # a damaged archive makes its readers raise anything, zlib.error and RuntimeError included
        raise ValueError(str(error) or type(error).__name__) from error


def _read_array(members, info):
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with members.open(info) as file:
        shape, _, dtype = readers[npy.read_magic(file)](file)
        claimed, there = math.prod(shape) * dtype.itemsize, info.file_size - file.tell()
        # NumPy reserves what the header claims before it reads.
        if claimed != there and not dtype.hasobject:
            raise ValueError(f"{printable(info.filename)} holds {there:,} bytes, and {shape} of {dtype} are {claimed:,}")
    with members.open(info) as file:
        return npy.read_array(file, allow_pickle=False)
