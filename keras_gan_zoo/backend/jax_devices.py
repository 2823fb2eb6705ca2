"""Devices and processes that share each batch on JAX, where a program is that of one device, and JAX divides its arrays."""

import contextlib
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from .batch_norm import batch_normalized
from .processes import MESSAGE, number_in, predicted, refuse_devices_of_a_worker, require_devices

__all__ = [
    "accelerators",
    "batch_normalized",
    "drawn",
    "engine",
    "exchange",
    "is_lost",
    "own_part",
    "predicted",
    "processes",
    "rank",
    "replicas",
    "sharers",
    "whole",
]

# Seconds for which a process waits for another one that is silent.
PATIENCE = 30


@contextlib.contextmanager
def engine(kind, devices):
    """Opens the scope of `keras.distribution.DataParallel`: over so many devices, or over those of all processes."""
    if kind == "multi-worker":
        refuse_devices_of_a_worker(devices)
        said = {
            name: os.environ.get(f"KERAS_DISTRIBUTION_{name}") for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
        }
        if missing := [name for name, text in said.items() if not text]:
            raise ValueError(
                "The strategy multi-worker takes the address of the first process, the number of all, and that of each. "
                f"Received: no KERAS_DISTRIBUTION_{' and no KERAS_DISTRIBUTION_'.join(missing)}. Fix: set it."
            )
        # What keras.distribution.initialize does, but for the minutes that JAX waits for a process that has died.
        jax.distributed.initialize(
            said["JOB_ADDRESSES"].split(",")[0],
            count := number_in("KERAS_DISTRIBUTION_NUM_PROCESSES"),
            number_in("KERAS_DISTRIBUTION_PROCESS_ID", count),
            heartbeat_timeout_seconds=PATIENCE,
            shutdown_timeout_seconds=PATIENCE,
        )
        names = keras.distribution.list_devices()
    else:
        if devices is not None:
            with contextlib.suppress(RuntimeError):  # JAX has started already
                jax.config.update("jax_num_cpu_devices", devices)
        names = keras.distribution.list_devices()
        names = names[: require_devices(devices or len(names), len(names))]
    with keras.distribution.DataParallel(devices=names).scope():
        yield
    # Not after an error, since it waits for processes that may be dead.
    if kind == "multi-worker":
        jax.distributed.shutdown()


def accelerators():
    """The number of GPUs or TPUs."""
    return 0 if jax.default_backend() == "cpu" else jax.device_count()


def sharers():
    """The number of devices that share each batch."""
    distribution = keras.distribution.distribution()
    return distribution.device_mesh.devices.size if distribution is not None else 1


def processes():
    """The number of processes that train together."""
    return jax.process_count() if keras.distribution.distribution() is not None else 1


def rank():
    """The number of this process among them, from 0 on."""
    return jax.process_index() if processes() > 1 else 0


def exchange(message):
    """The messages of all processes, by rank; each waits for those of the others."""
    if processes() == 1:
        return [message]
    codes = np.frombuffer(message.encode().ljust(MESSAGE, b"\0"), "uint8")
    return [bytes(row).rstrip(b"\0").decode() for row in np.asarray(multihost_utils.process_allgather(codes))]


def is_lost(error):
    """Whether an error may come from another process that does not answer any more."""
    return isinstance(error, jax.errors.JaxRuntimeError)


def replicas():
    """1: the program sees the global batch, and one of its devices draws for all."""
    return 1


def drawn(sample, shape):
    """sample(shape)."""
    return sample(shape)


def whole(x):
    """x, which is the global batch."""
    return x


own_part = mean_over_replicas = whole
