"""The recipe that a run trains by: completed by what its data and its machine decide, and kept for as long as it goes on.

So is a note of the data: their number, and a hash of a few of them.
"""

import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .config import WITHOUT_EFFECT, ConfigError, Recipe, read_recipe
from .machine import fastest_dtype
from .untrusted import read_bounded

CONFIG, DATA, LOCK = "config.yaml", "data.json", ".lock"
MAX_NOTE = 10**6


def recipe_of_run(recipe: Recipe, output: Path, resume: bool, dtype: str | None = None, console: Any = None) -> Recipe:
    """The recipe by which a run in `output` is to train; arguments and errors as of `keras_gan_zoo.training.train`."""
    recipe = with_classes(recipe)
    return _of_the_run(_with_dtype(recipe, dtype, output if resume else None, console), output, resume)


def with_classes(recipe):
    """The recipe with what its data say of classes: their number and their names, where the recipe has none."""
    from .data.load import class_names, count_classes
    from .registry import variant_class

    data, said = recipe.data, recipe.model.get("num_classes")
    # Of the class that has it: a variant may pass it on among its options.
    signatures = (inspect.signature(cls.__init__).parameters for cls in variant_class(recipe.variant).__mro__)
    default = next((found["num_classes"] for found in signatures if "num_classes" in found), None)
    if data is None or not isinstance(data.source, str) or (said is None and (default is None or default.default is None)):
        return recipe
    names = class_names(data.source)
    if said is not None and names and said != len(names):
        raise ConfigError(
            f"model.num_classes must be the number of classes of the data. Received: {said}, and {len(names)} in "
            f"{data.source} ({', '.join(names[:20])}). Fix: set it to {len(names)}, or leave it out."
        )
    count = said or len(names) or count_classes(data.source, data.split or "train")
    data = data.model_copy(update={"classes": data.classes or names or None})
    return recipe.model_copy(update={"model": {**recipe.model, "num_classes": count}, "data": data})


def _with_dtype(recipe, dtype, resumed, console):
    """The recipe with its dtype decided, so that a run goes on in the precision in which it began."""
    dtype = dtype or recipe.training.dtype
    if dtype == "auto" and resumed and (resumed / CONFIG).exists():
        dtype = read_recipe(resumed / CONFIG).training.dtype
    elif dtype == "auto":
        dtype, reason = fastest_dtype()
        if console:
            console.print(f"Training in {dtype}: this is {reason}. --dtype overrides.")
    return recipe.with_dtype(dtype)


def _of_the_run(recipe, output, resume):
    """The recipe to train by; a run goes on by its own only, and is never overwritten."""
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"output must be a folder. Received: output={str(output)!r}, a file.")
    if not (output / CONFIG).exists():
        if resume:
            raise ConfigError(
                f"--resume must go with a run in output. Received: {output}, without one. Fix: leave --resume out."
            )
        # What a process may leave that was killed before it wrote its recipe is no other file.
        if output.is_dir() and any(name != LOCK and not name.startswith(".partial-") for name in os.listdir(output)):
            raise FileExistsError(
                f"output must be a new folder, or one of a run. Received: output={str(output)!r}, which holds other files."
            )
        return recipe
    if not resume:
        raise FileExistsError(
            f"output must be a new folder. Received: output={str(output)!r}, which holds a run. Fix: pass --resume to go on "
            "with it, or name a new folder."
        )
    before = read_recipe(output / CONFIG)
    if not goes_on(before, recipe):
        changes = ", ".join(differences(before, recipe))
        raise ConfigError(
            f"A run must go on by its own recipe. Received: another one than in {output} ({changes}). Fix: resume by its "
            "config.yaml; only training.rounds may grow, where no learning rate falls with them (decay_start)."
        )
    # Its checkpoints are counted by the cadence in which it began.
    rounds, part = recipe.training.rounds, before.training.checkpoint_rounds
    if rounds % part:
        raise ConfigError(
            f"training.rounds must be a multiple of checkpoint_rounds={part}, with which the run in {output} began. "
            f"Received: training.rounds={rounds}."
        )
    return recipe.model_copy(update={"training": before.training.model_copy(update={"rounds": rounds})})


def note_of(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a run notes of its data: the number of examples, and the sha256 of at most 64 of them, evenly spaced.

    It is the same for images in memory and for those that are read as they are needed, and takes no time for any number.
    """
    from .data.on_demand import probes

    hashes = {name: hashlib.sha256(np.ascontiguousarray(probes(rows))).hexdigest() for name, rows in data.items()}
    return {name: {"examples": len(rows), "sha256": hashes[name]} for name, rows in data.items()}


def require_noted(note: dict[str, dict[str, Any]], path: Path) -> None:
    """Checks that a run goes on with the data in its note at `path`, if there is one; runs of older versions have none.

    Raises:
        ConfigError: they are others, or the note cannot be read.
    """
    if not os.path.lexists(path):
        return
    fix = f"remove {path} to go on with the data as they are, in other weights than without the change"
    try:
        changes = _changes(json.loads(read_bounded(path, MAX_NOTE)), note)
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{path} must say what data the run has. Received: a file that cannot be read ({error}). Fix: {fix}."
        ) from error
    if changes:
        raise ConfigError(
            f"A run must go on with its own data. Received: others than {path} says ({', '.join(changes)}). Fix: bring them "
            f"back as they were, in the same order; or {fix}."
        )


def goes_on(before: Recipe, now: Recipe) -> bool:
    """Whether a run by the recipe `before` is the beginning of one by `now`: the same, or a longer one."""
    if any(optimizer.decay_start is not None for optimizer in now.optimizers.values()):
        return now.is_behind(before.digest)
    rounds = min(before.training.rounds, now.training.rounds)
    shorter = now.model_copy(update={"training": now.training.model_copy(update={"rounds": rounds})})
    return shorter.is_behind(before.digest)


def differences(before: Recipe, now: Recipe) -> list[str]:
    """What makes two recipes of different weights, such as "training.rounds: 12 -> 24"."""
    return _changes(*(recipe.model_dump(mode="json", exclude=WITHOUT_EFFECT) for recipe in (before, now)))


def _changes(before, now):
    before, now = _flat(before), _flat(now)
    differing = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    return [f"{key}: {before.get(key)!r} -> {now.get(key)!r}" for key in differing]


def _flat(settings, prefix=""):
    flat = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
