"""`tf.distribute.MirroredStrategy`: two devices with half of each batch do what one does with all of it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_gan_zoo.models import variants
from tests.backend.shared_trainings import ADAM, require_equal

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def play(environment_of):
    """Runs a script beside this file, in a process that has not started TensorFlow yet."""

    def run(script, *arguments):
        command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
        done = subprocess.run(command, env=environment_of("tensorflow"), capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]

    return run


# Those of which no player decides when it moves, which is refused.
NAMES = [name for name in variants() if name not in ("gan_3d", "seq_gan", "vae_gan")]
BY_ADAM = [f"{name}{ADAM}" for name in ("dcgan", "info_gan", "wgan_gp")]


@pytest.fixture(scope="module")
def played(tmp_path_factory, play):
    """name -> number of devices -> part and variable or log -> value."""
    output = tmp_path_factory.mktemp("mirrored") / "played.npz"
    play("play_mirrored.py", output, *NAMES, *BY_ADAM)
    found = {name: {"1": {}, "2": {}} for name in NAMES + BY_ADAM}
    with np.load(output) as file:
        for key in file.files:
            name, devices, rest = key.split("/", 2)
            found[name][devices][rest] = file[key]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_two_devices_match_one(name, played):
    require_equal(played[name]["1"], played[name]["2"])


@pytest.mark.parametrize("name", BY_ADAM)
def test_losses_match_where_adam_takes_the_steps(name, played):
    one, several = (
        {key: float(value) for key, value in played[name][devices].items() if key.startswith("log/")} for devices in "12"
    )
    assert len(one) >= 3 and several == pytest.approx(one, rel=1e-3)


def test_what_devices_cannot_share_is_refused(tmp_path, play):
    play("play_mirrored_sources.py", tmp_path / "played.json")
    played = json.loads((tmp_path / "played.json").read_text())
    assert {name: rounds for name, rounds in played.items() if isinstance(rounds, int)} == {
        "a smaller last batch": 3,
        "generator": 6,
        "our batch norm": 6,
        "callbacks": 4,
    }
    for name, rows, near in (("a last batch of one", 1, "2"), ("odd batches", 15, "14 or 16"), ("PyDataset", 1, "2")):
        assert f"multiple of 2 examples, since 2 devices share each of them. Received: one of {rows}." in played[name]
        assert "drop_remainder=True" in played[name] and f"batches of {near}." in played[name]
    written = {"checkpoint.weights.h5", "evaluations.csv", "final.weights.h5", "log.csv", "round_000017.png"}
    assert written <= set(played["written"]) and played["logged"] == "17"
    assert "of the 2 devices that share each batch. Received: batch_size=15. Fix: 14 or 16." in played["odd batch_size"]
    assert "built in the scope of the strategy" in played["built outside"]
    assert "steps_per_execution must be 1 under a strategy of several replicas. Received: steps" in played["hasty"]
    assert "clipnorm must be left out of optimizers under a strategy" in played["clipped"]
    for name, kind, ours in (("dropout", "Dropout", "Dropout"), ("batch norm", "BatchNormalization", "BatchNorm")):
        assert f"Received: {kind} '" in played[name] and f"Fix: keras_gan_zoo.layers.{ours} in its place" in played[name]
    assert "2 devices that share each batch, in packs of 2. Received: batch_size=6. Fix: 4 or 8." in played["packs"]
    assert "GAN3D must train on one device, since a player decides when it moves" in played["a gate"]
