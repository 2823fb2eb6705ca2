"""Which devices a training may run on: what the environment says, and what does not go with it."""

import keras
import pytest

from keras_gan_zoo.backend import VARIABLES, announced
from keras_gan_zoo.backend.processes import number_in
from keras_gan_zoo.devices import training_devices

BACKEND = keras.backend.backend()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    beside = ("RANK", "KERAS_DISTRIBUTION_PROCESS_ID", "KERAS_DISTRIBUTION_JOB_ADDRESSES")
    for variable in (*(variable for variable, _ in VARIABLES.values()), *beside):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variable", "text", "count"),
    [
        (
            "TF_CONFIG",
            '{"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}',
            3,
        ),
        ("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}}', 0),
        ("TF_CONFIG", "{}", 0),
        ("WORLD_SIZE", "2", 2),
        ("WORLD_SIZE", "1", 0),
        ("KERAS_DISTRIBUTION_NUM_PROCESSES", "4", 4),
    ],
)
def test_the_environment_tells_the_number_of_processes(monkeypatch, variable, text, count):
    monkeypatch.setenv(variable, text)
    assert announced() == ({variable: count} if count else {})


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        ({"RANK": "1"}, {}, "RANK must go with WORLD_SIZE. Received: RANK='1' alone."),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "1"}, {}, "must go with KERAS_DISTRIBUTION_NUM_PROCESSES. Received: "),
        (
            {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "evaluator", "index": 0}}'},
            {},
            "of chief and worker alone. Received: .*KeyError: 'evaluator'",
        ),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'}, {}, "JSON object with cluster and task"),
        (
            {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}'},
            {},
            "task.index names none of them",
        ),
        ({}, {"strategy": "ring"}, "strategy must be one of none, auto, mirrored, multi-worker. Received: strategy='ring'"),
        (
            {},
            {"devices": 2},
            f"the strategy none. Received: devices=2. Fix: {'torchrun' if BACKEND == 'torch' else '--strategy mirrored'}",
        ),
        ({}, {"strategy": "multi-worker"}, f"Received: no {VARIABLES[BACKEND][0]} with more than one. Fix: set it in each"),
        (
            {"WORLD_SIZE": "2"},
            {},
            "Received: strategy='none', and WORLD_SIZE with 2 processes. Fix: --strategy multi-worker",
        ),
        ({"WORLD_SIZE": "2"}, {"strategy": "mirrored", "devices": 2}, "strategy must be multi-worker where the environment"),
        ({"WORLD_SIZE": "two"}, {}, "WORLD_SIZE must be a number. Received: 'two'"),
        ({"TF_CONFIG": "[]"}, {}, r"TF_CONFIG must be a JSON object .* Received: '\[\]'"),
    ],
)
def test_what_does_not_go_is_refused(monkeypatch, environment, arguments, words):
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=words), training_devices(**arguments):
        pytest.fail("Nothing may be trained.")


def test_variables_of_another_backend_are_named(monkeypatch):
    other = next(variable for backend, (variable, _) in VARIABLES.items() if backend not in (BACKEND, "tensorflow"))
    monkeypatch.setenv(other, "2")
    with pytest.raises(ValueError, match=f"{other} with 2 processes, which is not for {BACKEND}"):
        training_devices("multi-worker").__enter__()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the devices are those of TensorFlow")
def test_devices_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="devices must be at least 2 for the strategy mirrored. Received: devices=1"):
        training_devices("mirrored", 1).__enter__()


def test_one_device_needs_no_engine():
    with training_devices(), training_devices("auto"), training_devices(devices=1):
        assert keras.distribution.distribution() is None


def test_a_rank_must_be_one_of_the_processes(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    assert number_in("RANK", 3) == 2
    with pytest.raises(ValueError, match="RANK must be a number from 0 to 1. Received: '2'"):
        number_in("RANK", 2)
    monkeypatch.setenv("RANK", "x")
    with pytest.raises(ValueError, match="RANK must be a number from 0 to 1. Received: 'x'"):
        number_in("RANK", 2)
