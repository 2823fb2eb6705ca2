"""The guides in docs/ do what they say, on small data and small networks."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_gan_zoo
from keras_gan_zoo import cli

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working directory with two photos of each class."""
    rng = np.random.default_rng(0)
    for name in ("bird", "cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(rng.integers(0, 256, (30, 28), "uint8")).save(tmp_path / "photos" / name / f"00{i}.png")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    # A training makes TensorFlow's operations deterministic; the tests after these get them as they were.
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.framework import config

        config.disable_op_determinism()


def blocks(text, language):
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for of, block in found if of == language]


def test_classes(photos, monkeypatch, command):
    text = (DOCS / "classes.md").read_text("utf-8")
    code = "".join(blocks(text, "python"))
    small = code.replace("epochs=100, batch_size=64", "epochs=1, batch_size=6")
    small = small.replace("(28, 28, 1), num_classes=3", "(28, 28, 1), 4, width=4, num_classes=3")
    assert small.count("width=4") == 2 and small.count("epochs=1,") == 1
    found = {}
    exec(compile(small, "docs/classes.md", "exec"), found)
    assert found["cats"].shape == (16, 28, 28, 1) and len(found["rows"]) == len(found["across"]) == 3
    assert found["probabilities"].shape == (6, 3) and set(found["names"]) <= {"bird", "cat", "dog"}
    for name in re.findall(r"`([A-Z]\w*GAN\w*)`", text):
        assert hasattr(keras_gan_zoo, name), name

    original = cli.recipe_for
    model = {"width": 4, "latent_dim": 4}

    def short(*arguments):
        recipe = original(*arguments)
        return recipe.model_copy(update={"model": {**recipe.model, **model}})

    monkeypatch.setattr(cli, "recipe_for", short)
    (lines,) = [block.splitlines() for block in blocks(text, "") if "keras-gan-zoo" in block]
    for line in lines:
        program, *arguments = line.split()
        assert program == "keras-gan-zoo"
        if arguments[0] == "train":
            arguments += ["--rounds", "1", "--batch-size", "6", "--dtype", "float32"]
        code, _, errors = command(*arguments)
        assert code == 0, errors
    assert keras_gan_zoo.load("runs/pets/preset").class_names == ("bird", "cat", "dog")
    assert (photos / "cats.png").is_file() and (photos / "all.png").is_file()
