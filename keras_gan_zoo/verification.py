"""Repeating the stored results of presets: what `keras-gan-zoo verify` does."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .preset_files import RESULTS, PresetError
from .preset_results import measure_preset
from .presets import find_preset, list_presets

# What a repeated measurement may differ by, as (relative, absolute). Other kernels round the images and the features
# elsewhere: a few pixels in a thousand move by one level.
TOLERANCES = {"FID": (0.01, 0.05), "rarest class": (0.0, 0.003), "label agreement": (0.0, 0.003), "code purity": (0.0, 0.01)}


class Verification(NamedTuple):
    """One stored result beside its repetition; `measured` is None, and `reason` says why, where it was not repeated."""

    preset: str
    result: str
    stored: float
    measured: float | None
    tolerance: float
    reason: str = ""

    @property
    def passed(self) -> bool | None:
        return None if self.measured is None else abs(self.measured - self.stored) <= self.tolerance


def verify_preset(
    name: str | Path,
    extractor: Any = None,
    *,
    results: Iterable[str] | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
    why_no_extractor: str = "no extractor was given",
) -> list[Verification]:
    """Repeats the stored results of a preset, under their own protocol, and puts both side by side.

    Args:
        name: of a preset, or its folder.
        extractor: for the FID; None leaves it out.
        results: keys to repeat; by default all that are stored.
        cache: folder for the statistics of real images.
        progress: show progress bars.
        why_no_extractor: what the report says of an FID that is left out.

    Raises:
        PresetError: the preset has no results.
        ValueError: a result was stored under another protocol than the one that can be repeated here.
    """
    from .metrics.records import Record, compare

    path = find_preset(name) / RESULTS
    if not path.is_file():
        raise PresetError(f"A preset must have a {RESULTS} to be verified. Received: {name}, which has no {RESULTS}.")
    stored = {key: Record.from_dict(value) for key, value in json.loads(path.read_text("utf-8")).items()}
    if unknown := set(results or ()) - set(stored):
        raise PresetError(f"results must be among {', '.join(stored)}. Received: {sorted(unknown)}.")
    wanted = [key for key in stored if results is None or key in results]
    first = stored[wanted[0]]
    options = {"n": first.n_fake, "seed": first.seed, "results": wanted, "cache": cache, "progress": progress}
    measured = measure_preset(name, extractor, **options)
    rows = []
    for key in wanted:
        relative, absolute = TOLERANCES[key]
        tolerance = max(relative * abs(stored[key].value), absolute)
        if key not in measured:
            rows.append(Verification(str(name), key, stored[key].value, None, tolerance, why_no_extractor))
            continue
        compare(measured[key], stored[key])
        rows.append(Verification(str(name), key, stored[key].value, measured[key].value, tolerance))
    return rows


def verified_presets(pattern: str = "*") -> list[str]:
    """Names of the built-in presets that have stored results."""
    return [preset.name for preset in list_presets(pattern) if preset.results]
