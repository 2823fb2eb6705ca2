"""Tables and figures of what `testbeds` has measured."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import BACKENDS, read_cells
from benchmarks.markdown import made_on, markdown_table, spread
from benchmarks.testbeds import BEDS, DIGITS, FOLDER, POINT_BEDS, SAMPLES, STACKED, STACKED_SAMPLES, Cell, distance, opened
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.metrics import modes

Game = tuple[str, str, str]  # bed, configuration, backend
# Variants in a line at most; samples can be seen at the size that a page leaves each.
COLUMNS = 8


def records(folder: Path) -> list[dict[str, Any]]:
    """All cells of a folder, in the order of beds, configurations, backends, variants and seeds."""

    def order(record):
        cell = Cell(**record["cell"])
        configuration = BEDS[cell.bed].index(cell.configuration)
        return list(BEDS).index(cell.bed), configuration, BACKENDS.index(cell.backend), cell.variant, cell.seed

    return sorted(read_cells(folder), key=order)


def games(folder: Path) -> dict[Game, list[dict[str, Any]]]:
    """(bed, configuration, backend) -> its cells."""
    found = {}
    for record in records(folder):
        found.setdefault(tuple(record["cell"][key] for key in ("bed", "configuration", "backend")), []).append(record)
    return found


def testbed_table(wanted: Sequence[Game] = (), folder: Path = FOLDER, pictures: bool = False) -> str:
    """Markdown: a table of the variants for each game, all or those wanted; below each its picture, where asked for."""
    parts, everything = [], games(folder)
    found = {game: cells for game, cells in everything.items() if game in (wanted or everything)}
    for game, cells in found.items():
        groups = {}
        for cell in cells:
            groups.setdefault(f"`{cell['cell']['variant']}`", []).append(cell)
        parts += [_sentence(*game, cells), coverage_table(game[0], groups, "variant")]
        if pictures and any("samples" in cell for cell in cells):
            title = ", ".join(game)
            parts.append(f"![Samples of each variant on {title}]({_picture_of(title)})")
    return "\n\n".join(parts) or "They were not run yet; `python -m benchmarks testbeds` does it."


def _sentence(bed, configuration, backend, cells):
    told = next((c for c in cells if "settings" in c), None)
    if told is None:
        return f"**{bed}**: no variant could be measured on {backend}."
    game = configuration
    if bed == STACKED:
        game = "each variant's own networks" + (f" with {_arguments(cells)}" if configuration == DIGITS else "")
    length = f"{told['cell']['rounds']:,} rounds of {told['cell']['batch_size']} samples for each gradient step"
    extra = "; far shorter than the published trainings, whose numbers are not comparable" if bed == STACKED else ""
    return (
        f"**{bed}** (`{told['settings']['distribution']}`): {game}, {length}, {told['settings']['n']:,} samples "
        f"judged{extra}. {backend} {made_on(cells)}; median and range over the seeds."
    )


def _arguments(cells):
    """What the variants of a game were told, in words."""
    told = {c["cell"]["variant"]: c["settings"]["arguments"] for c in cells if "settings" in c}
    given = {name: ", ".join(f"{key}={value!r}" for key, value in arguments.items()) for name, arguments in told.items()}
    return "; ".join(f"`{arguments}` for `{name}`" for name, arguments in given.items())


def _columns(bed):
    """Title, key, format, and what a perfect sampler has."""
    if bed == "swiss_roll":
        floor = distance(POINT_BEDS[bed](), POINT_BEDS[bed]().sample(SAMPLES, 1)[0])
        return [
            ("bins of 50", "bins", ".0f", "50"),
            ("off the curve", "off_curve", ".1%", "1.1%"),
            ("sliced Wasserstein distance", "sliced_wasserstein", ".3f", f"{floor:.3f}"),
        ]
    if bed == STACKED:
        floor = modes.perfect_reverse_kl(1000, STACKED_SAMPLES)
        return [("modes of 1,000", "modes", ",.0f", "1,000"), ("reverse KL", "reverse_kl", ".3f", f"{floor:.3f}")]
    count = len(POINT_BEDS[bed]().means)
    floor = modes.perfect_reverse_kl(count, SAMPLES)
    return [
        (f"modes of {count}", "modes", ".0f", str(count)),
        ("with 20 good samples", "modes20", ".0f", str(count)),
        ("nearest to 20 samples", "nearest20", ".0f", str(count)),
        ("high quality", "high_quality", ".1%", f"{modes.perfect_high_quality():.1%}"),
        ("reverse KL", "reverse_kl", ".3f", f"{floor:.4f}"),
    ]


def coverage_table(bed: str, groups: dict[str, list[dict[str, Any]]], title: str) -> str:
    """Markdown: what cells cover of a bed, a row for each group of them, which differ in the seed; `title` of the groups."""
    columns = _columns(bed)
    told = ["parameters", "dtype"] if bed == STACKED else []  # there each variant has its own networks
    rows = [["a perfect sampler", *[""] * len(told), "", *(floor for *_, floor in columns)]]
    for label, own in groups.items():
        errors = [c["error"] for c in own if "error" in c]
        good = [c["coverage"] for c in own if "coverage" in c]
        # A divergence that has no value, as no sample was good, is infinite.
        values = [
            spread([float("inf") if c[key] is None else c[key] for c in good], form) if good else ""
            for _, key, form, _ in columns
        ]
        if errors:
            values[-1] = " ".join(filter(None, [values[-1], f"{len(errors)} not measured: {errors[0]}"]))
        settings = [dict.fromkeys(c["settings"][key] for c in own if "settings" in c) for key in told]
        shown = [", ".join(f"{value:,}" if isinstance(value, int) else value for value in values) for values in settings]
        rows.append([label, *shown, ", ".join(str(c["cell"]["seed"]) for c in own), *values])
    return markdown_table([title, *told, "seeds", *(name for name, *_ in columns)], rows)


def testbed_figures(folder: Path = FOLDER) -> dict[str, Any]:
    """Title -> figure of samples, for each game."""
    return {
        ", ".join(game): figure(game[0], sampled)
        for game, cells in games(folder).items()
        if (sampled := [record for record in cells if "samples" in record])
    }


def write_testbed_pictures(folder: Path) -> None:
    """Writes the figure of each game to a folder."""
    for title, made in testbed_figures().items():
        with whole_file(folder / _picture_of(title)) as partial:
            made.savefig(partial, format="png", dpi=80, metadata={"Software": None})


def _picture_of(title):
    return f"testbed_{title.replace(', ', '_').lower()}.png"


def figure(bed: str, cells: Sequence[dict[str, Any]]) -> Any:
    """Samples, over the true distribution where it is one of points: lines of variants, in each a row for each seed."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(c["cell"]["variant"] for c in cells))
    seeds = sorted({c["cell"]["seed"] for c in cells})
    known = {(c["cell"]["variant"], c["cell"]["seed"]): c["samples"] for c in cells}
    lines = math.ceil(len(names) / COLUMNS)
    columns, rows = math.ceil(len(names) / lines), lines * len(seeds)
    width, height = 1.5 * columns + 0.3, 1.68 * rows + 0.25
    made = Figure(figsize=(width, height))
    # Inches for the seeds at the left and the names above; a layout engine takes longer than all that is drawn.
    inside = {"left": 0.3 / width, "right": 0.99, "bottom": 0.05 / height, "top": 1 - 0.25 / height}
    grid = made.add_gridspec(rows, columns, wspace=0.05, hspace=0.15, **inside)
    true = None if bed == STACKED else POINT_BEDS[bed]().sample(2000, 0)[0]
    for place, name in enumerate(names):
        line, column = divmod(place, columns)
        for i, seed in enumerate(seeds):
            panel = made.add_subplot(grid[line * len(seeds) + i, column])
            if bed == STACKED and (name, seed) in known:
                panel.imshow(opened(known[name, seed]))
                panel.set(xticks=[], yticks=[])
            else:
                scatter(panel, true, known.get((name, seed)))
            if i == 0:
                panel.set_title(name, fontsize=9)
            if column == 0:
                panel.set_ylabel(f"seed {seed}", fontsize=8)
    return made


def scatter(panel: Any, true: np.ndarray | None, samples: Sequence[Sequence[float]] | None) -> None:
    """Draws samples over true points; says so where there are none."""
    if true is not None:
        edge = 1.25 * np.abs(true).max()
        panel.scatter(*true.T, s=2, color="0.8", linewidths=0, rasterized=True)
        panel.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    if samples is None:
        panel.text(0.5, 0.5, "not measured", ha="center", va="center", fontsize=8, transform=panel.transAxes)
    else:
        panel.scatter(*np.array(samples).T, s=3, color="tab:blue", alpha=0.6, linewidths=0, rasterized=True)
    panel.set(xticks=[], yticks=[])
