"""Plots of what was measured of presets, for cards and the HTML page."""

import csv
import io
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measured import headline
from keras_gan_zoo.presets import Preset

SIZE = (4.8, 3.0)  # of a figure in inches: the text stays legible on a phone
BLUE, GRAY = "#1f5fa8", "#8a8f98"
CURVE = "FID during training, by the protocol of the training callback; compare it within this curve only"


def distance_figures(presets: Sequence[Preset], folder: Path) -> dict[str, Any]:
    """FID of the presets, one dot for each seed, as title -> figure of those that have the same real images."""
    groups = {}
    for preset in presets:
        if found := headline(preset, folder).get("FID"):
            groups.setdefault(found.records[0]["reference_split"], {})[preset.name] = found.values
    made = {}
    for split, values in groups.items():
        figure, axes = axes_of((SIZE[0], 1.0 + 0.36 * len(values)))
        medians = {name: statistics.median(of_seeds) for name, of_seeds in values.items()}
        names = sorted(values, key=medians.__getitem__, reverse=True)
        for y, name in enumerate(names):
            axes.plot(values[name], [y] * len(values[name]), "o", color=BLUE, alpha=0.7, clip_on=False, zorder=3)
            axes.text(max(values[name]), y, f"   {medians[name]:.2f}", va="center", fontsize=9)
            axes.axhline(y, color="#e4e7ec", linewidth=1, zorder=0)
        axes.set_yticks(range(len(names)), names)
        # Room for the number beside the largest.
        axes.set_xlim(0, 1.15 * max(map(max, values.values())))
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel(f"FID against {split}; lower is better")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        made[f"FID of {', '.join(values)} against {split}"] = figure
    return made


def shares_figure(preset: Preset, folder: Path) -> Any | None:
    """How a preset's images spread over the classes, or None where no classifier has seen them."""
    found = headline(preset, folder).get("rarest class")
    if not found:
        return None
    shares = found.records[0]["details"]["shares"]
    figure, axes = axes_of(SIZE)
    axes.bar(range(len(shares)), shares, color=BLUE, width=0.7)
    axes.axhline(1 / len(shares), color=GRAY, linewidth=1)
    axes.set(xticks=range(len(shares)), xlabel="class", ylabel="share of the images")
    return figure


def curve_of(name: str, curves: Path) -> list[tuple[int, float]]:
    """(round, FID) of the training of a preset; none where it was not recorded."""
    file = curves / f"{name}.csv"
    if not file.is_file():
        return []
    with file.open(newline="") as lines:
        return [(int(row["round"]), float(row["fid"])) for row in csv.DictReader(lines) if row.get("fid")]


def curve_figure(name: str, curves: Path) -> Any | None:
    """FID over the rounds of the training of a preset, or None where it was not recorded."""
    from matplotlib.ticker import LogLocator, NullLocator

    points = curve_of(name, curves)
    if not points:
        return None
    rounds, values = zip(*points, strict=True)
    figure, axes = axes_of(SIZE)
    axes.plot(rounds, values, "o-", color=BLUE, markersize=3.5, linewidth=1.6)
    best = min(range(len(values)), key=values.__getitem__)
    offset = {"textcoords": "offset points", "ha": "center", "va": "top", "fontsize": 9}
    axes.annotate(f"{values[best]:.2f}", (rounds[best], values[best]), (0, -6), **offset)
    axes.set(xlabel="rounds", ylabel="FID", yscale="log", ylim=(0.75 * min(values), 1.2 * max(values)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", color="#eceff3", linewidth=0.8)
    return figure


def rows_of_samples(rows: Sequence[tuple[str, Any]], left: int) -> Any | None:
    """Strips of gray samples (images of Pillow) under one another, each beside its title; None where there are none.

    Args:
        rows: titles, and their strips.
        left: pixels of the column of titles.
    """
    from PIL import Image, ImageDraw

    if not rows:
        return None
    gap = 8
    size = (left + max(samples.width for _, samples in rows), sum(samples.height + gap for _, samples in rows))
    made = Image.new("L", size, 255)
    draw, y = ImageDraw.Draw(made), 0
    for title, samples in rows:
        draw.text((4, y + samples.height // 2 - 6), title, fill=0)
        made.paste(samples.convert("L"), (left, y))
        y += samples.height + gap
    return made


def axes_of(size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure, and its axes without the frame that says nothing."""
    from matplotlib.figure import Figure

    figure = Figure(size, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def png_of(figure: Any, dpi: int = 200) -> bytes:
    """A figure as a PNG file."""
    buffer = io.BytesIO()
    # Without the version of matplotlib in it, equal figures are equal files.
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
