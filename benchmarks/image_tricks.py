"""Tricks of training that are of images, each on and off: the guide `docs/which_gan.md` is built on it.

    python -m benchmarks image-tricks
    python -m benchmarks image-tricks --tricks few,few_diff_augment --seeds 0

Protocol: `DCGAN` of width 16 and a smallest map of 4 on the 60,000 training images of MNIST, or on 100 of them, the same for
all seeds; 4,000 rounds of 64 images; Adam 1e-3 with betas (0.5, 0.99). FID of 10,000 generated and the 10,000 test images in
the features of the classifier of digits, with precision, which falls with their quality, and recall, which falls with their
variety. A trick is one change. A cell is a trick and a seed.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.cells import chosen, here, run_stored, seeds_of
from benchmarks.figures import rows_of_samples
from benchmarks.markdown import made_on, markdown_table, spread
from benchmarks.processes import ROOT
from benchmarks.testbeds import opened, picture, train
from benchmarks.tricks import Cell, cells_of
from keras_gan_zoo.files import whole_file

FOLDER = ROOT / "benchmarks" / "results" / "image_tricks"
PICTURE = "image_tricks.png"
DATA, ALL, FEW, ROUNDS, BATCH = "mnist", 60_000, 100, 4000, 64
IMAGE_SHAPE, WIDTH, BASE_SIZE = (28, 28, 1), 16, 4
MADE, KEPT = 10_000, 16  # images that are judged, and those of them that are shown
METRICS = {"fid": ("FID", ".2f"), "precision": ("precision", ".3f"), "recall": ("recall", ".3f")}


@dataclasses.dataclass(frozen=True)
class Trick:
    """A row of the table."""

    title: str  # what the guide calls it
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)  # of `DCGAN`
    beta_1: float = 0.5
    images: int = ALL  # that there are to learn from
    networks: Callable[[], dict[str, Any]] = dict  # those that it has in place of its own
    mixes: bool = False  # whether real and generated images are in one batch


def _pooled(kind):
    """A discriminator as DCGAN's, whose convolutions have stride 1 and a pooling after each."""
    import keras
    from keras import layers

    from keras_gan_zoo.layers import BatchNorm

    inputs = x = keras.Input(IMAGE_SHAPE)
    for i in range(3):
        x = layers.Conv2D(WIDTH * 2**i, 4, padding="same", use_bias=not i, kernel_initializer=_normal())(x)
        x = getattr(layers, kind)(2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(BatchNorm()(x) if i else x)
    score = layers.Dense(1, kernel_initializer=_normal(), dtype="float32")
    return {"discriminator": keras.Model(inputs, score(layers.Flatten()(x)))}


def _normal():
    import keras

    return keras.initializers.RandomNormal(stddev=0.02)


TRICKS = {
    "plain": Trick("none: `DCGAN`"),
    "no_tanh": Trick("no tanh at the end of G", {"output_activation": None}),
    "layer_norm": Trick("layer norm in D, not batch norm", {"discriminator_norm": "layer"}),
    "spectral_norm": Trick("spectral norm in D, not batch norm", {"discriminator_norm": "spectral"}),
    "one_batch": Trick("real and generated images in one batch of D", mixes=True),
    "max_pooling": Trick("max pooling in D, not strides", networks=lambda: _pooled("MaxPooling2D")),
    "average_pooling": Trick("average pooling in D, not strides", networks=lambda: _pooled("AveragePooling2D")),
    "momentum": Trick("Adam with a `beta_1` of 0.9", beta_1=0.9),
    "replay": Trick("replay of 64 past images", {"replay_size": 64}),
    "long_replay": Trick("replay of 3,200 past images", {"replay_size": 3200}),
    "long_replay_layer_norm": Trick(
        "the same, and layer norm in D, not batch norm", {"replay_size": 3200, "discriminator_norm": "layer"}
    ),
    "averaging": Trick("an average of G, half-life 20,000", {"ema_half_life": 20_000}),
    "few": Trick("none: `DCGAN`", images=FEW),
    "few_diff_augment": Trick(
        "DiffAugment: `color,translation,cutout`", {"augment": "color,translation,cutout"}, images=FEW
    ),
    "few_ada": Trick(
        "ADA of `translation,scale,rotation`", {"augment": "translation,scale,rotation", "ada_target": 0.6}, images=FEW
    ),
    "few_consistency": Trick("consistency regularization, 10", {"consistency_weight": 10.0}, images=FEW),
    "few_both_consistency": Trick(
        "balanced consistency regularization, 10", {"consistency_weight": 10.0, "fake_consistency_weight": 10.0}, images=FEW
    ),
    "few_spectral_norm": Trick("spectral norm in D, not batch norm", {"discriminator_norm": "spectral"}, images=FEW),
    "few_r1": Trick("R1, weight 1, not batch norm", {"discriminator_norm": None, "r1_gamma": 1.0}, images=FEW),
}


def image_tricks(
    tricks: Annotated[str, typer.Option(help=f"Any of {', '.join(TRICKS)}, with commas between.")] = ",".join(TRICKS),
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Switches tricks of training that are of images on and off."""
    names = chosen("--tricks", tricks, TRICKS)
    cells = [Cell(name, seed, ROUNDS, BATCH) for seed in seeds_of(seeds) for name in names]
    raise typer.Exit(1 if run(cells, folder, Console()) else 0)


def run(cells: Sequence[Cell], folder: Path, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; those that failed."""
    return run_stored(cells, folder, here(measured), lambda found: found["metrics"], console)


def measured(cell: Cell) -> dict[str, Any]:
    """Trains and judges one cell."""
    import keras
    import numpy as np

    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.evaluation import SPLIT, reference_of
    from keras_gan_zoo.machine import fastest_dtype
    from keras_gan_zoo.metrics import evaluate, feature_extractor
    from keras_gan_zoo.metrics.protocol import Protocol

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    dtype = fastest_dtype()[0]
    gan, data = built(cell, dtype), load_images(DATA, split="train", labels=True)
    # The same ones for all seeds, so that what differs is the training.
    few = np.random.default_rng(0).permutation(len(data.images))[: TRICKS[cell.trick].images]

    def sample(n, rng):
        chosen = few[rng.integers(len(few), size=n)]
        return data.images[chosen], data.labels[chosen]

    train(gan, cell, sample)
    made, judge = gan.generate(MADE, seed=0, dtype="uint8"), feature_extractor(DATA)
    real = reference_of(DATA, SPLIT, Protocol.of(tuple(METRICS), extractor=judge))
    found = evaluate(made, real, metrics=tuple(METRICS), extractor=judge)
    return {
        "settings": {"images": len(few), "dtype": dtype, "extractor": judge.sha256},
        "metrics": {name: found[name].value for name in METRICS},
        "samples": picture(made[:KEPT], columns=KEPT),
    }


def built(cell: Cell, dtype: str | None = None) -> Any:
    """The compiled model of a cell."""
    import keras

    from keras_gan_zoo.building import precision
    from keras_gan_zoo.models import DCGAN

    class InOneBatch(DCGAN):
        def may_mix_samples(self, by: str = "discriminator") -> bool:
            return False

    trick = TRICKS[cell.trick]
    cls = InOneBatch if trick.mixes else DCGAN
    arguments = {"width": WIDTH, "base_size": BASE_SIZE, "seed": cell.seed, "dtype": dtype, **trick.arguments}
    with precision(dtype):
        gan = cls(IMAGE_SHAPE, **arguments, **trick.networks())
    adam = {"learning_rate": 1e-3, "beta_1": trick.beta_1, "beta_2": 0.99}
    gan.compile(**{f"{name}_optimizer": keras.optimizers.Adam(**adam) for name in gan.optimizer_names})
    return gan


# Tables and pictures -------------------------------------------------------------------------------------------------------


def image_tricks_table(folder: Path = FOLDER) -> str:
    """Markdown: what each trick leads to."""
    found = cells_of(folder, TRICKS)
    if not found:
        return "They were not run yet; `python -m benchmarks image-tricks` does it."
    sentence = (
        f"{ROUNDS:,} rounds of {BATCH} images, {MADE:,} generated images against the 10,000 test images, "
        f"{made_on(cell for cells in found.values() for cell in cells)}; median and range over the seeds."
    )
    rows = [
        [
            TRICKS[name].title,
            f"{TRICKS[name].images:,}",
            ", ".join(str(cell["cell"]["seed"]) for cell in cells),
            *(spread([cell["metrics"][key] for cell in cells], form) for key, (_, form) in METRICS.items()),
        ]
        for name, cells in found.items()
    ]
    table = markdown_table(["trick", "training images", "seeds", *(title for title, _ in METRICS.values())], rows)
    return "\n\n".join([sentence, table, f"![Samples of seed 0 by trick]({PICTURE})"])


def image_tricks_picture(folder: Path = FOLDER) -> Any:
    """Samples of seed 0, a row for each trick beside its name; None where nothing was measured."""
    rows = []
    for name, cells in cells_of(folder, TRICKS).items():
        trick = TRICKS[name]
        rows.append((f"{trick.images:,}: {trick.title.replace('`', '')}", opened(cells[0]["samples"])))
    return rows_of_samples(rows, left=330)


def write_image_tricks_picture(folder: Path) -> None:
    """Writes the picture of the guide that lies in a folder."""
    if (made := image_tricks_picture()) is not None:
        with whole_file(folder / PICTURE) as partial:
            made.save(partial, format="PNG")
