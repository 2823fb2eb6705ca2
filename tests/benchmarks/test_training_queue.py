"""The training queue: what is pending, in which order, and what a stop, a failure or another recipe does to a run.

The jobs are fakes, processes that train nothing; `test_training_job.py` has the real ones.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import jobs, quality
from benchmarks.training_queue import Queue, clock, ended, progress
from keras_gan_zoo import presets
from keras_gan_zoo.config import parse_recipe, read_recipe
from keras_gan_zoo.files import locked

# It imports next to nothing, so that it starts at once.
FAKE = """
import json, os, shutil, signal, sys, time
from pathlib import Path
from benchmarks import jobs
from benchmarks.training_job import Status

request, zoo = json.loads(sys.argv[1]), Path(sys.argv[2])
name, run, say = request["name"], Path(request["run"]), Status(request["status"])

with jobs.job(request["nice"]):
    with open(zoo / "tasks", "a") as file:
        file.write(f"{request['task']} {name} {os.nice(0)}\\n")
    if request["task"] == "measure":
        (zoo / name / "README.md").write_text("A card.")
        say(note=f"{name} was looked at.")
        sys.exit()
    if name == "fails":
        say(error="the losses are not finite")
        sys.exit(1)
    if name == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "mumbles":
        sys.exit("no words for it")
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(zoo / name / "config.yaml", run)
    while name == "endless":
        say(round=100, rounds=1000, images=64, images_per_second=640.0)
        time.sleep(0.05)
    (run / "preset").mkdir()
    shutil.copy(zoo / name / "config.yaml", run / "preset")
    (run / "preset" / "weights.safetensors").write_text(f"weights of {name}")
    info = {"sha256": f"hash of {name}", "recipe_sha256": (zoo / name / "digest").read_text()}
    (run / "preset" / "weights.json").write_text(json.dumps(info))
    (run / "preset" / "samples.png").touch()
"""


def recipe_of(priority=0, **training):
    return {
        "variant": "dcgan",
        "priority": priority,
        "model": {"image_shape": [16, 16, 1]},
        "data": {"source": "faces"},
        "training": {"rounds": 1000, "dtype": "float32", **training},
    }


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine, a zoo and results of their own; the zoo is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("KERAS_GAN_ZOO_INCEPTION", raising=False)
    monkeypatch.setattr(presets, "preset_root", lambda: tmp_path / "zoo")
    monkeypatch.setattr(quality, "FOLDER", tmp_path / "cells")
    monkeypatch.setattr(quality, "CURVES", tmp_path / "curves")
    (tmp_path / "zoo").mkdir()
    return tmp_path


@pytest.fixture
def add(machine):
    """add("fine", priority=1): writes a recipe to the zoo."""

    def write(name, *arguments, **options):
        (machine / "zoo" / name).mkdir(exist_ok=True)
        recipe = recipe_of(*arguments, **options)
        (machine / "zoo" / name / "config.yaml").write_text(yaml.safe_dump(recipe))
        (machine / "zoo" / name / "digest").write_text(parse_recipe(recipe, name).digest)

    return write


@pytest.fixture
def queue(machine):
    """queue(minutes=None): a queue with fake jobs; its `text()` is what it has said."""

    def build(minutes=None, **options):
        file = io.StringIO()
        settings = {"backend": "tensorflow", "environment": {}, "data": None, "inception": None, "nice": 0, **options}
        made = Queue(
            runs=machine / "runs",
            minutes=minutes,
            console=Console(file=file, width=200),
            **settings,
        )
        made.arguments = lambda request: ["-c", FAKE, json.dumps(request), str(machine / "zoo")]
        made.text = file.getvalue
        return made

    return build


def tasks(machine):
    path = machine / "zoo" / "tasks"
    return [line.rsplit(" ", 1)[0] for line in path.read_text().splitlines()] if path.exists() else []


# What is pending ---------------------------------------------------------------------------------------------------------


def test_all_that_is_pending_is_trained_published_and_measured_most_wanted_first(machine, add, queue):
    add("low")
    add("wanted", 2)
    add("high", 1)
    work = queue(nice=5)
    assert work.work([], pending=True) == []
    assert tasks(machine) == [f"{task} {name}" for name in ("wanted", "high", "low") for task in ("train", "measure")]
    info = json.loads((machine / "zoo/wanted/weights.json").read_text())
    assert info == {"sha256": "hash of wanted", "recipe_sha256": read_recipe(machine / "zoo/wanted").digest}
    assert (machine / "zoo/wanted/weights.safetensors").read_text() == "weights of wanted"
    assert (machine / "zoo/wanted/samples.png").exists()
    for line in ("wanted: trained and published.", "wanted was looked at.", "wanted: done after 0:00:"):
        assert line in work.text()
    # The priority of the queue, on top of that of the tests.
    assert {line.rsplit(" ", 1)[1] for line in (machine / "zoo/tasks").read_text().splitlines()} == {
        str(min(19, os.nice(0) + 5))
    }


def test_what_has_weights_of_its_recipe_is_not_trained_again(machine, add, queue):
    add("fine")
    queue().work([], pending=True)
    before = tasks(machine)
    again = queue()
    assert again.work([], pending=True) == [] and "Nothing is pending" in again.text()
    # Other words, another notation and another priority make nothing pending.
    recipe = read_recipe(machine / "zoo/fine").model_copy(update={"description": "Words.", "priority": 9})
    text = yaml.safe_dump(recipe.model_dump(mode="json", exclude_none=True), default_flow_style=True)
    (machine / "zoo/fine/config.yaml").write_text(text)
    named = queue()
    assert named.work(["fine"], pending=False) == []
    assert "fine: has weights of its recipe, and was measured." in named.text() and tasks(machine) == before


@pytest.mark.parametrize("change", ["recipe", "digest", "weights"])
def test_what_has_weights_of_another_recipe_or_of_none_is_pending(machine, add, queue, change):
    add("fine")
    queue().work([], pending=True)
    if change == "recipe":
        add("fine", seed=1)
        shutil.rmtree(machine / "runs")
    elif change == "digest":
        (machine / "zoo/fine/weights.json").write_text(json.dumps({"sha256": "hash of fine"}))
    else:
        (machine / "zoo/fine/weights.safetensors").unlink()
    assert list(queue().todo()) == ["fine"]
    assert queue().work([], pending=True) == [] and list(queue().todo()) == []


@pytest.mark.parametrize("text", ["[]", '{"sha256"'])
def test_weights_that_cannot_be_told_are_reported_and_the_next_one_starts(machine, add, queue, text):
    add("fine")
    queue().work([], pending=True)
    (machine / "zoo/fine/weights.json").write_text(text)
    add("other")
    work = queue()
    assert work.work([], pending=True) == ["fine"] and "train other" in tasks(machine)
    assert "fine/weights.json must describe the weights" in work.text() and "delete it to train anew" in work.text()


def test_of_names_only_those_are_trained(machine, add, queue):
    for name in ("one", "two", "three"):
        add(name)
    assert queue().work(["three", "one"], pending=True) == []
    assert [line for line in tasks(machine) if line.startswith("train")] == ["train three", "train one"]
    with pytest.raises(ValueError, match="There is no recipe .*four/config.yaml"):
        queue().work(["four"], pending=False)


def test_a_recipe_that_is_added_meanwhile_is_taken_up(machine, add, queue, monkeypatch):
    add("first")
    work, run = queue(), Queue._run

    def and_add(self, task, name, later):
        run(self, task, name, later)
        add("second")

    monkeypatch.setattr(Queue, "_run", and_add)
    assert work.work([], pending=True) == []
    assert "train second" in tasks(machine)


def test_what_was_not_measured_is_measured_later_without_a_training(machine, add, queue):
    add("fine")
    queue().work([], pending=True)
    weights = machine / "inception.npz"
    assert queue(inception=weights).work([], pending=True) == []
    assert tasks(machine) == ["train fine", "measure fine", "measure fine"]
    cell = {"preset": "fine", "data": "faces", "split": "test", "n": 10_000, "seed": 0, "backend": "tensorflow"}
    stored = {"cell": cell, "weights_sha256": "hash of fine", "extractor": {"extractor": "inception-2015-12-05"}}
    (machine / "cells").mkdir()
    for changes, open_ in (({}, False), ({"weights_sha256": "others"}, True), ({"error": "no data"}, True)):
        (machine / "cells/fine_faces.json").write_text(json.dumps({**stored, **changes, "records": {}}))
        assert list(queue(inception=weights).todo()) == (["fine"] if open_ else [])
    # What the shipped results are measured on serves every backend, another backend's cells only its own.
    for backend, open_on in (("tensorflow", []), ("jax", ["torch", "tensorflow"])):
        (machine / "cells/fine_faces.json").write_text(json.dumps({**stored, "cell": {**cell, "backend": backend}}))
        found = [b for b in ("torch", "jax", "tensorflow") if queue(inception=weights, backend=b).todo()]
        assert found == open_on


# Runs that are there -----------------------------------------------------------------------------------------------------


def test_a_finished_run_is_published_without_a_training(machine, add, queue):
    add("fine")
    queue().work([], pending=True)
    (machine / "runs/fine/evaluations").mkdir()
    (machine / "runs/fine/evaluations/evaluations.csv").write_text("round,seconds,fid\n1,1,9\n")
    for file in ("weights.json", "weights.safetensors", "README.md"):
        (machine / "zoo/fine" / file).unlink()
    assert queue().work(["fine"], pending=False) == []
    assert tasks(machine) == ["train fine", "measure fine", "measure fine"]
    assert (machine / "curves/fine.csv").exists() and (machine / "zoo/fine/weights.json").exists()


def test_a_run_of_another_recipe_is_refused_and_the_next_one_starts(machine, add, queue):
    add("other")
    add("fine")
    (machine / "runs/other").mkdir(parents=True)
    (machine / "runs/other/config.yaml").write_text(yaml.safe_dump(recipe_of(seed=5)))
    work = queue()
    assert work.work([], pending=True) == ["other"]
    assert "other: FAILED: the run in" in work.text() and "training.seed: 5 -> 0" in work.text()
    assert f"mv {machine / 'runs/other'}" in work.text().replace("\n", "")
    assert (machine / "zoo/fine/weights.json").exists() and not (machine / "zoo/other/weights.json").exists()


def test_a_run_that_another_queue_trains_is_left_alone(machine, add, queue):
    add("taken")
    (machine / "runs/taken").mkdir(parents=True)
    with locked(machine / "runs/taken/.lock", "it"):
        work = queue()
        assert work.work([], pending=True) == ["taken"]
    assert f"is being trained by process {os.getpid()} already" in work.text() and tasks(machine) == []
    assert queue().work([], pending=True) == []


# Failures ----------------------------------------------------------------------------------------------------------------


def test_a_job_that_fails_is_reported_and_the_next_one_starts(machine, add, queue):
    for name in ("crashes", "fails", "mumbles"):
        add(name, 1)
    add("fine")
    (machine / "zoo/broken").mkdir()
    (machine / "zoo/broken/config.yaml").write_text("variant: dcgan\nmodle: {}\n")
    work = queue()
    assert sorted(work.work([], pending=True)) == ["broken", "crashes", "fails", "mumbles"]
    for words in (
        "crashes: FAILED: it was ended by SIGKILL, perhaps for lack of memory",
        "fails: FAILED: the losses are not finite",
        "mumbles: FAILED: no words for it (see ",
        "broken: FAILED: ",
        "unknown key 'modle'",
        "fine: done after",
    ):
        assert words in work.text()
    assert (machine / "zoo/fine/weights.json").exists()


# Time, and being stopped -------------------------------------------------------------------------------------------------


def test_the_minutes_end_a_job_and_what_was_there_stays(machine, add, queue):
    add("endless")
    add("next", -1)
    work, begun = queue(minutes=0.05), time.monotonic()
    assert work.work([], pending=True) == []
    assert 3.0 <= time.monotonic() - begun < 20.0 and "The 0.05 minutes are over; the same command goes on." in work.text()
    assert jobs.running() == [] and tasks(machine) == ["train endless"] and (machine / "runs/endless/config.yaml").exists()


def test_the_minutes_run_on_while_all_is_paused(machine, add, queue):
    add("fine")
    jobs.pause()
    work = queue(minutes=0.01)
    assert work.work([], pending=True) == [] and "fine: paused; `python -m benchmarks resume` goes on" in work.text()
    assert tasks(machine) == []
    jobs.resume()


SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from rich.console import Console
from benchmarks import quality, training_queue
from keras_gan_zoo import presets

folder = Path(sys.argv[1])
presets.preset_root = lambda: folder / "zoo"
training_queue.Queue.arguments = lambda self, request: ["-c", sys.argv[2], json.dumps(request), str(folder / "zoo")]
training_queue.train(names=["endless"], runs=folder / "runs", pending=False, minutes=None, backend="jax", data_dir=None,
    weights=None, nice=0)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_queue_that_is_stopped_stops_its_job(machine, add, number):
    """As a shell starts it in the background, with SIGINT ignored."""
    add("endless")
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(machine), FAKE],
        cwd=jobs.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        end = time.monotonic() + 60
        while not (machine / "runs/.queue/endless.json").exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert len(jobs.running()) == 1
        process.send_signal(number)
        output = process.communicate(timeout=30)[0]
    finally:
        process.kill()
    assert "Stopped. The same command goes on" in output
    assert jobs.running() == []


def test_a_queue_waits_for_the_job_of_one_that_was_killed(machine, add, queue):
    """Its job still has the run for as long as its round takes; the same command goes on all the same."""
    add("fine")
    script = """
import sys, time
from benchmarks import jobs
from keras_gan_zoo.files import locked

with jobs.job(nice=0), locked(sys.argv[1], "it"):
    print("held", flush=True)
    time.sleep(1.5)
"""
    (machine / "runs/fine").mkdir(parents=True)
    arguments = [sys.executable, "-c", script, str(machine / "runs/fine/.lock")]
    process = subprocess.Popen(arguments, cwd=jobs.ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        work = queue()
        assert work.work([], pending=True) == [], work.text()
        assert f"waits for process {process.pid}, which still has the run" in work.text()
    finally:
        process.kill()
        process.wait()


def test_the_command_refuses_what_is_not_possible(machine):
    command.register(["train"])
    for arguments, message in (
        ([], "Nothing is named"),
        (["--pending", "--data-dir", "nowhere"], "--data-dir must be there. Received: nowhere"),
        (["--pending", "--weights", "nowhere.npz"], "--weights must be there. Received: nowhere.npz"),
    ):
        result = CliRunner().invoke(command.app, ["train", *arguments])
        assert isinstance(result.exception, ValueError) and message in str(result.exception)
    result = CliRunner().invoke(command.app, ["train", "--pending", "--backend", "theano"])
    assert result.exit_code == 2 and "theano" in result.output


def test_the_command_ends_with_1_where_a_job_failed(machine, add, monkeypatch):
    add("fails")
    arguments = lambda self, request: ["-c", FAKE, json.dumps(request), str(machine / "zoo")]  # noqa: E731
    monkeypatch.setattr(Queue, "arguments", arguments)
    command.register(["train"])
    options = ["--runs", str(machine / "runs"), "--nice", "0"]
    assert CliRunner().invoke(command.app, ["train", "fails", *options]).exit_code == 1
    add("fine")
    assert CliRunner().invoke(command.app, ["train", "fine", *options]).exit_code == 0


# Words -------------------------------------------------------------------------------------------------------------------


def test_progress_says_the_time_left_for_the_job_and_for_all():
    later = [parse_recipe(recipe_of(batch_size=32), "one"), parse_recipe(recipe_of(batch_size=64), "two")]
    later[1].model["n_critic"] = 5
    found = {"round": 400, "rounds": 1000, "images": 64, "images_per_second": 64.0}
    # 600 rounds; then 1,000 of 32 images, and 1,000 of 5 x 64, at 64 images/s.
    assert progress("train", found, later) == ("400 of 1,000 rounds, 64 images/s, 0:10:00 left, 1:41:40 for all trainings")
    assert progress("train", {**found, "images_per_second": None}, []) == "400 of 1,000 rounds"
    # What no model can be built of is for its own job to refuse.
    later[0].model["n_critic"], later[1].model["n_critic"] = None, "five"
    assert progress("train", found, later).endswith("64 images/s, 0:10:00 left, 0:35:00 for all trainings")
    assert progress("train", {}, []) == "starts" and progress("measure", {}, []) == "is measured"
    assert clock(3723.4) == "1:02:03"


def test_a_process_that_said_nothing_ends_with_its_code(tmp_path):
    (tmp_path / "log").write_text("")
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    process.wait()
    assert ended(process, tmp_path / "log") == f"exit code 7 (see {tmp_path / 'log'})"
