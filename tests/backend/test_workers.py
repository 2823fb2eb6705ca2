"""Two processes on loopback that train together, on each engine: what they compute, write, and do when one of them dies.

They are fed from memory where they are compared with one, and from files as they are needed where one of them dies.
"""

import importlib.util
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.base.agreement import require_agreement
from keras_gan_zoo.training import resumed as resumed_run
from tests.backend.shared_trainings import require_equal

pytestmark = pytest.mark.slow
BACKENDS = ("tensorflow", "jax", "torch")
GUIDE = Path(__file__).parents[2] / "docs" / "several_machines.md"
# Batch norm, dropout, and several critic steps; on torch, whose gradients are means, noise that is added to them as well.
NAMES = ("dcgan", "gan", "wgan_gp")
NAMES_OF = {"torch": (*NAMES, "bayesian_gan")}
RECIPE = """
variant: gan
model: {image_shape: [16, 16, 1], latent_dim: 8, width: 20, ema_half_life: 50}
data: {source: digits, stream: true}
training: {rounds: 8, batch_size: 8, seed: 0, dtype: float32, checkpoint_rounds: 2, sample_rounds: 4}
"""
# A process that is killed at a given round, in the middle of a part.
KILL = """
import os
import signal

import keras
from keras_gan_zoo.callbacks import SampleGrid

def die(self, batch, logs=None):
    if os.environ.get("VICTIM") and int(keras.ops.convert_to_numpy(self.model.rounds)) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

SampleGrid.on_train_batch_end = die
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def speaking_of_two(backend):
    """What the environments of two processes say of each other."""
    ports = free_ports(2)
    hosts = [f"localhost:{port}" for port in ports]
    for rank in range(2):
        if backend == "tensorflow":
            yield {"TF_CONFIG": json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": rank}})}
        elif backend == "jax":
            job = {"JOB_ADDRESSES": ",".join(hosts), "NUM_PROCESSES": "2", "PROCESS_ID": str(rank)}
            yield {f"KERAS_DISTRIBUTION_{key}": value for key, value in job.items()}
        else:
            ranks = {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}
            yield {**ranks, "MASTER_ADDR": "localhost", "MASTER_PORT": str(ports[0])}


def run(environments, *commands, folder):
    """Runs commands, one in each environment; returns their statuses, what they said, and the seconds from the first end to
    the last."""
    done = [
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for environment, command in zip(environments, commands, strict=True)
    ]
    try:
        end, ended = time.monotonic() + 240, []
        while len(ended) < len(done) and time.monotonic() < end:
            ended += [time.monotonic() for process in done if process.poll() is not None][len(ended) :]
            time.sleep(0.1)
    finally:
        for process in done:
            process.kill()
    said = [process.communicate()[0] for process in done]
    return [process.returncode for process in done], said, ended[-1] - ended[0]


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=BACKENDS)
def backend(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture
def pair(environment_of):
    """A function of a backend that returns the environments of two processes."""
    return lambda backend: [{**environment_of(backend), **said} for said in speaking_of_two(backend)]


def test_two_processes_match_one(backend, environment_of, pair, tmp_path):
    script, names = str(Path(__file__).with_name("play_workers.py")), NAMES_OF.get(backend, NAMES)
    commands = [[sys.executable, script, str(tmp_path / f"{name}.npz"), *names] for name in ("one", "first", "second")]
    statuses, said, _ = run([environment_of(backend), *pair(backend)], *commands, folder=tmp_path)
    assert statuses == [0, 0, 0], said
    one, first, second = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("one", "first", "second"))
    assert all(first[key].tobytes() == second[key].tobytes() for key in first), "the processes are not bit-identical"
    alone_wrote, together_wrote = (files_in(tmp_path / folder) for folder in ("one", "watched"))
    assert {"checkpoint.weights.h5", "log.csv", "samples/round_000004.png"} <= set(alone_wrote) == set(together_wrote)
    for prefix in (f"{name}/" for name in names):
        require_equal(
            *({k.removeprefix(prefix): v for k, v in part.items() if k.startswith(prefix)} for part in (one, first))
        )


@pytest.fixture
def folder(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), dtype=np.uint8)
    (tmp_path / "digits").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(tmp_path / "digits" / f"{i:02d}.png")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "kill.py").write_text(KILL)
    return tmp_path


def trained(folder, environments, *options, outputs=("run", "run")):
    command = [sys.executable, "-m", "keras_gan_zoo", "train", "recipe.yaml", "--strategy", "multi-worker", *options]
    return run(environments, *([*command, "--output", output] for output in outputs), folder=folder)


def state(run):
    found = {}
    with h5py.File(run / "checkpoint.weights.h5") as file:
        file.visititems(lambda name, part: found.update({name: part[()]}) if isinstance(part, h5py.Dataset) else None)
    return found


def block_of(language):
    """The block of the guide in a language, or for a backend."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return block


def documented(backend):
    """The commands of the guide for two machines, with both of them here."""
    block = block_of(backend)
    programs = {"keras-gan-zoo": "keras_gan_zoo", "torchrun": "torch.distributed.run"}
    for name, module in programs.items():
        block = block.replace(f"{name} ", f"{sys.executable} -m {module} ")
    for machine, port in enumerate(free_ports(2), 1):
        block = block.replace(f"HOST{machine}", "localhost").replace(f"PORT{machine}", str(port))
    lines = block.replace("\\\n", " ").replace("--output run", "--output whole").splitlines()
    shared = [line for line in lines if line.startswith("export")]
    return [["bash", "-c", "\n".join([*shared, line])] for line in lines if line not in shared]


def test_one_dies_the_others_end_and_a_resumed_run_is_that_of_nobody_killed(backend, environment_of, pair, folder):
    commands = documented(backend)
    assert len(commands) == 2
    statuses, said, _ = run([environment_of(backend)] * 2, *commands, folder=folder)
    assert statuses == [0, 0], said
    written = files_in(folder / "whole")
    assert {"checkpoint.weights.h5", "config.yaml", "log.csv", "preset/weights.safetensors"} <= set(written)
    assert not any(".partial" in path or ".lock" in path for path in written)
    assert len((folder / "whole/log.csv").read_text().splitlines()) == 5

    environments, victim = pair(backend), 0 if backend == "torch" else 1
    environments[victim]["VICTIM"] = "1"
    statuses, said, seconds = trained(folder, environments, "--import", "kill.py")
    assert statuses[victim] == -signal.SIGKILL and statuses[1 - victim] not in (0, -signal.SIGKILL), (statuses, said)
    assert seconds < 60

    statuses, said, _ = trained(folder, pair(backend), "--resume")
    assert statuses == [0, 0], said
    assert [text.count("preset: the trained model") for text in said] == [1, 0]
    whole, resumed = state(folder / "whole"), state(folder / "run")
    assert whole.keys() == resumed.keys() and len(whole) > 10
    assert all(whole[key].tobytes() == resumed[key].tobytes() for key in whole)
    assert (folder / "whole/log.csv").read_text() == (folder / "run/log.csv").read_text()
    # One device goes on from what several have left, on whatever backend the tests run.
    assert int(resumed_run(folder / "run").rounds) == 8

    shutil.copytree(folder / "run", folder / "half")
    (folder / "half/checkpoint.weights.h5").unlink()
    statuses, said, _ = trained(folder, pair(backend), "--resume", outputs=("run", "half"))
    named = "same checkpoint. Received: one of round 8 in process 0, none in process 1."
    assert 0 not in statuses and all(named in " ".join(text.split()) for text in said), said


# What a process runs after the Python of the guide: its command for one machine, watched.
COMMAND = """
    assert gan.sharers == 2 and int(keras.ops.convert_to_numpy(gan.rounds)) == 2

from keras_gan_zoo.callbacks import SampleGrid
from keras_gan_zoo.cli import app

seen = set()
SampleGrid.on_train_batch_end = lambda self, batch, logs=None: seen.add(self.model.sharers)
app({arguments}, standalone_mode=False)
assert seen == {{2}}, seen
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"], indirect=True)
def test_the_guide_trains_on_two_devices(backend, environment_of, folder):
    small = block_of("python").replace("(28, 28, 1)", "(28, 28, 1), 4, width=4").replace("batch_size=64", "batch_size=8")
    assert "width=4" in small and "batch_size=8" in small
    (command,) = re.findall(r"^keras-gan-zoo (.*--strategy mirrored.*)", GUIDE.read_text("utf-8"), re.MULTILINE)
    before = "import keras\nimport numpy as np\nimages = np.zeros((16, 28, 28, 1), 'uint8')\n"
    done = subprocess.run(
        [sys.executable, "-c", before + small + COMMAND.format(arguments=command.split())],
        cwd=folder,
        env=environment_of(backend),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(resumed_run(folder / "runs" / folder.name).rounds) == 8


class Process:
    """One of two processes, of which the other says something else of one fact."""

    processes, variables = 2, []

    def __init__(self, **others):
        self.rounds, self.optimizer, self.others = np.int32(3), self, others

    def exchange(self, message):
        return [message, json.dumps({**json.loads(message), **self.others})]


def test_what_processes_differ_in_is_named():
    require_agreement(Process(), recipe="a")
    with pytest.raises(ValueError, match="the same round. Received: 3 in process 0, 0 in process 1. Fix: let them share"):
        require_agreement(Process(round="0"), recipe="a")
    with pytest.raises(ValueError, match="the same recipe. Received: a in process 0, b in process 1."):
        require_agreement(Process(recipe="b"), recipe="a")
    with pytest.raises(ValueError, match="the same state"):
        require_agreement(Process(state="b"))


# A training in Python, of which the first process fails in what it does last.
FAILING = """
import keras
import numpy as np
from keras_gan_zoo import GAN
from keras_gan_zoo.devices import training_devices

class Failing(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        if self.model.rank == 0:
            raise OSError("The disk is full.")

with training_devices("multi-worker"):
    gan = GAN((8, 8, 1), 4, width=20)
    gan.fit(np.zeros((8, 8, 8, 1), "uint8"), batch_size=8, callbacks=[Failing()], verbose=0)
"""


def test_no_process_ends_well_if_the_first_one_fails_at_the_end(pair, tmp_path):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    statuses, said, _ = run(pair("torch"), *[[sys.executable, "-c", FAILING]] * 2, folder=tmp_path)
    assert 0 not in statuses and "The disk is full" in said[0] and "must go on in all of them" in said[1], said
