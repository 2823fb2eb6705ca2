"""Who computed something: backend, device, versions and commit of this process."""

import contextlib
import functools
import importlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy

from . import machine
from .backend import accelerator

# What measurements and reports write into a checkout, as Git excludes it.
WRITTEN = [
    f":(exclude,top){path}"
    for path in (
        "benchmarks/results",
        "*.md",
        "zoo_configs/*/results.json",
        "zoo_configs/*/samples.*",
        "zoo_configs/*/weights.*",
    )
]


def origin() -> dict[str, Any]:
    """The backend, device, versions and commit of this process."""
    return {"backend": keras.backend.backend(), "device": device(), "versions": versions(), "commit": commit()}


def device() -> str:
    """Where the Keras backend computes, in its own words ("cpu:0", "cuda:0" ...), and the model of that device.

    A CPU is named with the cores that this process may use, since these decide how fast it computes.
    """
    # Asks a tensor, as keras.distribution.list_devices fails on torch. TensorFlow's answer ends in "device:CPU:0".
    place = str(keras.ops.zeros(()).device).rpartition("device:")[2].lower()
    cores = machine.cpu_cores()
    processor = f"{cores} {'core' if cores == 1 else 'cores'} of {machine.cpu_name()}"
    return f"{place} ({accelerator() or processor})"


def versions() -> dict[str, str]:
    """Versions of Python, Keras, its backend, NumPy and SciPy."""
    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        # Not by distribution name, which differs between builds (tensorflow, tensorflow-cpu).
        backend: importlib.import_module(backend).__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


@functools.cache
def commit() -> str:
    """Git commit of the running code, with "-dirty" where what runs has changes; outside of a checkout the version.

    What measurements write (`WRITTEN`) does not count: a result that is there should not make the next one dirty.
    """
    folder = Path(__file__).parent

    def git(*words):
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        # An environment inside of somebody's repository is not a checkout of this one: Git must know this very file.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--", ":/", *WRITTEN) else "")
    try:
        return importlib.metadata.version("keras_gan_zoo")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
