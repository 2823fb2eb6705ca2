"""What the benchmarks of cells share: a cell is one measurement, and a JSON file of its own."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from benchmarks.processes import ROOT, MeasurementError, environment_of, run

BACKENDS = ("tensorflow", "jax", "torch")


def read_cell(path: Path) -> dict[str, Any]:
    """A cell's file; empty where there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def words(text: str) -> list[str]:
    """What an option lists with commas between, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def seeds_of(text: str) -> list[int]:
    """The numbers of the option --seeds.

    Raises:
        ValueError: something else than whole numbers.
    """
    if not all(word.isdigit() for word in words(text)):
        raise ValueError(f"--seeds {text!r} is not possible; pass whole numbers with commas between, as 0,1,2.")
    return [int(word) for word in words(text)]


def attempt(backend: str, measure: Callable[[], dict[str, Any]], module: str, request: dict[str, Any]) -> dict[str, Any]:
    """What was measured of a cell, or {"error": ...}, so that one cell does not end a run of hours.

    Args:
        backend: of the cell.
        measure: measures it in this process, if that is on the same backend.
        module: measures it in a process of its own otherwise; the last line that it prints is the result, in JSON.
        request: the argument of that process.
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
        if left is None:
            return Text("time left: known after one cell")
        minutes, seconds = divmod(round(left), 60)
        return Text(f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left")
