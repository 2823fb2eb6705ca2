"""Where files go, written whole or not at all."""

import contextlib
import contextvars
import errno
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .untrusted import why_not_regular


def cache_folder() -> Path:
    """The folder for what is downloaded or computed once: keras_gan_zoo in Keras's own ($KERAS_HOME, or ~/.keras)."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras_gan_zoo"


# Whether this process writes: of several that train together, the first does, and the others do the same work for nothing,
# since some of it needs all of them.
_WRITES = contextvars.ContextVar("writes", default=True)


@contextlib.contextmanager
def writing(writes: bool) -> Iterator[None]:
    """Opens a context in which `whole_file` and `whole_folder` keep what is written, and `locked` locks, or they do not."""
    before = _WRITES.set(writes and _WRITES.get())
    try:
        yield
    finally:
        _WRITES.reset(before)


def writes() -> bool:
    """Whether this process keeps what it writes."""
    return _WRITES.get()


def require_file(path: str | Path, name: str) -> None:
    """Checks that `whole_file` can write to a path, before the work that leads to it; folders above it may be missing.

    Raises:
        OSError: it is there and no regular file, or its folder cannot be written to; the message calls it `name`.
    """
    path = Path(path)
    if writes() and path.exists() and why_not_regular(path):
        raise FileExistsError(
            f"{name} must be a file. Received: {name}={str(path)!r}, which is a folder, device, pipe, or the like. Fix: "
            "name another one."
        )
    _require_place(path, path.parent, name)


def require_folder(path: str | Path, name: str) -> None:
    """Checks that files can be written below a path, as `require_file` does for one."""
    _require_place(path, Path(path), name)


def _require_place(path, folder, name):
    if not writes():
        return
    # Another writer takes a folder away for a moment, to put its own there, which may be between two of these questions.
    for _ in range(3):
        there = next(above for above in (folder, *folder.parents) if os.path.lexists(above))
        if there.is_dir() and os.access(there, os.W_OK):
            return
    raise OSError(
        f"{name} must be a place that can be written to. Received: {name}={str(path)!r}, and {there} is no folder to "
        "write to. Fix: name another place."
    )


def require_ending(path: str | Path, name: str, *endings: str) -> None:
    """Checks that a path has one of the endings.

    Raises:
        ValueError: it has another one, or none.
    """
    path = Path(path)
    if not path.name.endswith(endings):
        raise ValueError(
            f"{name} must end in {' or '.join(endings)}. Received: {name}={str(path)!r}. Fix: {path.stem}{endings[0]}."
        )


@contextlib.contextmanager
def _thrown_away(name):
    """Yields a path of this name in a folder that is removed."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name


@contextlib.contextmanager
def _named(path):
    """Lets errors of writing name the file: those of a full disk name none, others a partial one."""
    try:
        yield
    except OSError as error:
        if error.filename and ".partial-" not in str(error.filename):
            raise
        kept = "; the one before it is kept" if path.exists() else ""
        message = f"{path} could not be written ({error.strerror or error}){kept}"
        raise OSError(*filter(None, [error.errno]), message) from error


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; the file takes the place of `path` once it is complete and on the disk.

    Raises:
        OSError: it could not be written, or `path` is a device, a pipe, or the like, whose place nothing takes.
    """
    path = Path(path)
    require_file(path, "path")
    if not writes():
        with _thrown_away(path.name) as elsewhere:
            yield elsewhere
        return
    # Each writer has its own, so that none takes another one's; Keras and NumPy go by the ending of the name.
    partial = path.with_name(f".partial-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        with _named(path):
            yield partial
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yields a new folder beside `path` to fill; it takes the place of `path` once it is filled, or else is removed.

    Raises:
        OSError: it could not be written, or `path` is no folder.
    """
    path = Path(path)
    require_folder(path, "path")
    if not writes():
        with _thrown_away(path.name) as elsewhere:
            elsewhere.mkdir()
            yield elsewhere
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _named(path), tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as partial:
        new = Path(partial) / "new"
        new.mkdir()
        yield new
        for attempt in range(100):
            old = Path(partial) / f"old{attempt}"
            with contextlib.suppress(FileNotFoundError):
                path.rename(old)
            try:
                new.rename(path)
                break
            except OSError as error:
                # Another process has put its own there in the meantime; the later one stays, as with files.
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and attempt < 99:
                    continue
                if old.exists():
                    old.rename(path)
                raise


class InUseError(RuntimeError):
    """Another process holds the lock."""


# Files whose lock this process holds. A forked child has them too, and would hold the locks after this process ends.
_HELD = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: [file.close() for file in _HELD])

# Seconds for which a lock is tried again: `holder` takes it for a moment to find out who holds it.
PATIENCE = 0.5


@contextlib.contextmanager
def locked(path: str | Path, what: str) -> Iterator[None]:
    """Holds a lock in the file `path`, which contains the number of the process and is removed at the end.

    The lock is the system's, which releases it whenever a process ends, however that happens; a file that is left behind
    then means nothing. On systems without such locks (Windows), nothing is locked.

    Raises:
        InUseError: another process holds it; the message calls what is locked `what`.
        FileExistsError: `path` is a link, a pipe, or the like.
    """
    try:
        import fcntl
    except ImportError:
        fcntl = None
    if fcntl is None or not writes():
        yield
        return
    path, end = Path(path), time.monotonic() + PATIENCE
    while True:
        file = open(path, "a+", opener=_opened)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed the file after it was opened here.
            if os.fstat(file.fileno()).st_nlink:
                break
        except OSError:
            if time.monotonic() > end:
                with file:
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                raise InUseError(f"{what} is in use by process {holder}; wait for it, or stop it first.") from None
            time.sleep(0.02)
        file.close()
    _HELD.add(file)
    with file:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            # In a forked child the file is closed, and the lock belongs to the parent.
            if not file.closed:
                path.unlink(missing_ok=True)
            _HELD.discard(file)


def _opened(path, flags):
    """Opens the file of a lock, but not what a link leads to, which would be emptied, nor a pipe, which may wait forever."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.islink(path) or why_not_regular(path):
            raise FileExistsError(
                f"{path} must be a file of its own. Received: a link, pipe, or the like. Fix: move it away."
            )
    # Also where one comes in between.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def holder(path: str | Path) -> int | None:
    """The number of the process that holds a lock of `locked`, or None.

    Raises:
        FileExistsError: `path` is a link, a pipe, or the like.
    """
    import fcntl

    # A ValueError comes where the number is not written yet.
    with contextlib.suppress(FileNotFoundError, ValueError), open(path, opener=_opened) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(file.read())
    return None
