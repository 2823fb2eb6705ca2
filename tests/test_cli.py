"""The command line: what it writes, and that each mistake is answered in words and with an exit code."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import keras_gan_zoo
from keras_gan_zoo import cli, presets
from keras_gan_zoo.config import parse_recipe, read_recipe, write_recipe
from keras_gan_zoo.preset_saving import save_to_preset


@pytest.fixture(scope="module")
def saved(small_gan, tmp_path_factory):
    """Folder with the presets "plain" and "classes"."""
    root = tmp_path_factory.mktemp("presets")
    rng = np.random.default_rng(0)
    for name, variant in (("plain", "dcgan"), ("classes", "cgan")):
        gan = small_gan(variant)
        for variable in gan.generator.trainable_variables:
            variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
        save_to_preset(gan, root / name)
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of PNG files of several sizes and modes."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i, (height, width, mode) in enumerate([(20, 30, "RGB"), (16, 16, "L"), (40, 18, "RGBA"), (33, 64, "RGB")] * 3):
        shape = (height, width) if mode == "L" else (height, width, len(mode))
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def small_networks(monkeypatch):
    """Variants that are named on the command line get their papers' widths; here, small ones."""
    original = cli.recipe_for

    def recipe(*arguments):
        recipe = original(*arguments)
        training = recipe.training.model_copy(update={"dtype": "float32"})
        return recipe.model_copy(update={"model": {**recipe.model, "width": 4, "latent_dim": 4}, "training": training})

    monkeypatch.setattr(cli, "recipe_for", recipe)


# list --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 160])
def test_list_shows_what_is_known_of_each_preset(command, monkeypatch, tmp_path, saved, width):
    # The environment would say so too late: a console may have asked it for the width when the module was imported.
    monkeypatch.setattr(cli, "out", Console(width=width, force_terminal=True, color_system=None))
    data = {"source": "mnist", "license": f"[CC] {'x' * 60}"}
    recipe = parse_recipe({**read_recipe(saved / "plain").model_dump(exclude_none=True), "data": data}, "")
    save_to_preset(presets.load(saved / "plain"), tmp_path / "dcgan_mnist", recipe=recipe)
    (tmp_path / "dcgan_mnist" / "results.json").write_text('{"FID": {"value": 8.257}, "purity": {"value": 1, "digits": 0}}')
    (tmp_path / "gan_new").mkdir()
    write_recipe(recipe, tmp_path / "gan_new" / "config.yaml")
    monkeypatch.setattr(presets, "preset_root", lambda: tmp_path)
    code, out, _ = command("list")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 3 and max(map(len, lines)) <= width
    size = (tmp_path / "dcgan_mnist" / "weights.safetensors").stat().st_size / 1e6
    for words in ("dcgan_mnist", " mnist ", " [CC] x", f"{size:.1f} MB", "FID 8.26"):
        assert words in lines[1]
    assert lines[1].endswith("x" if width == 160 else "…") and " none " in lines[2] and "gan_new" in lines[2]
    code, out, _ = command("list", "*new")
    assert code == 0 and "gan_new" in out and "dcgan_mnist" not in out
    # Another program gets all of it.
    monkeypatch.setattr(cli, "out", Console(width=width))
    assert f"[CC] {'x' * 60}" in command("list")[1]


def test_the_built_in_presets_lose_no_result_at_80_columns(command, monkeypatch):
    monkeypatch.setattr(cli, "out", Console(width=80, force_terminal=True, color_system=None))
    _, out, _ = command("list")
    for preset, line in zip(keras_gan_zoo.list_presets(), out.splitlines()[1:], strict=True):
        assert (
            preset.name in line and preset.license[:12] in line and cli.summary(preset.results) in line and len(line) <= 80
        )


def test_list_of_nothing(command):
    code, out, err = command("list", "[/no such preset]")
    assert code == 2 and not out and "'[/no such preset]'" in err


# sample ------------------------------------------------------------------------------------------------------------------


def test_sample_writes_a_grid(command, saved, tmp_path):
    gan = presets.load(saved / "plain")
    code, out, _ = command("sample", saved / "plain", "--output", tmp_path / "new" / "a.png", "-n", 4, "--seed", 3)
    assert code == 0 and f"{tmp_path / 'new' / 'a.png'}: 4 images" in out
    with Image.open(tmp_path / "new" / "a.png") as picture:
        pixels = np.asarray(picture)[::4, ::4]
    images = gan.generate(4, seed=3, dtype="uint8")[..., 0]
    np.testing.assert_array_equal(pixels, np.block([[images[0], images[1]], [images[2], images[3]]]))


def test_sample_of_the_same_seed_has_the_same_bytes(command, saved, tmp_path):
    files = [tmp_path / f"{i}.png" for i in range(4)]
    for file, options in zip(files, [("--seed", 3), ("--seed", 3), ("--seed", 4), ()], strict=True):
        assert command("sample", saved / "plain", "--output", file, *options)[0] == 0
    contents = [file.read_bytes() for file in files]
    assert contents[0] == contents[1] and len(set(contents)) == 3


def test_sample_of_a_class_and_truncation(command, saved, tmp_path):
    gan = presets.load(saved / "classes")
    file = tmp_path / "a.png"
    assert command("sample", saved / "classes", "--output", file, "-n", 1, "--label", 2, "--truncation", 0.5)[0] == 0
    image = gan.generate(1, labels=2, seed=0, truncation=0.5, dtype="uint8")[0, ..., 0]
    with Image.open(file) as picture:
        np.testing.assert_array_equal(np.asarray(picture), image.repeat(4, axis=0).repeat(4, axis=1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing_like_it"], "Received: 'nothing_like_it', which is neither"),
        (["dcgan_mnst"], "Did you mean 'dcgan_mnist'"),
        (["[/b]"], "Received: '[/b]', which is neither"),
        (
            ["plain", "--label", 1],
            "--label must be left out for a model without classes. Received: --label '1', and a DCGAN.",
        ),
        (["classes", "--label", 10], "--label must be the number of a class, from 0 to 9. Received: --label '10'."),
        (["classes", "--label", "cat"], "--label must be the number of a class, from 0 to 9. Received: --label 'cat'."),
        (["plain", "--truncation", 0], "truncation=0.0"),
        (["plain", "--seed", -1], "--seed"),
        (["plain", "-n", 0], "--number"),
        (["plain", "--output", "."], "--output must be a file. Received: --output='.', which is a folder"),
        (["nothing_like_it", "--output", "x.jpg"], "must end in .png or .txt. Received: --output='x.jpg'. Fix: x.png."),
        (["plain", "--nothing"], "--nothing"),
        ([], "preset"),
    ],
)
def test_sample_that_cannot_be_had(command, saved, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    folder = {name: saved / name for name in ("plain", "classes")}
    code, out, err = command("sample", *(folder.get(argument, argument) for argument in arguments))
    assert code in (1, 2) and words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


# train -------------------------------------------------------------------------------------------------------------------


def test_train_a_variant_on_a_folder_of_pictures(command, small_networks, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run with a [name]"
    options = ["--data", pictures, "--size", "16x12", "--rounds", 4, "--batch-size", 3, "--output", run]
    code, out, err = command("train", "dcgan", *options)
    assert code == 0, err
    assert "4/4" in out and "images/s" in out and f"load({str(run / 'preset')!r})" in out
    assert keras_gan_zoo.load(run / "preset").generate(2, seed=0).shape == (2, 16, 12, 3)
    assert read_recipe(run).training.batch_size == 3
    code, out, err = command("train", "dcgan", *options)
    assert code == 1 and err.startswith("Error:") and "--resume" in err and len(err.splitlines()) == 1
    code, out, err = command("train", "dcgan", *options, "--resume")
    assert code == 0, err
    options[3] = 14
    code, out, err = command("train", "dcgan", *options, "--resume")
    assert code == 1 and "model.image_shape: [16, 12, 3] -> [14, 14, 3]" in err


def test_a_variant_that_is_a_folder_here_too_is_taken_for_neither(command, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dcgan").mkdir()
    for options in ((), ("--data", pictures, "--size", 16)):
        code, _, err = command("train", "dcgan", *options)
        assert code == 2 and "Received: 'dcgan', which is both" in err and "'./dcgan'" in err
    assert [path.name for path in tmp_path.rglob("*")] == ["dcgan"]


def test_train_by_a_recipe_writes_below_runs(command, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_recipe").mkdir()
    recipe = {
        "variant": "gan",
        "model": {"image_shape": [8, 8, 1], "width": 10, "latent_dim": 4},
        "data": {"source": str(pictures)},
        "training": {"rounds": 2, "batch_size": 2, "checkpoint_rounds": 2, "sample_rounds": 2},
    }
    write_recipe(parse_recipe(recipe, "test"), tmp_path / "my_recipe" / "config.yaml")
    for argument in ("my_recipe", "my_recipe/config.yaml"):
        code, _, err = command("train", argument, "--dtype", "float32", *["--resume"] * ("/" in argument))
        assert code == 0, err
    assert (tmp_path / "runs" / "my_recipe" / "preset" / "weights.safetensors").exists()
    # So does a preset that comes with the zoo, by its name.
    monkeypatch.setattr(presets, "preset_root", lambda: tmp_path / "zoo")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "my_recipe").rename(tmp_path / "zoo" / "gan_pictures")
    code, _, err = command("train", "gan_pictures", "--dtype", "float32")
    assert code == 0 and (tmp_path / "runs" / "gan_pictures" / "preset" / "weights.safetensors").exists(), err
    (tmp_path / "zoo" / "gan_pictures").rename(tmp_path / "my_recipe")
    code, _, err = command("train", "my_recipe", "--rounds", 5)
    assert code == 2 and "Fix: write them into the recipe" in err
    code, _, err = command("train", "my_recipe", "--channels", 1)
    assert code == 2 and "Fix: write them into the recipe" in err


def test_a_training_that_diverges_ends_with_an_error(command, pictures, tmp_path):
    recipe = {
        "variant": "gan",
        "model": {"image_shape": [8, 8, 1], "width": 10, "latent_dim": 4},
        "data": {"source": str(pictures)},
        "optimizers": {"discriminator": {"name": "sgd", "learning_rate": 1e38}},
        "training": {"rounds": 3, "batch_size": 2, "checkpoint_rounds": 3, "sample_rounds": 3, "dtype": "float32"},
    }
    write_recipe(parse_recipe(recipe, "test"), tmp_path / "config.yaml")
    code, _, err = command("train", tmp_path / "config.yaml", "--output", tmp_path / "run")
    assert code == 1 and err.startswith("Error:") and "is not finite by round 3" in err and len(err.splitlines()) == 1


def test_unreadable_pictures_stop_a_training_unless_they_are_to_be_skipped(command, small_networks, pictures, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in pictures.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "bad.png").write_bytes(b"no picture")
    options = ["--data", folder, "--size", 16, "--rounds", 1, "--batch-size", 2, "--output", tmp_path / "run"]
    code, _, err = command("train", "dcgan", *options)
    assert code == 1 and "bad.png" in err and not (tmp_path / "run").exists()
    code, _, err = command("train", "dcgan", *options, "--skip-unreadable", "--flip", "--crop", 2)
    assert code == 0, err
    data = read_recipe(tmp_path / "run").data
    assert (data.flip, data.crop, data.on_error) == (True, 2, "skip")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dcgan"], "--data FOLDER and --size SIDE"),
        (["dcgna", "--data", "x", "--size", 16], "did you mean 'dcgan'"),
        (["no/config.yaml"], "Received: no/config.yaml, and no such file"),
        (["dcgan", "--data", "no [/such] folder", "--size", 16], "no [/such] folder"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--crop", 16], "data.crop=16"),
        (["dcgan", "--data", "PICTURES", "--size", 0], "--size 0"),
        (["dcgan", "--data", "PICTURES", "--size", "8x8x8"], "--size 8x8x8"),
        (["dcgan", "--data", "PICTURES", "--size", "large"], "--size large"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--channels", 2], "image_shape=[16, 16, 2]"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--rounds", 700], "--rounds 700"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--rounds", 0], "training.rounds=0"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--rounds", "few"], "--rounds"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--batch-size", 13], "13"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--dtype", "float16"], "--dtype float16"),
        (["dcgan", "--data", "PICTURES", "--size", 16, "--resume"], "--resume must go with a run"),
        (["dcgan", "--date", "PICTURES"], "--date"),
        ([], "recipe"),
    ],
)
def test_train_that_cannot_begin(command, small_networks, pictures, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("train", *(pictures if argument == "PICTURES" else argument for argument in arguments))
    assert code in (1, 2) and words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_the_version(command):
    code, out, _ = command("--version")
    assert code == 0 and out.strip() == f"keras_gan_zoo {keras_gan_zoo.__version__}"


def test_unknown_commands(command):
    code, _, err = command("lst")
    assert code == 2 and "lst" in err


# In a process of its own -------------------------------------------------------------------------------------------------


def process(arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    arguments = [sys.executable, "-m", "keras_gan_zoo", *map(str, arguments)]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_how_to_go_on(pictures, tmp_path, number):
    recipe = {
        "variant": "gan",
        "model": {"image_shape": [8, 8, 1], "width": 10, "latent_dim": 4},
        "data": {"source": str(pictures)},
        "training": {"rounds": 10**6, "batch_size": 2, "checkpoint_rounds": 10, "sample_rounds": 10**5},
    }
    write_recipe(parse_recipe(recipe, "test"), tmp_path / "config.yaml")
    running = process(["train", tmp_path / "config.yaml", "--output", tmp_path / "run"])
    deadline = time.monotonic() + 120
    try:
        while not (tmp_path / "run" / "checkpoint.weights.h5").exists() and time.monotonic() < deadline:
            assert running.poll() is None, running.communicate()[1]
            time.sleep(0.02)
        running.send_signal(number)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    message = err.strip().splitlines()[-1]
    assert message.startswith("Stopped.") and "--resume" in message and str(tmp_path / "run") in message
    assert "Traceback" not in err and not list((tmp_path / "run").glob(".partial*"))


def test_an_unusable_backend_is_one_line(saved, tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "keras_gan_zoo", "sample", str(saved / "plain")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("Error: The Keras backend must be one of tensorflow")
