"""Where files go, and that they are there whole or not at all."""

import contextlib
import errno
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """What is downloaded or computed once and kept: keras_gan_zoo in the Keras home folder ($KERAS_HOME, or ~/.keras)."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras_gan_zoo"


@contextlib.contextmanager
def _named(path):
    """Errors of writing say what could not be written: those of a full disk name no file, others a partial one."""
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
    """Yields a path beside `path` to write to; the file takes its place only when it is written whole and on the disk."""
    path = Path(path)
    # Of its own for each writer, so that none takes another one's; Keras and NumPy go by the ending of the name.
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
    """Yields a new folder beside `path` to fill; it takes the place of `path` only when it is filled, and else is gone."""
    path = Path(path)
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
                # Another process has put its own there meanwhile; the later one stays, as with files.
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and attempt < 99:
                    continue
                if old.exists():
                    old.rename(path)
                raise


class InUseError(RuntimeError):
    """Another process works on what is locked."""


# Files whose lock this process holds. A child that it forks has them too, and would hold the locks beyond its end.
_HELD = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: [file.close() for file in _HELD])

# Seconds in which a lock is asked for again: to look who holds one, `holder` takes it for a moment.
PATIENCE = 0.5


@contextlib.contextmanager
def locked(path: str | Path, what: str) -> Iterator[None]:
    """Holds a lock in the file `path`, which has the number of the process in it and is removed at the end.

    The lock is the system's, which gives it back when a process dies, however it does; a file that is left behind then
    says nothing. Where the system has no such locks (Windows), nothing is locked.

    Raises:
        InUseError: another process holds it; the message calls that `what`.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path, end = Path(path), time.monotonic() + PATIENCE
    while True:
        file = open(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before may have removed the file after it was opened here.
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
            # In a forked child it is closed, and the lock is the parent's.
            if not file.closed:
                path.unlink(missing_ok=True)
            _HELD.discard(file)


def holder(path: str | Path) -> int | None:
    """The process that holds a lock of `locked`, or None."""
    import fcntl

    # A ValueError comes where the number is not written yet.
    with contextlib.suppress(FileNotFoundError, ValueError), open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(file.read())
    return None
