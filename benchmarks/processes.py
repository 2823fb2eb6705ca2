"""Measuring processes, and what a series of their results becomes."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_gan_zoo import machine

ROOT = Path(__file__).parent.parent


class MeasurementError(RuntimeError):
    """A measuring process failed; the message is the end of what it said."""


def environment_of(backend: str = "tensorflow", cpu: bool = True) -> dict[str, str]:
    """Variables of a process on a Keras backend, on the CPU or else on what the backend finds."""
    # Where JAX filters tracebacks, a note on that is the last line of an error, in place of what went wrong.
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_TRACEBACK_FILTERING": "off"}
    return environment | ({"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"} if cpu else {})


def run(
    command: list[str], environment: dict[str, str] | None = None, python: str | Path = sys.executable
) -> tuple[str, float]:
    """A fresh process, by default on the CPU and TensorFlow: (its standard output, its wall time in seconds)."""
    environment = {**os.environ, **(environment or environment_of())}
    start = time.perf_counter()
    done = subprocess.run([str(python), *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise MeasurementError(lines[-1].replace(str(ROOT), "."))
    return done.stdout, seconds


def worker(task: tuple[dict[str, str], dict[str, Any], str | Path]) -> dict[str, Any]:
    """One measurement in a process of its own: (environment, settings with a contender, interpreter)."""
    from benchmarks import worker as ours

    environment, settings, python = task
    module = ["benchmarks.worker"] if hasattr(ours, settings["contender"]) else ["benchmarks.peers", "measure"]
    return json.loads(run(["-m", *module, json.dumps(settings)], environment, python)[0].splitlines()[-1])


def turns(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns that `summary` was made of."""
    series = {key: value["values"] for key, value in result.items() if isinstance(value, dict)}
    count = len(next(iter(series.values()), []))
    return [{key: series[key][i] if key in series else value for key, value in result.items()} for i in range(count)]


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Results of several turns as one."""
    return {
        key: distribution([result[key] for result in results]) if isinstance(value, float) else value
        for key, value in results[0].items()
    }


def distribution(values: list[float]) -> dict[str, Any]:
    """Median and range of numbers, and the numbers."""
    values = [float(f"{value:.5g}") for value in values]
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def cpu() -> dict[str, Any]:
    """The CPU of this machine."""
    return {
        "cpu": machine.cpu_name(),
        "cores": machine.cpu_cores(),
        "amx_bf16": "amx_bf16" in machine.cpu_flags(),
        "avx512_bf16": "avx512_bf16" in machine.cpu_flags(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def load() -> float:
    """Processes that ran or waited for a core in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


# Judging and telling -----------------------------------------------------------------------------------------------------


def check(name: str, measured: Callable[[], list[float]], limit: float, at_least: bool = False) -> dict[str, Any]:
    """A requirement as {"name", "value", "limit", "required", "passed"}; passed is None where nothing was measured."""
    result = {"name": name, "limit": limit, "required": "at least" if at_least else "at most"}
    try:
        value = distribution(measured())
    except MeasurementError as error:
        return {**result, "value": None, "passed": None, "reason": str(error)}
    passed = value["median"] >= limit if at_least else value["median"] <= limit
    return {**result, "value": value, "passed": passed}


def values(group: dict[str, Any], name: str, key: str) -> list[float]:
    """The numbers that a contender had; an error where it was left out, or failed."""
    if name not in group:
        raise MeasurementError(f"{name} was left out of this run")
    if "error" in group[name]:
        raise MeasurementError(f"{name}: {group[name]['error']}")
    return group[name][key]["values"]


def paired(group, key, name, other, combine):
    """combine(a number of `name`, that of `other`) within each repeat."""
    numbers = values(group, name, key), values(group, other, key)
    if len(numbers[0]) != len(numbers[1]):
        raise MeasurementError(f"{name} and {other} have not taken all turns yet")
    return [combine(a, b) for a, b in zip(*numbers, strict=True)]
