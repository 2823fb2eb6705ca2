"""The only code that imports a framework: one `Trainer` for each Keras backend, with the same methods.

`train_step` runs one round of the game. `record(player, batch)` generates samples like those of a batch, which several
players may then use; `differentiate(player, batch, recording)` returns the loss of one of them, and its gradients with
respect to that player's weights; `only_if(condition, step)` takes a step or leaves it out, depending on a tensor.
`gradient(function, x)` is the differentiable input gradient that penalties use. Besides the trainer there are
`batch_normalized`, batch norm as each backend computes it best, `compiled`, which makes a pure function of tensors fast,
`full_float32`, a context in which products keep the full precision of float32, and `accelerator`, the name of the GPU or TPU
that is in use. Where devices share each batch, `replicas` says how many; `drawn` gives each its part of what is drawn
(inside of `joining`, of each batch that one is made of), `whole` the rows of all, for what depends on the global batch,
`own_part` its own of those, and the mean of what each has is the `mean_over_replicas` of a trainer; `predicted` is what a
network makes of a batch on one device alone. `engine` opens the scope
in which several devices or processes train together; there `rank` is the number of this process, `exchange` passes messages
among them, and `is_lost` tells errors of one that does not answer any more.
"""

import importlib

import keras

from .processes import VARIABLES, announced, joining

_SUPPORTED = ("tensorflow", "jax", "torch")

if keras.backend.backend() not in _SUPPORTED:
    raise ImportError(
        f"The Keras backend must be one of {', '.join(_SUPPORTED)}. Received: {keras.backend.backend()!r}. Fix: set the "
        "environment variable KERAS_BACKEND to one of them before Keras is imported."
    )

_backend = importlib.import_module(f".{keras.backend.backend()}", __name__)
Trainer, compiled = _backend.Trainer, _backend.compiled
full_float32, accelerator = _backend.full_float32, _backend.accelerator
_devices = importlib.import_module(f".{keras.backend.backend()}_devices", __name__)
batch_normalized, replicas, drawn = _devices.batch_normalized, _devices.replicas, _devices.drawn
whole, own_part = _devices.whole, _devices.own_part
engine, accelerators = _devices.engine, _devices.accelerators
rank, exchange, is_lost = _devices.rank, _devices.exchange, _devices.is_lost
predicted = _devices.predicted

__all__ = [
    "Trainer",
    "VARIABLES",
    "accelerator",
    "accelerators",
    "announced",
    "batch_normalized",
    "compiled",
    "drawn",
    "engine",
    "exchange",
    "full_float32",
    "is_lost",
    "joining",
    "own_part",
    "predicted",
    "rank",
    "replicas",
    "whole",
]
