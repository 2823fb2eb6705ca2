"""Where files go, and that they are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """What is downloaded or computed once and kept: keras_gan_zoo in the Keras home folder ($KERAS_HOME, or ~/.keras)."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras_gan_zoo"


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; the file takes its place only when it is written whole and on the disk."""
    path = Path(path)
    # Keras and NumPy go by the ending of the name.
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
