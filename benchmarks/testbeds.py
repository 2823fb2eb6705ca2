"""Trains variants on data whose modes are known, and counts what they cover.

    python -m benchmarks testbeds
    python -m benchmarks testbeds --beds ring --configurations RC2 --variants gan,wgan_gp --seeds 0,1,2
    python -m benchmarks testbeds --beds ring --backends jax,torch

A cell is a bed, a configuration, a variant, a seed and a backend.

Protocol on points: networks, optimizers and schedule of a configuration (see `benchmarks.configurations`), RC1 on every bed,
RC2 and RC3 on the ring; 4,000 rounds, each gradient step on 256 fresh samples. 2,500 samples of the trained generator are
judged (see `keras_gan_zoo.metrics.modes`).

Protocol on stacked MNIST: each variant's own networks, narrow (the table tells their parameters); random triples of training
digits; 25,600 samples, whose channels a classifier of digits reads. The training is far shorter than the papers' 50 epochs,
whose numbers are not comparable. The configuration `own` is the defaults; `digits` has other arguments for the variants
whose defaults, those of natural images, collapse there.
"""

import base64
import dataclasses
import functools
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.cells import BACKENDS, attempt, chosen, run_stored, seeds_of, variants_of
from benchmarks.configurations import CONFIGURATIONS, makes_images, points_gan, trains_on_labels
from benchmarks.processes import ROOT
from keras_gan_zoo.data.toy import GaussianMixture, SwissRoll, grid, ring, stacked_mnist
from keras_gan_zoo.metrics import modes
from keras_gan_zoo.metrics.wasserstein import over_directions

FOLDER = ROOT / "benchmarks" / "results" / "testbeds"
POINT_BEDS: dict[str, Callable[[], Any]] = {"ring": ring, "grid": grid, "swiss_roll": SwissRoll}
STACKED = "stacked_mnist"
# On stacked MNIST each variant has its own networks, with its defaults, or with arguments for digits where these collapse.
OWN, DIGITS = "own", "digits"
# bed -> the configurations that are played on it
BEDS = {"ring": tuple(CONFIGURATIONS), "grid": ("RC1",), "swiss_roll": ("RC1",), STACKED: (OWN, DIGITS)}
UNLABELED = ("swiss_roll", STACKED)
SAMPLES, STACKED_SAMPLES = 2500, 25_600
KEPT, STACKED_KEPT = 500, 16  # samples of each cell that are kept for the figures
STACKED_BATCH = 64
RATE = "learning_rate"
# Configuration -> variant -> its arguments, and the learning rates of its default optimizers where they are others; a width
# of 32 where nothing is said. At 32, WGAN-GP and BEGAN have twice the parameters of DCGAN, R3GAN five times as many, and the
# dearest rounds; a plain GAN's width is that of dense layers.
STACKED_ARGUMENTS: dict[str, dict[str, dict[str, Any]]] = {
    OWN: {"gan": {"width": 256}, "wgan_gp": {"width": 16}, "began": {"width": 16}, "r3gan": {"width": 8}},
    DIGITS: {
        "bayesian_gan": {"discriminator_norm": None, "r1_gamma": 1.0},
        "r3gan": {"width": 16, "base_size": 7, "gamma": 1.0, "ema_half_life": 20_000, RATE: 5e-4},
        "sagan": {"base_size": 7, "output_activation": None},
        "stylegan2": {"width": 16, "gamma": 1.0, RATE: {"generator": 2e-4}},
    },
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    bed: str
    configuration: str
    variant: str
    seed: int
    rounds: int
    batch_size: int
    backend: str

    def path(self, folder: Path) -> Path:
        return folder / f"{self.bed}_{self.configuration}_{self.variant}_seed{self.seed}_{self.backend}.json"

    @property
    def title(self) -> str:
        return f"{self.variant} on {self.bed}, {self.configuration}, seed {self.seed}, {self.backend}"


def testbeds(
    beds: Annotated[str, typer.Option(help=f"Any of {', '.join(BEDS)}, with commas between.")] = ",".join(BEDS),
    configurations: Annotated[str, typer.Option(help="With commas between; by default all that a bed has.")] = "",
    variants: Annotated[str, typer.Option(help="With commas between; by default all.")] = "",
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    backends: Annotated[str, typer.Option(help=f"Any of {', '.join(BACKENDS)}, with commas between.")] = BACKENDS[0],
    rounds: Annotated[int, typer.Option(min=1, help="On points.")] = 4000,
    batch_size: Annotated[int, typer.Option(min=2, help="On points: samples in a gradient step.")] = 256,
    stacked_rounds: Annotated[int, typer.Option(min=1, help="On stacked MNIST, of 64 images a gradient step.")] = 10_000,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Trains variants on data whose modes are known, and counts what they cover."""
    names, wanted = variants_of(variants), chosen("--beds", beds, BEDS)
    configured = chosen("--configurations", configurations, [*CONFIGURATIONS, *BEDS[STACKED]])
    cells = [
        Cell(bed, configuration, name, seed, *length, backend)
        for backend in chosen("--backends", backends, BACKENDS)
        for bed in wanted
        for configuration in BEDS[bed]
        if configuration in (configured or BEDS[bed])
        for length in [(stacked_rounds, STACKED_BATCH) if bed == STACKED else (rounds, batch_size)]
        for seed in seeds_of(seeds)
        for name in names
        if plays(bed, configuration, name)
    ]
    if not cells:
        possible = "; ".join(f"{bed}: {', '.join(BEDS[bed])}" for bed in wanted)
        raise ValueError(
            f"Nothing is left to play. Fix: a seed, a backend, a configuration that the bed has ({possible}), and on "
            f"{', '.join(UNLABELED)} a variant that trains without labels."
        )
    failed = run(cells, folder, Console())
    raise typer.Exit(1 if failed else 0)


def plays(bed: str, configuration: str, variant: str) -> bool:
    """Whether a variant can play: it starts from noise, as games of images do, and has no need of labels that there are not.

    One that trains on labels needs modes to label, and not 1,000 that it would be told of. `digits` is for some.
    """
    from keras_gan_zoo.models import variant_class

    cls = variant_class(variant)
    told = configuration != DIGITS or variant in STACKED_ARGUMENTS[DIGITS]
    return told and makes_images(cls) and not (bed in UNLABELED and trains_on_labels(cls))


def run(cells: Sequence[Cell], folder: Path, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; those that failed."""

    def work(cell):
        fields = dataclasses.asdict(cell)
        found = attempt(cell.backend, functools.partial(measured, cell), "benchmarks.testbeds", fields)
        # A table has room for one line.
        return {"error": found["error"].splitlines()[0]} if "error" in found else found

    return run_stored(cells, folder, work, lambda found: found["coverage"], console)


def measured(cell: Cell) -> dict[str, Any]:
    """Trains and judges one cell on the backend of this process."""
    import keras

    from keras_gan_zoo.provenance import device, versions

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    found = stacked_cell(cell) if cell.bed == STACKED else point_cell(cell)
    return {**found, "versions": versions(), "device": device()}


# Points --------------------------------------------------------------------------------------------------------------------


def point_cell(cell: Cell) -> dict[str, Any]:
    """A variant in its configuration on a distribution of points."""
    bed = POINT_BEDS[cell.bed]()
    num_modes = len(bed.means) if isinstance(bed, GaussianMixture) else 0
    gan = points_gan(cell.configuration, cell.variant, cell.seed, num_modes)
    train(gan, cell, bed.sample)
    samples = generated(gan, SAMPLES)
    settings = {"distribution": bed.name, "n": len(samples), "parameters": gan.count_params()}
    kept = np.round(samples[:KEPT].astype("float64"), 3).tolist()
    return {"settings": settings, "coverage": coverage(bed, samples), "samples": kept}


def generated(gan: Any, n: int) -> np.ndarray:
    """n samples of the trained generator, outside of [-1, 1] too; classes in turn where it takes labels."""
    classes = {name: np.arange(n) % gan.inputs()[name].classes for name in gan.in_order(1)}
    return gan.generate(n, seed=0, batch_size=n, **classes).reshape(n, -1)


def coverage(bed: GaussianMixture | SwissRoll, samples: np.ndarray) -> dict[str, float]:
    """What the samples cover, in plain values; infinite divergences as None."""
    if isinstance(bed, SwissRoll):
        curve = bed.curve((np.arange(2000) + 0.5) / 2000)
        found = modes.curve_coverage(samples, curve, bed.sigma)
        return {**found._asdict(), "sliced_wasserstein": distance(bed, samples)}
    found = modes.mode_coverage(samples, bed.means, bed.sigma)
    return {key: None if value == float("inf") else value for key, value in found._asdict().items()}


def distance(bed: SwissRoll, samples: np.ndarray) -> float:
    """Sliced Wasserstein distance, over 128 directions, of samples to as many true points."""
    points, _ = bed.sample(len(samples), 0)
    return over_directions(samples, points, 128, np.random.default_rng(0))


# Stacked MNIST -------------------------------------------------------------------------------------------------------------


def stacked_cell(cell: Cell) -> dict[str, Any]:
    """A variant with its own networks on triples of digits."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.machine import fastest_dtype
    from keras_gan_zoo.metrics.classifier import Classifier
    from keras_gan_zoo.models import variant_class

    cls = variant_class(cell.variant)
    digits = load_images("mnist", split="train", labels=True)
    dtype = fastest_dtype()[0]
    told = {"width": 32, **STACKED_ARGUMENTS[cell.configuration].get(cell.variant, {})}
    arguments = {key: value for key, value in told.items() if key != RATE}
    gan = cls((28, 28, 3), **arguments, dtype=dtype, seed=cell.seed)
    gan.compile(**optimizers_at(gan, told.get(RATE)))
    train(gan, cell, lambda n, rng: stacked_mnist(digits.images, digits.labels, n, rng))
    images = gan.generate(STACKED_SAMPLES, seed=0, dtype="uint8")
    judge = Classifier("mnist")
    seen = [judge.probabilities(images[..., c : c + 1]).argmax(axis=1) for c in range(3)]
    found = modes.class_coverage(seen[0] * 100 + seen[1] * 10 + seen[2], 1000)
    settings = {
        "distribution": STACKED,
        "arguments": told,
        "n": len(images),
        "dtype": dtype,
        "classifier_sha256": judge.sha256,
        "parameters": gan.count_params(),
    }
    return {"settings": settings, "coverage": found._asdict(), "samples": picture(images[:STACKED_KEPT])}


def optimizers_at(gan: Any, rates: dict[str, float] | float | None) -> dict[str, Any]:
    """Arguments of `compile`: the variant's default optimizers at other learning rates; none where there are none.

    Args:
        gan: the model.
        rates: one learning rate for all players, or those of some players by their names; the others keep theirs.
    """
    made = {} if rates is None else gan.default_optimizers()
    if not isinstance(rates, dict):
        rates = dict.fromkeys(made, rates)
    for name, rate in rates.items():
        made[name].learning_rate = rate
    return {f"{name}_optimizer": optimizer for name, optimizer in made.items()}


def picture(images: np.ndarray, columns: int | None = None) -> str:
    """A grid of images as a PNG file, in base64."""
    from keras_gan_zoo.callbacks.files import grid

    buffer = io.BytesIO()
    grid(images, 1, columns).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def opened(picture: str) -> Any:
    """What `picture` made, as an image of Pillow."""
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(picture)))


def train(gan: Any, cell: Cell, sample: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]) -> None:
    """Plays the rounds of a cell, each on fresh samples; an error where a loss is not finite at the end."""
    rng = np.random.default_rng(cell.seed)
    n = cell.batch_size * gan.minibatches_per_round
    for _ in range(cell.rounds):
        batch = dict(zip((gan.sample, "labels"), sample(n, rng), strict=True))
        logs = gan.train_on_batch({name: batch[name] for name in gan.fields()}, return_dict=True)
    if bad := [name for name, value in logs.items() if not np.isfinite(float(value))]:
        raise ValueError(
            f"Losses must be finite. Received: {', '.join(bad)} not finite after {cell.rounds} rounds: it has diverged."
        )


if __name__ == "__main__":
    print(json.dumps(measured(Cell(**json.loads(sys.argv[1])))))
