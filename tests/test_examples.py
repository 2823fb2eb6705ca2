"""Each example script runs on a tiny folder of images and writes what it says."""

import ast
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


def test_every_example_imports_the_zoo_before_keras():
    """TensorFlow, which Keras imports, reads once whether it is to use oneDNN."""
    for path in EXAMPLES.glob("*.py"):
        imported = [
            alias.name if isinstance(node, ast.Import) else node.module
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        ]
        frameworks = [i for i, name in enumerate(imported) if name.split(".")[0] in ("keras", "tensorflow")]
        assert not frameworks or imported.index("keras_gan_zoo") < min(frameworks), path


# Set before the rest of the notebook. The extractor is a network that needs no download.
SMALL = """
import keras
FLOWERS, SIZE, EPOCHS, MEASURED = 64, 16, 2, 8
pooled = [keras.Input((SIZE, SIZE, 3)), keras.layers.AveragePooling2D(8), keras.layers.Flatten()]
EXTRACTOR = keras.Sequential(pooled, name="pooled")
"""


def pictures(notebook):
    return [len([o for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})]) for cell in notebook.cells]


def test_the_notebook_runs_and_shows_its_pictures(monkeypatch, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = EXAMPLES / "quickstart.ipynb"
    assert path.stat().st_size <= 400_000 and f"({path.name})" in (EXAMPLES / "README.md").read_text("utf-8")
    notebook = nbformat.read(path, 4)
    stored = pictures(notebook)
    assert sum(stored) >= 6
    assert all(
        o.output_type != "error" and o.get("name") != "stderr" for cell in notebook.cells for o in cell.get("outputs", ())
    )
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    parameters.source += SMALL
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert pictures(notebook) == stored
    assert len(list((tmp_path / "flowers").iterdir())) == 64 and (tmp_path / "my_gan/weights.safetensors").exists()
