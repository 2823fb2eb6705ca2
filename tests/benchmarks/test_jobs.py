"""Jobs: processes that stand still between `pause` and `resume`, and that end with whoever started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import jobs

JOB = """
import sys, time
from pathlib import Path
from benchmarks import jobs

with jobs.job(nice=0):
    for _ in range(600):
        with open(sys.argv[1], "a") as file:
            file.write(".")
        time.sleep(0.02)
"""
PARENT = """
import sys, time
from pathlib import Path
from benchmarks import jobs

jobs.start(["-c", sys.argv[1], sys.argv[2]], {}, Path(sys.argv[2] + ".log"))
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine of its own, so that no job of the real one is touched."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


@pytest.fixture
def start(machine):
    """start(): a job that writes a dot again and again, and the file that it writes to."""
    started = []

    def run():
        ticks = machine / f"ticks{len(started)}"
        started.append(jobs.start(["-c", JOB, str(ticks)], {}, machine / "log"))
        return started[-1], ticks

    yield run
    for process in started:
        jobs.stop(process, patience=2.0)


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def moves(ticks, seconds=0.3):
    before = ticks.stat().st_size if ticks.exists() else 0
    time.sleep(seconds)
    return (ticks.stat().st_size if ticks.exists() else 0) > before


def invoked(name):
    command.register([name])
    result = CliRunner().invoke(command.app, [name])
    assert result.exit_code == 0
    return result.output


def test_pause_stops_the_jobs_and_resume_lets_them_go_on(start):
    process, ticks = start()
    until(ticks.exists)
    assert f"1 running (process {process.pid}) stopped" in invoked("pause")
    time.sleep(0.1)
    assert not moves(ticks)
    assert f"Training goes on: 1 (process {process.pid}) running" in invoked("resume")
    until(lambda: moves(ticks))
    assert "Training was not paused" in invoked("resume")


def test_a_job_that_starts_while_all_are_paused_waits(start):
    assert "none is running" in invoked("pause")
    process, ticks = start()
    until(lambda: jobs.running() == [process.pid])
    assert not moves(ticks)
    jobs.resume()
    until(ticks.exists)


def test_a_job_that_has_ended_is_forgotten_however_it_ended(start):
    process, ticks = start()
    until(ticks.exists)
    process.kill()
    process.wait()
    assert (jobs.folder() / str(process.pid)).exists() and jobs.running() == [] == jobs.pause()
    jobs.resume()


@pytest.mark.parametrize("paused", [False, True])
def test_a_job_is_ended_also_where_it_is_paused(start, paused):
    process, ticks = start()
    until(ticks.exists)
    if paused:
        jobs.pause()
    begun = time.monotonic()
    jobs.stop(process)
    # By itself, with what it has to tidy up, not by SIGKILL.
    assert process.returncode == -signal.SIGINT or process.returncode == 1
    assert time.monotonic() - begun < jobs.PATIENCE / 2 and not (jobs.folder() / str(process.pid)).exists()


def test_what_does_not_end_by_itself_is_killed(machine):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    process = jobs.start(["-c", stubborn], {}, machine / "log")
    until(lambda: "deaf" in (machine / "log").read_text())
    jobs.stop(process, patience=0.2)
    assert process.returncode == -signal.SIGKILL


def test_a_job_ends_with_the_process_that_started_it(machine):
    ticks = machine / "ticks"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, JOB, str(ticks)], cwd=jobs.ROOT)
    try:
        until(ticks.exists)
        (group,) = jobs.running()
        assert group != parent.pid
    finally:
        parent.kill()
        parent.wait()
    until(lambda: jobs.running() == [])
    with pytest.raises(ProcessLookupError):
        until(lambda: os.kill(group, 0), seconds=5.0)


SLOW = "import os, sys, time; open(sys.argv[1] + '.pid', 'w').write(str(os.getpid())); time.sleep(1.0)" + JOB.replace(
    "600", "6000"
)
DEAF = """
import os, sys, time
from benchmarks import jobs

with jobs.job(nice=0):
    open(sys.argv[1] + ".pid", "w").write(str(os.getpid()))
    try:
        time.sleep(600)
    except KeyboardInterrupt:  # as Python does in a callback of a library
        time.sleep(600)
"""


@pytest.mark.parametrize("text", [SLOW, DEAF], ids=["before it began", "at the second signal"])
def test_a_job_ends_without_who_started_it(machine, text):
    file = machine / "ticks.pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, text, str(machine / "ticks")], cwd=jobs.ROOT)
    try:
        until(lambda: file.exists() and file.read_text())
    finally:
        parent.kill()
        parent.wait()
    group = int(file.read_text())
    try:
        with pytest.raises(ProcessLookupError):
            until(lambda: os.kill(group, 0), seconds=20.0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


@pytest.mark.skipif(not os.path.exists("/proc/self/autogroup"), reason="this system shares the processor by processes")
def test_a_job_is_of_low_priority_as_a_session_too(machine):
    log = machine / "log"
    program = JOB.replace("nice=0", "nice=7").replace("range(600)", "range(0)")
    program += "import os; print(os.nice(0), open('/proc/self/autogroup').read())"
    assert jobs.start(["-c", program, str(machine / "ticks")], {}, log).wait(60) == 0
    process, session = log.read_text().split(maxsplit=1)
    # On top of the priority of the tests.
    assert process == str(min(19, os.nice(0) + 7)) and session.split()[-1] == "7"
