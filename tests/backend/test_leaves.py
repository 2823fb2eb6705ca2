"""Each float that a generator makes carries its gradient, however the fakes are packed, on every backend."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_gan_zoo


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_every_float_leaf_of_the_fakes_carries_its_gradient(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    output, script = tmp_path / "changes.json", Path(__file__).with_name("play_leaves.py")
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parents[1])}
    done = subprocess.run([sys.executable, str(script), str(output)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(output.read_text())
    assert results.pop("backend") == backend and len(results) == 6
    for name, result in results.items():
        assert result["loss"] == pytest.approx(result["expected"], rel=1e-5), name
        of_a, of_b = map(np.array, result["changes"])
        np.testing.assert_allclose(of_a, -0.5, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(of_b, -0.75, rtol=1e-5, err_msg=name)
