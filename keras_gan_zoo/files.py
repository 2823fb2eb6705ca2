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
    """Yields a path beside `path` to write to; the file takes the place of `path` once it is complete and on the disk."""
    path = Path(path)
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
    """Yields a new folder beside `path` to fill; it takes the place of `path` once it is filled, or else is removed."""
    path = Path(path)
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
        file = open(path, "a+")
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


def holder(path: str | Path) -> int | None:
    """The number of the process that holds a lock of `locked`, or None."""
    import fcntl

    # A ValueError comes where the number is not written yet.
    with contextlib.suppress(FileNotFoundError, ValueError), open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(file.read())
    return None
