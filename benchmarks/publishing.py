"""What follows a training: the run becomes a preset, is measured, and gets its card.

    python -m benchmarks publish RUN NAME     a finished run becomes the preset zoo_configs/NAME

`python -m benchmarks train` does all of it by itself.
"""

import shutil
from pathlib import Path

from rich.console import Console

from benchmarks import kinds, quality
from benchmarks.cells import read_cells, words
from keras_gan_zoo import presets
from keras_gan_zoo.config import read_recipe
from keras_gan_zoo.evaluation import N_IMAGES, SEED, SPLIT
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.metrics.features import CLASSIFIERS
from keras_gan_zoo.preset_files import PICTURES
from keras_gan_zoo.presets import CONFIG, RESULTS, WEIGHTS, WEIGHTS_INFO, find_preset, is_trained, list_presets

CARD = "README.md"
CLASSIFIER_SEEDS = (0, 1, 2)


def publish(run: Path, name: str):
    """Copies the trained model of a run of `keras-gan-zoo train` to zoo_configs/NAME, and its curve to the results."""
    source, target = find_preset(run / "preset"), presets.preset_root() / name
    if not (target / CONFIG).exists():
        raise ValueError(f"There is no {target / CONFIG}. Fix: write the recipe there, and train by it.")
    recipe = read_recipe(target)
    if not recipe.is_behind(read_recipe(source).digest):
        raise ValueError(f"{run} was trained by another recipe than {target / CONFIG}. Fix: train by that one.")
    known = (target / WEIGHTS_INFO).exists() and quality.weights_of(target) == quality.weights_of(source)
    if not known:
        # They are of other weights.
        for file in (
            target / RESULTS,
            target / CARD,
            *(target / picture for picture in PICTURES),
            quality.CURVES / f"{name}.csv",
        ):
            file.unlink(missing_ok=True)
    if not known or not is_trained(target, recipe):
        # What says which weights these are comes last, so that a copy that was cut short is made again.
        for file in (WEIGHTS, "samples.png", "samples.txt", WEIGHTS_INFO):
            _copy(source / file, target / file)
    _copy(run / "evaluations" / "evaluations.csv", quality.CURVES / f"{name}.csv")


def networks(source: str, inception: Path | None) -> dict[quality.Network, tuple[int, ...]]:
    """What sees the images of a preset of a data set, and for which seeds; Inception where its weights are at hand."""
    seen_by = {quality.Network("inception", str(inception)): (SEED,)} if inception else {}
    return seen_by | ({quality.Network(source): CLASSIFIER_SEEDS} if source in CLASSIFIERS else {})


def is_measured(name: str, source: str, backend: str, inception: Path | None) -> bool:
    """Whether a preset has its card, and a cell for all that `measure` measures, of this backend or the stored results'."""
    card = find_preset(name) / CARD
    if not card.is_file():
        return False
    # Asked of files, since to ask the variant would load a framework.
    if kinds.found(name) or quality.NOT_MEASURABLE in card.read_text("utf-8"):
        return True
    weights, found = quality.weights_of(name), set()
    for stored in read_cells(quality.FOLDER, f"{name}_*.json"):
        cell = stored["cell"]
        protocol = (cell["preset"], cell["data"], cell["split"], cell["n"], stored["weights_sha256"])
        fits = protocol == (name, source, SPLIT, N_IMAGES, weights) and cell["backend"] in (backend, quality.BACKEND)
        if fits and "error" not in stored:
            found.add((stored["extractor"]["extractor"].partition("-")[0].removesuffix("_classifier"), cell["seed"]))
    return found >= {(network.name, seed) for network, seeds in networks(source, inception).items() for seed in seeds}


def measure(name: str, backend: str, inception: Path | None, console: Console) -> list[str]:
    """Measures what is missing of a preset on the backend of this process, and writes its card and the documents.

    Returns:
        A sentence for whatever could not be measured here.
    """
    from benchmarks.cards import write_card
    from benchmarks.measured import failed_cells
    from benchmarks.report import write_documents
    from keras_gan_zoo.data import load_images

    recipe, notes, failed = read_recipe(find_preset(name)), [], []
    source, measurable = recipe.data.source, quality.is_measurable(recipe.variant)
    if not measurable:
        notes.append(f"{name} is not measured: {quality.NOT_MEASURABLE}")
    elif inception is None:
        notes.append(
            f"{name} is not measured by the Inception network, whose weights are not at hand; --weights FILE names them."
        )
    seen_by = networks(source, inception) if measurable else {}
    if seen_by and (reason := _not_there(source)):
        notes.append(f"{name} is not measured, since the data are not here: {reason}")
        seen_by = {}
    asked = [(network, seeds, N_IMAGES, quality.METRICS) for network, seeds in seen_by.items()]
    if seen_by and source in CLASSIFIERS and "labels" in presets.load(name).conditions():
        asked.append((quality.Network(source), (SEED,), N_IMAGES, quality.OF_CLASSES))
        asked.append((quality.Network(source), (SEED,), len(load_images(source, split="train").images), quality.ACCURACY))
    for network, seeds, n, metrics in asked:
        cells = quality.cells_of([name], [], [], SPLIT, seeds, [backend], n)
        failed += quality.measure(cells, network, network.load(), words(metrics), quality.FOLDER, None, console)
    (preset,) = list_presets(name)
    write_card(preset)
    write_documents()
    if failed:
        raise RuntimeError(f"{name} was not measured in whole: {'; '.join(failed_cells(preset, quality.FOLDER))}")
    return notes


def _not_there(source):
    """Why the images to compare with cannot be had; empty where they can."""
    from keras_gan_zoo.data import load_images

    folder = Path(source).exists() and Path(source).suffix != ".npz"
    try:
        load_images(source, **({} if folder else {"split": SPLIT}))
    except Exception as error:  # TFDS raises whatever its downloads raise
        return f"{type(error).__name__}: {error}"
    return ""


def _copy(source, target):
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as partial:
            shutil.copyfile(source, partial)
