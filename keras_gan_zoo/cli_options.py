"""What options of the command line stand for: imported files, sizes, feature extractors, and the recipe of a variant."""

import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .terminal import fail


def imported(paths: list[Path] | None) -> list[Path] | None:
    """Runs the files of --import, as modules of their names, before the command looks for a variant."""
    for path in paths or []:
        if path.suffix != ".py" or not path.is_file():
            fail(f"--import must name the Python file that registers your variant, such as my_gan.py. Received: {path}.")
        # What it imports may lie beside it, as when Python runs it.
        sys.path.append(str(path.resolve().parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # whatever the file does
            fail(f"--import {path}: {type(error).__name__}: {error}")
    return paths


Imports = Annotated[
    list[Path] | None,
    typer.Option(
        "--import", callback=imported, is_eager=True, help="A Python file that registers a variant; may be repeated."
    ),
]


def extractor_of(name: str, weights: Path | None, resizer: str) -> Any:
    """The feature extractor of --extractor, --weights, and --resizer."""
    from .metrics.features import feature_extractor

    if name != "inception":
        if weights or resizer != "legacy":
            fail(
                f"--weights and --resizer must be left out, except for the Inception network. Received: --extractor {name}."
            )
        return feature_extractor(name)
    return feature_extractor(name, weights=weights, resizer=resizer)


def class_of(label: str, gan: Any) -> int | str:
    """The class of --label: a number, unless a class has that name."""
    if "labels" not in gan.inputs():
        fail(
            f"--label must be left out for a model without classes. Received: --label {label!r}, and a {type(gan).__name__}."
        )
    names, count = getattr(gan, "class_names", ()), gan.inputs()["labels"].classes
    if label in names:
        return label
    if label.isdecimal() and int(label) < count:
        return int(label)
    named = f", or a name among {', '.join(names[:20])}" if names else ""
    fail(f"--label must be the number of a class, from 0 to {count - 1}{named}. Received: --label {label!r}.")


def sides_of(size: str) -> tuple[int, int]:
    """Height and width of --size."""
    sides = size.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        fail(f"--size must be a side, such as 64, or height and width, such as 48x32. Received: --size {size}.")
    return int(sides[0]), int(sides[-1])


def recipe_for(
    variant: str, data: dict[str, Any], size: str | None, channels: int, rounds: int | None, batch_size: int | None
) -> Any:
    """The recipe of a variant that is named on the command line; `data` is the part of a recipe of that name."""
    from .config import parse_recipe
    from .registry import check_variant, variant_class

    if Path(variant).name != variant or Path(variant).suffix:
        fail(f"The recipe must exist. Received: {variant}, and no such file or folder.")
    check_variant(variant)
    if "image_shape" not in inspect.signature(variant_class(variant).__init__).parameters:
        fail(
            f"A variant that is named on the command line must train on images alone. Received: {variant}. Fix: write a "
            "recipe, such as those in zoo_configs, and pass that."
        )
    if data["source"] is None or size is None:
        missing = " and ".join(name for name, value in (("--data", data["source"]), ("--size", size)) if value is None)
        fail(
            f"Training {variant} takes --data FOLDER and --size SIDE. Received: no {missing}. Fix: add what is missing, or "
            f"name a recipe in place of {variant!r}."
        )
    height, width = sides_of(size)
    training = {"rounds": rounds, "batch_size": batch_size, "checkpoint_rounds": min(rounds or 500, 500)}
    if rounds and rounds % training["checkpoint_rounds"]:
        fail(
            "--rounds must be at most 500, or a multiple of 500, since a checkpoint is written every 500 rounds. Received: "
            f"--rounds {rounds}."
        )
    training["sample_rounds"] = training["checkpoint_rounds"]
    settings = {
        "variant": variant,
        "model": {"image_shape": [height, width, channels]},
        "data": data,
        "training": {key: value for key, value in training.items() if value is not None},
    }
    return parse_recipe(settings, "the command line")
