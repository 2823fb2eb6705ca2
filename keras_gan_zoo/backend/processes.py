"""What the environment says of processes that train together, and what is the same on all backends that share batches.

No framework is imported here.
"""

import contextlib
import contextvars
import json
import os

# The most bytes of a message that processes exchange.
MESSAGE = 1024

# Backend -> the variable by which it learns of other processes, and what starts them.
VARIABLES = {
    "tensorflow": ("TF_CONFIG", "a JSON object with cluster and task in TF_CONFIG"),
    "jax": ("KERAS_DISTRIBUTION_NUM_PROCESSES", "KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID"),
    "torch": ("WORLD_SIZE", "torchrun, which sets WORLD_SIZE and RANK"),
}

# How many batches are joined to the one that is in hand; a replica has its part of each of them.
JOINED = contextvars.ContextVar("joined", default=1)


@contextlib.contextmanager
def joining(count):
    """Opens a context in which a batch is made of so many of one size, one after the other."""
    before = JOINED.set(count)
    try:
        yield
    finally:
        JOINED.reset(before)


# What goes with the number of processes -> that number's variable.
_BESIDE = {
    "RANK": "WORLD_SIZE",
    "KERAS_DISTRIBUTION_PROCESS_ID": "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": "KERAS_DISTRIBUTION_NUM_PROCESSES",
}


def announced() -> dict[str, int]:
    """Variables of the environment that speak of several processes -> their number.

    Raises:
        ValueError: they are no numbers, or half of them is missing.
    """
    for variable, count in _BESIDE.items():
        if os.environ.get(variable) and not os.environ.get(count):
            raise ValueError(
                f"The environment variable {variable} must go with {count}. Received: {variable}="
                f"{os.environ[variable]!r} alone. Fix: set the number of processes as well, or unset it."
            )
    found = {}
    for variable, _ in VARIABLES.values():
        if text := os.environ.get(variable):
            count = _of_tensorflow(text) if variable == "TF_CONFIG" else number_in(variable)
            if count > 1:
                found[variable] = count
    return found


def number_in(variable: str, below: int | None = None) -> int:
    """The number in a variable of the environment; one of `below` processes, if that is given."""
    text = os.environ.get(variable, "")
    wanted = "a number" if below is None else f"a number from 0 to {below - 1}"
    if not text.isascii() or not text.isdecimal() or (below is not None and int(text) >= below):
        raise ValueError(
            f"The environment variable {variable} must be {wanted}. Received: {text!r}. Fix: correct it, or unset it."
        )
    return int(text)


def _of_tensorflow(text):
    """The number of processes that TF_CONFIG tells of; with several, it must tell which of them this is."""
    try:
        config = json.loads(text)
        jobs = {job: len(config.get("cluster", {}).get(job, ())) for job in ("chief", "worker")}
        task = config.get("task", {})
        if (count := sum(jobs.values())) > 1 and int(task["index"]) not in range(jobs[task["type"]]):
            raise ValueError("task.index names none of them")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(
            "The environment variable TF_CONFIG must be a JSON object with cluster and task, of chief and worker alone. "
            f"Received: {text!r} ({type(error).__name__}: {error}). Fix: correct it, or unset it."
        ) from error
    return count


def require_devices(devices, there=None):
    """Returns `devices`, which must be at least two, and at most as many as are there."""
    if devices is None or devices < 2:
        raise ValueError(
            f"devices must be at least 2 for the strategy mirrored. Received: devices={devices}. Fix: --devices N; or "
            "--strategy none for a single one."
        )
    if there is not None and devices > there:
        raise ValueError(f"devices must be at most those of this machine. Received: devices={devices}, and {there} of them.")
    return devices


def refuse_devices_of_a_worker(devices):
    """Refuses a number of devices where each process has those that it sees."""
    if devices is not None:
        raise ValueError(
            "devices must be left out for the strategy multi-worker, since each process trains on the devices that it sees. "
            f"Received: devices={devices}. Fix: leave it out, and hide GPUs by CUDA_VISIBLE_DEVICES."
        )


def predicted(model, batch):
    """The outputs of a network for a batch of arrays."""
    return model.predict_on_batch(batch)
