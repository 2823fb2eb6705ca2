"""Names of variants and their classes: the listing of `models/`, and what users add to it.

Whoever builds a model from a name asks here, and so knows no class of its own.
"""

import difflib
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PACKAGE = f"{__package__}.models"
_MODELS = Path(__file__).parent / "models"
# Name -> class of the variants that users have registered.
_REGISTERED: dict[str, type] = {}


def register_variant(name: str) -> Callable[[type], type]:
    """Makes a class of your own a variant, which recipes, presets, and the command line know by its name.

        @keras_gan_zoo.register_variant("my_gan")
        class MyGAN(keras_gan_zoo.DCGAN):
            def generator_loss(self, fake_scores): ...

    A preset holds the name, never code: whoever loads it imports the class first (`--import my_gan.py` on the command line).

    Args:
        name: name of lower-case letters, digits, and underscores, such as "my_gan".

    Returns:
        The decorator; it returns the class, which is registered with Keras too.

    Raises:
        ValueError: the name has other characters, or belongs to another variant or class.
        TypeError: the decorated object is not the class of a variant.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name must be of lower-case letters, digits, and underscores. Received: name={name!r}.")
    if name in _files():
        raise ValueError(
            f"name must be new. Received: name={name!r}, which is a variant of the zoo. Fix: choose another one."
        )

    def register(cls: type) -> type:
        import keras

        if not isinstance(cls, type) or not issubclass(cls, keras.Model) or not hasattr(cls, "network_names"):
            raise TypeError(f"A variant must be a class that extends keras_gan_zoo.GAN or another game. Received: {cls!r}.")
        other = _REGISTERED.get(name)
        # A cell of a notebook that runs again defines its class anew.
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(
                f"name must be new. Received: name={name!r}, which is {other.__module__}.{other.__qualname__}. Fix: choose "
                "another one."
            )
        _REGISTERED[name] = keras.saving.register_keras_serializable(name)(cls)
        return cls

    return register


def _files():
    return {path.stem for path in _MODELS.glob("[!_]*.py")}


def variants() -> list[str]:
    """The names of all variants, such as "wgan_gp"."""
    return sorted(_files() | set(_REGISTERED))


def check_variant(name: str) -> None:
    """Refuses a name that is not a variant's with a ValueError that names the closest ones."""
    if name not in variants():
        same = [known for known in variants() if known.replace("_", "") == name.lower().replace("_", "")]
        close = same or difflib.get_close_matches(name, variants(), n=3)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"one of {', '.join(variants())}."
        raise ValueError(
            f"variant must be the name of a variant. Received: variant={name!r}. Fix: {hint} One of your own is known once "
            "the file that registers it is imported, on the command line by --import FILE."
        )


def variant_class(name: str) -> type:
    """The class of a variant: "wgan_gp" -> `WGANGP`; raises a ValueError for a name that is not a variant's."""
    check_variant(name)
    if name in _REGISTERED:
        return _REGISTERED[name]
    module = importlib.import_module(f"{_PACKAGE}.{name}")
    return next(value for key, value in vars(module).items() if key.lower() == name.replace("_", ""))


def variant_name(gan: Any) -> str | None:
    """The name that the class of a model is registered by: `WGANGP()` -> "wgan_gp"; None if it is not registered."""
    for name, cls in _REGISTERED.items():
        if cls is type(gan):
            return name
    module = type(gan).__module__
    name = module.removeprefix(f"{_PACKAGE}.")
    return name if name in _files() and name != module and variant_class(name) is type(gan) else None
