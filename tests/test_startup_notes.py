"""Start-up notes of C++ code stay off the screen; errors, and what Python writes, come through."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_gan_zoo

NOTES = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795805062.172450    5886 port.cc:153] oneDNN custom operations are on.",
    "W0000 00:00:1795805062.173588    5886 cudart_stub.cc:31] Could not find cuda drivers.",
    "2026-11-27 18:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary is optimized.",
]
DRIVER = "E0000 00:00:1.1 1 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)"
ERRORS = [
    "E0000 00:00:1795805062.172450    5886 tensor.cc:1] out of memory",
    "F0000 00:00:1795805062.172450    5886 tensor.cc:1] Check failed",
    "2026-11-27 18:00:00.123456: F tensorflow/core/platform/x.cc:210] Check failed",
    "terminate called after throwing an instance of 'std::bad_alloc'",
]
LINES = "".join(f"{line}\n" for pair in zip(NOTES, ERRORS, strict=True) for line in (*pair, DRIVER))


def screen(statements, **variables):
    """Exit code and stderr of a process that writes `LINES` to descriptor 2, as C++ code would, and then does statements."""
    program = f"""
import os, sys
from keras_gan_zoo.startup import without_notes
with without_notes():
    os.write(2, {LINES.encode()!r})
    print("from Python", file=sys.stderr)
    {statements}
os.write(2, b"after\\n")
"""
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent), **variables}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.splitlines()


def test_notes_are_dropped_and_all_else_comes_through():
    code, lines = screen("pass")
    assert (
        code == 0 and DRIVER not in lines and sorted(lines[:-1]) == sorted([*ERRORS, "from Python"]) and lines[-1] == "after"
    )


def test_the_last_words_of_an_aborted_program_come_through():
    code, lines = screen("os.abort()")
    assert code != 0 and set(ERRORS) <= set(lines) and not set(NOTES) & set(lines)


@pytest.mark.parametrize(("level", "shown"), [("0", True), ("1", True), ("3", False)])
def test_who_asks_for_the_notes_gets_them(level, shown):
    _, lines = screen("pass", TF_CPP_MIN_LOG_LEVEL=level)
    assert (set(NOTES) <= set(lines)) is shown and set(ERRORS) <= set(lines)


def test_a_traceback_comes_through():
    code, lines = screen("raise ValueError('wrong')")
    assert code == 1 and lines[-1] == "ValueError: wrong" and set(ERRORS) <= set(lines)
