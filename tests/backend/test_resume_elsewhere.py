"""A run that began on TensorFlow goes on on another backend.

The state is the same bit for bit, and rounds that get equal random numbers are equal to rounding. Each backend draws other
random numbers from equal seeds, so that the ends of two such runs differ as those of two seeds do.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_gan_zoo
from keras_gan_zoo.config import parse_recipe, read_recipe, write_recipe

pytestmark = pytest.mark.slow

BEGIN = """
import sys
import keras
from keras_gan_zoo.training import train

class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.rounds) == 5:
            raise KeyboardInterrupt

try:
    train(sys.argv[1], sys.argv[2], callbacks=[Stop()])
except KeyboardInterrupt:
    pass
"""
RECIPE = {
    "variant": "dcgan",
    "model": {
        "image_shape": [8, 8, 1],
        "latent_dim": 4,
        "width": 4,
        "ema_half_life": 20,
        "instance_noise": 0.1,
        "instance_noise_images": 99,
    },
    "optimizers": {"generator": {"learning_rate": 1e-3, "decay_start": 0.2, "arguments": {"beta_1": 0.5}}},
    "training": {"rounds": 8, "batch_size": 8, "dtype": "float32", "checkpoint_rounds": 4, "sample_rounds": 4},
}


def process(backend, *arguments):
    paths = os.pathsep.join([str(Path(keras_gan_zoo.__file__).parents[1]), str(Path(__file__).parent)])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """backend -> what resume_run.py found, of a run that was stopped after its first checkpoint on TensorFlow."""
    for backend in ("tensorflow", "jax", "torch"):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
    root = tmp_path_factory.mktemp("elsewhere")
    np.savez(root / "images.npz", images=np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8))
    recipe = parse_recipe({**RECIPE, "data": {"source": str(root / "images.npz")}}, "the test")
    write_recipe(recipe, root / "config.yaml")
    process("tensorflow", "-c", BEGIN, root / "config.yaml", root / "run")
    found = {}
    for backend in ("tensorflow", "jax", "torch"):
        shutil.copytree(root / "run", root / backend)
        process(backend, Path(__file__).with_name("resume_run.py"), root / backend, root / f"{backend}.npz")
        found[backend] = dict(np.load(root / f"{backend}.npz"))
        assert backend == "tensorflow" or read_recipe(root / backend / "preset") == recipe
    return found


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_state_is_taken_over_bit_for_bit(resumed, backend):
    ours, theirs = resumed[backend], resumed["tensorflow"]
    assert set(ours) == {*theirs, "rounds"}
    names = [name for name in ours if name.startswith("loaded")]
    assert len(names) > 25
    for name in names:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_round_of_equal_random_numbers_is_equal_to_rounding(resumed, backend):
    ours, theirs = resumed[backend], resumed["tensorflow"]
    names = [name for name in ours if name.startswith("played")]
    assert any(not np.array_equal(theirs[name], theirs[name.replace("played", "loaded")]) for name in names)
    for name in names:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_run_goes_on_to_its_end_with_random_numbers_of_the_backend(resumed, backend):
    assert resumed[backend]["rounds"] == 8
    assert not np.allclose(resumed[backend]["drawn"], resumed["tensorflow"]["drawn"], atol=1e-3)
