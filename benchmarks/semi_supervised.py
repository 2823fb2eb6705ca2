"""Learning from few labels on MNIST: semi-supervised GANs beside what the same classifier learns without a game.

    python -m benchmarks semi-supervised
    python -m benchmarks semi-supervised --methods semi_supervised_gan,bad_gan --labels 100 --draws 0

A cell is a method, a number of labels and a draw of them. The first draw is of all numbers of labels, further ones of the
largest alone; draws come outermost, so the table is whole after each of them.

Protocol: the fully connected classifier of Salimans et al. (2016) for all methods, batches of as many labeled as unlabeled
images, the same number of steps, and the variants' optimizers, whose rates fall linearly to 0 in the last third; for the
games an average of the weights. Labels are as many of each class, drawn by the seed from the 60,000 training images, whose
other labels nobody sees. The error is of the 10,000 test images at the end of the training, whatever it was before. Time
counts the training alone.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.cells import chosen, here, read_cells, run_stored, seeds_of
from benchmarks.markdown import listed, made_on, markdown_table, spread
from benchmarks.processes import ROOT

FOLDER = ROOT / "benchmarks" / "results" / "semi_supervised"
POINTS, HALF_LIFE = 10, 50_000
# Method -> what the table calls it.
METHODS = {
    "supervised": "labels alone",
    "pseudo_labels": "pseudo-labels",
    "semi_supervised_gan": "`semi_supervised_gan` (feature matching)",
    "bad_gan": "`bad_gan` (entropy, pull-away term, and density)",
    "bad_gan_density": "`bad_gan` (density alone, as the paper on MNIST)",
}
# Those of them that are games -> variant, and its arguments.
GAMES = {
    "semi_supervised_gan": ("semi_supervised_gan", {}),
    "bad_gan": ("bad_gan", {"entropy_weight": 0.1, "pull_away_weight": 0.8}),
    "bad_gan_density": ("bad_gan", {}),
}
# Share of the training from which on, and up to which, the weight of pseudo-labels rises, and how high.
RISE, WEIGHT = (0.1, 0.6), 3.0


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    method: str
    labels: int
    draw: int
    rounds: int
    batch_size: int

    def path(self, folder: Path) -> Path:
        return folder / f"{self.method}_{self.labels}labels_draw{self.draw}.json"

    @property
    def title(self) -> str:
        return f"{self.method}, {self.labels} labels, draw {self.draw}"


def semi_supervised(
    methods: Annotated[str, typer.Option(help=f"Any of {', '.join(METHODS)}, with commas between.")] = ",".join(METHODS),
    labels: Annotated[str, typer.Option(help="Numbers of labels, multiples of 10, with commas between.")] = "20,50,100",
    draws: Annotated[str, typer.Option(help="Seeds of the labels, with commas between.")] = "0,1,2",
    rounds: Annotated[int, typer.Option(min=POINTS, help="Steps of the classifier.")] = 30_000,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in a step, half of them labeled.")] = 100,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Learns MNIST from few labels, by games and without."""
    names, counts = chosen("--methods", methods, METHODS), numbers_of_labels(labels)
    cells = [
        Cell(name, count, draw, rounds, batch_size)
        for position, draw in enumerate(seeds_of(draws))
        for count in (counts if position == 0 else [max(counts)])
        for name in names
    ]
    raise typer.Exit(1 if run(cells, folder, Console()) else 0)


def numbers_of_labels(text: str) -> list[int]:
    """The numbers of the option --labels."""
    counts = seeds_of(text)
    if wrong := [count for count in counts if count % 10 or not count]:
        raise ValueError(f"--labels must be multiples of 10, as many for each class. Received: {wrong[0]}.")
    return counts


def run(cells: Sequence[Cell], folder: Path, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; those that failed."""
    return run_stored(cells, folder, here(measured), lambda found: f"error {found['curve'][-1]['error']:.2%}", console)


def few_labels(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Labels of which `count` are kept, as many of each class, and the others are -1."""
    rng, classes = np.random.default_rng(seed), np.unique(labels)
    kept = [rng.permutation(np.flatnonzero(labels == k))[: count // len(classes)] for k in classes]
    return np.where(np.isin(np.arange(len(labels)), np.concatenate(kept)), labels, -1).astype("int32")


def measured(cell: Cell) -> dict[str, Any]:
    """Trains one cell, and measures it on the way."""
    import keras

    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.machine import fastest_dtype

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.draw)
    train, test = (load_images("mnist", split=split, labels=True) for split in ("train", "test"))
    dtype, steps = fastest_dtype()[0], cell.rounds // POINTS
    make = game if cell.method in GAMES else classifier
    train_to, classify = make(cell, train.images, few_labels(train.labels, cell.labels, cell.draw), steps, dtype)
    seconds, curve = 0.0, []
    for point in range(POINTS):
        start = time.monotonic()
        train_to(point + 1)
        seconds += time.monotonic() - start
        said = classify(test.images)
        if not np.isfinite(said).all():
            raise ValueError(f"an output is not finite after {(point + 1) * steps} rounds: it has diverged.")
        error = float((said.argmax(axis=1) != test.labels).mean())
        curve.append({"rounds": (point + 1) * steps, "seconds": round(seconds, 2), "error": error})
    settings = {"dtype": dtype, "half_life": HALF_LIFE if make is game else 0}
    return {"settings": settings, "curve": curve}


def falling(optimizer: Any, steps: int) -> Any:
    """The optimizer anew, with a rate that falls linearly to 0 in the last third of so many steps."""
    from keras_gan_zoo.schedules import LinearDecay

    rate = LinearDecay(float(optimizer.learning_rate), steps, start=2 * steps // 3)
    return type(optimizer).from_config({**optimizer.get_config(), "learning_rate": rate})


def game(cell: Cell, images: np.ndarray, labels: np.ndarray, steps: int, dtype: str) -> tuple[Callable, Callable]:
    """What trains a variant up to one of the points, and what classifies by it."""
    from keras_gan_zoo.models import variant_class

    variant, arguments = GAMES[cell.method]
    gan = variant_class(variant)(seed=cell.draw, dtype=dtype, ema_half_life=HALF_LIFE, **arguments)
    optimizers = gan.default_optimizers().items()
    gan.compile(**{f"{name}_optimizer": falling(optimizer, cell.rounds) for name, optimizer in optimizers})

    def train_to(point):
        options = {"initial_epoch": point - 1, "epochs": point, "steps_per_epoch": steps, "seed": cell.draw, "verbose": 0}
        gan.fit(images, labels, batch_size=cell.batch_size, **options)

    return train_to, gan.classify


def classifier(cell: Cell, images: np.ndarray, labels: np.ndarray, steps: int, dtype: str) -> tuple[Callable, Callable]:
    """The same for the classifier alone: on labels, or with its own guesses for the other images too.

    The weight of the guesses rises linearly (Lee, 2013: pseudo-label).
    """
    import keras
    from keras import ops

    from keras_gan_zoo.data import Stream
    from keras_gan_zoo.losses.semi_supervised import supervised_loss
    from keras_gan_zoo.models import variant_class

    gan = variant_class("semi_supervised_gan")(seed=cell.draw, dtype=dtype)
    gan.adapt({"images": images})
    network, fields = gan.discriminator, gan.fields()
    model = keras.Model(network.inputs, network.outputs[0])

    def loss(labels, logits, weight):
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        guesses = ops.cast(ops.argmax(ops.stop_gradient(logits), axis=-1), "int32")
        guessed = supervised_loss(logits, ops.where(labels < 0, guesses, -1))
        return supervised_loss(logits, labels) + weight * guessed

    def seen(batch):
        return np.asarray(batch, "float32") / 127.5 - 1.0

    optimizer = falling(gan.default_optimizers()["discriminator"], cell.rounds)
    sizes = {"batch_size": cell.batch_size, "seed": cell.draw}
    start, end = RISE

    def train_to(point):
        share = ((point - 1) / POINTS - start) / (end - start)
        weight = WEIGHT * min(max(share, 0.0), 1.0) if cell.method == "pseudo_labels" else 0.0
        # Compiled anew: JAX would keep the weight of the first point in what it has compiled, also that of a variable.
        model.compile(optimizer, functools.partial(loss, weight=weight))
        arrays = {"images": images, "labels": labels}
        batches = Stream(arrays, fields, length=steps, start=(point - 1) * steps, **sizes)
        pairs = ((seen(batch["images"]), batch["labels"]) for batch in batches)
        model.fit(pairs, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train_to, lambda test: model.predict(seen(test), batch_size=500, verbose=0)


# The table ----------------------------------------------------------------------------------------------------------------


def semi_supervised_table(folder: Path = FOLDER) -> str:
    """Markdown: a row for each method, a column for each number of labels."""
    found = [cell for cell in read_cells(folder) if "curve" in cell]
    if not found:
        return "It was not run yet; `python -m benchmarks semi-supervised` does it."
    counts = sorted({cell["cell"]["labels"] for cell in found})
    errors = {}
    for cell in found:
        errors.setdefault((cell["cell"]["method"], cell["cell"]["labels"]), []).append(cell["curve"][-1]["error"])

    def told(values):
        return f"{spread(values, '.2%')}, {len(values)} draw{'s' if len(values) > 1 else ''}" if values else ""

    rows = [[title, *(told(errors.get((method, count))) for count in counts)] for method, title in METHODS.items()]
    table = markdown_table(["method", *(f"{count} labels" for count in counts)], [row for row in rows if any(row[1:])])
    dtypes = listed({cell["settings"]["dtype"] for cell in found})
    lengths = listed({f"{cell['cell']['rounds']:,} steps of {cell['cell']['batch_size']} images" for cell in found})
    return (
        f"{table}\n\nTest error on MNIST after {lengths}, {dtypes}, {made_on(found)}; median and range over the draws "
        "of labels."
    )
