"""Writes what was measured into the documents: tables, the model cards with their sample grids, and one HTML page.

    python -m benchmarks report
    python -m benchmarks report --html somewhere/report.html

Sources: results.json of each preset, the cells of `quality`, the record of `throughput`, and what `testbeds` left behind. No
number in these documents is typed by hand, and tests compare the committed ones with what this module writes.
"""

import dataclasses
import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from benchmarks import kinds, quality
from benchmarks.configurations import makes_images
from benchmarks.markdown import listed, markdown_table, short, versions
from benchmarks.precision import precision_table
from benchmarks.processes import ROOT
from benchmarks.speed_tables import metrics_speed_table, speed_tables
from benchmarks.testbed_tables import testbed_table
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.presets import Preset, list_presets

README = ROOT / "README.md"
PRECISION = ROOT / "benchmarks" / "PRECISION.md"
SPEED = ROOT / "benchmarks" / "SPEED.md"
TESTBEDS = ROOT / "benchmarks" / "TESTBEDS.md"
STRIP = "strip.png"
COMMAND = "python -m benchmarks report"
GRID_SIZE, GRID_SEED = 64, 0
SAMPLES = "samples"  # .png, or .txt for text
LICENSE = "apache-2.0"  # of the weights, as the hub spells it
AGREES = 1e-3  # relative difference of a repeat on another backend
LINES = 8  # of text that a card shows
TITLES = {
    "fid": "FID",
    "fid_infinity": "FID-infinity",
    "kid": "KID",
    "inception_score": "Inception Score",
    "ndb": "NDB",
    "jsd": "JSD",
    "ms_ssim": "MS-SSIM of pairs",
    "intra_fid": "intra-class FID",
}
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
        values = self.values
        median = format(statistics.median(values), form)
        return f"{median} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else median


def report(
    html: Annotated[Path, typer.Option(help="Where the HTML page goes.")] = ROOT / "runs" / "report.html",
):
    """Writes the tables of the documents, model cards, sample grids and an HTML page from what was measured."""
    from benchmarks.page import page

    presets = trained_presets()
    for preset in presets:
        write_card(preset)
    write_strip(presets)
    written = write_documents()
    html.parent.mkdir(parents=True, exist_ok=True)
    _write(html, page(presets))
    for name in stale_cells(presets):
        typer.echo(f"{name} is left out: it was measured with other weights.", err=True)
    names = ", ".join(str(path.relative_to(ROOT)) for path in written)
    typer.echo(f"{names}, {len(presets)} model cards and {html} are written.")


def trained_presets() -> list[Preset]:
    """The presets but those whose recipe waits for its training."""
    return [preset for preset in list_presets() if preset.bytes]


def write_card(preset: Preset) -> None:
    """Writes the samples and the model card of a preset."""
    from keras_gan_zoo.callbacks import save_preview
    from keras_gan_zoo.presets import load

    gan = load(preset.folder)
    # What starts from data, which may not be here, keeps the samples of its training.
    if gan.generates:
        save_preview(gan.preview(GRID_SIZE, seed=GRID_SEED), preset.folder / SAMPLES)
    _write(preset.folder / "README.md", card_text(preset))


def write_documents() -> list[Path]:
    """Writes the tables of the documents anew; the documents."""
    written = documents()
    for path, tables in written.items():
        _write(path, with_tables(path.read_text("utf-8"), tables))
    return list(written)


# What was measured -------------------------------------------------------------------------------------------------------


def measurements(preset: Preset, folder: Path = quality.FOLDER) -> list[Measurement]:
    """What is known of the quality of a preset's weights: its stored results, then the rest of its cells."""
    weights = quality.weights_of(preset.name)
    records = list(preset.results.items())
    for cell in _cells(folder, preset.name):
        if cell["weights_sha256"] == weights:
            records += cell["records"].items()
    groups = {}
    for name, record in records:
        title = TITLES.get(name, name.replace("_", " "))
        key = (title, record["backend"], json.dumps([record.get(field) or None for field in SAME], sort_keys=True))
        groups.setdefault(key, {})[record["seed"]] = record
    return [Measurement(title, [by_seed[seed] for seed in sorted(by_seed)]) for (title, *_), by_seed in groups.items()]


def headline(preset: Preset, folder: Path = quality.FOLDER) -> dict[str, Measurement]:
    """Title -> measurement, for what the preset stores, with all seeds of that protocol."""
    return {m.title: m for m in measurements(preset, folder)[: len(preset.results)]}


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
    cells = [cell for cell in _cells(folder, preset.name) if "error" in cell]
    return [f"{quality.Cell(**cell['cell']).title}: {cell['error']}" for cell in cells]


def provenance(records: Iterable[dict[str, Any]]) -> str:
    """Libraries, device and commit behind records, as a sentence; where they differ, all of them."""
    records = list(records)
    libraries = {library for record in records for library in versions(record)}
    devices = {_place(record) for record in records}
    commits = {short(record["commit"]) for record in records}
    return f"Measured by {listed(devices)}, with {listed(libraries)}; commit {listed(commits)}."


def _cells(folder, preset):
    files = sorted(folder.glob(f"{preset}_*.json"))
    cells = [{**quality.read_cell(file), "file": file.name} for file in files]
    return [cell for cell in cells if cell["cell"]["preset"] == preset]


def _place(record):
    return f"{record['backend']} on {record['device']}"


# Model cards -------------------------------------------------------------------------------------------------------------


def card_text(preset: Preset) -> str:
    """The model card of a preset, as Markdown."""
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.data import Images
    from keras_gan_zoo.models import variant_class
    from keras_gan_zoo.presets import load

    recipe = read_recipe(preset.folder)
    gan = load(preset.folder)
    model = variant_class(recipe.variant)
    training, makes = recipe.training, gan.fields()[gan.sample]
    pictures = isinstance(makes, Images)
    examples = "images" if makes_images(model) else "examples"
    seen = f"{training.rounds * training.batch_size * gan.minibatches_per_round:,} real {examples}"
    fresh = f"{' and the '.join(gan.fresh)} {'are' if len(gan.fresh) > 1 else 'is'} not; `load` gives"
    shipped = " and the ".join(gan.inference_names)
    parameters = sum(gan.network(name).count_params() for name in gan.inference_names)
    kind = f"Images of {makes.shape[0]} x {makes.shape[1]} pixels" if pictures else described(makes).capitalize()
    weights = json.loads((preset.folder / "weights.json").read_text("utf-8"))
    place = f", by {_place(weights['origin'])}" if "origin" in weights else ""
    return f"""{_front_matter(preset, gan, model)}
# {preset.name}

{recipe.description}

{_shown(preset, gan)}

{_headline(preset)}```python
import keras_gan_zoo

gan = keras_gan_zoo.load("{preset.name}")
{gan.sample} = {_call(gan)}
```

- Model: `keras_gan_zoo.{model.__name__}`, {parameters:,} parameters in the {shipped}, which is what is
  shipped ({preset.bytes / 1e6:.2f} MB, {weights["dtype"]}). The
  {fresh} {"them" if len(gan.fresh) > 1 else "it"} fresh weights.{_in_and_out(gan, model)}
- Data: `{recipe.data.name}`, {recipe.data.split or "train"} split. License of the data: {recipe.data.license}.
- Training: {training.rounds:,} rounds of {training.batch_size} {examples} for each gradient step ({seen} seen),
  seed {training.seed}, {training.dtype}{place}. The whole recipe is [config.yaml](config.yaml);
  `keras-gan-zoo train zoo_configs/{preset.name}` repeats it.

## Measured results

{quality_text(preset)}

`results.json` holds full records of seed 0. Written by `{COMMAND}`.

## Limits

{kind} of the kind in `{recipe.data.name}`, and nothing else. {_limits(model)}
"""


def _front_matter(preset, gan, model):
    """YAML as the Hugging Face hub reads it."""
    if makes_images(model):
        pipeline, kind = "unconditional-image-generation", ["image-generation"]
    else:
        pipeline = {"target": "image-to-image", "tokens": "text-generation"}.get(gan.sample)
        kind = []
    tags = "".join(f"\n- {tag}" for tag in ["gan", preset.variant.replace("_", "-"), *kind])
    first = f"\npipeline_tag: {pipeline}" if pipeline else ""
    return f"""---
license: {LICENSE}
library_name: keras{first}
tags:{tags}
datasets:
- {preset.data.removesuffix(".npz").removesuffix(".zip")}
---
"""


def _headline(preset):
    """The stored results in a line, where there are some."""
    found = headline(preset)
    parts = [f"{title} **{m.text('.2f' if title == 'FID' else '.3g')}**" for title, m in found.items()]
    if not parts and (record := kinds.found(preset.name)):
        parts = [f"{measure['title']} **{measure['value']:.4g}**" for measure in record["measures"][:3]]
    return f"{' · '.join(parts)}\n\n" if parts else ""


def described(field: Any) -> str:
    """A field in words, such as "tokens of shape 20, vocabulary 5000"."""
    own = [each.name for each in dataclasses.fields(field) if each.name not in ("shape", "table")]
    shape = f" of shape {' x '.join(map(str, field.shape))}" if field.shape else ""
    return ", ".join([type(field).__name__.lower() + shape, *(f"{name} {getattr(field, name)}" for name in own)])


def _needed(gan):
    """Names of what samples are made from, where that is not noise."""
    return [name for name, field in gan.inputs().items() if not field.optional]


def _shown(preset, gan):
    if not gan.generates:
        return f"![{', '.join([*_needed(gan), gan.sample])}](samples.png)"
    file = preset.folder / f"{SAMPLES}.txt"
    if not file.exists():
        return f"![{GRID_SIZE} samples, seed {GRID_SEED}](samples.png)"
    lines = "\n".join(file.read_text("utf-8").splitlines()[:LINES])
    return f"The first of [{GRID_SIZE} samples, seed {GRID_SEED}](samples.txt):\n\n```text\n{lines}\n```"


def _call(gan):
    if not gan.generates:
        return f"gan.translate({', '.join(_needed(gan))}, seed=0)"
    return f"gan.generate(64{', labels=3' if 'labels' in gan.inputs() else ''}, seed=0)"


def _in_and_out(gan, model):
    """A line of what goes in and comes out, where that is not plain images from noise."""
    if makes_images(model):
        return ""
    inputs = "; ".join(f"`{name}`, {described(field)}" for name, field in gan.inputs().items())
    return f"\n- Input: {inputs}. Output: `{gan.sample}`, {described(gan.fields()[gan.sample])}."


def _limits(model):
    if not makes_images(model):
        return "Some samples are poor; look at those above."
    return """The
figures hold for the protocol in the table; do not compare them with figures of another one. Some samples are no clear
instance of any class; look at the grid above."""


def quality_text(preset: Preset, folder: Path = quality.FOLDER) -> str:
    """All that was measured of a preset: a table with the protocol of each row, and what computed it."""
    if not quality.is_measurable(preset.variant):
        record = kinds.found(preset.name)
        return f"{kinds.table(record)}\n\n{provenance([record])}" if record else quality.NOT_MEASURABLE
    found = measurements(preset, folder)
    failed = "".join(f"\n\nNot measured: {line}." for line in failed_cells(preset, folder))
    if not found:
        return f"These weights were not measured yet; `python -m benchmarks quality {preset.name}` does it.{failed}"
    everything = found
    found, agreeing = _without_repeats(found)
    rows = [
        (m.title + _settings(first), m.text(), m.seeds, _images(first), _network(first), first["backend"])
        for m in found
        for first in m.records[:1]
    ]
    seeds = "Seeds are those of the generated images" + (
        "; of several, the median and the range." if any(len(m.records) > 1 for m in found) else "."
    )
    seeds += f" {agreeing}" if agreeing else ""
    head = (
        f"Images are generated from the shipped weights in float32, in 8 bits, classes in turn where there are some. {seeds}"
    )
    table = markdown_table(("metric", "value", "seeds", "images", "network (sha256), resizing, dtype", "backend"), rows)
    return f"{head}\n\n{table}\n\n{provenance(r for m in everything for r in m.records)}{failed}"


def _without_repeats(found):
    """Measurements without those that repeat a seed of another one on another backend and agree with it; who repeated."""
    kept, repeats, errors = [], set(), [0.0]
    # The most seeds first; what is stored comes first among equals.
    for m in sorted(found, key=lambda m: -len(m.records)):
        twin = next((k for k in kept if _protocol(k) == _protocol(m) and _difference(k, m) <= AGREES), None)
        if twin is None:
            kept.append(m)
        else:
            repeats.add(m.records[0]["backend"])
            errors.append(_difference(twin, m))
    kept = [m for m in found if m in kept]
    agreeing = (
        f"Repeats on {' and '.join(sorted(repeats))} agree to within {max(errors):.1g} of the value." if repeats else ""
    )
    return kept, agreeing


def _protocol(m):
    return m.title, [m.records[0].get(field) or None for field in SAME]


def _difference(kept, repeated):
    """The largest relative difference of what has the same seed; infinite where a seed was not measured by both."""
    values = {record["seed"]: record["value"] for record in kept.records}
    pairs = [(values.get(record["seed"], float("inf")), record["value"]) for record in repeated.records]
    return max(abs(a - b) / max(abs(a), abs(b), 1e-12) if a != float("inf") else a for a, b in pairs)


def _settings(record):
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in record.get("settings", {}).items())
    return f" ({settings})" if settings else ""


def _images(record):
    real = f", {record['n_real']:,} real ({record['reference_split']})" if record["n_real"] else ""
    return f"{record['n_fake']:,} generated{real}"


def _network(record):
    if record["extractor"] == "none":
        return "none: pixels"
    resizer = "" if record["resizer"] == "none" else f"{record['resizer']}, "
    return f"{record['extractor']} ({record['extractor_sha256'][:12]}), {resizer}{record['dtype']}"


# Tables of the documents -------------------------------------------------------------------------------------------------


def documents() -> dict[Path, dict[str, Callable[[], str]]]:
    """Document -> name of a marker in it -> the table that goes there."""
    return {
        README: {
            "variants": variant_table,
        },
        SPEED: {"speed": speed_tables},
        TESTBEDS: {"testbeds": testbed_table},
        PRECISION: {"precision": precision_table, "metrics_speed": metrics_speed_table},
    }


def with_tables(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """A document with the tables between its markers written anew.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in tables.items():
        start, end = f"<!-- {name}: written by `{COMMAND}` -->\n", f"<!-- end of {name} -->"
        if text.count(start) != 1 or end not in text.partition(start)[2]:
            raise ValueError(f"The document needs the lines {start.strip()!r} and {end!r} once each, in this order.")
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return text


def preset_table(presets: Sequence[Preset] | None = None, folder: Path = quality.FOLDER) -> str:
    """The presets with their main results, and the protocol behind them."""
    rows, distances = [], []
    presets = trained_presets() if presets is None else presets
    for preset in presets:
        found = headline(preset, folder)
        labels = [f"{m.text('.3f')}, {title}" for title in ("label agreement", "code purity") if (m := found.get(title))]
        distances += [found["FID"]] if "FID" in found else []
        rows.append(
            (
                f"[{preset.name}](zoo_configs/{preset.name}/README.md)",
                preset.variant,
                f"{preset.data} ({preset.license})",
                f"{preset.bytes / 1e6:.2f} MB",
                found["FID"].text(".2f") if "FID" in found else "not measured",
                found["rarest class"].text(".3f") if "rarest class" in found else "",
                "".join(labels),
            )
        )
    table = markdown_table(("preset", "variant", "data (license)", "weights", "FID", "rarest class", "labels"), rows)
    if not distances:
        return table
    firsts = [m.records[0] for m in distances]
    several = " (median and range)" if any(len(m.records) > 1 for m in distances) else ""
    images, networks = {_images(first) for first in firsts}, {_network(first) for first in firsts}
    places = {_place(first) for first in firsts}
    seeds = sorted({record["seed"] for m in distances for record in m.records})
    note = (
        f"FID: {listed(images)}; features of {listed(networks)}; {listed(places)}; seeds of the images "
        f"{', '.join(map(str, seeds))}{several}. Rarest class: share of the class that the zoo's classifier sees least "
        "often. Labels: share of images in which it sees the class that was asked for (label agreement), or the one that a "
        "code of the model mostly shows (code purity). The cards have more."
    )
    return f"{table}\n\n{note}"


def variant_table(presets: Sequence[Preset] | None = None, folder: Path = quality.FOLDER) -> str:
    """A row for each preset of a variant, and for each variant without one: task, paper, and the first measured result."""
    import sys

    from keras_gan_zoo.models import variant_class, variants

    presets = trained_presets() if presets is None else presets
    rows, distances = [], []
    # Not what somebody has registered in this process.
    for name, cls in ((n, c) for n in variants() if (c := variant_class(n)).__module__.startswith("keras_gan_zoo.")):
        title = sys.modules[cls.__module__].__doc__.split("\n")[0].rstrip(".")
        paper = re.sub(r"^.*\((.*), (https?://[^\s)]+)\)$", r"[\1](\2)", title)
        own = [preset for preset in presets if preset.variant == name]
        for preset in own or [None]:
            link = f"[{preset.name}](zoo_configs/{preset.name}/README.md)" if preset else ""
            rows.append((f"`{cls.__name__}`", task(cls), paper, link, first_result(preset, folder) if preset else ""))
        distances += [m for preset in own if (m := headline(preset, folder).get("FID"))]
    table = markdown_table(("variant", "task", "paper", "preset", "result"), rows)
    if not distances:
        return table
    firsts = [m.records[0] for m in distances]
    networks, places = {_network(first) for first in firsts}, {_place(first) for first in firsts}
    counts = {f"{first['n_fake']:,} generated and {first['n_real']:,} real test images" for first in firsts}
    return f"{table}\n\nFID: {listed(counts)}; features of {listed(networks)}; {listed(places)}."


def task(model: type) -> str:
    """What a variant does, in words."""
    if makes_images(model):
        return "images from noise and labels" if model.__name__ in ("CGAN",) else "images from noise"
    made = {"voxels": "volumes from noise", "tokens": "sequences of tokens", "target": "images from images"}
    return made.get(model.sample, model.sample)


def first_result(preset: Preset, folder: Path = quality.FOLDER) -> str:
    """The first result of a preset in a few words."""
    found = headline(preset, folder)
    if found:
        title, measurement = next(iter(found.items()))
        return f"{title} {measurement.text('.2f')}"
    measures = kinds.found(preset.name).get("measures") or ()
    return next((f"{measure['title']} {measure['value']:.4g}" for measure in measures), "not measured")


def strip(presets: Sequence[Preset], columns: int = 4, side: int = 168) -> Any:
    """A picture of samples of all presets that have pictures, with their names.

    A square grid shows its first 3 x 3 of 8 x 8 samples; what is not square, such as rows of input and output, shows all.
    """
    from PIL import Image, ImageDraw

    files = [(preset.name, preset.folder / f"{SAMPLES}.png") for preset in presets]
    files = [(name, file) for name, file in files if file.exists()]
    gap, line = 8, 18
    height = -(-len(files) // columns) * (side + line + gap)
    made = Image.new("RGB", (columns * (side + gap) - gap, max(height, 1)), "white")
    draw = ImageDraw.Draw(made)
    for i, (name, file) in enumerate(files):
        x, y = i % columns * (side + gap), i // columns * (side + line + gap)
        with Image.open(file) as picture:
            shown = picture.convert("RGB")
        if shown.width == shown.height:
            shown = shown.crop((0, 0, 3 * shown.width // 8, 3 * shown.width // 8))
        factor = side / max(shown.size)
        shown = shown.resize([max(1, round(factor * edge)) for edge in shown.size])
        made.paste(shown, (x + (side - shown.width) // 2, y + (side - shown.height) // 2))
        draw.text((x + 2, y + side + 2), name, fill="black")
    return made.quantize(256)


def write_strip(presets: Sequence[Preset]) -> None:
    """Writes the picture at the head of the README."""
    with whole_file(ROOT / "benchmarks" / STRIP) as partial:
        strip(presets).save(partial, format="PNG", optimize=True)


def _write(path, text):
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")
