"""Games of other shapes than the zoo's play on every backend: shared trunks, several judges, gates, masks and averages."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_gan_zoo

SCRIPT = Path(__file__).with_name("play_games.py")
PLAYS = re.findall(r"^def play_(\w+)", SCRIPT.read_text(), re.MULTILINE)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """backend -> name of a play -> "played", or how it failed; each backend plays all in one process."""
    known = {}

    def on(backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        if backend not in known:
            folder = tmp_path_factory.mktemp(backend)
            environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parents[1])}
            command = [sys.executable, str(SCRIPT), "plays.json"]
            options = {"cwd": folder, "env": environment, "capture_output": True, "text": True, "timeout": 900}
            done = subprocess.run(command, **options)
            known[backend] = json.loads((folder / "plays.json").read_text()) if done.returncode == 0 else done.stderr[-3000:]
        if isinstance(known[backend], str):
            pytest.fail(f"play_games.py failed on {backend}:\n{known[backend]}")
        assert known[backend]["backend"] == backend
        return known[backend]["plays"]

    return on


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("name", PLAYS)
def test_it_plays_as_its_rules_say(name, backend, played):
    outcome = played(backend)[name]
    assert outcome == "played", outcome
