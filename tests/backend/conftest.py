"""What tests share that play the same script on several backends."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_gan_zoo


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory):
    """backend -> the environment of a process on it."""
    # The runs of one variant train by the same program, which JAX compiles once if it may keep it.
    shared = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        "PYTHONPATH": os.pathsep.join([str(Path(keras_gan_zoo.__file__).parents[1]), str(Path(__file__).parent)]),
    }
    return lambda backend: {**os.environ, **shared, "KERAS_BACKEND": backend}


@pytest.fixture(scope="session")
def play(tmp_path_factory, environment_of):
    """A function of a backend and a script of this folder, which writes JSON to the path that it gets first.

    Each script runs once on a backend, in a process of its own; how it failed is not tried again.
    """
    known = {}

    def played(backend, script, *arguments):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        if (backend, script) not in known:
            output = tmp_path_factory.mktemp(backend) / "played.json"
            command = [sys.executable, str(Path(__file__).with_name(script)), str(output), *arguments]
            done = subprocess.run(
                command, cwd=output.parent, env=environment_of(backend), capture_output=True, text=True, timeout=1500
            )
            known[backend, script] = json.loads(output.read_text()) if done.returncode == 0 else done.stderr[-3000:]
        found = known[backend, script]
        if isinstance(found, str):
            pytest.fail(f"{script} failed on {backend}:\n{found}")
        assert found["backend"] == backend
        return found

    return played
