"""The backends play the same game: equal losses from equal weights and equal noise."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_gan_zoo
from keras_gan_zoo.models import variants

BACKENDS = ("tensorflow", "jax", "torch")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """backend -> what play_rounds.py has written on it; each runs once."""
    known = {}

    def on(backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        if backend not in known:
            output = tmp_path_factory.mktemp(backend) / "losses.json"
            # The runs of one variant train by the same program, which JAX compiles once if it may keep it.
            cache = {"JAX_COMPILATION_CACHE_DIR": str(output.parent), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5"}
            environment = {**os.environ, **cache, "KERAS_BACKEND": backend}
            environment["PYTHONPATH"] = str(Path(keras_gan_zoo.__file__).parents[1])
            script = Path(__file__).with_name("play_rounds.py")
            command = [sys.executable, str(script), str(output), *variants()]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500)
            known[backend] = json.loads(output.read_text()) if result.returncode == 0 else result.stderr[-3000:]
        if isinstance(known[backend], str):
            pytest.fail(f"play_rounds.py failed on {backend}:\n{known[backend]}")
        return known[backend]

    return on


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_variant_plays_on_every_backend(backend, played):
    result = played(backend)
    assert result["backend"] == backend
    assert set(result["eager"]) == set(variants())
    for name, outcome in result["eager"].items():
        assert len(outcome["logs"]) == 5
        for logs in outcome["logs"]:
            assert np.isfinite(list(logs.values())).all(), name
        losses = [logs["loss"] for logs in outcome["logs"]]
        assert len(set(losses)) == 5, f"the losses of {name} stand still"


@pytest.mark.parametrize("backend", BACKENDS[1:])
@pytest.mark.parametrize("name", variants())
def test_losses_agree(name, backend, played):
    expected, actual = played("tensorflow")["eager"][name], played(backend)["eager"][name]
    for round_, (ours, theirs) in enumerate(zip(actual["logs"], expected["logs"], strict=True)):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-5, abs=1e-5), f"{key} of round {round_}"
    np.testing.assert_allclose(actual["average"], expected["average"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_of_fit_go_on_where_they_stopped(backend, played):
    ends = played(backend)["ends"]
    assert set(ends) >= ({"gan", "dcgan", "wgan_gp", "cgan"} if backend == "jax" else set(variants()))
    for name, (whole, resumed) in ends.items():
        assert whole == resumed, name  # to the bit
        assert np.isfinite(list(whole["losses"].values())).all(), name
