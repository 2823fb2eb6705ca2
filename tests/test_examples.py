"""Each example script runs on a tiny folder of images and writes what it says."""

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo import registry

EXAMPLES = Path(__file__).parent.parent / "examples"
WRITTEN = {
    "photos": ["samples.png", "my_gan/weights.safetensors"],
    "custom_loss": ["my_gan.keras"],
    "custom_network": ["my_gan.keras"],
    "tensorboard": ["logs"],
    "three_backends": ["tensorflow/samples.png"],
}


def test_every_script_is_run_and_listed():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(WRITTEN)
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    assert all(f"({name}.py)" in listed for name in WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_an_example_runs(name, monkeypatch, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (20, 16 + i, 3), "uint8")).save(photos / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_REGISTERED", {})
    # The other backends are the README's test.
    monkeypatch.setenv("BACKENDS", "tensorflow")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
    options = ["--size", "16", "--epochs", "1", "--batch-size", "4", "--width", "4"]
    monkeypatch.setattr(sys, "argv", [name, str(photos), *options])
    try:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    except SystemExit as end:  # as typer ends a command
        assert not end.code
    for file in WRITTEN[name]:
        assert (tmp_path / file).exists(), file
