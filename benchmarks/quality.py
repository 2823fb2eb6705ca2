"""Measures the quality of presets: a cell for each preset, data set, seed of the generated images and backend.

    python -m benchmarks quality --weights inception.npz         every preset, seeds 0, 1 and 2, on TensorFlow
    python -m benchmarks quality dcgan_mnist --seeds 0 --backends tensorflow,jax --weights inception.npz
    python -m benchmarks quality --extractor mnist               with the small classifier: seconds, not minutes

Protocol: n images from the shipped weights in float32, quantized to 8 bits, classes in turn where the model has some,
against the images of the data set's split. Where the zoo has a classifier for the data set, also what that one sees.
"""

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console

from benchmarks.cells import BACKENDS, Resizer, attempt, chosen, read_cell, run_cells, seeds_of, words, write_json
from benchmarks.configurations import makes_images
from benchmarks.processes import ROOT
from keras_gan_zoo.evaluation import N_IMAGES, SEED, SPLIT
from keras_gan_zoo.metrics.features import CLASSIFIERS
from keras_gan_zoo.preset_files import RESULTS, WEIGHTS_INFO
from keras_gan_zoo.presets import find_preset, list_presets
from keras_gan_zoo.verification import TOLERANCES

FOLDER = ROOT / "benchmarks" / "results" / "quality"
CURVES = ROOT / "benchmarks" / "results" / "curves"  # <preset>.csv: round, seconds, fid
BACKEND = "tensorflow"  # of the results that a preset ships
METRICS = "fid,kid,precision,recall,density,coverage"
OF_CLASSES = "intra_fid,intra_ms_ssim"  # of a model with classes beside them, by seed 0
ACCURACY = "classification_accuracy_score"  # of as many images as the training set has, as in its papers
# What is said of the others.
NOT_MEASURABLE = "The metrics are of images that are made from noise, so these samples are not measured."


@dataclasses.dataclass(frozen=True)
class Network:
    """The arguments of `feature_extractor`."""

    name: str = "inception"
    weights: str | None = None
    resizer: str = "legacy"

    def load(self) -> Any:
        """Builds the extractor on the Keras backend of this process."""
        from keras_gan_zoo.metrics.features import feature_extractor

        if self.name != "inception":
            return feature_extractor(self.name)
        return feature_extractor(self.name, weights=self.weights, resizer=self.resizer)


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds, of one extractor."""

    preset: str
    data: str
    split: str
    n: int
    seed: int
    backend: str

    def path(self, folder: Path, extractor: dict[str, str]) -> Path:
        network = "-".join(extractor[key] for key in ("extractor", "resizer") if extractor[key] != "none")
        name = f"{self.preset}_{self.data}-{self.split}_{network}_n{self.n}_seed{self.seed}_{self.backend}"
        return folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.json"

    @property
    def title(self) -> str:
        return f"{self.preset} against {self.data}/{self.split}, seed {self.seed}, {self.backend}"


def quality(
    presets: Annotated[list[str] | None, typer.Argument(help="Names; by default all.")] = None,
    variants: Annotated[str, typer.Option(help="Only presets of these, with commas between.")] = "",
    data: Annotated[str, typer.Option(help="TFDS data sets, with commas between; by default each preset's own.")] = "",
    split: Annotated[str, typer.Option(help="Of the data sets.")] = SPLIT,
    seeds: Annotated[str, typer.Option(help="Of the generated images, with commas between.")] = "0,1,2",
    backends: Annotated[str, typer.Option(help=f"Any of {', '.join(BACKENDS)}, with commas between.")] = BACKEND,
    n: Annotated[int, typer.Option("-n", min=2, help="Images to generate.")] = N_IMAGES,
    metrics: Annotated[str, typer.Option(help="Names with commas between.")] = METRICS,
    extractor: Annotated[Literal["inception", *CLASSIFIERS], typer.Option(help="What sees the images.")] = "inception",
    weights: Annotated[Path | None, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")] = None,
    resizer: Annotated[
        Resizer, typer.Option(help="For Inception: legacy (TF1 bilinear) or clean (antialiased).")
    ] = "legacy",
    cache: Annotated[Path | None, typer.Option(help="Folder for the statistics of real images.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Measures presets: FID and other metrics, for each data set, seed and backend."""
    names = words(metrics)
    _check_metrics(names)
    cells = cells_of(presets or [], words(variants), words(data), split, seeds_of(seeds), words(backends), n)
    network = Network(extractor, str(weights.resolve()) if weights else None, resizer)
    failed = measure(cells, network, network.load(), names, folder, cache, Console())
    raise typer.Exit(1 if failed else 0)


def cells_of(
    presets: Sequence[str],
    variants: Sequence[str],
    data: Sequence[str],
    split: str,
    seeds: Sequence[int],
    backends: Sequence[str],
    n: int,
) -> list[Cell]:
    """The cells of all combinations; no presets, variants or data sets means all presets, of their own data."""
    known = {preset.name: preset for preset in list_presets() if preset.bytes}
    chosen("presets", presets, known)
    chosen("--variants", variants, sorted({preset.variant for preset in known.values()}))
    chosen("--backends", backends, BACKENDS)
    wanted = [p for p in known.values() if p.name in (presets or known) and p.variant in (variants or [p.variant])]
    wanted = [preset for preset in wanted if is_measurable(preset.variant)]
    cells = [
        Cell(preset.name, source, split, n, seed, backend)
        # Seeds outermost: where the time runs out, every preset has the same seeds.
        for backend in backends
        for seed in seeds
        for preset in wanted
        for source in (data or [preset.data])
    ]
    if not cells:
        raise ValueError(
            "There must be something to measure. Received: nothing to measure. Fix: name a preset of those variants that "
            "makes images from noise, a seed and a backend."
        )
    return cells


def measure(
    cells: Sequence[Cell],
    network: Network,
    extractor: Any,
    metrics: Sequence[str],
    folder: Path,
    cache: Path | None,
    console: Console,
) -> list[Cell]:
    """Measures what is missing of the cells, and writes each to `folder` when it is done; the cells that failed.

    The results.json of a preset follows its cell of the stored protocol (see `keras_gan_zoo.preset_results`).

    Args:
        cells: from `cells_of`.
        network: what processes of other backends build the extractor from.
        extractor: the same, built on the backend of this process.
        metrics: names, see `keras_gan_zoo.metrics.METRICS`.
        cache: folder for the statistics of real images; None for the default one.
    """
    from keras_gan_zoo.metrics.records import described

    seen_by = described(extractor)
    stored = {cell: read_cell(cell.path(folder, seen_by)) for cell in cells}
    todo = {cell: missing(stored[cell], weights_of(cell.preset), seen_by, metrics) for cell in cells}

    def work(cell):
        names = todo[cell]
        request = {"cell": dataclasses.asdict(cell), "network": dataclasses.asdict(network), "metrics": list(names)}
        request["cache"] = str(cache.resolve()) if cache else None
        found = attempt(cell.backend, lambda: measured(cell, names, extractor, cache), "benchmarks.quality", request)
        return found if "error" in found else {"records": found}

    def finish(cell, found):
        about = {"weights_sha256": weights_of(cell.preset), "extractor": seen_by}
        kept = stored[cell].get("records", {}) if about.items() <= stored[cell].items() else {}
        new = found.get("records", {})
        record = {"cell": dataclasses.asdict(cell), **about, **found, "records": {**kept, **new}}
        write_json(cell.path(folder, seen_by), record)
        return found.get("error") or ", ".join(f"{name} {record['value']:.4g}" for name, record in new.items())

    seconds = [stored[cell]["seconds"] for cell in cells if "seconds" in stored[cell] and not todo[cell]]
    open_cells = [cell for cell in cells if todo[cell]]
    failed = run_cells(cells, open_cells, work, finish, console, seconds)
    console.print(f"{len(cells) - len(open_cells)} of {len(cells)} cells were there already.", highlight=False)
    if (network.name, network.resizer) == ("inception", "legacy"):
        for cell in cells:
            _store_results(cell, read_cell(cell.path(folder, seen_by)))
    return failed


def measured(cell: Cell, metrics: Sequence[str], extractor: Any, cache: Path | None = None) -> dict[str, Any]:
    """One cell on the backend of this process: result -> record, in plain values."""
    from keras_gan_zoo.evaluation import generated, reference_of
    from keras_gan_zoo.metrics.measuring import records_of
    from keras_gan_zoo.metrics.protocol import Protocol
    from keras_gan_zoo.preset_results import seen_by_classifier
    from keras_gan_zoo.presets import load

    gan = load(cell.preset)
    protocol = Protocol.of(metrics, extractor=extractor, seed=cell.seed)
    real = reference_of(cell.data, cell.split, protocol, fake_shape=gan.fields()[gan.sample].shape, cache=cache)
    images, labels = generated(gan, cell.n, cell.seed)
    records = records_of(images, real, protocol, labels=labels)
    if cell.data in CLASSIFIERS and cell.data == list_presets(cell.preset)[0].data:
        records |= seen_by_classifier(gan, images, labels, cell.data, cell.seed)
        if ACCURACY in records:
            records[ACCURACY].details["real"] = taught_by_real(cell.data, cell.split, cell.n, cell.seed)
    return {name: record.to_dict() for name, record in records.items()}


@functools.cache
def taught_by_real(data: str, split: str, n: int, seed: int) -> float:
    """The accuracy score of n real training images, or all if there are fewer: what generated ones could reach."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.accuracy_score import classification_accuracy_score
    from keras_gan_zoo.metrics.definitions import METRICS as KNOWN

    train, test = (load_images(data, split=part, labels=True) for part in ("train", split))
    some = np.random.default_rng(seed).permutation(len(train.images))[:n]
    images, labels = train.images[some], train.labels[some]
    return classification_accuracy_score(images, labels, test.images, test.labels, **KNOWN[ACCURACY].settings).gan_train


def missing(stored: dict[str, Any], weights: str, seen_by: dict[str, str], metrics: Sequence[str]) -> list[str]:
    """Metrics that a stored cell does not have, from these weights, this extractor and today's settings."""
    from keras_gan_zoo.metrics.definitions import METRICS as KNOWN

    if "error" in stored or (stored.get("weights_sha256"), stored.get("extractor")) != (weights, seen_by):
        return list(metrics)
    records = stored["records"]
    return [name for name in metrics if name not in records or records[name]["settings"] != KNOWN[name].settings]


def is_measurable(variant: str) -> bool:
    """Whether the metrics, which are of images, can judge what a variant makes from nothing but noise."""
    from keras_gan_zoo.models import variant_class

    return makes_images(variant_class(variant))


def weights_of(preset: str | Path) -> str:
    """sha256 of the weights of a preset, by its name or folder, as its files say."""
    return json.loads((find_preset(preset) / WEIGHTS_INFO).read_text("utf-8"))["sha256"]


def _store_results(cell, stored):
    """Writes the results.json of a preset, if this is the cell of its protocol."""
    protocol = (list_presets(cell.preset)[0].data, SPLIT, N_IMAGES, SEED, BACKEND)
    records = stored["records"]
    if (cell.data, cell.split, cell.n, cell.seed, cell.backend) != protocol or "error" in stored or "fid" not in records:
        return
    results = {"FID": records["fid"], **{key: records[key] for key in TOLERANCES if key in records}}
    write_json(find_preset(cell.preset) / RESULTS, results)


def _check_metrics(names):
    from keras_gan_zoo.metrics.definitions import METRICS as KNOWN

    chosen("--metrics", names, [name for name, metric in KNOWN.items() if "train" not in metric.others])
    if not names:
        raise ValueError("--metrics must name one at least. Received: none. Fix: for example --metrics fid.")


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    cell, extractor, cache = Cell(**request["cell"]), Network(**request["network"]).load(), request["cache"]
    print(json.dumps(measured(cell, request["metrics"], extractor, Path(cache) if cache else None)))
