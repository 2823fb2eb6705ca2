"""Training by a recipe: what a run leaves, what it refuses, and that a killed one ends as if it had not been killed."""

import csv
import errno
import importlib.util
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import keras_gan_zoo
from keras_gan_zoo import run_recipes, training
from keras_gan_zoo.building import build, compile_by, make_optimizer
from keras_gan_zoo.callbacks import DivergedError
from keras_gan_zoo.config import ConfigError, Optimizer, parse_recipe, read_recipe, write_recipe
from keras_gan_zoo.files import InUseError, locked
from keras_gan_zoo.schedules import LinearDecay
from keras_gan_zoo.training import train

ROUNDS, PART = 12, 3

DECAYING = {"learning_rate": 1e-3, "decay_start": 0.25, "arguments": {"beta_1": 0.5}}
# One variant for each kind of state that a checkpoint could forget.
RUNS = {
    "dcgan": {
        "model": {
            "width": 4,
            "ema_half_life": 50,
            "instance_noise": 0.1,
            "instance_noise_images": 40,
            "label_flipping": 0.2,
        },
        "optimizers": {"discriminator": DECAYING, "generator": DECAYING},
        "training": {"dtype": "mixed_bfloat16"},
    },
    "began": {"model": {"width": 4, "balance_rate": 0.1}},
    "gan": {"model": {"width": 20}},
    "wgan_gp": {"model": {"width": 4, "n_critic": 2, "discriminator_width": 2}},
}


@pytest.fixture(scope="module", autouse=True)
def nondeterminism_again():
    """A training makes TensorFlow's operations deterministic; the tests after these get them as they were."""
    yield
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.framework import config

        config.disable_op_determinism()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    rng = np.random.default_rng(0)
    np.savez(path, images=rng.integers(0, 256, (37, 16, 16, 1), dtype=np.uint8), labels=np.arange(37) % 3)
    return path


@pytest.fixture(scope="module")
def recipe_for(digits):
    """recipe_for("dcgan", {"training": {"seed": 1}}): a recipe of 12 rounds in four parts."""

    def recipe(variant="gan", changes=None):
        settings = {
            "variant": variant,
            "model": {"image_shape": [16, 16, 1], "latent_dim": 4},
            "data": {"source": str(digits)},
            "optimizers": {},
            "training": {
                "rounds": ROUNDS,
                "batch_size": 4,
                "dtype": "float32",
                "checkpoint_rounds": PART,
                "sample_rounds": 2 * PART,
            },
        }
        for layer in (RUNS.get(variant, {}), changes or {}):
            settings = {key: {**value, **layer.get(key, {})} if key in layer else value for key, value in settings.items()}
        return parse_recipe(settings, "the test")

    return recipe


@pytest.fixture(scope="module")
def finished(recipe_for, tmp_path_factory):
    """finished(variant): the folder of an uninterrupted run, made once."""
    root, done = tmp_path_factory.mktemp("finished"), {}

    def folder(variant="gan"):
        if variant not in done:
            train(recipe_for(variant), root / variant)
            done[variant] = root / variant
        return done[variant]

    return folder


def state_of(path):
    """All arrays that a checkpoint holds."""
    names = []
    with h5py.File(path) as file:
        file.visit(names.append)
        return {name: file[name][()] for name in names if isinstance(file[name], h5py.Dataset)}


def contents(folder):
    """Path -> bytes of all files but checkpoints, whose bytes are those of their datasets."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): {name: array.tobytes() for name, array in state_of(path).items()}
        if path.suffix == ".h5"
        else path.read_bytes()
        for path in files
        if not path.name.startswith(".partial-")
    }


def assert_same_run(folder, reference):
    ours, theirs = contents(folder), contents(reference)
    assert set(ours) == set(theirs)
    assert "checkpoint.weights.h5" in ours and len(ours["checkpoint.weights.h5"]) > 10
    assert [name for name in ours if ours[name] != theirs[name]] == []


class Killed(BaseException):
    """Stands for SIGKILL in the process of the tests: nothing catches it."""


def stop_after(monkeypatch, rounds):
    """Kills trainings after so many rounds."""

    def killed(progress, batch, logs=None):
        played.append(batch)
        if len(played) > rounds:
            raise Killed

    played = []
    monkeypatch.setattr(keras_gan_zoo.callbacks.Progress, "on_train_batch_end", killed)


# What a run leaves -------------------------------------------------------------------------------------------------------


def test_the_folder_of_a_run(finished, recipe_for):
    folder = finished("gan")
    assert set(contents(folder)) == {
        "config.yaml",
        "data.json",
        "checkpoint.weights.h5",
        "log.csv",
        "samples/round_000006.png",
        "samples/round_000012.png",
        "preset/config.yaml",
        "preset/weights.safetensors",
        "preset/weights.json",
        "preset/samples.png",
    }
    assert read_recipe(folder) == read_recipe(folder / "preset") == recipe_for("gan")
    assert json.loads((folder / "preset" / "weights.json").read_text())["dtype"] == "float16"
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["round"] for row in rows] == ["3", "6", "9", "12"]
    assert all(np.isfinite(float(row[key])) for row in rows for key in ("discriminator_loss", "generator_loss"))


def test_a_run_gives_the_model_that_its_preset_holds(recipe_for, finished, tmp_path):
    gan = train(recipe_for("gan"), tmp_path / "run")
    assert int(gan.rounds) == ROUNDS
    assert_same_run(tmp_path / "run", finished("gan"))
    loaded = keras_gan_zoo.load(tmp_path / "run" / "preset")
    for ours, theirs in zip(gan.generator.get_weights(), loaded.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours.astype("float16"), theirs)
    images = gan.generate(64, seed=0, dtype="uint8")[..., 0]
    with Image.open(tmp_path / "run" / "samples" / "round_000012.png") as picture:
        pixels = np.asarray(picture)[::4, ::4]  # 16 x 16 is shown four times as large
    np.testing.assert_array_equal(pixels, images.reshape(8, 8, 16, 16).swapaxes(1, 2).reshape(128, 128))


def test_evaluations_change_nothing_of_the_run(recipe_for, finished, tmp_path, monkeypatch):
    import keras_gan_zoo.metrics.features as features

    def extractor(which):
        assert which == "inception"
        return CustomFeatures(lambda images: images.reshape(len(images), -1)[:, :6].astype("float32"), "pixels", None, 6)

    from keras_gan_zoo.metrics.features.custom import CustomFeatures

    monkeypatch.setattr(features, "feature_extractor", extractor)
    train(recipe_for("gan"), tmp_path / "run", evaluate=5)
    folder = tmp_path / "run" / "evaluations"
    with (folder / "evaluations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["round"] for row in rows] == ["5", "10", "12"] and all(float(row["fid"]) > 0 for row in rows)
    assert json.loads((folder / "weights.json").read_text())["final"]["round"] == ROUNDS
    # Without them, it is the same run.
    shutil.rmtree(folder)
    assert_same_run(tmp_path / "run", finished("gan"))


def test_the_reference_of_evaluations_is_drawn_from_all_images(recipe_for, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "REFERENCE_IMAGES", 30)
    monkeypatch.setattr("keras_gan_zoo.metrics.features.feature_extractor", lambda which: None)
    monkeypatch.setattr(
        "keras_gan_zoo.metrics.references.reference", lambda images, extractor, **told: seen.append((images, told))
    )
    # In the order of two classes, as a folder of classes is read.
    images = np.repeat(np.array([0, 200], np.uint8), 50)[:, None, None, None] + np.zeros((1, 16, 16, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(100)
    text = io.StringIO()
    for console in (None, Console(file=text), Console(file=io.StringIO(), force_terminal=True)):
        training._judges(recipe_for("gan"), images, None, tmp_path, 5, console)
    chosen, told = seen[0]
    assert len(chosen) == 30 and 8 < (chosen[:, 5, 5, 0] == 200).sum() < 22
    assert told["split"].endswith("30 of 100")
    # Nobody waits for it in silence, and only a terminal can draw a bar.
    assert text.getvalue() == "30 real images are looked at first, unless they were before.\n"
    assert [told["progress"] for _, told in seen] == [False, False, True]


def test_the_seed_decides_the_run(recipe_for, finished, tmp_path):
    train(recipe_for("gan", {"training": {"seed": 1}}), tmp_path / "run")
    ours, theirs = contents(tmp_path / "run"), contents(finished("gan"))
    assert ours["preset/weights.safetensors"] != theirs["preset/weights.safetensors"]


def test_a_recipe_may_be_a_path_and_progress_is_shown(recipe_for, finished, tmp_path):
    text = io.StringIO()
    write_recipe(recipe_for("gan"), tmp_path / "config.yaml")
    train(tmp_path, tmp_path / "run", console=Console(file=text, width=150))
    assert_same_run(tmp_path / "run", finished("gan"))
    for words in ("12/12", "discriminator_loss", "generator_loss", "images/s"):
        assert words in text.getvalue()


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="the package tensorboard is not installed")
def test_tensorboard_on_request(recipe_for, finished, tmp_path):
    train(recipe_for("gan"), tmp_path / "run", tensorboard=True)
    logs = list((tmp_path / "run" / "tensorboard").rglob("*tfevents*"))
    assert logs and all(b"discriminator_loss" in log.read_bytes() for log in logs)
    assert not (finished("gan") / "tensorboard").exists()


def test_tensorboard_that_is_not_installed_is_missed_at_once(recipe_for, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        train(recipe_for("gan"), tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_training_on_labels(recipe_for, tmp_path):
    gan = train(recipe_for("cgan", {"model": {"width": 4, "num_classes": 3}}), tmp_path / "run")
    assert "labels" in gan.fields() and keras_gan_zoo.load(tmp_path / "run" / "preset").num_classes == 3


def test_flips_and_crops_are_those_of_the_recipe(recipe_for, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        keras_gan_zoo.GAN, "fit", lambda self, *arguments, **options: given.append((options["flip"], options["crop"]))
    )
    train(recipe_for("gan"), tmp_path / "plain")
    train(recipe_for("gan", {"data": {"flip": True, "crop": 3}}), tmp_path / "moved")
    assert given == [(False, 0), (True, 3)]
    with pytest.raises(ConfigError, match=r"Received: data\.crop=16"):
        train(recipe_for("gan", {"data": {"crop": 16}}), tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_the_decided_dtype_is_written_down(recipe_for, tmp_path, monkeypatch):
    """A run goes on in the precision in which it began, whatever would be fastest where it goes on."""
    monkeypatch.setattr(run_recipes, "fastest_dtype", lambda: ("mixed_bfloat16", "a test"))
    short = {"dtype": "auto", "rounds": PART, "sample_rounds": PART}
    recipe = recipe_for("gan", {"training": short})
    gan = train(recipe, tmp_path / "run")
    assert gan.dtype_policy.name == "mixed_bfloat16" == read_recipe(tmp_path / "run").training.dtype
    monkeypatch.setattr(run_recipes, "fastest_dtype", lambda: ("float32", "another test"))
    assert train(recipe, tmp_path / "run", resume=True).dtype_policy.name == "mixed_bfloat16"
    assert train(recipe, tmp_path / "other", dtype="float32").dtype_policy.name == "float32"


# What is refused ---------------------------------------------------------------------------------------------------------


def test_a_run_is_not_overwritten(recipe_for, finished):
    before = contents(finished("gan"))
    with pytest.raises(FileExistsError, match="holds a run. Fix: pass --resume"):
        train(recipe_for("gan"), finished("gan"))
    assert contents(finished("gan")) == before


def test_resume_with_another_recipe_names_what_differs(recipe_for, finished):
    other = recipe_for(
        "gan",
        {
            "training": {"rounds": 24, "seed": 5},
            "model": {"width": 21},
            "optimizers": {"generator": {"learning_rate": 0.5}},
        },
    )
    before = contents(finished("gan"))
    with pytest.raises(ConfigError) as caught:
        train(other, finished("gan"), resume=True)
    for words in (
        "training.rounds: 12 -> 24",
        "training.seed: 0 -> 5",
        "model.width: 20 -> 21",
        "optimizers.generator.learning_rate: None -> 0.5",
    ):
        assert words in str(caught.value)
    assert "batch_size" not in str(caught.value)
    assert contents(finished("gan")) == before


def test_a_run_goes_on_by_a_recipe_that_differs_in_nothing_of_its_weights(recipe_for, finished, tmp_path, monkeypatch):
    """Other words, another priority, another cadence: the run keeps its own cadence, and ends in the same weights."""
    stop_after(monkeypatch, 6)
    with pytest.raises(Killed):
        train(recipe_for("gan"), tmp_path / "run")
    monkeypatch.undo()
    now = recipe_for("gan", {"training": {"checkpoint_rounds": 4, "sample_rounds": 4}, "data": {"license": "MIT"}})
    now = now.model_copy(update={"description": "Other words.", "priority": 3})
    train(now, tmp_path / "run", resume=True)
    ours, theirs = contents(tmp_path / "run"), contents(finished("gan"))
    assert [name for name in ours if ours[name] != theirs[name]] == ["preset/config.yaml"]
    assert read_recipe(tmp_path / "run" / "preset").description == "Other words."


def test_the_cadence_leaves_the_weights_as_they_are(recipe_for, finished, tmp_path):
    train(recipe_for("gan", {"training": {"checkpoint_rounds": 6}}), tmp_path / "run")
    ours, theirs = contents(tmp_path / "run"), contents(finished("gan"))
    assert ours["preset/weights.safetensors"] == theirs["preset/weights.safetensors"]
    assert ours["checkpoint.weights.h5"] == theirs["checkpoint.weights.h5"] and ours["log.csv"] != theirs["log.csv"]


def test_a_run_that_another_process_trains_is_left_alone(recipe_for, finished, tmp_path):
    shutil.copytree(finished("gan"), tmp_path / "run")
    before = contents(tmp_path / "run")
    with locked(tmp_path / "run" / run_recipes.LOCK, "it"):
        with pytest.raises(InUseError, match=f"run is in use by process {os.getpid()}; wait for it"):
            train(recipe_for("gan"), tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before


def test_further_callbacks_watch_the_training(recipe_for, tmp_path):
    seen = []
    watcher = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    train(recipe_for("gan"), tmp_path / "run", callbacks=[watcher])
    assert len(seen) == ROUNDS


def test_an_interrupt_that_python_drops_stops_the_run_all_the_same(recipe_for, tmp_path):
    class Referred:
        pass

    def interrupt(batch, logs):
        referred = Referred()
        reference = weakref.ref(referred, lambda _: signal.raise_signal(signal.SIGINT))
        del referred
        assert reference() is None

    with pytest.raises(KeyboardInterrupt):
        train(
            recipe_for("gan"), tmp_path / "run", callbacks=[keras.callbacks.LambdaCallback(on_train_batch_begin=interrupt)]
        )
    assert not (tmp_path / "run" / "preset").exists()


def test_folders_of_others_and_files_are_refused(recipe_for, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="folder', which holds other files"):
        train(recipe_for("gan"), tmp_path / "folder")
    with pytest.raises(FileExistsError, match="output must be a folder"):
        train(recipe_for("gan"), tmp_path / "folder" / "notes.txt")
    assert contents(tmp_path) == {"folder/notes.txt": b"mine"}


def test_resume_needs_a_run(recipe_for, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        with pytest.raises(ConfigError, match=f"must go with a run.*{name}, without one. Fix: leave --resume out"):
            train(recipe_for("gan"), tmp_path / name, resume=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_checkpoint_is_named(recipe_for, finished, tmp_path):
    shutil.copytree(finished("gan"), tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.weights.h5"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ConfigError, match="checkpoint.weights.h5 must be a checkpoint of this run.*cannot be read"):
        train(recipe_for("gan"), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("variant", "changes", "words"),
    [
        ("gan", {"training": {"batch_size": 38}}, r"A round of 1 x training.batch_size .*batch_size=38, and 37"),
        ("wgan_gp", {"training": {"batch_size": 19}}, r"A round of 2 x training.batch_size .*batch_size=19, and 37"),
        ("cgan", {"model": {"num_classes": 2, "width": 4}}, "must be less than 2. Received: the value 2"),
        ("gan", {"data": {"source": "nowhere.npz"}}, "nowhere.npz"),
        ("gan", {"model": {"widht": 3}}, "Did you mean 'width'"),
        ("gan", {"optimizers": {"generator": {"name": "adaam"}}}, "adaam"),
    ],
)
def test_what_cannot_be_trained_leaves_no_run(recipe_for, tmp_path, variant, changes, words):
    """Else the corrected command would be told that its folder holds a run of another recipe."""
    with pytest.raises(ValueError, match=words):
        train(recipe_for(variant, changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_recipe_without_data(recipe_for, tmp_path):
    recipe = recipe_for("gan").model_copy(update={"data": None})
    with pytest.raises(ConfigError, match="has no data"):
        train(recipe, tmp_path / "run")


# Optimizers --------------------------------------------------------------------------------------------------------------


def test_optimizers_are_those_of_the_recipe():
    made = make_optimizer(Optimizer(name="rmsprop", learning_rate=0.25, arguments={"rho": 0.7}), steps=10)
    assert isinstance(made, keras.optimizers.RMSprop) and made.rho == 0.7 and float(made.learning_rate) == 0.25
    made = make_optimizer(Optimizer(learning_rate=0.5, decay_start=0.25), steps=8)
    assert isinstance(made._learning_rate, LinearDecay)
    assert made._learning_rate.get_config() == {"initial_learning_rate": 0.5, "steps": 8, "start": 2}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "adaam"}, "Received: 'adaam'"),
        ({"arguments": {"beta1": 0.5}}, "beta1"),
        ({"arguments": {"learning_rate": 0.5}}, "learning_rate"),
    ],
)
def test_optimizers_that_keras_does_not_have(settings, words):
    with pytest.raises(ConfigError, match=words):
        make_optimizer(Optimizer(**settings), steps=10)


def test_the_decay_counts_the_steps_of_each_player(recipe_for):
    recipe = recipe_for("wgan_gp", {"optimizers": {"discriminator": DECAYING, "generator": DECAYING}})
    gan = build(recipe)
    compile_by(gan, recipe)
    schedules = [optimizer._learning_rate.get_config() for optimizer in gan.optimizers.values()]
    assert [(schedule["steps"], schedule["start"]) for schedule in schedules] == [(24, 6), (12, 3)]


# Trouble -----------------------------------------------------------------------------------------------------------------


def test_a_diverged_training_stops_and_keeps_its_last_checkpoint(recipe_for, finished, tmp_path, monkeypatch):
    """The loss is NaN from round 8 on; the checkpoint of round 6 stays, and so does its log."""
    original = keras_gan_zoo.GAN.generator_loss

    def loss(gan, scores):
        return keras.ops.where(gan.rounds >= 7, float("nan"), 1.0) * original(gan, scores)

    monkeypatch.setattr(keras_gan_zoo.GAN, "generator_loss", loss)
    with pytest.raises(DivergedError, match="generator_loss is not finite by round 9.*Lower the learning rates"):
        train(recipe_for("gan"), tmp_path / "run")
    monkeypatch.undo()
    state = list(state_of(tmp_path / "run" / "checkpoint.weights.h5").values())
    assert 6 in [int(value) for value in state if value.ndim == 0 and value.dtype == np.int32]
    assert all(np.isfinite(value).all() for value in state)
    assert not (tmp_path / "run" / "preset").exists()
    train(recipe_for("gan"), tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", finished("gan"))


def test_a_learning_rate_that_is_too_large(recipe_for, tmp_path):
    recipe = recipe_for("gan", {"optimizers": {"discriminator": {"name": "sgd", "learning_rate": 1e38}}})
    with pytest.raises(DivergedError, match="_loss is not finite by round 3"):
        train(recipe, tmp_path / "run")
    assert set(contents(tmp_path / "run")) == {"config.yaml", "data.json"}


def test_weights_that_no_training_survives_are_no_checkpoint(recipe_for, finished, tmp_path, monkeypatch):
    """The losses of round 9 are finite, and its step throws the generator away: the checkpoint of round 6 stays."""
    original = keras_gan_zoo.callbacks.CSVLog.on_epoch_end

    def throw(callback, epoch, logs=None):
        original(callback, epoch, logs)
        if int(callback.model.rounds) == 9:
            weight = callback.model.generator.trainable_variables[0]
            weight.assign(weight * 0 + 1e37)

    monkeypatch.setattr(keras_gan_zoo.callbacks.CSVLog, "on_epoch_end", throw)
    with pytest.raises(DivergedError, match=r"holds 1e\+37 at round 9; .*checkpoint.weights.h5 is left as it was"):
        train(recipe_for("gan"), tmp_path / "run")
    monkeypatch.undo()
    train(recipe_for("gan"), tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", finished("gan"))


def test_weights_that_float16_cannot_hold_make_a_preset_of_float32(recipe_for, tmp_path, monkeypatch):
    def grow(callback, epoch, logs=None):
        weight = callback.model.generator.trainable_variables[-1]
        weight.assign(weight * 0 + 1e6)

    monkeypatch.setattr(keras_gan_zoo.callbacks.CSVLog, "on_epoch_end", grow)
    with pytest.warns(UserWarning, match=r"written in float32: a weight of 1e\+06 is too large for float16"):
        train(recipe_for("gan"), tmp_path / "run")
    assert json.loads((tmp_path / "run/preset/weights.json").read_text())["dtype"] == "float32"
    assert keras_gan_zoo.load(tmp_path / "run/preset").generator.get_weights()[-1].max() == 1e6


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("preset", "that is not a preset"),
        ("preset/notes.txt", "that holds 'notes.txt'"),
        ("samples", "samples must be a folder"),
        ("log.csv/", "log.csv must be a file"),
        ("evaluations", "evaluations must be a folder"),
    ],
)
def test_what_stands_in_the_way_is_found_before_the_training(recipe_for, finished, tmp_path, monkeypatch, name, words):
    shutil.copytree(finished("gan"), tmp_path / "run")
    path = tmp_path / "run" / name
    if "/" not in name or name.endswith("/"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.mkdir() if name.endswith("/") else path.touch()
    monkeypatch.setattr(training, "_play", lambda *_: pytest.fail("the training began"))
    with pytest.raises((ValueError, FileExistsError), match=words):
        train(recipe_for("gan"), tmp_path / "run", resume=True)


def test_a_run_that_has_ended_goes_on_to_more_rounds(recipe_for, finished, tmp_path):
    longer = recipe_for("gan", {"training": {"rounds": 2 * ROUNDS}})
    shutil.copytree(finished("gan"), tmp_path / "run")
    train(longer, tmp_path / "run", resume=True)
    train(longer, tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(
    ("rounds", "decay", "words"),
    [(ROUNDS // 2, None, "12 -> 6"), (2 * ROUNDS, 0.5, "12 -> 24.*decay_start"), (20, None, "multiple of .*=3")],
)
def test_other_rounds_that_a_run_cannot_go_on_to(recipe_for, finished, tmp_path, rounds, decay, words):
    changes = {"optimizers": {"generator": {"decay_start": decay}}} if decay else {}
    shutil.copytree(finished("gan"), tmp_path / "run")
    write_recipe(recipe_for("gan", changes), tmp_path / "run/config.yaml")
    before = contents(tmp_path / "run")
    part = {"checkpoint_rounds": 1, "sample_rounds": 1}
    with pytest.raises(ConfigError, match=words):
        train(recipe_for("gan", {**changes, "training": {"rounds": rounds, **part}}), tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before


def test_a_full_disk_keeps_the_checkpoint_before(recipe_for, finished, tmp_path, monkeypatch):
    original, calls = keras.Model.save_weights, []

    def save(model, path, *args, **kwargs):
        original(model, path, *args, **kwargs)
        calls.append(path)
        if len(calls) == 3:
            Path(path).write_bytes(Path(path).read_bytes()[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", save)
    with pytest.raises(OSError, match="checkpoint.weights.h5 could not be written .*No space left.* is kept"):
        train(recipe_for("gan"), tmp_path / "run")
    monkeypatch.undo()
    assert not list((tmp_path / "run").glob(".partial*"))
    gan = train(recipe_for("gan"), tmp_path / "run", resume=True)
    assert int(gan.rounds) == ROUNDS
    assert_same_run(tmp_path / "run", finished("gan"))


# Killed, and resumed -----------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys, time
from pathlib import Path
import keras
from keras_gan_zoo import callbacks, train

recipe, output, kill_in_save = sys.argv[1], sys.argv[2], int(sys.argv[3])
show, save, saves = callbacks.Progress.on_train_batch_end, keras.Model.save_weights, []

def slowly(self, batch, logs=None):
    time.sleep(0.1)
    show(self, batch, logs)

def killed(self, path, *args, **kwargs):
    saves.append(path)
    save(self, path, *args, **kwargs)
    if len(saves) == kill_in_save:
        Path(path).write_bytes(Path(path).read_bytes()[:1500])
        os.kill(os.getpid(), signal.SIGKILL)

callbacks.Progress.on_train_batch_end, keras.Model.save_weights = slowly, killed
train(recipe, output)
"""


def in_a_process(arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    return subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


# Variant -> the save of a checkpoint in the middle of which it is killed; 0 for a random moment after the first one.
KILLED = {"dcgan": 0, "began": 0, "gan": 0, "wgan_gp": 2}
# Rounds 4 to 12 take at least 0.1 s each.
LONGEST = 0.85


@pytest.fixture(scope="module")
def killed(recipe_for, tmp_path_factory):
    """variant -> (recipe file, folder of a run that was killed by SIGKILL, seconds from its first checkpoint to that)."""
    root, processes, results = tmp_path_factory.mktemp("killed"), {}, {}
    for variant, kill_in_save in KILLED.items():
        write_recipe(recipe_for(variant), root / f"{variant}.yaml")
        arguments = ["-c", CHILD, str(root / f"{variant}.yaml"), str(root / variant), str(kill_in_save)]
        processes[variant] = in_a_process(arguments)
    moments, due = {}, {}
    deadline = time.monotonic() + 300
    try:
        while len(results) < len(KILLED) and time.monotonic() < deadline:
            for variant, kill_in_save in KILLED.items():
                if not kill_in_save and variant not in due and (root / variant / training.CHECKPOINT).exists():
                    moments[variant] = random.SystemRandom().uniform(0, LONGEST)
                    due[variant] = time.monotonic() + moments[variant]
                if variant not in results and time.monotonic() >= due.get(variant, float("inf")):
                    processes[variant].kill()
                if variant not in results and processes[variant].poll() is not None:
                    output = processes[variant].communicate()[0]
                    assert processes[variant].returncode == -signal.SIGKILL, output
                    results[variant] = root / f"{variant}.yaml", root / variant, moments.get(variant)
            time.sleep(0.005)
    finally:
        for process in processes.values():
            process.kill()
    assert len(results) == len(KILLED)
    return results


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("variant", KILLED)
def test_a_killed_run_ends_as_if_it_had_not_been_killed(killed, finished, variant):
    """Weights, optimizers, averages, random states, log and samples are equal byte for byte."""
    recipe, folder, moment = killed[variant]
    print(f"killed {moment} s after its first checkpoint, with", sorted(contents(folder)))
    assert not (folder / "preset").exists(), "the run ended before it was killed"
    assert len(state_of(folder / training.CHECKPOINT)) > 10, "a checkpoint is whole or absent"
    assert (variant == "wgan_gp") <= any(folder.glob(f".partial-*-{training.CHECKPOINT}"))
    if variant == "dcgan":  # the whole of it in another process, by the command that is documented
        process = in_a_process(["-m", "keras_gan_zoo", "train", str(recipe), "--output", str(folder), "--resume"])
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
    else:
        train(recipe, folder, resume=True)
    assert not list(folder.glob(".partial*"))
    assert_same_run(folder, finished(variant))


def test_a_run_that_was_killed_between_its_last_round_and_its_preset(recipe_for, finished, tmp_path):
    shutil.copytree(finished("dcgan"), tmp_path / "run")
    # In the middle of writing it.
    partial = tmp_path / "run" / ".partial-abc"
    (partial / "new").mkdir(parents=True)
    (tmp_path / "run" / "preset").rename(partial / "old")
    train(recipe_for("dcgan"), tmp_path / "run", resume=True)
    assert not partial.exists()
    assert_same_run(tmp_path / "run", finished("dcgan"))


def test_a_run_that_was_killed_before_its_first_checkpoint(recipe_for, finished, tmp_path, monkeypatch):
    # What an earlier process left that was killed before it wrote its recipe.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run_recipes.LOCK).write_text("1\n")
    stop_after(monkeypatch, 1)
    with pytest.raises(Killed):
        train(recipe_for("gan"), tmp_path / "run")
    monkeypatch.undo()
    assert set(contents(tmp_path / "run")) == {"config.yaml", "data.json"}
    train(recipe_for("gan"), tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "run", finished("gan"))


def test_the_log_and_the_samples_are_there_once_the_checkpoint_is(recipe_for, finished, tmp_path, monkeypatch):
    """Killed right after the last checkpoint, a run would otherwise never write them."""
    original = keras.Model.save_weights

    def save(model, path, *args, **kwargs):
        original(model, path, *args, **kwargs)
        if int(model.rounds) == ROUNDS:
            raise Killed

    monkeypatch.setattr(keras.Model, "save_weights", save)
    with pytest.raises(Killed):
        train(recipe_for("gan"), tmp_path / "run")
    reference = contents(finished("gan"))
    ours = contents(tmp_path / "run")
    assert ours["log.csv"] == reference["log.csv"]
    assert ours["samples/round_000012.png"] == reference["samples/round_000012.png"]
    assert b"\n12," in ours["log.csv"] and ours["checkpoint.weights.h5"] != reference["checkpoint.weights.h5"]


def photos(folder, names):
    for i, name in enumerate(names):
        for j in range(2):
            path = folder / name / f"{j}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((16, 16), 20 * i + j, np.uint8)).save(path)
    return folder


def test_classes_come_from_the_folders_and_keep_their_names(tmp_path, command):
    folder = photos(tmp_path / "photos", ["1", "2", "10"])
    sizes = ("--size", "16", "--channels", "1", "--rounds", "2", "--batch-size", "2", "--dtype", "float32")
    code, _, errors = command("train", "cgan", "--data", folder, *sizes, "--output", tmp_path / "run")
    assert code == 0, errors
    for kept in (tmp_path / "run", tmp_path / "run" / "preset"):
        recipe = read_recipe(kept)
        assert recipe.model["num_classes"] == 3 and recipe.data.classes == ("1", "2", "10")
    gan = keras_gan_zoo.load(tmp_path / "run" / "preset")
    for given, number in (("10", 2), (["1", "10"], [0, 2])):
        ours, theirs = gan.generate(2, labels=given, seed=0), gan.generate(2, labels=number, seed=0)
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="labels must be among '1', '2', '10'. Received: '11'"):
        gan.generate(1, labels="11")
    code, _, errors = command(
        "sample", tmp_path / "run" / "preset", "--label", "10", "-n", "1", "--output", tmp_path / "a.png"
    )
    assert code == 0, errors
    # It goes on by the same command.
    code, _, errors = command("train", "cgan", "--data", folder, *sizes, "--output", tmp_path / "run", "--resume")
    assert code == 0, errors


def test_a_streamed_run_that_is_resumed_ends_in_the_weights_of_memory(recipe_for, tmp_path, command):
    rng = np.random.default_rng(0)
    for i in range(20):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(path)

    def recipe(rounds, **data):
        changes = {"data": {"source": str(tmp_path / "photos"), "flip": True, **data}, "training": {"rounds": rounds}}
        return recipe_for("gan", changes)

    whole, streamed = recipe(ROUNDS), recipe(ROUNDS, stream=True)
    assert whole.digest == streamed.digest != recipe(ROUNDS, crop=1).digest
    train(whole, tmp_path / "memory")
    # Two parts, which end within a pass over the images, and then one from memory again.
    train(recipe(PART, stream=True), tmp_path / "streamed")
    train(recipe(2 * PART, stream=True), tmp_path / "streamed", resume=True)
    write_recipe(whole, tmp_path / "config.yaml")
    code, _, errors = command(
        "train", tmp_path / "config.yaml", "--stream", "--output", tmp_path / "streamed", "--resume", "--dtype", "float32"
    )
    assert code == 0, errors
    assert read_recipe(tmp_path / "streamed").data.stream
    ours, theirs = (contents(tmp_path / name) for name in ("streamed", "memory"))
    assert ours["preset/weights.safetensors"] == theirs["preset/weights.safetensors"]
    assert ours["log.csv"] == theirs["log.csv"]


def test_a_run_goes_on_with_its_own_data(recipe_for, tmp_path, monkeypatch):
    folder, other = photos(tmp_path / "photos", "abc"), photos(tmp_path / "other" / "photos", "dbca")

    def resumed(rounds, **data):
        changes = {"data": {"source": "photos", **data}, "training": {"rounds": rounds}}
        train(recipe_for("gan", changes), tmp_path / "run", resume=(tmp_path / "run").exists())

    monkeypatch.chdir(tmp_path)
    resumed(PART)
    before = contents(tmp_path / "run")
    shutil.copy(folder / "c/1.png", folder / "c/2.png")
    with pytest.raises(
        ConfigError, match="go on with its own data.*images.examples: 6 -> 7, images.sha256: .*data.json to go"
    ):
        resumed(2 * PART)
    (folder / "c/2.png").unlink()
    (folder / "c/1.png").rename(folder / "a/2.png")
    with pytest.raises(
        ConfigError, match=r"data.json says \(images.sha256: .*Fix: bring them back as they were, in the same"
    ):
        resumed(2 * PART, stream=True)
    with pytest.raises(ConfigError, match="own data.*6 -> 8"):
        monkeypatch.chdir(other.parent)
        resumed(2 * PART)
    assert contents(tmp_path / "run") == before
    monkeypatch.chdir(tmp_path)
    (folder / "a/2.png").rename(folder / "c/1.png")
    resumed(2 * PART, stream=True)
    for text in ("3", "{", '{"images": ' + "[" * 10**5):
        (tmp_path / "run/data.json").write_text(text)
        with pytest.raises(ConfigError, match="data.json must say what data the run has.*Fix: remove .*data.json"):
            resumed(2 * PART)
    # As older versions have left it.
    (tmp_path / "run/data.json").unlink()
    resumed(2 * PART)
    assert contents(tmp_path / "run")["data.json"] == before["data.json"]


def test_a_stream_of_what_cannot_be_read_in_pieces_leaves_no_run(recipe_for, tmp_path):
    with pytest.raises(ValueError, match="stream must be left out, except for folders, zips, and TFDS names.*kind npz"):
        train(recipe_for("gan").streamed(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_that_are_not_in_the_folders_are_refused(tmp_path, recipe_for):
    folder = photos(tmp_path / "photos", ["cat", "dog"])
    recipe = recipe_for("cgan", {"data": {"source": str(folder)}, "model": {"num_classes": 10, "width": 4}})
    with pytest.raises(ConfigError, match=r"Received: 10, and 2 in .*photos \(cat, dog\). Fix: set it to 2"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match=r"Received: 2 \(cat, dog\). Fix: num_classes=2"):
        keras_gan_zoo.CGAN((16, 16, 1), 4, width=4).fit(folder, verbose=0)


def test_classes_of_arrays_are_counted(digits, recipe_for):
    assert run_recipes.with_classes(recipe_for("cgan")).model["num_classes"] == 3
    assert run_recipes.with_classes(recipe_for("dcgan")) == recipe_for("dcgan")
