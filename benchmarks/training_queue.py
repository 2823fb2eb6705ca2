"""Trains the presets that have a recipe and no weights of it, one after the other, so that nothing is done by hand.

    python -m benchmarks train --pending                 all of them, the highest `priority` of a recipe first
    python -m benchmarks train dcgan_mnist --minutes 30  these, for half an hour; the same command goes on later
    python -m benchmarks train --pending --backend jax --data-dir data     without TensorFlow, TFDS and network
    python -m benchmarks pause                           everything that this queue runs on this machine stands still,
    python -m benchmarks resume                          and goes on

For each preset: the training, with its FID curve as far as a quarter of the time allows; then its weights are published,
measured, and its card is written. A preset is pending if its weights.json does not state the digest of its recipe
(`Recipe.digest`). Recipes are read anew before each job, so one that is added meanwhile is taken up.

Runs lie in runs/NAME, in the format of `keras-gan-zoo train`, and one that was begun by that command is taken up. A queue
may be stopped at any moment, also by SIGKILL: what lies behind the last checkpoint is trained again, nothing else is lost.
On another backend a run goes on from the same state, bit for bit, with that backend's random numbers. A job that fails is
reported, and the next one starts. `pack` and `unpack` carry runs between machines.
"""

import dataclasses
import json
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import jobs, publishing
from benchmarks.cells import Backend, clock, read_cell
from benchmarks.processes import ROOT, environment_of
from keras_gan_zoo import presets
from keras_gan_zoo.config import Recipe, read_recipe
from keras_gan_zoo.files import holder
from keras_gan_zoo.metrics.features.weight_files import VARIABLE, weights_at_hand
from keras_gan_zoo.presets import CONFIG, is_trained
from keras_gan_zoo.run_recipes import LOCK, differences, goes_on

RUNS = ROOT / "runs"
LINE_SECONDS = 60.0  # from one line of progress to the next, where there is no terminal


class OutOfTime(Exception):
    """The minutes are over."""


class JobError(RuntimeError):
    """A job failed; the message says why."""


def train(
    names: Annotated[list[str] | None, typer.Argument(help="Names of recipes in zoo_configs.")] = None,
    pending: Annotated[bool, typer.Option("--pending", help="All (or of those named) whose weights are missing.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so many; the same command goes on.")] = None,
    backend: Annotated[Backend, typer.Option(help="Of the jobs.")] = "tensorflow",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of NAME.npz files, in place of TFDS.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")] = None,
    nice: Annotated[int, typer.Option(min=0, max=19, help="Priority of the jobs; 19 is the lowest.")] = 19,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = RUNS,
):
    """Trains presets one after the other, publishes and measures them, and writes their cards."""
    if not names and not pending:
        raise ValueError("Nothing is named. Fix: name presets, or pass --pending for all that have no weights.")
    for option, path in (("--data-dir", data_dir), ("--weights", weights)):
        if path is not None and not path.exists():
            raise ValueError(f"{option} must be there. Received: {path}.")
    environment = environment_of(backend, cpu=False)
    environment |= {VARIABLE: str(weights.resolve())} if weights else {}
    inception = weights.resolve() if weights else weights_at_hand()
    data = str(data_dir.resolve()) if data_dir else None
    queue = Queue(runs.resolve(), backend, environment, data, inception, nice, minutes, Console())
    # A queue in the background may ignore SIGINT, and is ended by either.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        failed = queue.work(names or [], pending)
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from the last checkpoint.", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(1 if failed else 0)


def pause():
    """Stops all jobs of training queues on this machine, and those that would start, until `resume`."""
    groups = jobs.pause()
    stopped = f"{len(groups)} running (process {', '.join(map(str, groups))}) stopped" if groups else "none is running"
    typer.echo(f"Training is paused: {stopped}, and none will start before `python -m benchmarks resume`.")


def resume():
    """Lets the jobs of training queues on this machine go on."""
    was_paused, groups = jobs.paused(), jobs.resume()
    going = f"{len(groups)} (process {', '.join(map(str, groups))}) running" if groups else "none was running"
    typer.echo(f"Training goes on: {going}." if was_paused else f"Training was not paused: {going}.")


@dataclasses.dataclass
class Queue:
    """Works on presets one after the other."""

    runs: Path
    backend: str
    environment: dict[str, str]  # variables of the jobs
    data: str | None  # folder of .npz files in place of TFDS
    inception: Path | None  # weights of the Inception network
    nice: int
    minutes: float | None  # to work for; None for as long as it takes
    console: Console

    def __post_init__(self):
        self.end = None if self.minutes is None else time.monotonic() + 60 * self.minutes
        self.failed, self.done, self.line_at = [], set(), 0.0

    def arguments(self, request: dict[str, Any]) -> list[str]:
        """Those of the Python process that does what a request says."""
        return ["-m", "benchmarks.training_job", json.dumps(request)]

    def work(self, names: Sequence[str], pending: bool) -> list[str]:
        """Trains, publishes and measures; the names of the presets whose job failed."""
        names = list(dict.fromkeys(names))
        if unknown := [name for name in names if not (presets.preset_root() / name / CONFIG).is_file()]:
            raise ValueError(
                f"There is no recipe {presets.preset_root() / unknown[0] / CONFIG}. Fix: write it, or correct the name."
            )
        try:
            while todo := self.todo(names, pending):
                self._preset(todo)
        except OutOfTime:
            self.say(f"The {self.minutes:g} minutes are over; the same command goes on.")
            return self.failed
        if not self.done:
            self.say("Nothing is pending: every recipe has weights of its own, measured as far as is possible here.")
        return self.failed

    def todo(self, names: Sequence[str] = (), pending: bool = True) -> dict[str, Recipe]:
        """What is left, most wanted first: what is to be trained, then what is only to be measured."""
        found = {}
        for name in names or sorted(path.parent.name for path in presets.preset_root().glob(f"*/{CONFIG}")):
            if name in self.done:
                continue
            try:
                recipe = read_recipe(presets.preset_root() / name)
                if recipe.data is None:
                    raise ValueError(f"The recipe of {name} has no data; add the key data with a source.")
                trained = is_trained(presets.preset_root() / name, recipe)
                if not trained or not publishing.is_measured(name, recipe.data.source, self.backend, self.inception):
                    found[name] = (trained, -recipe.priority), recipe
                elif not pending:
                    self.done.add(name)
                    self.say(f"{name}: has weights of its recipe, and was measured.")
            except (ValueError, OSError, KeyError) as error:
                self._fail(name, error)
        return {name: recipe for name, (_, recipe) in sorted(found.items(), key=lambda entry: entry[1][0])}

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _preset(self, todo):
        name, recipe = next(iter(todo.items()))
        run, begun = self.runs / name, time.monotonic()
        try:
            if not is_trained(presets.preset_root() / name, recipe):
                if not is_trained(run / "preset", recipe):
                    self._check(name, run, recipe)
                    self._run("train", name, list(todo.values())[1:])
                publishing.publish(run, name)
                self.say(f"{name}: trained and published.")
            self._run("measure", name, list(todo.values())[1:])
            self.say(f"{name}: done after {clock(time.monotonic() - begun)}.")
        except (ValueError, OSError, RuntimeError) as error:
            self._fail(name, error)
        self.done.add(name)

    def _fail(self, name, error):
        self.done.add(name)
        self.failed.append(name)
        self.say(f"{name}: FAILED: {error}")

    def _check(self, name, run, recipe):
        self._while_paused(name)
        # The job of a queue that was killed is at its last round, and ends by itself.
        end = time.monotonic() + jobs.PATIENCE + jobs.AFTER
        while (process := holder(run / LOCK)) in jobs.running() and time.monotonic() < end:
            self._wait(f"{name}: waits for process {process}, which still has the run")
        if process:
            raise JobError(f"{run} is being trained by process {process} already.")
        if not (run / CONFIG).exists():
            return
        before = read_recipe(run)
        if not goes_on(before, recipe):
            changes = ", ".join(differences(before, recipe))
            raise JobError(
                f"the run in {run} is of another recipe than {name} has today ({changes}). Fix: move it away, mv {run} "
                f"{run}-old, and `train` begins anew; or give the recipe back what the run has."
            )

    def _run(self, task, name, later: Iterable[Recipe]):
        """A job to its end."""
        status, log = (self.runs / ".queue" / f"{name}.{end}" for end in ("json", "log"))
        request = {"task": task, "name": name, "run": str(self.runs / name), "data": self.data, "nice": self.nice}
        self._while_paused(name)
        self._wait(f"{name}: starts to {task}", 0.0)
        for file in (status, log):
            file.unlink(missing_ok=True)
        process, told = jobs.start(self.arguments({**request, "status": str(status)}), self.environment, log), 0
        try:
            while True:
                running = process.poll() is None
                found = read_cell(status)
                for note in found.get("notes", [])[told:]:
                    self.say(note)
                told = len(found.get("notes", []))
                if not running:
                    break
                self._wait(f"{name}: {'paused' if jobs.paused() else progress(task, found, later)}")
        except BaseException:
            jobs.stop(process)
            raise
        if process.returncode:
            raise JobError(found.get("error") or ended(process, log))

    def _while_paused(self, name):
        while jobs.paused():
            self._wait(f"{name}: paused; `python -m benchmarks resume` goes on")

    def _wait(self, line, seconds=0.2):
        """Shows a line, on a terminal in place of the line before, and waits a little, unless the minutes are over."""
        if self.console.is_terminal:
            self.console.print(f"\r\x1b[K{line}", end="", markup=False, highlight=False, soft_wrap=True)
        elif time.monotonic() >= self.line_at:
            self.line_at = time.monotonic() + LINE_SECONDS
            self.say(line)
        if self.end is not None:
            seconds = min(seconds, max(0.0, self.end - time.monotonic()))
        time.sleep(seconds)
        if self.end is not None and time.monotonic() >= self.end:
            raise OutOfTime


def progress(task: str, found: dict[str, Any], later: Iterable[Recipe]) -> str:
    """How far a job is, and the time left for it and for all."""
    if task != "train":
        return "is measured"
    if "round" not in found:
        return "starts"
    line = f"{found['round']:,} of {found['rounds']:,} rounds"
    if not found["images_per_second"]:
        return line
    here = (found["rounds"] - found["round"]) * found["images"]
    # What a critic takes is known of a model that is built; of those to come, what their recipes say.
    critics = [(r.training, r.model.get("n_critic", 1)) for r in later]
    rest = sum(t.rounds * t.batch_size * (steps if isinstance(steps, int) else 1) for t, steps in critics)
    left, all_left = (clock(images / found["images_per_second"]) for images in (here, here + rest))
    return f"{line}, {found['images_per_second']:,.0f} images/s, {left} left, {all_left} for all trainings"


def ended(process: subprocess.Popen, log: Path) -> str:
    """Why a process ended that has not said it itself."""
    if process.returncode < 0:
        reason = f"it was ended by {signal.Signals(-process.returncode).name}"
        return reason + (", perhaps for lack of memory" if process.returncode == -signal.SIGKILL else "")
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return f"{lines[-1] if lines else f'exit code {process.returncode}'} (see {log})"
