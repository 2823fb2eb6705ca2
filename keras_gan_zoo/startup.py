"""Keeps the notes that frameworks print at startup off the screen.

TensorFlow's C++ code writes its notes to file descriptor 2 while it is loaded, before any of its settings is read. So the
descriptor itself is watched: notes are dropped, and everything else, above all errors, is passed on.
"""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator

# Notes and warnings in the form of absl ("I0000 00:00:1795805062.17  5886 port.cc:153] ..."), and in TensorFlow's old form;
# and two messages logged as errors on every machine without a driver (303), or with several CUDA libraries.
NOTE = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:[\d.]+ +\d+ \S+:\d+\] |\d{4}-\d\d-\d\d [\d:.]+: [IW] \S+:\d+\] "
    rb"|E\d{4} .*(?:failed call to cuInit: .*\(303\)|Unable to register cu\w+ factory)"
    rb"|WARNING: All log messages before absl::InitializeLog"
)


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Drops the notes that C++ code writes to file descriptor 2; what Python writes to `sys.stderr` goes straight through.

    Does nothing if the user asks for the notes by a `TF_CPP_MIN_LOG_LEVEL` of 0 or 1, if TensorFlow is loaded already, or if
    processes cannot fork.
    """
    asked = os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1")
    if asked or "tensorflow" in sys.modules or not hasattr(os, "fork"):
        yield
        return
    sys.stderr.flush()
    python, screen = sys.stderr, os.dup(2)
    reading, writing = os.pipe()
    # A process, not a thread: the last words of a program that C++ code aborts must arrive too.
    filtering = os.fork()
    if not filtering:
        _pass_on(reading, writing, screen)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        if _is_descriptor_2(python):
            sys.stderr = os.fdopen(os.dup(screen), "w", 1, encoding=python.encoding, errors=python.errors)
        yield
    finally:
        if sys.stderr is not python:
            sys.stderr.close()
            sys.stderr = python
        os.dup2(screen, 2)
        os.close(screen)
        _wait(filtering)


def _pass_on(reading, writing, screen):
    """Runs the filtering process, which ends when nobody can write any more."""
    try:
        # An interrupt is for the command, whose last words come first.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for unused in (0, 1, 2, writing):
            os.close(unused)
        with os.fdopen(reading, "rb", 0) as lines:
            for line in lines:
                if not NOTE.match(line):
                    os.write(screen, line)
    finally:
        os._exit(0)


def _wait(process, seconds=1.0):
    """Waits for the remaining lines, but not for child processes that go on and could still write."""
    end = time.monotonic() + seconds
    while os.waitpid(process, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        time.sleep(0.002)


def _is_descriptor_2(stream):
    try:
        return stream.fileno() == 2
    except (OSError, ValueError, AttributeError):
        return False
