"""The only code that imports a framework: one `Trainer` for each Keras backend, with the same methods.

`train_step` runs one round of the game. `record(player, batch)` generates samples like those of a batch, which several
players may then move on; `differentiate(player, batch, recording)` is the loss of one of them, and its gradients by that
one's weights; `only_if(condition, step)` takes a step or leaves it, as a tensor says. `gradient(function, x)` is the
differentiable input gradient that penalties use. Beside it stand `batch_normalised`, batch norm as each computes it best,
`compiled`, which makes a pure function of tensors fast, `full_float32`, a context in which float32 is not cut short, and
`accelerator`, the name of what it computes on if that is no CPU.
"""

import importlib

import keras

_SUPPORTED = ("tensorflow", "jax", "torch")

if keras.backend.backend() not in _SUPPORTED:
    raise ImportError(
        f"keras_gan_zoo trains on the Keras backends {', '.join(_SUPPORTED)}, not on {keras.backend.backend()!r}; "
        "set the environment variable KERAS_BACKEND to one of them before keras is imported."
    )

_backend = importlib.import_module(f".{keras.backend.backend()}", __name__)
Trainer, batch_normalised = _backend.Trainer, _backend.batch_normalised
compiled, full_float32, accelerator = _backend.compiled, _backend.full_float32, _backend.accelerator

__all__ = ["Trainer", "accelerator", "batch_normalised", "compiled", "full_float32"]
