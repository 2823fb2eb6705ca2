"""Model cards of presets, with their samples."""

import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

import yaml

from benchmarks import kinds, quality
from benchmarks.card_pictures import pictures, write_pictures
from benchmarks.cells import write_text
from benchmarks.configurations import makes_images
from benchmarks.figures import CURVE, curve_figure, curve_of, png_of
from benchmarks.markdown import markdown_table
from benchmarks.measured import SAME, failed_cells, headline, images_of, measurements, network_of, place, provenance
from keras_gan_zoo.evaluation import SPLIT
from keras_gan_zoo.presets import Preset

COMMAND = "python -m benchmarks report"
GRID_SIZE, GRID_SEED = 64, 0
SAMPLES = "samples"  # .png, or .txt for text
LICENSE = "apache-2.0"  # of the weights, as the hub spells it
AGREES = 1e-3  # relative difference of a repeat on another backend
LINES = 8  # of text that a card shows


def write_card(preset: Preset) -> None:
    """Writes the samples and the model card of a preset."""
    from keras_gan_zoo.callbacks import save_preview
    from keras_gan_zoo.presets import load

    gan = load(preset.folder)
    # What starts from data, which may not be here, keeps the samples of its training.
    if gan.generates:
        save_preview(gan.preview(GRID_SIZE, seed=GRID_SEED), preset.folder / SAMPLES)
    write_pictures(gan, preset.folder)
    if curve := curve_figure(preset.name, quality.CURVES):
        (preset.folder / "curve.png").write_bytes(png_of(curve, dpi=100))
    write_text(preset.folder / "README.md", card_text(preset))


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
    examples = "images" if makes_images(model) else "examples"
    seen = f"{training.rounds * training.batch_size * gan.minibatches_per_round:,} real {examples}"
    sides = f"Images of {' x '.join(map(str, makes.shape[:2]))} pixels"
    kind = sides if isinstance(makes, Images) else described(makes).capitalize()
    weights = json.loads((preset.folder / "weights.json").read_text("utf-8"))
    shipped = weights.get("networks", gan.inference_names)
    parameters = sum(gan.network(name).count_params() for name in shipped)
    beside = [(name, title) for name, title, _ in pictures(gan)]
    beside += [("curve", CURVE)] if curve_of(preset.name, quality.CURVES) else []
    shown = "".join(f"![{title}]({name}.png)\n\n" for name, title in beside)
    trained_by = f", by {place(weights['origin'])}" if "origin" in weights else ""
    return f"""{_front_matter(preset, gan, model)}
# {preset.name}

{recipe.description}

{_shown(preset, gan)}

{_headline(preset)}```python
import keras_gan_zoo

gan = keras_gan_zoo.load("{preset.name}")
{_call(gan)}
```

- Model: `keras_gan_zoo.{model.__name__}`, {parameters:,} parameters in the {" and the ".join(shipped)}, which is what is
  shipped ({preset.bytes / 1e6:.2f} MB, {weights["dtype"]}).{_others(gan, recipe)}{_in_and_out(gan, model)}
- Data: `{recipe.data.name}`, {recipe.data.split or "train"} split. License of the data: {recipe.data.license}.
- Training: {training.rounds:,} rounds of {training.batch_size} {examples} for each gradient step ({seen} seen),
  seed {training.seed}, {training.dtype}{trained_by}. The whole recipe is [config.yaml](config.yaml);
  `keras-gan-zoo train {preset.name}` repeats it{_at_hand(recipe)}.

{shown}## Measured results

{quality_text(preset)}

{"`results.json` holds full records of seed 0. " if preset.results else ""}Written by `{COMMAND}`.

## Limits

{kind} of the kind in `{recipe.data.name}`, and nothing else. {_limits(model)}
"""


def _at_hand(recipe):
    """What has to be there for a training whose data no package brings."""
    sources = [recipe.data.source] if isinstance(recipe.data.source, str) else list(recipe.data.source.values())
    files = [source for source in sources if Path(source).suffix]
    return f" in a folder that holds {' and '.join(f'`{file}`' for file in files)}" if files else ""


def _others(gan, recipe):
    """Sentences on the networks that the weights of a preset do not hold."""
    elsewhere = {}
    for name in gan.network_names:
        if isinstance(recipe.model.get(name), dict) and "preset" in recipe.model[name]:
            elsewhere.setdefault(recipe.model[name]["preset"], []).append(name)
    told = [f"The {' and the '.join(names)} come from the preset `{preset}`." for preset, names in elsewhere.items()]
    if gan.fresh:
        are, them = ("are", "them") if len(gan.fresh) > 1 else ("is", "it")
        told.append(f"The\n  {' and the '.join(gan.fresh)} {are} not; `load` gives {them} fresh weights.")
    return "".join(f" {sentence}" for sentence in told)


def _front_matter(preset, gan, model):
    """YAML as the Hugging Face hub reads it, with what was measured as its model-index."""
    if makes_images(model):
        pipeline, kind = "unconditional-image-generation", ["image-generation"]
    else:
        pipeline = {"target": "image-to-image", "tokens": "text-generation"}.get(gan.sample)
        kind = []
    data = preset.data.removesuffix(".npz").removesuffix(".zip")
    tags = list(dict.fromkeys(["gan", preset.variant.replace("_", "-"), *kind]))
    content = {"license": LICENSE, "library_name": "keras", "pipeline_tag": pipeline, "tags": tags, "datasets": [data]}
    if not pipeline:
        del content["pipeline_tag"]
    metrics = [
        {"type": m.records[0]["metric"], "name": title, "value": round(statistics.median(m.values), 4)}
        for title, m in headline(preset).items()
    ]
    if metrics and pipeline:
        on = {"type": data, "name": data, "split": SPLIT}
        results = [{"task": {"type": pipeline}, "dataset": on, "metrics": metrics}]
        content["model-index"] = [{"name": preset.name, "results": results}]
    return f"---\n{yaml.safe_dump(content, sort_keys=False)}---\n"


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
        parts = [*_needed(gan), "output"] + ([] if gan.sample in _needed(gan) else ["target"])
        return f"![Side by side: {', '.join(parts)}](samples.png)"
    file = preset.folder / f"{SAMPLES}.txt"
    if not file.exists():
        return f"![{GRID_SIZE} samples, seed {GRID_SEED}](samples.png)"
    lines = "\n".join(file.read_text("utf-8").splitlines()[:LINES])
    return f"The first of [{GRID_SIZE} samples, seed {GRID_SEED}](samples.txt):\n\n```text\n{lines}\n```"


def _call(gan):
    if gan.generates:
        return f"{gan.sample} = gan.generate(64{', labels=3' if 'labels' in gan.inputs() else ''}, seed=0)"
    lines = []
    for name in _needed(gan):
        height, width, channels = gan.inputs()[name].shape
        reading = f'load_images("photos/", size=({height}, {width}), channels={channels})'
        lines.append(f"{name} = keras_gan_zoo.data.{reading}.images")
    made = f"made_{gan.sample}" if gan.sample in _needed(gan) else gan.sample
    return "\n".join([*lines, f"{made} = gan.translate({', '.join(_needed(gan))}, seed=0)"])


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
    everything = measurements(preset, folder)
    failed = "".join(f"\n\nNot measured: {line}." for line in failed_cells(preset, folder))
    if not everything:
        return f"These weights were not measured yet; `python -m benchmarks quality {preset.name}` does it.{failed}"
    found, agreeing = _without_repeats(everything)
    rows = [
        (m.title + _settings(r), m.text() + _of_real(r), m.seeds, images_of(r), network_of(r), r["backend"])
        for m in found
        for r in m.records[:1]
    ]
    several = "; of several, the median and the range" if any(len(m.records) > 1 for m in found) else ""
    head = (
        "Images are generated from the shipped weights in float32, in 8 bits, classes in turn where there are some. Seeds "
        f"are those of the generated images{several}.{agreeing}"
    )
    table = markdown_table(("metric", "value", "seeds", "images", "network (sha256), resizing, dtype", "backend"), rows)
    return f"{head}\n\n{table}\n\n{provenance(r for m in everything for r in m.records)}{failed}"


def _of_real(record):
    """What the metric gives for the real images, where that belongs beside it."""
    real = record.get("details", {}).get("real")
    return "" if real is None else f" (real images: {real:.4g})"


def _without_repeats(found):
    """Measurements without those that repeat a seed of another one on another backend and agree with it; who repeated."""
    kept, repeats, errors = [], set(), []
    # The most seeds first; what is stored comes first among equals.
    for m in sorted(found, key=lambda m: -len(m.records)):
        if agreeing := [error for k in kept if (error := _difference(k, m)) <= AGREES]:
            repeats.add(m.records[0]["backend"])
            errors.append(agreeing[0])
        else:
            kept.append(m)
    if not repeats:
        return found, ""
    told = f" Repeats on {' and '.join(sorted(repeats))} agree to within {max(errors):.1g} of the value."
    return [m for m in found if m in kept], told


def _difference(kept, repeated):
    """The largest relative difference of what has the same seed; infinite for another protocol, and for other seeds."""
    protocols = [(m.title, [m.records[0].get(field) or None for field in SAME]) for m in (kept, repeated)]
    values = {record["seed"]: record["value"] for record in kept.records}
    if protocols[0] != protocols[1] or any(record["seed"] not in values for record in repeated.records):
        return float("inf")
    pairs = [(values[record["seed"]], record["value"]) for record in repeated.records]
    return max(abs(a - b) / max(abs(a), abs(b), 1e-12) for a, b in pairs)


def _settings(record):
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in record.get("settings", {}).items())
    return f" ({settings})" if settings else ""
