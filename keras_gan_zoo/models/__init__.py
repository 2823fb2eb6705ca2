"""One flat file for each variant; the registry is the listing of this folder."""

import difflib
import importlib
from pathlib import Path
from typing import Any


def variants() -> list[str]:
    """Names of all variants, as "wgan_gp"."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def check_variant(name: str) -> None:
    """Refuses a name that is no variant's with a ValueError that names the closest ones."""
    if name not in variants():
        close = difflib.get_close_matches(name, variants(), n=3)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"the variants are {', '.join(variants())}."
        raise ValueError(f"variant={name!r} is unknown; {hint}")


def variant_class(name: str) -> type:
    """The class of a variant: "wgan_gp" -> `WGANGP`; a ValueError for a name that is no variant's."""
    check_variant(name)
    module = importlib.import_module(f".{name}", __name__)
    return next(value for key, value in vars(module).items() if key.lower() == name.replace("_", ""))


def variant_name(gan: Any) -> str:
    """The name under which the class of a model is registered: `WGANGP()` -> "wgan_gp"."""
    return type(gan).__module__.rpartition(".")[2]
