"""On which devices a training runs: `--strategy` and `--devices` of the command line."""

import contextlib
import hashlib
import random
from collections.abc import Iterator
from typing import Literal, get_args

Strategy = Literal["none", "auto", "mirrored", "multi-worker"]


@contextlib.contextmanager
def training_devices(strategy: Strategy = "none", devices: int | None = None) -> Iterator[None]:
    """Opens the context in which a model is to be built and trained.

    Args:
        strategy: "none": one device. "mirrored": `devices` of this machine share each batch. "multi-worker": so do several
            processes, of which the environment speaks: `TF_CONFIG` on TensorFlow, the variables of `torchrun` on torch,
            `KERAS_DISTRIBUTION_*` on JAX. "auto": "multi-worker" where it speaks of some, or else "mirrored" where there
            are several GPUs or TPUs.
        devices: their number for "mirrored"; by default all of them. A machine without GPUs lends the cores of its CPU.

    Raises:
        ValueError: the environment and the strategy do not fit each other, or there are not so many devices.
    """
    if strategy not in get_args(Strategy):
        raise ValueError(f"strategy must be one of {', '.join(get_args(Strategy))}. Received: strategy={strategy!r}.")
    import keras

    from .backend import VARIABLES, accelerators, announced, engine

    backend, found = keras.backend.backend(), announced()
    variable, how = VARIABLES[backend]
    if strategy == "auto":
        strategy = "multi-worker" if found else "mirrored" if (devices or accelerators()) > 1 else "none"
    if strategy == "multi-worker" and variable not in found:
        other = "".join(f"{name} with {count} processes, which is not for {backend}" for name, count in found.items())
        raise ValueError(
            f"The strategy multi-worker takes several processes, by {how}, on the backend {backend}. Received: "
            f"{other or f'no {variable} with more than one'}. Fix: set it in each of them, or leave --strategy out."
        )
    if strategy != "multi-worker" and found:
        name, count = next(iter(found.items()))
        raise ValueError(
            f"strategy must be multi-worker where the environment speaks of several processes, since each of them would "
            f"train alone. Received: strategy={strategy!r}, and {name} with {count} processes. Fix: --strategy "
            f"multi-worker, or unset {name}."
        )
    if strategy == "none":
        if devices not in (None, 1):
            fix = f"{how}, and --strategy multi-worker" if backend == "torch" else "--strategy mirrored"
            raise ValueError(f"devices must be left out for the strategy none. Received: devices={devices}. Fix: {fix}.")
        yield
        return
    with engine(strategy, devices):
        if strategy == "multi-worker":
            _share_seed()
        yield


def _share_seed():
    """Gives all processes the seed of the first, unless they have the same already: they must draw the same weights."""
    import keras

    from .backend import exchange

    # Keras takes seeds that nobody gives from here.
    states = exchange(hashlib.sha256(repr(random.getstate()).encode()).hexdigest())
    if len(set(states)) > 1:
        keras.utils.set_random_seed(int(exchange(str(random.randint(0, 2**31 - 1)))[0]))
