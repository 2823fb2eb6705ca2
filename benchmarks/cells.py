"""What the benchmarks of cells share.

A cell is one measurement, and a JSON file of its own, which is written when it is done. One that is there, of the same
settings, is not measured again, so a run can be stopped at any moment and started anew. Delete a file to measure its cell
again. A cell that failed says why in its file, and is tried again.
"""

import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from benchmarks.processes import ROOT, MeasurementError, environment_of, run, summary, turns
from keras_gan_zoo.files import whole_file

Backend, Resizer = Literal["tensorflow", "jax", "torch"], Literal["legacy", "clean"]
BACKENDS = get_args(Backend)


def read_cell(path: Path) -> dict[str, Any]:
    """A cell's file; empty where there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def read_cells(folder: Path, pattern: str = "*.json") -> list[dict[str, Any]]:
    """The files of a folder, by their names."""
    return [read_cell(path) for path in sorted(folder.glob(pattern))]


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Writes a record, at once as a whole."""
    write_text(path, json.dumps(content, indent=indent) + "\n")


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")


def words(text: str) -> list[str]:
    """What an option lists with commas between, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def chosen(option: str, text: str | Sequence[str], possible: Iterable[str]) -> list[str]:
    """The words of an option, or names, that must all be possible."""
    given = words(text) if isinstance(text, str) else list(text)
    if unknown := [word for word in given if word not in possible]:
        raise ValueError(f"{option} must be among {', '.join(possible)}. Received: {unknown[0]!r}.")
    return given


def seeds_of(text: str) -> list[int]:
    """The numbers of the option --seeds."""
    if not all(word.isdecimal() for word in words(text)):
        raise ValueError(f"--seeds must be whole numbers with commas between, such as 0,1,2. Received: {text!r}.")
    return [int(word) for word in words(text)]


def variants_of(text: str) -> list[str]:
    """The variants of the option --variants; all where it names none."""
    from keras_gan_zoo.models import check_variant, variants

    names = words(text) or variants()
    for name in names:
        check_variant(name)
    return names


def attempt(backend: str, measure: Callable[[], dict[str, Any]], module: str, request: dict[str, Any]) -> dict[str, Any]:
    """What was measured of a cell, or {"error": ...}, so that one cell does not end a run of hours.

    On the backend of this process `measure` does it. On another one it is a process, of a module, whose argument is the
    request, in JSON as the last line that it prints.
    """
    import keras

    try:
        if backend == keras.backend.backend():
            return measure()
        output, _ = run(["-m", module, json.dumps(request)], environment_of(backend, cpu=False))
        return json.loads(output.splitlines()[-1])
    except MeasurementError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".replace(str(ROOT), ".")}


def run_cells(
    cells: Sequence[Any],
    missing: Sequence[Any],
    work: Callable[[Any], dict[str, Any]],
    finish: Callable[[Any, dict[str, Any]], str],
    console: Console,
    seconds: Sequence[float] = (),
) -> list[Any]:
    """Measures what is missing of cells, which have a `title`, under a bar that counts them; the cells that failed.

    Args:
        work: cell -> what was found, {"error": ...} where it failed.
        finish: writes a cell with what was found, "seconds" among it, and says it in a line.
        seconds: that cells took which are there already.
    """
    failed, left = [], TimeLeft(seconds)
    with progress_bar(left, console) as progress:
        task = progress.add_task("", total=len(cells), completed=len(cells) - len(missing))
        for cell in missing:
            progress.update(task, description=cell.title)
            left.start()
            result = work(cell)
            if "error" in result:
                failed.append(cell)
            line = f"{cell.title}: {finish(cell, {'seconds': round(left.stop(), 1), **result})}"
            progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    return failed


def run_stored(
    cells: Sequence[Any],
    folder: Path,
    work: Callable[[Any], dict[str, Any]],
    tell: Callable[[dict[str, Any]], Any],
    console: Console,
    lacks: Callable[[Any, dict[str, Any]], bool] = lambda cell, found: False,
) -> list[Any]:
    """Measures those cells whose files are missing, hold an error, or are of other settings; the cells that failed.

    Args:
        cells: data classes with a `title` and `path(folder)`.
        work: cell -> what was found, {"error": ...} where it failed; see `attempt` and `here`.
        tell: what was found -> what is said of it.
        lacks: cell, and what its file holds -> whether something is missing or out of date in it.
    """
    from keras_gan_zoo.provenance import commit, device, versions

    stored = {cell: read_cell(cell.path(folder)) for cell in cells}
    missing = [
        cell
        for cell, found in stored.items()
        if "error" in found or found.get("cell") != dataclasses.asdict(cell) or lacks(cell, found)
    ]

    def finish(cell, found):
        # Who failed has computed nothing; another process knows its own device, and what was there keeps its commit.
        about = {} if "error" in found else {"device": device(), "versions": versions()}
        record = {"cell": dataclasses.asdict(cell), "commit": commit(), **about, **found}
        write_json(cell.path(folder), record, indent=None)
        return found.get("error") or tell(found)

    return run_cells(cells, missing, work, finish, console)


def here(measured: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """What measures a cell in this process, and makes an error a part of what was found."""
    import keras

    return lambda cell: attempt(keras.backend.backend(), lambda: measured(cell), "", {})


def run_turns(
    plans: dict[str, dict[str, tuple[Callable[[Any], dict[str, Any]], Any]]],
    results: dict[str, dict[str, Any]],
    repeats: int,
    write: Callable[[], None],
    title: str,
    console: Console,
    warm_ups: dict[str, int] | None = None,
) -> None:
    """Lets the contenders of each part take turns, under a bar that counts the turns.

    Args:
        plans: part -> contender -> (what measures it, its argument).
        results: part -> contender -> its `summary`; or {"error": the last line that a failed process said}, which ends its
            turns. Turns that are there are not taken again, those of failed contenders are.
        repeats: turns of each contender that count.
        write: is called when `results` has changed.
        warm_ups: part -> turns before those, if any is to come.
    """
    warm_ups, left, failed = warm_ups or {}, TimeLeft(), set()
    taken = {(part, name): turns(results.get(part, {}).get(name, {})) for part, plan in plans.items() for name in plan}
    missing = [
        (part, name, repeat)
        for part, plan in plans.items()
        for repeat in range(-warm_ups.get(part, 0), repeats)
        for name in plan
        if len(taken[part, name]) < (repeats if repeat < 0 else repeat + 1)
    ]
    total = sum(len(plan) * (warm_ups.get(part, 0) + repeats) for part, plan in plans.items())
    with progress_bar(left, console) as progress:
        task = progress.add_task("", total=total, completed=total - len(missing))
        for part, name, repeat in missing:
            if (part, name) not in failed:
                number = "warm-up" if repeat < 0 else f"{repeat + 1}/{repeats}"
                progress.update(task, description=f"{title}, {number} {name}")
                measure, argument = plans[part][name]
                left.start()
                try:
                    found = measure(argument)
                except MeasurementError as error:
                    failed.add((part, name))
                    results.setdefault(part, {})[name] = {"error": str(error)}
                    write()
                else:
                    if repeat >= 0:
                        taken[part, name].append(found)
                        results.setdefault(part, {})[name] = summary(taken[part, name])
                        write()
                left.stop()
            progress.advance(task)


def progress_bar(left: "TimeLeft", console: Console) -> Progress:
    """A bar that counts cells."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), left)
    return Progress(*columns, console=console)


class TimeLeft(ProgressColumn):
    """The time left: the median over the cells that are done, for each of those that are not.

    rich's own column forgets what was done half a minute ago, and a cell takes minutes.
    """

    def __init__(self, seconds: Sequence[float] = ()) -> None:
        super().__init__()
        self.seconds, self.started = list(seconds), None

    def start(self) -> None:
        self.started = time.monotonic()

    def stop(self) -> float:
        """Ends a cell; its seconds."""
        self.seconds.append(time.monotonic() - self.started)
        self.started = None
        return self.seconds[-1]

    def left(self, cells: float) -> float | None:
        """Seconds for so many cells, of which one may be running; None before anything was measured."""
        if not self.seconds or not cells:
            return None if cells else 0.0
        each = statistics.median(self.seconds)
        running = 0.0 if self.started is None else min(time.monotonic() - self.started, each)
        return each * cells - running

    def render(self, task: Task) -> Text:
        left = self.left(task.total - task.completed)
        return Text("time left: known after one cell" if left is None else f"{clock(left)} left")


def clock(seconds: float) -> str:
    """1:02:03"""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
