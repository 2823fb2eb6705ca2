"""The jobs of the training queue as they are: in a copy of the repository, on JAX, where TensorFlow cannot be imported."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from benchmarks import publishing, quality, report, training_job
from benchmarks.processes import ROOT
from keras_gan_zoo import presets
from keras_gan_zoo.config import parse_recipe, read_recipe
from keras_gan_zoo.preset_saving import save_to_preset
from keras_gan_zoo.presets import find_preset

RECIPE = {
    "variant": "gan",
    "description": "Noise.",
    "model": {"image_shape": [8, 8, 1], "latent_dim": 4, "width": 20},
    "data": {"source": "noise"},
    "training": {"rounds": 60, "batch_size": 4, "dtype": "float32", "checkpoint_rounds": 10, "sample_rounds": 30},
}


@pytest.fixture
def checkout(tmp_path):
    """A copy of the repository whose zoo has one recipe, beside data and modules that forbid TensorFlow."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("keras_gan_zoo", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "zoo_configs/tiny").mkdir(parents=True)
    (tmp_path / "zoo_configs/tiny/config.yaml").write_text(yaml.safe_dump(RECIPE))
    (tmp_path / "data").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "data/noise.npz", x_train=images[:30], x_test=images[30:])
    for name in ("tensorflow", "tensorflow_datasets"):
        (tmp_path / "blocked" / name).mkdir(parents=True)
        (tmp_path / "blocked" / name / "__init__.py").write_text("raise ImportError('this machine has no TensorFlow')")
    return tmp_path


def start(checkout, *arguments):
    environment = {
        key: value for key, value in os.environ.items() if key not in ("KERAS_BACKEND", "KERAS_GAN_ZOO_INCEPTION")
    }
    environment |= {"KERAS_HOME": str(checkout / "keras"), "PYTHONPATH": str(checkout / "blocked"), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(process):
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_a_preset_is_trained_killed_resumed_published_and_gets_its_card_without_tensorflow(checkout):
    command = ("train", "--pending", "--backend", "jax", "--data-dir", "data", "--nice", "0")
    queue, run = start(checkout, *command), checkout / "runs/tiny"
    try:
        end = time.monotonic() + 200
        while not (run / "checkpoint.weights.h5").exists() and time.monotonic() < end and queue.poll() is None:
            time.sleep(0.01)
        # Both at once, in whatever they are.
        job = next(int(path.name) for path in (checkout / "keras/keras_gan_zoo/jobs").iterdir() if path.name.isdigit())
        os.killpg(job, signal.SIGKILL)
    finally:
        queue.kill()
        output = queue.communicate()[0]
    assert (run / "checkpoint.weights.h5").exists(), output
    assert not (checkout / "zoo_configs/tiny/weights.json").exists()

    output = done(start(checkout, *command))
    assert "tiny has no curve: no network at hand sees noise" in output
    assert "tiny: trained and published." in output and "tiny: done after" in output
    assert "tiny is not measured by the Inception network, whose weights are not at hand" in output
    folder = checkout / "zoo_configs/tiny"
    info = json.loads((folder / "weights.json").read_text())
    assert info["recipe_sha256"] == read_recipe(folder).digest and info["origin"]["backend"] == "jax"
    assert "tensorflow" not in info["origin"]["versions"]
    card = (folder / "README.md").read_text()
    assert "---\n\n# tiny\n\nNoise." in card and "by jax" in card and (folder / "samples.png").exists()
    assert "[tiny](zoo_configs/tiny/README.md)" in (checkout / "README.md").read_text()
    rounds = [int(line.split(",")[0]) for line in (run / "log.csv").read_text().splitlines()[1:]]
    assert rounds == [10, 20, 30, 40, 50, 60]
    assert "Nothing is pending" in done(start(checkout, *command))


# In this process ---------------------------------------------------------------------------------------------------------


def test_the_curve_has_about_twenty_points_where_a_network_sees_the_images(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_GAN_ZOO_INCEPTION", str(tmp_path / "nowhere.npz"))
    noise = parse_recipe(RECIPE, "the test")
    digits = parse_recipe({**RECIPE, "data": {"source": "mnist"}, "training": {"rounds": 10_000}}, "the test")
    assert training_job.curve_rounds(noise) is None and training_job.curve_rounds(digits) == 500
    (tmp_path / "inception.npz").touch()
    monkeypatch.setenv("KERAS_GAN_ZOO_INCEPTION", str(tmp_path / "inception.npz"))
    assert training_job.curve_rounds(noise) == 3
    voxels = parse_recipe({**RECIPE, "variant": "gan_3d", "model": {}}, "the test")
    assert training_job.curve_rounds(voxels) is None


@pytest.fixture
def name():
    return "dcgan_mnist"


@pytest.fixture
def digits(tmp_path, monkeypatch, name):
    """A zoo of one trained preset of digits, `name`, results of its own, data of 40 images, and a measurement of 24."""
    shutil.copytree(find_preset(name), tmp_path / "zoo" / name)
    for file in ("README.md", "results.json"):
        (tmp_path / "zoo" / name / file).unlink()
    monkeypatch.setattr(presets, "preset_root", lambda: tmp_path / "zoo")
    monkeypatch.setattr(quality, "FOLDER", tmp_path / "cells")
    monkeypatch.setattr(quality, "METRICS", "fid,precision")
    monkeypatch.setattr(publishing, "N_IMAGES", 24)
    monkeypatch.setattr(report, "write_documents", lambda: None)
    monkeypatch.setenv("KERAS_GAN_ZOO_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path


def measure(name="dcgan_mnist"):
    import io

    import keras
    from rich.console import Console

    return publishing.measure(name, keras.backend.backend(), None, Console(file=io.StringIO()))


def test_a_preset_is_measured_by_the_classifier_of_its_data_with_three_seeds(digits):
    import keras

    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    np.savez(digits / "data/mnist.npz", x_train=images, x_test=images)
    backend = keras.backend.backend()
    assert not publishing.is_measured("dcgan_mnist", "mnist", backend, None)
    (note,) = measure()
    assert "not measured by the Inception network" in note
    cells = [json.loads(path.read_text()) for path in (digits / "cells").iterdir()]
    assert sorted(cell["cell"]["seed"] for cell in cells) == [0, 1, 2]
    assert all(set(cell["records"]) == {"fid", "precision", "rarest class"} for cell in cells)
    assert publishing.is_measured("dcgan_mnist", "mnist", backend, None)
    assert not publishing.is_measured("dcgan_mnist", "mnist", backend, digits / "inception.npz")
    assert (digits / "zoo/dcgan_mnist/README.md").read_text().startswith("---\nlicense: ")


@pytest.mark.parametrize("name", ["cgan_mnist"])
def test_the_accuracy_score_is_of_a_whole_training_set_beside_that_of_real_images(digits, name, monkeypatch):
    monkeypatch.setattr(quality, "OF_CLASSES", "intra_fid")  # MS-SSIM asks for more pairs than there are
    rng, labels = np.random.default_rng(0), np.arange(40) % 10
    # Each class has a bright row of its own, so that real images teach what there is to know.
    images = rng.integers(0, 40, (1200, 28, 28, 1), np.uint8)
    images[np.arange(1200), np.arange(1200) % 10 + 9] = 255
    parts = {"x_train": images, "y_train": np.arange(1200) % 10, "x_test": images[:40], "y_test": labels}
    np.savez(digits / "data/mnist.npz", **parts)
    measure(name)
    records = {}
    for path in (digits / "cells").glob("*_seed0_*"):
        cell = json.loads(path.read_text())
        records[cell["cell"]["n"]] = cell["records"]
    assert "intra_fid" in records[24] and quality.ACCURACY not in records[24]
    score = records[1200][quality.ACCURACY]
    assert (score["n_fake"], score["details"]["training"]["n_train"]) == (1200, 1200)
    # Digits say nothing of bright rows.
    assert score["details"]["real"] > 0.6 and score["value"] < 0.4


def test_a_preset_whose_data_are_not_here_gets_its_card_and_a_sentence(digits):
    notes = measure()
    assert any("is not measured, since the data are not here" in note and "mnist.npz" in note for note in notes)
    assert not (digits / "cells").exists() and (digits / "zoo/dcgan_mnist/README.md").exists()


def test_samples_that_no_metric_is_of_get_their_card_and_a_sentence(digits, tmp_path):
    from keras_gan_zoo import GAN3D

    recipe = {**RECIPE, "variant": "gan_3d", "model": {"side": 8, "latent_dim": 4, "width": 4}}
    gan = GAN3D(**recipe["model"])
    save_to_preset(gan, tmp_path / "zoo/voxels", recipe=parse_recipe(recipe, "the test"))
    weights = tmp_path / "inception.npz"
    assert not publishing.is_measured("voxels", "noise", "tensorflow", weights)
    assert publishing.measure("voxels", "tensorflow", weights, None) == [f"voxels is not measured: {quality.NOT_MEASURABLE}"]
    assert publishing.is_measured("voxels", "noise", "tensorflow", weights) and not (digits / "cells").exists()


def test_a_measurement_that_fails_is_an_error(digits):
    images = np.zeros((40, 20, 20, 1), np.uint8)
    np.savez(digits / "data/mnist.npz", x_train=images, x_test=images)
    with pytest.raises(RuntimeError, match="dcgan_mnist was not measured in whole: .*seed 0.*28.*20"):
        measure()


def test_the_status_of_a_job_is_always_whole(tmp_path):
    say = training_job.Status(tmp_path / "tiny.json")
    say(round=3)
    say(note="A sentence.", round=4)
    assert json.loads((tmp_path / "tiny.json").read_text()) == {"notes": ["A sentence."], "round": 4}
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_an_error_of_a_job_is_said_in_its_status(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    request = {"task": "train", "name": "no_such_preset", "run": "", "data": None, "nice": 0}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert training_job.main({**request, "status": str(tmp_path / "status.json")}) == 1
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert "Received: 'no_such_preset', which is neither" in json.loads((tmp_path / "status.json").read_text())["error"]
