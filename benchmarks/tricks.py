"""Tricks of training, each on and off where the plain GAN collapses: what the guide `docs/which_gan.md` says is built on it.

    python -m benchmarks tricks
    python -m benchmarks tricks --tricks plain,instance_noise --seeds 0

Protocol: the ring of 8 Gaussians in the configuration RC1 (`benchmarks.configurations`); 4,000 rounds, each gradient step on
256 fresh samples; 2,500 samples are judged. A trick is one change to the plain GAN or to its networks, or another game with
them; the last ones are changes to WGAN-GP, which covers the modes and is not sharp yet. A cell is a trick and a seed.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.cells import chosen, here, read_cells, run_stored, seeds_of
from benchmarks.configurations import CONFIGURATIONS, points_gan
from benchmarks.markdown import made_on
from benchmarks.processes import ROOT
from benchmarks.testbed_tables import coverage_table, scatter
from benchmarks.testbeds import KEPT, POINT_BEDS, SAMPLES, coverage, generated, train
from keras_gan_zoo.files import whole_file

FOLDER = ROOT / "benchmarks" / "results" / "tricks"
PICTURE = "tricks.png"
BED, CONFIGURATION, ROUNDS, BATCH = "ring", "RC1", 4000, 256
IMAGES = ROUNDS * BATCH  # that a training sees


def _adam(rate, *betas):
    import keras

    beta_1, beta_2 = betas or (0.5, 0.999)
    return keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2)


def _sgd():
    import keras

    return keras.optimizers.SGD(1e-3, momentum=0.9)


def _falling(steps, *betas):
    from keras_gan_zoo.schedules import LinearDecay

    return _adam(LinearDecay(1e-3, steps, steps // 2), *betas)


def _both(optimizer, *arguments):
    """Optimizers of both players."""
    return optimizer(*arguments), optimizer(*arguments)


def _weight_normalized(units, **arguments):
    from keras_gan_zoo.layers.weight_norm import WNDense

    return WNDense(units, train_scale=True, **arguments)


@dataclasses.dataclass(frozen=True)
class Trick:
    """A row of the table."""

    title: str  # what the guide calls it
    variant: str = "gan"
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the variant
    networks: dict[str, Any] = dataclasses.field(default_factory=dict)  # what they have in place of the configuration's
    # Rounds -> those of the discriminator and the generator; None for those of the configuration.
    optimizers: Callable[[int], tuple[Any, Any]] | None = None
    rounds: int = 1  # as many times those of the others


TRICKS = {
    "plain": Trick("none: the plain GAN"),
    "sgd": Trick("SGD, not Adam, for both", optimizers=lambda rounds: _both(_sgd)),
    "sgd_for_d": Trick("SGD for D, Adam for G", optimizers=lambda rounds: (_sgd(), _adam(1e-3))),
    "slow": Trick("Adam at a fifth of the rate", optimizers=lambda rounds: _both(_adam, 2e-4)),
    "momentum": Trick("Adam with a `beta_1` of 0.9", optimizers=lambda rounds: _both(_adam, 1e-3, 0.9, 0.999)),
    "no_momentum": Trick("Adam with betas of 0 and 0.99", optimizers=lambda rounds: _both(_adam, 1e-3, 0.0, 0.99)),
    "two_rates": Trick("D at four times G's rate", optimizers=lambda rounds: (_adam(1e-3), _adam(2.5e-4))),
    "falling_rates": Trick("rates that fall to 0", optimizers=lambda rounds: _both(_falling, rounds)),
    "critic_steps": Trick("five steps of D a round", arguments={"n_critic": 5}),
    "simultaneous": Trick("both players at once", arguments={"simultaneous": True}),
    "saturating": Trick("the saturating loss for G", arguments={"saturating": True}),
    "tanh": Trick("a tanh at the end of G, times 2.5", networks={"bound": 2.5}),
    "relu": Trick("ReLU, not leaky ReLU", networks={"activation": ("ReLU", {})}),
    "batch_norm": Trick("batch norm in D", networks={"after": {"discriminator": ("BatchNormalization", {})}}),
    "layer_norm": Trick("layer norm in D", networks={"after": {"discriminator": ("LayerNormalization", {})}}),
    "weight_norm": Trick("weight norm in D", networks={"discriminator_kind": _weight_normalized}),
    "feature_norm": Trick("RMS norm in G", networks={"after": {"generator": ("RMSNormalization", {})}}),
    "dropout": Trick("dropout of half of G", networks={"after": {"generator": ("Dropout", {"rate": 0.5})}}),
    "uniform": Trick("uniform latents", arguments={"latent_distribution": "uniform"}),
    "label_smoothing": Trick("one-sided label smoothing, 0.1", arguments={"label_smoothing": 0.1}),
    "both_smoothings": Trick(
        "label smoothing of both sides, 0.1", arguments={"label_smoothing": 0.1, "fake_label_smoothing": 0.1}
    ),
    "label_flipping": Trick("5% of D's labels flipped", arguments={"label_flipping": 0.05}),
    "instance_noise": Trick(
        "instance noise, 0.5 falling to 0", arguments={"instance_noise": 0.5, "instance_noise_images": IMAGES}
    ),
    "replay": Trick("replay of 2,560 past samples", arguments={"replay_size": 2560}),
    "long_replay": Trick("replay of 51,200 past samples", arguments={"replay_size": 51_200}),
    "averaging": Trick("an average of G, half-life 50,000", arguments={"ema_half_life": 50_000}),
    "r1": Trick("R1, weight 1", arguments={"r1_gamma": 1.0}),
    "lecam": Trick("LeCam, weight 0.3", arguments={"lecam_weight": 0.3}),
    "top_k": Trick("top-k: half of the samples teach G", arguments={"top_k": 0.5}),
    "spectral_norm": Trick("spectral norm and hinge loss: `SNGAN`", "sngan"),
    "packing": Trick("packs of samples: `PacGAN`", "pac_gan"),
    "batch_features": Trick("minibatch discrimination: `ImprovedGAN`", "improved_gan"),
    "unrolling": Trick("five unrolled steps: `UnrolledGAN`", "unrolled_gan"),
    "several_generators": Trick("twelve generators: `MADGAN`", "mad_gan"),
    "rebuilding_in_one_step": Trick("an encoder, and data to rebuild: `MRGAN`", "mr_gan", {"diffusion": False}),
    "rebuilding": Trick("the same in two steps: `MRGAN(diffusion=True)`", "mr_gan"),
    "codes": Trick("codes to be found again: `InfoGAN`", "info_gan"),
    "relativistic": Trick("relativistic, R1 and R2: `R3GAN`", "r3gan"),
    "labels": Trick("labels: `CGAN`", "cgan"),
    "penalty": Trick("gradient penalty: `WGANGP`", "wgan_gp"),
    "penalty_averaging": Trick("`WGANGP`, averaged", "wgan_gp", {"ema_half_life": 50_000}),
    "penalty_falling": Trick(
        "`WGANGP`, rates that fall to 0",
        "wgan_gp",
        optimizers=lambda rounds: (_falling(5 * rounds, 0.0, 0.9), _falling(rounds, 0.0, 0.9)),
    ),
    "penalty_longer": Trick("`WGANGP`, three times the rounds", "wgan_gp", rounds=3),
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    trick: str
    seed: int
    rounds: int
    batch_size: int

    def path(self, folder: Path) -> Path:
        return folder / f"{self.trick}_seed{self.seed}.json"

    @property
    def title(self) -> str:
        return f"{self.trick}, seed {self.seed}"


def tricks(
    tricks: Annotated[str, typer.Option(help=f"Any of {', '.join(TRICKS)}, with commas between.")] = ",".join(TRICKS),
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Switches tricks of training on and off where the plain GAN collapses."""
    names = chosen("--tricks", tricks, TRICKS)
    cells = [Cell(name, seed, TRICKS[name].rounds * ROUNDS, BATCH) for seed in seeds_of(seeds) for name in names]
    raise typer.Exit(1 if run(cells, folder, Console()) else 0)


def run(cells: Sequence[Cell], folder: Path, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; those that failed."""
    return run_stored(cells, folder, here(measured), lambda found: found["coverage"], console)


def measured(cell: Cell) -> dict[str, Any]:
    """Trains and judges one cell."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    bed, gan = POINT_BEDS[BED](), built(cell)
    train(gan, cell, bed.sample)
    samples = generated(gan, SAMPLES)
    return {"coverage": coverage(bed, samples), "samples": samples[:KEPT].astype("float64").round(3).tolist()}


def built(cell: Cell) -> Any:
    """The compiled model of a cell."""
    trick = TRICKS[cell.trick]
    configuration = dataclasses.replace(CONFIGURATIONS[CONFIGURATION], **trick.networks)
    gan = points_gan(configuration, trick.variant, cell.seed, len(POINT_BEDS[BED]().means), **trick.arguments)
    if trick.optimizers:
        discriminator, generator = trick.optimizers(cell.rounds)
        gan.compile(discriminator_optimizer=discriminator, generator_optimizer=generator)
    return gan


# Tables and pictures -------------------------------------------------------------------------------------------------------


def cells_of(folder: Path, tricks: Iterable[str] = TRICKS) -> dict[str, list[dict[str, Any]]]:
    """Trick -> its cells, by their seeds; those without any are left out."""
    found = {name: read_cells(folder, f"{name}_seed*.json") for name in tricks}
    return {name: cells for name, cells in found.items() if cells}


def tricks_table(folder: Path = FOLDER) -> str:
    """Markdown: what each trick leads to."""
    found = cells_of(folder)
    if not found:
        return "They were not run yet; `python -m benchmarks tricks` does it."
    sentence = (
        f"{ROUNDS:,} rounds of {BATCH} samples for each gradient step, {SAMPLES:,} samples judged, "
        f"{made_on(cell for cells in found.values() for cell in cells)}; median and range over the seeds."
    )
    groups = {TRICKS[name].title: cells for name, cells in found.items()}
    picture = f"![Samples of seed 0, over the true modes, by trick]({PICTURE})"
    return "\n\n".join([sentence, coverage_table(BED, groups, "trick"), picture])


def tricks_picture(folder: Path = FOLDER) -> Any:
    """Samples of seed 0 over the true modes, a panel for each trick; None where nothing was measured."""
    from matplotlib.figure import Figure

    found = {name: cells[0].get("samples") for name, cells in cells_of(folder).items()}
    if not found:
        return None
    columns = 7
    rows = -(-len(found) // columns)
    made = Figure(figsize=(1.9 * columns, 2.15 * rows), layout="constrained")
    panels = made.subplots(rows, columns, squeeze=False).ravel()
    true = POINT_BEDS[BED]().sample(2000, 0)[0]
    for panel, (name, samples) in zip(panels, found.items(), strict=False):
        scatter(panel, true, samples)
        panel.set_title(TRICKS[name].title.replace("`", "").replace(": ", ":\n"), fontsize=7)
    for panel in panels[len(found) :]:
        panel.axis("off")
    return made


def write_tricks_picture(folder: Path) -> None:
    """Writes the picture of the guide that lies in a folder."""
    if (made := tricks_picture()) is not None:
        with whole_file(folder / PICTURE) as partial:
            made.savefig(partial, format="png", dpi=100)
