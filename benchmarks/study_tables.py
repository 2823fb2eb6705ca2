"""The table and the pictures of what `study` has measured."""

import math
from pathlib import Path
from typing import Any

from benchmarks.figures import rows_of_samples
from benchmarks.markdown import made_on, spread, table_of
from benchmarks.processes import ROOT
from benchmarks.study import FOLDER, LOSSES, best_setting, measured_cells
from benchmarks.testbeds import opened
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.metrics.features import CLASSIFIERS

# FID in the features of the data set's classifier whose first crossing is timed.
LEVELS = {"mnist": (20.0, 10.0), "fashion_mnist": (40.0, 20.0)}


def cells_of(data: str, folder: Path = FOLDER) -> dict[str, list[dict[str, Any]]]:
    """Loss -> its measured cells of the setting that was chosen, by their seeds."""
    found = {}
    for loss in LOSSES:
        tried = measured_cells(folder, data, loss)
        if any(cell["cell"]["seed"] == 0 for cell in tried):
            chosen = best_setting(folder, data, loss)
            found[loss] = [cell for cell in tried if cell["cell"]["setting"] == chosen]
    return found


def study_table(folder: Path = FOLDER) -> str:
    """Markdown: a table of the losses for each data set."""
    parts = []
    for data in CLASSIFIERS:
        if found := cells_of(data, folder):
            picture = f"![Samples of seed 0 by loss, {data}]({picture_of(data).name})"
            parts += [
                _sentence(data, [cell for cells in found.values() for cell in cells]),
                _table(data, found, folder),
                picture,
            ]
    return "\n\n".join(parts) or "It was not run yet; `python -m benchmarks study` does it."


def seconds_to(cell: dict[str, Any], level: float) -> float:
    """Seconds of training after which the FID of a cell was first seen below a level; infinite where it never was."""
    return next((point["seconds"] for point in cell["curve"] if point["fid"] < level), float("inf"))


def _sentence(data, cells):
    told = cells[0]
    return (
        f"**{data}**: {told['cell']['rounds']:,} generator steps of {told['cell']['batch_size']} images, "
        f"{told['settings']['dtype']}, {made_on(cells)}; median and range over the seeds. FID of 10,000 "
        f"generated and the 10,000 test images, in the features of the classifier of {data} "
        f"({told['settings']['extractor'][:12]}), and of the Inception network where it stands. The time to an FID is "
        "that of training until a value below it was first seen, at ten points; on a CPU it is that of all cores together."
    )


def _table(data, found, folder):
    rows = []
    for loss, cells in found.items():
        settings, seen = cells[0]["settings"], [cell for cell in cells if "fid" in cell]
        inception = spread([cell["fid"]["value"] for cell in seen], ".2f") if seen else ""
        if 0 < len(seen) < len(cells):
            inception += f", seed {', '.join(str(cell['cell']['seed']) for cell in seen)}"
        chosen = cells[0]["cell"]["setting"]
        left = [cell for cell in measured_cells(folder, data, loss) if cell["cell"]["setting"] != chosen]
        rows.append(
            {
                "loss": LOSSES[loss].title,
                "optimizers": _optimizers(settings),
                "norm of D": _norm(loss, settings),
                "seeds": ", ".join(str(cell["cell"]["seed"]) for cell in cells),
                "real images seen": f"{settings['images_seen']:,}",
                "FID": spread([cell["curve"][-1]["fid"] for cell in cells], ".2f"),
                "FID (Inception)": inception,
            }
        )
        for level in LEVELS[data]:
            seconds = [seconds_to(cell, level) for cell in cells]
            rows[-1][f"seconds to FID {level:g}"] = spread(seconds, lambda x: "never" if math.isinf(x) else f"{x:.0f}")
        rows[-1]["not chosen: FID of seed 0"] = "; ".join(
            f"{_optimizers(cell['settings'])}, {_norm(loss, cell['settings'])}: {cell['curve'][-1]['fid']:.2f}"
            for cell in left
        )
    return table_of(rows)


def _optimizers(settings):
    return "; G: ".join(_told(settings[key]) for key in ("optimizer", "generator") if settings.get(key))


def _norm(loss, settings):
    return "its own" if LOSSES[loss].has_own_networks else settings["norm"] or "none"


def _told(optimizer):
    config = optimizer["config"]
    betas = [f"{config[key]:g}" for key in ("beta_1", "beta_2") if key in config]
    rate = config["learning_rate"]
    told = f"{rate['config']['initial_learning_rate']:g} falling to 0" if isinstance(rate, dict) else f"{rate:g}"
    return f"{optimizer['class_name']} {told}" + (f" ({', '.join(betas)})" if betas else "")


def study_picture(data: str, folder: Path = FOLDER) -> Any:
    """Samples of seed 0, a row of 16 of each loss beside its name; None where nothing was measured."""
    rows = []
    for loss, cells in cells_of(data, folder).items():
        first = next(cell for cell in cells if cell["cell"]["seed"] == 0)
        rows.append((LOSSES[loss].title, opened(first["samples"])))
    return rows_of_samples(rows, left=150)


def picture_of(data: str) -> Path:
    """Where the samples of a data set's losses lie."""
    return ROOT / "benchmarks" / f"study_{data}.png"


def write_pictures() -> None:
    """Writes the samples of each data set that was studied."""
    for data in CLASSIFIERS:
        if (made := study_picture(data)) is not None:
            with whole_file(picture_of(data)) as partial:
                made.save(partial, format="PNG")
