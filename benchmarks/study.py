"""The large-scale study of losses (Lucic et al., 2017, https://arxiv.org/abs/1711.10337): equal networks, held up by FID.

    python -m benchmarks study                               MNIST, seeds 0, 1 and 2
    python -m benchmarks study --data fashion_mnist --seeds 0
    python -m benchmarks study --weights inception.npz       also the FID of the Inception network, of the final generator

A cell is a data set, a loss, a setting and a seed. Both settings of each loss are tried with seed 0, and the further seeds
take the better one. Seeds come outermost, so the table is whole after each of them. The final generator lies beside its
cell, which git ignores: the FID of the Inception network, which on a CPU takes longer than a training, can be measured
afterwards.

Protocol: generator and discriminator of DCGAN at width 16 for all but BEGAN, the same batch and the same number of generator
steps; what differs is the loss, its critic steps, and two settings that are tried, of the optimizers and, as in the study,
of the norm in the discriminator. FID is of 10,000 generated and the 10,000 test images, at ten points of the
training, in the features of the data set's classifier. Time counts the training alone; on a CPU it is that of all cores
together, which other work on the machine does not change.
"""

import copy
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.cells import chosen, here, read_cell, read_cells, run_stored, seeds_of
from benchmarks.processes import ROOT
from benchmarks.testbeds import picture
from keras_gan_zoo.metrics.features import CLASSIFIERS

FOLDER = ROOT / "benchmarks" / "results" / "study"
IMAGE_SHAPE, LATENT_DIM, WIDTH, BASE_SIZE = (28, 28, 1), 64, 16, 4
POINTS, IMAGES, KEPT = 10, 10_000, 32
ROUNDS = 5000


def falling(learning_rate: float) -> dict[str, Any]:
    """A learning rate that falls linearly to 0 over the rounds of the study, as Keras's configuration."""
    config = {"initial_learning_rate": learning_rate, "decay_steps": ROUNDS, "end_learning_rate": 0.0}
    return {"module": "keras.optimizers.schedules", "class_name": "PolynomialDecay", "config": config}


def adam(learning_rate: float | dict[str, Any], beta_1: float = 0.5, beta_2: float = 0.999) -> dict[str, Any]:
    """A Keras optimizer as its configuration."""
    config = {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2}
    return {"class_name": "Adam", "config": config}


def rmsprop(learning_rate: float) -> dict[str, Any]:
    return {"class_name": "RMSprop", "config": {"learning_rate": learning_rate, "rho": 0.99, "epsilon": 1e-8}}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is tried of a loss."""

    optimizer: dict[str, Any]  # of both players
    norm: str | None = None  # of the discriminator, one of those of `dcgan_discriminator`
    generator: dict[str, Any] | None = None  # optimizer of the generator, where it has another one


@dataclasses.dataclass(frozen=True)
class Loss:
    """A row of the table."""

    title: str  # what the study calls it
    variant: str
    settings: tuple[Setting, ...]  # those that are tried
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the variant
    has_own_networks: bool = False  # in place of those that all others have


# The penalties are of one image each, which batch norm would mix.
_FAST = adam(1e-3, 0.5, 0.99)
_WITH_OR_WITHOUT_NORM = (Setting(_FAST, "batch"), Setting(_FAST))
_PENALIZED = (Setting(_FAST), Setting(adam(1e-3, 0.0, 0.9)))
LOSSES = {
    "minimax": Loss("minimax GAN", "gan", _WITH_OR_WITHOUT_NORM, {"saturating": True}),
    "non_saturating": Loss("non-saturating GAN", "gan", _WITH_OR_WITHOUT_NORM),
    "lsgan": Loss("LSGAN", "lsgan", _WITH_OR_WITHOUT_NORM),
    "wgan": Loss("WGAN", "wgan", (Setting(rmsprop(5e-4), "batch"), Setting(rmsprop(5e-4)))),
    "wgan_gp": Loss("WGAN-GP", "wgan_gp", _PENALIZED, {"n_critic": 5}),
    "dragan": Loss("DRAGAN", "dragan", _PENALIZED),
    "began": Loss(
        "BEGAN",
        "began",
        # A generator at D's own rate made nothing but ones, with gamma 0.7 and 0.01 as balance_rate. At a constant rate it
        # may break down late; the paper lowers the rate too.
        (Setting(adam(2e-4), generator=adam(2e-3)), Setting(adam(falling(2e-4)), generator=adam(falling(2e-3)))),
        {"gamma": 1.0, "balance_rate": 1.0},
        has_own_networks=True,
    ),
    # Those that the study did not have.
    "hinge": Loss(
        "hinge, spectral norm",
        "sngan",
        (Setting(_FAST, "spectral"), Setting(adam(1e-3, 0.0, 0.9), "spectral")),
        {"n_critic": 1},
    ),
    "ragan": Loss("RaGAN", "relativistic_gan", _WITH_OR_WITHOUT_NORM),
    "r3gan": Loss("R3GAN's loss", "r3gan", _PENALIZED, {"gamma": 1.0}),
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    data: str
    loss: str
    setting: int
    seed: int
    rounds: int
    batch_size: int

    def path(self, folder: Path) -> Path:
        return folder / f"{self.data}_{self.loss}_setting{self.setting}_seed{self.seed}.json"

    def generator_path(self, folder: Path) -> Path:
        return self.path(folder).with_suffix(".weights.h5")

    @property
    def tried(self) -> Setting:
        """What its number of a setting stands for."""
        return LOSSES[self.loss].settings[self.setting]

    def is_held_by(self, found: dict[str, Any]) -> bool:
        """Whether a file's content was measured of this cell, in the setting that its number stands for now."""
        setting = {field.name: found.get("settings", {}).get(field.name) for field in dataclasses.fields(Setting)}
        same = (found.get("cell"), setting) == (dataclasses.asdict(self), dataclasses.asdict(self.tried))
        return same and "error" not in found

    @property
    def title(self) -> str:
        return f"{LOSSES[self.loss].title} on {self.data}, setting {self.setting}, seed {self.seed}"


def study(
    data: Annotated[str, typer.Option(help=f"Any of {', '.join(CLASSIFIERS)}, with commas between.")] = "mnist",
    losses: Annotated[str, typer.Option(help=f"Any of {', '.join(LOSSES)}, with commas between.")] = ",".join(LOSSES),
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    rounds: Annotated[int, typer.Option(min=POINTS, help="Generator steps.")] = ROUNDS,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in a gradient step.")] = 64,
    weights: Annotated[Path | None, typer.Option(help="Of the Inception network, for its FID at the end.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Trains the same networks by each loss, and holds their FID and its course against each other."""
    names, failed = chosen("--losses", losses, LOSSES), []
    for seed in seeds_of(seeds):
        for name in chosen("--data", data, CLASSIFIERS):
            cells = [
                Cell(name, loss, setting, seed, rounds, batch_size)
                for loss in names
                for setting in (range(len(LOSSES[loss].settings)) if seed == 0 else [best_setting(folder, name, loss)])
            ]
            failed += run(cells, folder, None, Console())
            if weights is not None:
                # Of the settings that the table shows alone, since it takes longer than a training.
                failed += run([cell for cell in cells if is_shown(cell, folder)], folder, weights, Console())
    raise typer.Exit(1 if failed else 0)


def is_shown(cell: Cell, folder: Path) -> bool:
    """Whether a cell was measured, and the table shows it."""
    found = read_cell(cell.path(folder))
    return cell.is_held_by(found) and best_setting(folder, cell.data, cell.loss) == cell.setting


def best_setting(folder: Path, data: str, loss: str) -> int:
    """The setting of a loss that has the lower FID with seed 0."""
    tried = [found for found in measured_cells(folder, data, loss) if found["cell"]["seed"] == 0]
    if not tried:
        raise ValueError(f"Seed 0 decides which setting of {loss!r} the others take; add it to --seeds.")
    return min(tried, key=lambda found: found["curve"][-1]["fid"])["cell"]["setting"]


def measured_cells(folder: Path, data: str, loss: str) -> list[dict[str, Any]]:
    """What was measured of a loss, in settings that are still tried, by settings and seeds."""
    return [cell for cell in read_cells(folder, f"{data}_{loss}_setting*.json") if Cell(**cell["cell"]).is_held_by(cell)]


def run(cells: Sequence[Cell], folder: Path, weights: Path | None, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; those that failed."""
    return run_stored(
        cells,
        folder,
        here(lambda cell: measured(cell, folder, weights)),
        lambda found: f"FID {found['curve'][-1]['fid']:.2f} in the features of the classifier",
        console,
        lambda cell, found: not cell.is_held_by(found) or (weights is not None and "fid" not in found),
    )


def built(cell: Cell, dtype: str) -> Any:
    """The compiled model of a cell."""
    import keras

    from keras_gan_zoo.building import precision
    from keras_gan_zoo.models import variant_class
    from keras_gan_zoo.networks import dcgan_discriminator, dcgan_generator

    loss = LOSSES[cell.loss]
    arguments = {**loss.arguments, "seed": cell.seed, "dtype": dtype}
    with precision(dtype):
        if loss.has_own_networks:
            arguments["width"] = WIDTH
        else:
            sizes = {"width": WIDTH, "base_size": BASE_SIZE}
            arguments["generator"] = dcgan_generator(IMAGE_SHAPE, LATENT_DIM, **sizes)
            arguments["discriminator"] = dcgan_discriminator(IMAGE_SHAPE, norm=cell.tried.norm, **sizes)
        gan = variant_class(loss.variant)(IMAGE_SHAPE, LATENT_DIM, **arguments)
    # Keras writes into the configurations that it reads.
    own = {"generator": cell.tried.generator or cell.tried.optimizer}
    configs = {name: copy.deepcopy(own.get(name, cell.tried.optimizer)) for name in gan.optimizer_names}
    gan.compile(**{f"{name}_optimizer": keras.optimizers.get(config) for name, config in configs.items()})
    return gan


def training_clock() -> Callable[[], float]:
    """What counts the seconds of a training: those of all cores together, or of the clock if an accelerator trains."""
    from keras_gan_zoo.backend import accelerator

    return time.monotonic if accelerator() else time.process_time


def measured(cell: Cell, folder: Path, weights: Path | None) -> dict[str, Any]:
    """Trains one cell, unless its generator is there; and measures that by the Inception network, if it has its weights."""
    found = read_cell(cell.path(folder))
    if not (cell.is_held_by(found) and cell.generator_path(folder).is_file()):
        found = trained(cell, folder)
    return found if weights is None else {**found, "fid": inception_fid(cell, folder, found["settings"]["dtype"], weights)}


def trained(cell: Cell, folder: Path) -> dict[str, Any]:
    """Trains one cell, measures it on the way, and writes its generator."""
    import keras

    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.files import whole_file
    from keras_gan_zoo.machine import fastest_dtype
    from keras_gan_zoo.metrics import evaluate, feature_extractor

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    dtype = fastest_dtype()[0]
    gan = built(cell, dtype)
    images = load_images(cell.data, split="train").images
    steps, judge = cell.rounds // POINTS, feature_extractor(cell.data)
    real = seen_test_images(cell.data, judge)
    clock, seconds, curve = training_clock(), 0.0, []
    for point in range(POINTS):
        start = clock()
        epochs = {"initial_epoch": point, "epochs": point + 1, "steps_per_epoch": steps}
        gan.fit(images, batch_size=cell.batch_size, **epochs, seed=cell.seed, verbose=0)
        seconds += clock() - start
        if not all(np.isfinite(weight).all() for weight in gan.generator.get_weights()):
            raise ValueError(f"a weight is not finite after {(point + 1) * steps} rounds: it has diverged.")
        fakes = gan.generate(IMAGES, seed=0, dtype="uint8")
        fid = evaluate(fakes, real, metrics=("fid",), extractor=judge)["fid"].value
        curve.append({"rounds": (point + 1) * steps, "seconds": round(seconds, 2), "fid": fid})
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(cell.generator_path(folder)) as partial:
        gan.generator.save_weights(partial)
    return {
        "settings": {
            **dataclasses.asdict(cell.tried),
            "dtype": dtype,
            "images_seen": POINTS * steps * cell.batch_size * gan.minibatches_per_round,
            "parameters": gan.generator.count_params(),
            "extractor": judge.sha256,
        },
        "curve": curve,
        "samples": picture(fakes[:KEPT], columns=KEPT // 2),
    }


def inception_fid(cell: Cell, folder: Path, dtype: str, weights: Path) -> dict[str, Any]:
    """The record of the FID of a cell's final generator in the features of the Inception network."""
    from keras_gan_zoo.metrics import evaluate, feature_extractor

    gan, inception = built(cell, dtype), feature_extractor("inception", weights=str(weights))
    gan.generator.load_weights(cell.generator_path(folder))
    fakes, real = gan.generate(IMAGES, seed=0, dtype="uint8"), seen_test_images(cell.data, inception)
    return evaluate(fakes, real, metrics=("fid",), extractor=inception, seed=0)["fid"].to_dict()


def seen_test_images(data: str, extractor: Any) -> Any:
    """What an extractor sees in the 10,000 test images of a data set; shipped, or computed once on a machine."""
    from keras_gan_zoo.evaluation import SPLIT, reference_of
    from keras_gan_zoo.metrics.protocol import Protocol

    return reference_of(data, SPLIT, Protocol.of(("fid",), extractor=extractor))
