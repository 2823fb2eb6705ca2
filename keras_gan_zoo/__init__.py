"""A zoo of generative adversarial networks for Keras 3.

    import keras_gan_zoo

    gan = keras_gan_zoo.load("dcgan_mnist")
    images = gan.generate(64, seed=0)

Variants are attributes (`keras_gan_zoo.DCGAN`); everything is imported when it is first used.
"""

import importlib
import importlib.metadata
import re
from pathlib import Path

from .machine import switch_on_onednn

# Before anything here imports TensorFlow, which reads the switch once.
switch_on_onednn()

_NAMES = {
    "load": "presets",
    "list_presets": "presets",
    "save_to_preset": "preset_saving",
    "Preset": "presets",
    "PresetError": "presets",
    "ConfigError": "config",
    "register_variant": "registry",
    "train": "training",
    "invert": "inversion",
    "anomaly_scores": "inversion",
    "grown": "growing",
    "mix_classes": "class_mixing",
}
_MODULES = ("callbacks", "data", "layers", "losses", "metrics", "models", "networks", "schedules")


def _variant_files():
    return {path.stem.replace("_", ""): path.stem for path in (Path(__file__).parent / "models").glob("[!_]*.py")}


def __getattr__(name):
    if name == "__version__":
        return importlib.metadata.version("keras_gan_zoo")
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    file = _variant_files().get(name.lower())
    if file:
        module = importlib.import_module(f".models.{file}", __name__)
        if name in vars(module):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _variant_names():
    """The names of the classes, which are read and not imported."""
    for stem, file in _variant_files().items():
        text = (Path(__file__).parent / "models" / f"{file}.py").read_text("utf-8")
        yield from (name for name in re.findall(r"^class (\w+)", text, re.MULTILINE) if name.lower() == stem)


def __dir__():
    return sorted([*_NAMES, *_MODULES, *_variant_names(), "__version__"])
