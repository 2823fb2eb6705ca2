"""The only code that imports a framework: one `Trainer` for each Keras backend, with the same methods.

`train_step` runs one round of the game. `record(player, batch)` generates samples like those of a batch, which several
players may then use; `differentiate(player, batch, recording)` returns the loss of one of them, and its gradients with
respect to that player's weights; `only_if(condition, step)` takes a step or leaves it out, depending on a tensor.
`gradient(function, x)` is the differentiable input gradient that penalties use. Besides the trainer there are
`batch_normalized`, batch norm as each backend computes it best, `compiled`, which makes a pure function of tensors fast,
`full_float32`, a context in which products keep the full precision of float32, and `accelerator`, the name of the GPU or TPU
that is in use. Where devices share each batch, `replicas` says how many; `drawn` gives each its part of what is drawn
(inside of `joining`, of each batch that one is made of), `whole` the rows of all, for what depends on the global batch, and
`own_part` its own of those.
"""

import importlib

import keras

_SUPPORTED = ("tensorflow", "jax", "torch")

if keras.backend.backend() not in _SUPPORTED:
    raise ImportError(
        f"The Keras backend must be one of {', '.join(_SUPPORTED)}. Received: {keras.backend.backend()!r}. Fix: set the "
        "environment variable KERAS_BACKEND to one of them before Keras is imported."
    )

_backend = importlib.import_module(f".{keras.backend.backend()}", __name__)
Trainer, compiled = _backend.Trainer, _backend.compiled
full_float32, accelerator = _backend.full_float32, _backend.accelerator
# TensorFlow alone has replicas here.
_devices = _backend if keras.backend.backend() == "tensorflow" else importlib.import_module(".single_device", __name__)
batch_normalized, replicas, drawn = _devices.batch_normalized, _devices.replicas, _devices.drawn
joining, whole, own_part = _devices.joining, _devices.whole, _devices.own_part

__all__ = [
    "Trainer",
    "accelerator",
    "batch_normalized",
    "compiled",
    "drawn",
    "full_float32",
    "joining",
    "own_part",
    "replicas",
    "whole",
]
