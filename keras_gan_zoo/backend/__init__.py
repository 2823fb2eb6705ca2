"""The only training code that imports a framework: one `Trainer` for each Keras backend, with the same three methods.

`train_step` runs one round of the game, `update(player, batch)` makes one gradient step of one player, and
`gradient(function, x)` is the differentiable input gradient that penalties use.
"""

import importlib

import keras

_SUPPORTED = ("tensorflow", "jax", "torch")

if keras.backend.backend() not in _SUPPORTED:
    raise ImportError(
        f"keras_gan_zoo trains on the Keras backends {', '.join(_SUPPORTED)}, not on {keras.backend.backend()!r}; "
        "set the environment variable KERAS_BACKEND to one of them before keras is imported."
    )

Trainer = importlib.import_module(f".{keras.backend.backend()}", __name__).Trainer

__all__ = ["Trainer"]
