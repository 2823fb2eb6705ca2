"""What is measured of presets that make no images from noise: a record for each, which its card shows.

`pairs`, `volumes` and `sequences` write them, into benchmarks/results/kinds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import quality
from benchmarks.cells import read_cell, write_json
from benchmarks.markdown import markdown_table
from benchmarks.processes import ROOT

FOLDER = ROOT / "benchmarks" / "results" / "kinds"


class Measure(NamedTuple):
    """One line of a card."""

    title: str  # with its unit
    value: float
    beside: dict[str, float] = {}  # what to compare it with, in words -> value


def write(preset: str, protocol: str, measures: Sequence[Measure], folder: Path = FOLDER) -> Path:
    """Writes the record of a preset; `protocol` says in sentences how it was measured."""
    from keras_gan_zoo.provenance import origin

    record = {
        "preset": preset,
        "weights_sha256": quality.weights_of(preset),
        "protocol": protocol,
        "measures": [
            {"title": title, "value": float(value), "beside": {what: float(other) for what, other in beside.items()}}
            for title, value, beside in measures
        ],
        **origin(),
    }
    path = folder / f"{preset}.json"
    write_json(path, record)
    return path


def found(preset: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The record of the preset's weights; empty where there is none."""
    record = read_cell(folder / f"{preset}.json")
    return record if record.get("weights_sha256") == quality.weights_of(preset) else {}


def table(record: dict[str, Any]) -> str:
    """The measures of a record as a Markdown table, under its protocol."""
    rows = [
        (m["title"], f"{m['value']:.4g}", ", ".join(f"{value:.4g} {what}" for what, value in m["beside"].items()))
        for m in record["measures"]
    ]
    return f"{record['protocol']}\n\n{markdown_table(('measure', 'value', 'beside'), rows)}"
