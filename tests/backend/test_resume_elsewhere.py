"""A run that began on the backend of the tests goes on on another one.

The state is the same bit for bit, and rounds that get equal random numbers are equal to rounding. Each backend draws other
random numbers from equal seeds, so that the ends of two such runs differ as those of two seeds do.
"""

import importlib.util
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_gan_zoo.config import parse_recipe, read_recipe, write_recipe
from keras_gan_zoo.training import train
from tests.backend import resume_run

pytestmark = pytest.mark.slow

BACKENDS = ("tensorflow", "jax", "torch")
HERE = keras.backend.backend()
OTHERS = [backend for backend in BACKENDS if backend != HERE]


class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.rounds) == 5:
            raise KeyboardInterrupt


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


@pytest.fixture(scope="module")
def resumed(tmp_path_factory, environment_of):
    """backend -> what resume_run.py found, of a run that was stopped here after its first checkpoint."""
    for backend in BACKENDS:
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
    root = tmp_path_factory.mktemp("elsewhere")
    np.savez(root / "images.npz", images=np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8))
    recipe = parse_recipe({**RECIPE, "data": {"source": str(root / "images.npz")}}, "the test")
    write_recipe(recipe, root / "config.yaml")
    with pytest.raises(KeyboardInterrupt):
        train(root / "config.yaml", root / "run", callbacks=[Stop()])
    found = {HERE: resume_run.looked_at(root / "run")[0]}
    for backend in OTHERS:
        shutil.copytree(root / "run", root / backend)
        command = [sys.executable, resume_run.__file__, str(root / backend), str(root / f"{backend}.npz")]
        done = subprocess.run(command, env=environment_of(backend), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        found[backend] = dict(np.load(root / f"{backend}.npz"))
        assert read_recipe(root / backend / "preset") == recipe
    return found


@pytest.mark.parametrize("backend", OTHERS)
def test_the_state_is_taken_over_bit_for_bit(resumed, backend):
    ours, theirs = resumed[backend], resumed[HERE]
    assert set(ours) == {*theirs, "rounds"}
    names = [name for name in ours if name.startswith("loaded")]
    assert len(names) > 25
    for name in names:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("backend", OTHERS)
def test_a_round_of_equal_random_numbers_is_equal_to_rounding(resumed, backend):
    ours, theirs = resumed[backend], resumed[HERE]
    names = [name for name in ours if name.startswith("played")]
    assert any(not np.array_equal(theirs[name], theirs[name.replace("played", "loaded")]) for name in names)
    for name in names:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("backend", OTHERS)
def test_the_run_goes_on_to_its_end_with_random_numbers_of_the_backend(resumed, backend):
    assert resumed[backend]["rounds"] == 8
    assert not np.allclose(resumed[backend]["drawn"], resumed[HERE]["drawn"], atol=1e-3)
