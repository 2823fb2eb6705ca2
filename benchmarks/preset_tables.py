"""Tables of presets and variants."""

import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import kinds, quality
from benchmarks.configurations import makes_images
from benchmarks.markdown import listed, markdown_table
from benchmarks.measured import (
    CONFIDENCE,
    confidence_of,
    headline,
    images_of,
    measurements,
    network_of,
    place,
    trained_presets,
)
from keras_gan_zoo.presets import Preset


def preset_table(presets: Sequence[Preset], folder: Path) -> str:
    """The presets with their main results, and the protocol behind them."""
    rows, distances = [], []
    for preset in presets:
        found = headline(preset, folder)
        labels = [f"{m.text('.3f')}, {title}" for title in ("label agreement", "code purity") if (m := found.get(title))]
        distances += [found["FID"]] if "FID" in found else []
        sure = confidence_of(preset, folder)
        rows.append(
            (
                f"[{preset.name}](zoo_configs/{preset.name}/README.md)",
                preset.variant,
                f"{preset.data} ({preset.license})",
                f"{preset.bytes / 1e6:.2f} MB",
                found["FID"].text(".2f") if "FID" in found else "not measured",
                found["rarest class"].text(".3f") if "rarest class" in found else "",
                sure.text(".3f") if sure else "",
                "".join(labels),
            )
        )
    columns = ("preset", "variant", "data (license)", "weights", "FID", "rarest class", CONFIDENCE, "labels")
    table = markdown_table(columns, rows)
    if not distances:
        return table
    firsts = [m.records[0] for m in distances]
    several = " (median and range)" if any(len(m.records) > 1 for m in distances) else ""
    images, networks, places = ({tell(first) for first in firsts} for tell in (images_of, network_of, place))
    seeds = sorted({record["seed"] for m in distances for record in m.records})
    return (
        f"{table}\n\nFID: {listed(images)}; features of {listed(networks)}; {listed(places)}; seeds of the images "
        f"{', '.join(map(str, seeds))}{several}. Rarest class: share of the class that the zoo's classifier sees least "
        "often. Mean confidence: mean over the images of the largest probability that it gives a class. Labels: share of "
        "images in which it sees the class that was asked for (label agreement), or the one that a code of the model mostly "
        "shows (code purity). The cards have more."
    )


def variant_table() -> str:
    """A row for each variant: task, paper, its presets, and the first measured result of each."""
    from keras_gan_zoo.models import variant_class, variants

    presets, rows, distances = trained_presets(), [], []
    # Not what somebody has registered in this process.
    for name, cls in ((n, c) for n in variants() if (c := variant_class(n)).__module__.startswith("keras_gan_zoo.")):
        title = sys.modules[cls.__module__].__doc__.split("\n")[0].rstrip(".")
        paper = re.sub(r"^.*\((.*), (https?://[^\s)]+)\)$", r"[\1](\2)", title)
        own = [preset for preset in presets if preset.variant == name]
        links = [f"[{preset.name}](zoo_configs/{preset.name}/README.md)" for preset in own]
        results = [first_result(preset) for preset in own]
        rows.append((f"`{cls.__name__}`", task(cls), paper, "<br>".join(links), "<br>".join(results)))
        distances += [m for preset in own if (m := headline(preset).get("FID"))]
    table = markdown_table(("variant", "task", "paper", "preset", "result"), rows)
    if not distances:
        return table
    firsts = [m.records[0] for m in distances]
    networks, places = {network_of(first) for first in firsts}, {place(first) for first in firsts}
    counts = {f"{first['n_fake']:,} generated and {first['n_real']:,} real test images" for first in firsts}
    return (
        f"{table}\n\nFID: {listed(counts)}, in the features of the classifier of the data set, and of {listed(networks)} "
        f"where that has seen them; {listed(places)}. Distances compare within one network alone."
    )


def task(model: type) -> str:
    """What a variant does, in words."""
    if makes_images(model):
        return "images from noise and labels" if model.tiny().conditions() else "images from noise"
    made = {
        "voxels": "volumes from noise",
        "tokens": "sequences of tokens",
        "target": "images from images",
        "images": "images brought back, and how anomalous they are",
    }
    return made.get(model.sample, model.sample)


def first_result(preset: Preset) -> str:
    """The first result of a preset in a few words."""
    # The classifier of their data has seen all of them, and Inception some.
    told = {}
    for m in measurements(preset):
        if m.title == "FID" and m.records[0]["n_fake"] == quality.N_IMAGES:
            name = "Inception" if m.records[0]["extractor"].startswith("inception") else "the classifier"
            told.setdefault(name, f"{statistics.median(m.values):.2f} by {name}")
    if told:
        return f"FID {', '.join(told[name] for name in ('the classifier', 'Inception') if name in told)}"
    if found := headline(preset):
        title, measurement = next(iter(found.items()))
        return f"{title} {measurement.text('.2f')}"
    measures = kinds.found(preset.name).get("measures") or ()
    return next((f"{measure['title']}: {measure['value']:.4g}" for measure in measures), "not measured")
