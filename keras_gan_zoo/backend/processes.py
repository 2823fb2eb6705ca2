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


def announced() -> dict[str, int]:
    """Variables of the environment that speak of several processes -> their number."""
    found = {}
    for variable, _ in VARIABLES.values():
        text = os.environ.get(variable)
        if not text:
            continue
        try:
            if variable == "TF_CONFIG":
                cluster = json.loads(text).get("cluster", {})
                count = sum(len(cluster.get(job, ())) for job in ("chief", "worker"))
            else:
                count = int(text)
        except (ValueError, TypeError, AttributeError) as error:
            kind = "a JSON object" if variable == "TF_CONFIG" else "a number"
            raise ValueError(
                f"The environment variable {variable} must be {kind}. Received: {text!r} ({error}). Fix: correct it, or "
                "unset it."
            ) from error
        if count > 1:
            found[variable] = count
    return found


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


def refuse_sharing(gan, batch_size):
    """Refuses what the devices of `gan.sharers` cannot share: batches that do not divide, and players that wait."""
    sharers = gan.sharers
    if gan.replicas > 1 and any(player.when for player in gan.players()):
        raise ValueError(
            f"{type(gan).__name__} must train on one device, since a player decides when it moves. Received: {gan.replicas} "
            "that share each batch. Fix: train on one of them."
        )
    if batch_size % sharers:
        less = batch_size // sharers * sharers
        nearest = f"{less} or {less + sharers}" if less else f"{sharers}"
        raise ValueError(
            f"batch_size must be a multiple of the {sharers} devices that share each batch. Received: "
            f"batch_size={batch_size}. Fix: {nearest}."
        )
