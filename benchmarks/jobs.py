"""Processes in the background that can be stopped for a while, so that a timing or a test run has the machine.

A job is known to the whole machine, whichever checkout started it: it holds a lock in a folder beside the caches of the
library. To pause sets a flag there and stops the process group of every job; a job that starts meanwhile waits.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import ROOT
from keras_gan_zoo.files import cache_folder, holder, locked

FLAG = "paused"
STARTER = "KERAS_GAN_ZOO_JOB_STARTER"  # the process that started a job, which may be gone before the job can ask
PATIENCE = 30.0  # seconds that a job has to end by itself
AFTER = 10.0  # from the end of a queue that was killed to that of its job, beyond that


def folder() -> Path:
    """Where the jobs of this machine are known."""
    path = cache_folder() / "jobs"
    path.mkdir(parents=True, exist_ok=True)
    return path


def paused() -> bool:
    """Whether jobs are to stand still."""
    return (folder() / FLAG).exists()


def running() -> list[int]:
    """The process groups of the jobs that there are."""
    files = [path for path in folder().iterdir() if path.name.isdigit()]
    return sorted(int(path.name) for path in files if holder(path) == int(path.name))


def pause() -> list[int]:
    """Stops all jobs, and those that will start, until `resume`; their process groups."""
    # The flag first: a job that is starting sees it, or is already among the running.
    (folder() / FLAG).touch()
    return [group for group in running() if _send(group, signal.SIGSTOP)]


def resume() -> list[int]:
    """Lets all jobs go on; their process groups."""
    (folder() / FLAG).unlink(missing_ok=True)
    return [group for group in running() if _send(group, signal.SIGCONT)]


@contextlib.contextmanager
def job(nice: int) -> Iterator[None]:
    """Makes this process a job: of low priority, known to `pause`, ended by SIGTERM, and by the end of who started it."""
    os.nice(nice)
    # Where Linux shares the processor between sessions first, and between their processes then, a process's own priority
    # counts within its session alone, and a job is a session of its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))
    # A background process of a shell may ignore SIGINT, so a job is ended by another signal, which cleans up as that does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    threading.Thread(target=_end_with, args=(int(os.environ.get(STARTER, os.getppid())),), daemon=True).start()
    with locked(folder() / str(os.getpid()), "This job"):
        while paused():
            time.sleep(0.2)
        yield


def start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """A Python process in a group of its own; what it says goes to the file `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment, STARTER: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen, patience: float = PATIENCE) -> None:
    """Ends a process of `start` and all that it has started, also where it is paused."""
    end = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < end:
        # Again and again: Python drops the exception of a signal where it comes within a callback of a library.
        for number in (signal.SIGTERM, signal.SIGCONT):
            _send(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
    _send(process.pid, signal.SIGKILL)
    process.wait()


def _send(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(1.0)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:  # as in `stop`
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5.0)
    os.kill(os.getpid(), signal.SIGKILL)
