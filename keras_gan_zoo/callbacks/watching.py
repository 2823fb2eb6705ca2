"""Callbacks that watch a training: a progress bar, and stops when losses are not finite any more, or on a signal."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ..data.checks import check_integer
from ..files import writes


def rounds_played(model: Any) -> int:
    """Returns the number of rounds of a game so far; under a strategy there is a counter on each device."""
    return int(keras.ops.convert_to_numpy(model.rounds))


class DivergedError(RuntimeError):
    """A loss became NaN or infinite."""


class StopAtNaN(keras.callbacks.Callback):
    """Ends the training with an error when a loss is NaN or infinite, before the state is saved.

    The logs are means over the epoch, which one NaN turns into NaN for the rest of it, so they need not be read in every
    round; reading them makes an accelerator wait.

    Args:
        every: rounds from one look to the next.

    Raises:
        ValueError: `every` is no integer of at least 1.
    """

    def __init__(self, every: int = 20) -> None:
        super().__init__()
        self.every = check_integer(every, "every", 1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if (batch + 1) % self.every == 0:
            self._check(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._check(logs)

    def _check(self, logs):
        bad = [name for name, value in (logs or {}).items() if not np.isfinite(float(value))]
        # If there are others, "loss" is their sum.
        bad = [name for name in bad if name != "loss"] or bad
        if bad:
            raise DivergedError(
                f"{', '.join(bad)} is not finite by round {rounds_played(self.model)}; the training stopped, and no "
                "checkpoint of it was written. Lower the learning rates, or add a penalty (r1_gamma)."
            )


class StopAtInterrupt(keras.callbacks.Callback):
    """Ends a training by KeyboardInterrupt at the end of the round of Ctrl+C or SIGTERM; a second one ends it at once.

    Python raises that exception wherever it happens to be, and drops it inside the callback of a weak reference or a
    finalizer, of which there are many in a round: the training would go on as if nobody had asked it to stop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator["StopAtInterrupt"]:
        """Takes over both signals in the main thread, unless somebody else has, and gives them back at the end."""
        unclaimed = {
            signal.SIGINT: [signal.default_int_handler],
            signal.SIGTERM: [signal.default_int_handler, signal.SIG_DFL],
        }
        taken = {number: before for number, free in unclaimed.items() if (before := signal.getsignal(number)) in free}
        if threading.current_thread() is not threading.main_thread():
            taken = {}
        for number in taken:
            signal.signal(number, self._note)
        try:
            yield self
        finally:
            for number, before in taken.items():
                signal.signal(number, before)

    def _note(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.asked:
            raise KeyboardInterrupt


class Progress(keras.callbacks.Callback):
    """Shows a progress bar over all rounds with losses, images per second, and time left.

    Args:
        rounds: rounds of the whole training.
        images_per_round: real images that a round takes.
        console: `rich.console.Console` to write to; by default the terminal.
    """

    def __init__(self, rounds: int, images_per_round: int, console: Any = None) -> None:
        super().__init__()
        self.rounds, self.images_per_round, self.console = rounds, images_per_round, console
        self.bar = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        from rich import progress
        from rich.table import Column

        self.bar = progress.Progress(
            progress.TextColumn("round"),
            progress.MofNCompleteColumn(),
            progress.BarColumn(bar_width=20),
            progress.TimeRemainingColumn(),
            # On a narrow terminal this column wraps; otherwise rich would cut the others short.
            progress.TextColumn("{task.fields[text]}", table_column=Column(no_wrap=False)),
            console=self.console,
            # Of several processes the first shows it.
            disable=not writes(),
        )
        self.task = self.bar.add_task("training", total=self.rounds, completed=rounds_played(self.model), text="")
        self.bar.start()
        self.done, self.shown, self.started = 0, 0.0, None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        # The first call has built the graph; its time would distort the rate.
        if self.started is None:
            self.started = now
            return
        self.done += 1
        if now - self.shown < 0.5:
            return
        self.shown = now
        rate = self.done * self.images_per_round / (now - self.started)
        losses = "  ".join(f"{name} {float(value):.3f}" for name, value in logs.items())
        self.bar.update(self.task, completed=rounds_played(self.model), text=f"{losses}  {rate:,.0f} images/s")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.bar.update(self.task, completed=rounds_played(self.model))
        self.close()

    def close(self) -> None:
        """Ends the bar, also after an error, which may have come before there was a bar."""
        if self.bar is not None:
            self.bar.stop()
