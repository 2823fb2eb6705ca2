"""Each digit as the anomaly, told by models that have seen the other nine alone.

    python -m benchmarks left-out
    python -m benchmarks left-out --digits 1,8

A cell is a digit. `python -m benchmarks anomalies f_ano_gan_mnist` takes all ten into the record that the card shows.

Protocol: the recipes of `wgan_gp_pair_mnist` and `f_ano_gan_mnist`, with fewer rounds, on training images of nine digits.
The autoencoder is the encoder of f-AnoGAN before the generator of WGAN-GP, fresh ones, which Adam trains together on the
mean squared error for as many batches as the encoder. AnoGAN searches the latents of the same WGAN-GP, with its critic's
features. All three score the first test images of the tenth digit, and as many of the other nine; AUC is the area under the
ROC curve of the scores, 0.5 by chance.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from scipy.stats import mannwhitneyu

from benchmarks import kinds
from benchmarks.cells import here, read_cell, run_stored, seeds_of
from benchmarks.processes import ROOT

FOLDER = ROOT / "benchmarks" / "results" / "left_out"
PAIR, ENCODER = "wgan_gp_pair_mnist", "f_ano_gan_mnist"
# Method -> what is said of it.
OTHERS = {"ano_gan": "by AnoGAN's search", "autoencoder": "by an autoencoder"}
METHODS = {"f_ano_gan": "by f-AnoGAN", **OTHERS}
DIGITS = 10


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    digit: int
    rounds: int
    encoder_rounds: int
    steps: int
    n: int
    seed: int = 0

    def path(self, folder: Path) -> Path:
        return folder / f"digit{self.digit}.json"

    @property
    def title(self) -> str:
        return f"without {self.digit}"


def left_out(
    digits: Annotated[str, typer.Option(help="With commas between.")] = ",".join(map(str, range(DIGITS))),
    rounds: Annotated[int, typer.Option(min=1, help="Of WGAN-GP.")] = 3000,
    encoder_rounds: Annotated[int, typer.Option(min=1, help="Of f-AnoGAN's encoder, and of the autoencoder.")] = 3000,
    steps: Annotated[int, typer.Option(min=1, help="Of AnoGAN's search.")] = 200,
    n: Annotated[int, typer.Option("-n", min=2, help="Test images of the digit, and of the others.")] = 500,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Tells each digit from the others by models that never saw it."""
    chosen = seeds_of(digits)
    if not chosen or max(chosen) >= DIGITS:
        raise ValueError(f"--digits must be of 0 to {DIGITS - 1}. Received: {digits!r}.")
    cells = [Cell(digit, rounds, encoder_rounds, steps, n) for digit in chosen]

    def tell(found):
        return ", ".join(f"{found['auc'][method]:.3f} {title}" for method, title in METHODS.items())

    def lacks(cell, found):
        return found.get("settings") != settings()

    raise typer.Exit(1 if run_stored(cells, folder, here(measured), tell, Console(), lacks) else 0)


def settings() -> dict[str, str]:
    """The digests of the recipes behind a cell."""
    return {name: recipe_of(name).digest for name in (PAIR, ENCODER)}


def images_of(cell: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training images of nine digits; and test images of these, and of the tenth."""
    from keras_gan_zoo.data import load_images

    train, test = (load_images("mnist", split=split, labels=True) for split in ("train", "test"))
    own, strange = (test.images[(test.labels == cell.digit) == is_left_out][: cell.n] for is_left_out in (False, True))
    return train.images[train.labels != cell.digit], own, strange


def trained(gan: Any, name: str, images: np.ndarray, rounds: int, seed: int) -> Any:
    """A model after so many rounds of the recipe of a preset."""
    from keras_gan_zoo.building import compile_by

    recipe = recipe_of(name)
    compile_by(gan, recipe.model_copy(update={"training": recipe.training.model_copy(update={"rounds": rounds})}))
    size = recipe.training.batch_size
    gan.fit(images, batch_size=size, steps_per_epoch=rounds, epochs=1, seed=seed, verbose=0)
    return gan


def recipe_of(name: str) -> Any:
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.presets import find_preset

    return read_recipe(find_preset(name))


def fresh(name: str, seed: int, **networks: Any) -> Any:
    """A model of the recipe of a preset with weights of its own, or with networks of another one."""
    from keras_gan_zoo.building import precision
    from keras_gan_zoo.models import variant_class

    recipe = recipe_of(name)
    with precision(recipe.training.dtype):
        return variant_class(recipe.variant)(**{**recipe.model, **networks}, seed=seed)


def autoencoder(images: np.ndarray, rounds: int, seed: int) -> Any:
    """A function of images (n, ...) that gives the mean squared error of each after it went through a narrow code."""
    import keras

    from keras_gan_zoo.building import make_optimizer

    pair, recipe = fresh(PAIR, seed), recipe_of(ENCODER)
    # An encoder of another generator's, since f-AnoGAN freezes the one that it is given.
    encoder = fresh(ENCODER, seed, generator=None, discriminator=None).encoder
    model = keras.Sequential([encoder, pair.generator])
    model.compile(make_optimizer(recipe.optimizers["encoder"], rounds), "mse")
    field, size = pair.fields()["images"], recipe.training.batch_size
    scaled = np.asarray(field.preprocess(images))
    order = np.random.default_rng(seed)
    places = np.concatenate([order.permutation(len(images)) for _ in range(-(-rounds * size // len(images)))])
    model.fit(scaled[places[: rounds * size]], scaled[places[: rounds * size]], batch_size=size, shuffle=False, verbose=0)

    def scores(tested):
        tested = np.asarray(field.preprocess(tested))
        return np.square(tested - model.predict(tested, verbose=0)).mean(axis=(1, 2, 3))

    return scores


def measured(cell: Cell) -> dict[str, Any]:
    """Trains what a cell compares; the AUC of each."""
    import keras

    from keras_gan_zoo import anomaly_scores, invert

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    images, own, strange = images_of(cell)
    pair = trained(fresh(PAIR, cell.seed), PAIR, images, cell.rounds, cell.seed)
    networks = {"generator": pair.network("generator"), "discriminator": pair.discriminator}
    detector = trained(fresh(ENCODER, cell.seed, **networks), ENCODER, images, cell.encoder_rounds, cell.seed)
    scores = {
        "f_ano_gan": lambda tested: anomaly_scores(detector, tested),
        "ano_gan": lambda tested: invert(pair, tested, steps=cell.steps).scores,
        "autoencoder": autoencoder(images, cell.encoder_rounds, cell.seed),
    }
    found = {method: auc(score(own), score(strange)) for method, score in scores.items()}
    return {"settings": settings(), "auc": found}


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """The area under the ROC curve: the probability that one of `high` is above one of `low`, where ties count half."""
    return float(mannwhitneyu(high, low).statistic) / (len(low) * len(high))


def measures(folder: Path = FOLDER) -> list[kinds.Measure]:
    """The AUC of each digit and their mean, for a card; none unless all digits were measured alike."""
    found = [read_cell(folder / f"digit{digit}.json") for digit in range(DIGITS)]
    protocols = [({**cell.get("cell", {}), "digit": None}, cell.get("settings")) for cell in found]
    if any("auc" not in cell or protocol != protocols[0] for cell, protocol in zip(found, protocols, strict=True)):
        return []
    rows = {f"{digit} as the anomaly": cell["auc"] for digit, cell in enumerate(found)}
    rows["a digit as the anomaly, mean of ten"] = {
        method: np.mean([cell["auc"][method] for cell in found]) for method in METHODS
    }
    return [
        kinds.Measure(f"AUC of {of}", aucs["f_ano_gan"], {METHODS[method]: aucs[method] for method in OTHERS})
        for of, aucs in rows.items()
    ]
