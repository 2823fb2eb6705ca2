"""What tests share that play the same script on several backends."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

import keras_gan_zoo


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder that all workers of this run of the tests have."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


# What Keras, TensorFlow and orbax import where they find it. It is half of the seconds that a process takes to start, and
# there are dozens of them.
OPTIONAL = ("tensorflow", "jax", "matplotlib", "IPython")


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory, shared_folder):
    """(backend, what else it needs) -> the environment of a process with one thread, which finds no more of OPTIONAL."""
    paths = [str(Path(keras_gan_zoo.__file__).parents[1]), str(Path(__file__).parent)]
    hiding = {name: tmp_path_factory.mktemp(f"without_{name}") for name in OPTIONAL}
    for name, folder in hiding.items():
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError('{name} is hidden', name='{name}')\n")
    # The runs of one variant train by the same program, which JAX compiles once if it may keep it.
    shared = {
        "JAX_COMPILATION_CACHE_DIR": str(shared_folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        **dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    }

    def environment(backend, *needed):
        hidden = [str(folder) for name, folder in hiding.items() if name not in (backend, *needed)]
        return {**os.environ, **shared, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join([*hidden, *paths])}

    return environment


@pytest.fixture(scope="session")
def play(shared_folder, environment_of):
    """A function of a backend and a script of this folder, which writes JSON to the path that it gets first.

    `needed` are those of OPTIONAL that the script imports besides the backend.

    Each script runs once on a backend, in a process of its own, for all workers; how it failed is not tried again.
    """

    def played(backend, script, *arguments, needed=()):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        folder = shared_folder / f"{Path(script).stem}_{backend}"
        folder.mkdir(exist_ok=True)
        output, failure = folder / "played.json", folder / "failure.txt"
        with FileLock(folder / "lock"):
            if not output.exists() and not failure.exists():
                command = [sys.executable, str(Path(__file__).with_name(script)), str(output), *arguments]
                done = subprocess.run(
                    command, cwd=folder, env=environment_of(backend, *needed), capture_output=True, text=True, timeout=1500
                )
                if done.returncode:
                    failure.write_text(done.stderr[-3000:])
        if failure.exists():
            pytest.fail(f"{script} failed on {backend}:\n{failure.read_text()}")
        found = json.loads(output.read_text())
        assert found["backend"] == backend
        return found

    return played
