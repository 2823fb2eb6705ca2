"""What was measured of presets, as the documents tell it: cells and stored results, in groups of seeds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import quality
from benchmarks.cells import read_cell
from benchmarks.markdown import listed, short, spread, versions
from keras_gan_zoo.presets import Preset, list_presets

TITLES = {
    "fid": "FID",
    "fid_infinity": "FID-infinity",
    "kid": "KID",
    "inception_score": "Inception Score",
    "ndb": "NDB",
    "jsd": "JSD",
    "ms_ssim": "MS-SSIM of pairs",
    "intra_fid": "intra-class FID",
    "intra_ms_ssim": "MS-SSIM of pairs within a class",
}
CONFIDENCE = "mean confidence"
# Which records make up one distribution: those that differ in the seed of the images only.
SAME = ("metric", "settings", "extractor", "extractor_sha256", "resizer", "dtype", "n_real", "n_fake", "reference_split")


class Measurement(NamedTuple):
    """One quantity of one preset, under one protocol and backend: a record for each seed, in the order of the seeds."""

    title: str
    records: list[dict[str, Any]]

    @property
    def values(self) -> list[float]:
        return [record["value"] for record in self.records]

    @property
    def seeds(self) -> str:
        return ", ".join(str(record["seed"]) for record in self.records)

    def text(self, form: str = ".4g") -> str:
        """Median, and range where there are several seeds."""
        return spread(self.values, form)


def trained_presets() -> list[Preset]:
    """The presets but those whose recipe waits for its training."""
    return [preset for preset in list_presets() if preset.bytes]


def measurements(preset: Preset, folder: Path = quality.FOLDER) -> list[Measurement]:
    """What is known of the quality of a preset's weights: its stored results, then the rest of its cells."""
    weights = quality.weights_of(preset.name)
    records = list(preset.results.items())
    for cell in _cells(folder, preset.name):
        if cell["weights_sha256"] == weights:
            records += cell["records"].items()
    # What a preset stores comes first, as `headline` expects.
    records += [(CONFIDENCE, confidence) for _, record in records if (confidence := _confidence(record))]
    groups = {}
    for name, record in records:
        title = TITLES.get(name, name.replace("_", " "))
        key = (title, record["backend"], json.dumps([record.get(field) or None for field in SAME], sort_keys=True))
        groups.setdefault(key, {})[record["seed"]] = record
    return [Measurement(title, [by_seed[seed] for seed in sorted(by_seed)]) for (title, *_), by_seed in groups.items()]


def _confidence(record):
    """How sure the classifier was that counted classes, as a record: it stands in the details of the counts."""
    details = record.get("details", {})
    if "mean_confidence" not in details:
        return None
    return {**record, "metric": "mean_confidence", "value": details["mean_confidence"], "details": {}}


def headline(preset: Preset, folder: Path = quality.FOLDER) -> dict[str, Measurement]:
    """Title -> measurement, for what the preset stores, with all seeds of that protocol."""
    return {m.title: m for m in measurements(preset, folder)[: len(preset.results)]}


def confidence_of(preset: Preset, folder: Path = quality.FOLDER) -> Measurement | None:
    """How sure the classifier of its data is of a preset's images on average, with all seeds of the stored protocol."""
    found = (m for m in measurements(preset, folder) if m.title == CONFIDENCE)
    return next((m for m in found if m.records[0]["n_fake"] == quality.N_IMAGES), None)


def stale_cells(presets: Iterable[Preset], folder: Path = quality.FOLDER) -> list[str]:
    """Files of cells that were measured with other weights than those that are shipped."""
    return [
        cell["file"]
        for preset in presets
        for cell in _cells(folder, preset.name)
        if cell["weights_sha256"] != quality.weights_of(preset.name)
    ]


def failed_cells(preset: Preset, folder: Path = quality.FOLDER) -> list[str]:
    """What the cells that failed say."""
    cells = _cells(folder, preset.name)
    return [f"{quality.Cell(**cell['cell']).title}: {cell['error']}" for cell in cells if "error" in cell]


def provenance(records: Iterable[dict[str, Any]]) -> str:
    """Libraries, device and commit behind records, as a sentence; where they differ, all of them."""
    records = list(records)
    libraries = {library for record in records for library in versions(record)}
    devices = {place(record) for record in records}
    commits = {short(record["commit"]) for record in records}
    return f"Measured by {listed(devices)}, with {listed(libraries)}; commit {listed(commits)}."


def _cells(folder, preset):
    cells = [{**read_cell(file), "file": file.name} for file in sorted(folder.glob(f"{preset}_*.json"))]
    return [cell for cell in cells if cell["cell"]["preset"] == preset]


def place(record):
    return f"{record['backend']} on {record['device']}"


def images_of(record):
    real = f", {record['n_real']:,} real ({record['reference_split']})" if record["n_real"] else ""
    return f"{record['n_fake']:,} generated{real}"


def network_of(record):
    if record["extractor"] == "none":
        return "none: pixels"
    resizer = "" if record["resizer"] == "none" else f"{record['resizer']}, "
    return f"{record['extractor']} ({record['extractor_sha256'][:12]}), {resizer}{record['dtype']}"
