"""The guides in docs/ do what they say, on small data and small networks."""

import json
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


SHORT = ("--rounds", "1", "--batch-size", "6", "--dtype", "float32")


def train_narrow_networks(monkeypatch):
    """Lets variants that are named on the command line have networks that take a moment."""
    original = cli.recipe_for

    def narrow(*arguments):
        recipe = original(*arguments)
        return recipe.model_copy(update={"model": {**recipe.model, "width": 4, "latent_dim": 4}})

    monkeypatch.setattr(cli, "recipe_for", narrow)


def test_classes(photos, monkeypatch, command):
    text = (DOCS / "classes.md").read_text("utf-8")
    code = "".join(blocks(text, "python"))
    small = code.replace("epochs=100, batch_size=64", "epochs=1, batch_size=6")
    small = small.replace("(28, 28, 1), num_classes=3", "(28, 28, 1), 4, width=4, num_classes=3")
    assert small.count("width=4") == 3 and small.count("epochs=1,") == 1
    found = {}
    exec(compile(small, "docs/classes.md", "exec"), found)
    assert found["told"].shape == (6,)
    assert found["cats"].shape == (16, 28, 28, 1) and len(found["rows"]) == len(found["across"]) == 3
    assert found["probabilities"].shape == (6, 3) and set(found["names"]) <= {"bird", "cat", "dog"}
    for name in re.findall(r"`([A-Z]\w*GAN\w*)`", text):
        assert hasattr(keras_gan_zoo, name), name

    train_narrow_networks(monkeypatch)
    (lines,) = [block.splitlines() for block in blocks(text, "") if "keras-gan-zoo" in block]
    for line in lines:
        program, *arguments = line.split()
        assert program == "keras-gan-zoo"
        code, _, errors = command(*arguments, *(SHORT if arguments[0] == "train" else ()))
        assert code == 0, errors
    assert keras_gan_zoo.load("runs/pets/preset").class_names == ("bird", "cat", "dog")
    assert (photos / "cats.png").is_file() and (photos / "all.png").is_file()


@pytest.mark.filterwarnings("ignore:FID of")
def test_training(photos, command):
    text = (DOCS / "training.md").read_text("utf-8")
    rng = np.random.default_rng(0)
    for i in range(20):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), "uint8")).save(photos / "photos" / "cat" / f"1{i:02}.png")
        if i < 6:
            (photos / "photos" / ("bird", "cat", "dog")[i % 3] / f"00{i // 3}.png").unlink()
    (recipe,) = blocks(text, "yaml")
    for old, new in (("width: 32", "width: 4"), ("batch_size: 64", "batch_size: 4")):
        assert recipe.count(old) == 1
        recipe = recipe.replace(old, new)
    for name in ("rounds", "checkpoint_rounds", "sample_rounds"):
        recipe = re.sub(rf"^  {name}: \d+", f"  {name}: 2", recipe, flags=re.MULTILINE)
    (photos / "my_gan").mkdir()
    (photos / "my_gan" / "config.yaml").write_text(recipe)
    first, again = (block.splitlines() for block in blocks(text, ""))
    for line in (*first, *again):
        if line in again:
            run = photos / "runs" / "mine" / "config.yaml"
            run.write_text(run.read_text().replace("rounds: 2\n", "rounds: 4\n", 1))
        program, *arguments = line.split()
        code, _, errors = command(*arguments)
        assert program == "keras-gan-zoo" and code == 0, errors
    assert (photos / "runs" / "mine" / "log.csv").read_text().splitlines()[-1].startswith("4,")
    (code,) = blocks(text, "python")
    small = code.replace("epochs=100, batch_size=64", "epochs=1, batch_size=4").replace(
        "(28, 28, 1)", "(28, 28, 1), 4, width=4"
    )
    small = small.replace("every=1000", "every=1").replace("every=500", "every=1")
    assert small.count("every=1") == 2 and small.count("width=4") == small.count("epochs=1,") == 1
    found = {}
    exec(compile(small, "docs/training.md", "exec"), found)
    assert int(found["gan"].rounds) == 1 and (photos / "best" / "evaluations.csv").exists()


def test_large_data(photos, monkeypatch, command):
    text = (DOCS / "large_data.md").read_text("utf-8")
    (code,) = blocks(text, "python")
    small = code.replace("epochs=100, batch_size=64", "epochs=1, batch_size=6").replace(
        "(64, 64, 3)", "(64, 64, 3), 4, width=4"
    )
    assert small.count("width=4") == small.count("epochs=1,") == 1
    exec(compile(small, "docs/large_data.md", "exec"), {})
    train_narrow_networks(monkeypatch)
    training, measuring = (block.split("\n") for block in blocks(text, ""))
    code, _, errors = command(*training[0].split()[1:], *SHORT)
    assert code == 0, errors
    # The classifier of digits in place of the Inception network, which sees images of its own size.
    for name, n in (("photos", 60), ("real", 50)):
        (photos / "digits" / name).mkdir(parents=True)
        for i, image in enumerate(np.random.default_rng(n).integers(0, 256, (n, 28, 28), np.uint8)):
            Image.fromarray(image).save(photos / "digits" / name / f"{i}.png")
    monkeypatch.chdir(photos / "digits")
    for line in filter(None, measuring):
        program, *arguments = line.split()
        seen = ["--extractor", "mnist", "--metrics", "fid", "--cache", "cache"] if "--shard" in arguments else []
        code, out, errors = command(*arguments, *seen)
        assert program == "keras-gan-zoo" and code == 0, errors
    assert json.loads(out)["fid"]["n_fake"] == 60
