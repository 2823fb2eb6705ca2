"""Trains variants on data whose modes are known, and counts what they cover.

    python -m benchmarks testbeds
    python -m benchmarks testbeds --beds ring --variants gan,wgan_gp --seeds 0,1,2

Each cell, a bed, a variant and a seed, is a file of its own in benchmarks/results/testbeds; a cell that is there, of the
same settings, is not run again.

Protocol on points: every variant gets networks of the configuration RC1 with the inputs and outputs of its own networks, so
the game is what differs: z ~ N(0, I_16); G 16-128-128-2, D 2-128-128-1, LeakyReLU 0.2, He-normal kernels; Adam 1e-3 with
betas (0.5, 0.999) for both players, D first, minibatches of 256 fresh samples, 4,000 rounds, float32. WGAN-GP: penalty
weight 0.1, betas (0, 0.9), five critic steps a round; WGAN: its own optimizer, clipping and five critic steps. 2,500 samples
of the trained generator are judged (see `keras_gan_zoo.metrics.modes`). Whether the 2014 GAN collapses is a property of the
configuration: with RC1 it does.

Protocol on stacked MNIST: each variant's own networks, narrow; random triples of training digits; 25,600 samples, whose
channels a classifier of digits reads. The training is far shorter than the papers' 50 epochs, so their numbers are no match.
"""

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from benchmarks.quality import TimeLeft
from benchmarks.throughput import ROOT
from keras_gan_zoo.data.toy import GaussianMixture, SwissRoll, grid, ring, stacked_mnist
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.metrics import modes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = ROOT / "benchmarks" / "results" / "testbeds"
POINT_BEDS: dict[str, Callable[[], Any]] = {"ring": ring, "grid": grid, "swiss_roll": SwissRoll}
STACKED = "stacked_mnist"
BEDS = (*POINT_BEDS, STACKED)
SAMPLES, STACKED_SAMPLES = 2500, 25_600
KEPT = 500  # points of each cell that are kept for the figures
LATENTS, HIDDEN, LEAK = 16, 128, 0.2
# What differs from RC1: arguments of the variant, and arguments of Adam; None for the variant's own optimizers.
ARGUMENTS = {"wgan_gp": {"penalty_weight": 0.1, "n_critic": 5}}
ADAM = {"wgan_gp": {"beta_1": 0.0, "beta_2": 0.9}, "wgan": None}
STACKED_WIDTHS = {"gan": 256}


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    bed: str
    variant: str
    seed: int
    rounds: int
    batch_size: int

    def path(self, folder: Path) -> Path:
        return folder / f"{self.bed}_{self.variant}_seed{self.seed}.json"

    @property
    def title(self) -> str:
        return f"{self.variant} on {self.bed}, seed {self.seed}"


def testbeds(
    beds: Annotated[str, typer.Option(help=f"Any of {', '.join(BEDS)}, with commas between.")] = ",".join(BEDS),
    variants: Annotated[str, typer.Option(help="With commas between; by default all.")] = "",
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    rounds: Annotated[int, typer.Option(min=1, help="On points.")] = 4000,
    batch_size: Annotated[int, typer.Option(min=2, help="On points: samples in a gradient step.")] = 256,
    stacked_rounds: Annotated[int, typer.Option(min=1, help="On stacked MNIST, of 64 images a gradient step.")] = 1500,
    folder: Annotated[Path, typer.Option(help="Where the cells lie.")] = FOLDER,
):
    """Trains variants on data whose modes are known, and counts what they cover."""
    from keras_gan_zoo.models import check_variant
    from keras_gan_zoo.models import variants as registered

    names = _words(variants) or registered()
    for name in names:
        check_variant(name)
    if unknown := [bed for bed in _words(beds) if bed not in BEDS]:
        raise ValueError(f"--beds: {unknown[0]!r} is unknown; possible are {', '.join(BEDS)}.")
    if not all(word.isdigit() for word in _words(seeds)):
        raise ValueError(f"--seeds {seeds!r} is not possible; pass whole numbers with commas between, as 0,1,2.")
    cells = [
        Cell(bed, name, int(seed), stacked_rounds if bed == STACKED else rounds, 64 if bed == STACKED else batch_size)
        for bed in _words(beds)
        for seed in _words(seeds)
        for name in names
    ]
    failed = run(cells, folder, Console())
    raise typer.Exit(1 if failed else 0)


def run(cells: Sequence[Cell], folder: Path, console: Console) -> list[Cell]:
    """Runs what is missing of the cells; returns those that failed, whose files say why."""
    from keras_gan_zoo.metrics.records import commit, device, versions

    commit()  # before files are written, which would make it a dirty one
    folder.mkdir(parents=True, exist_ok=True)
    stored = {cell: read(cell.path(folder)) for cell in cells}
    missing = [c for c in cells if "error" in stored[c] or stored[c].get("cell") != dataclasses.asdict(c)]
    left, failed = TimeLeft(), []
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), left)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(cells), completed=len(cells) - len(missing))
        for cell in missing:
            progress.update(task, description=cell.title)
            left.start()
            try:
                result = measured(cell)
            except Exception as error:  # noqa: BLE001 - one variant that fails must not end a run of an hour
                result = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
                failed.append(cell)
            told = {"commit": commit(), "versions": versions(), "device": device()}
            with whole_file(cell.path(folder)) as partial:
                text = json.dumps({"cell": dataclasses.asdict(cell), "seconds": round(left.stop(), 1), **result, **told})
                partial.write_text(text + "\n", "utf-8")
            progress.console.print(
                f"{cell.title}: {result.get('error') or result['coverage']}", markup=False, highlight=False
            )
            progress.advance(task)
    return failed


def read(path: Path) -> dict[str, Any]:
    """A cell's file; empty where there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def measured(cell: Cell) -> dict[str, Any]:
    """Trains and judges one cell."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(cell.seed)
    return stacked_cell(cell) if cell.bed == STACKED else point_cell(cell)


# Points --------------------------------------------------------------------------------------------------------------------


def point_cell(cell: Cell) -> dict[str, Any]:
    """A variant with the networks of RC1 on a distribution of points."""
    bed = POINT_BEDS[cell.bed]()
    gan = points_gan(cell.variant, cell.seed, len(bed.means) if isinstance(bed, GaussianMixture) else 0)
    train(gan, cell, bed.sample)
    samples = generated(gan, SAMPLES)
    settings = {"configuration": "RC1", "distribution": bed.name, "n": len(samples), "parameters": gan.count_params()}
    kept = np.round(samples[:KEPT].astype("float64"), 3).tolist()
    return {"settings": settings, "coverage": coverage(bed, samples), "samples": kept}


def points_gan(variant: str, seed: int, num_modes: int) -> Any:
    """A compiled variant that plays on points, held as images of 1 x 2 pixels and one channel.

    Its networks have the inputs and outputs of the variant's own, which are looked up on a small instance of it: so a
    variant joins by being registered.

    Raises:
        ValueError: the variant has a network that has no counterpart on points.
    """
    import keras

    from keras_gan_zoo.models import variant_class

    cls = variant_class(variant)
    arguments = {"latent_distribution": "normal", **ARGUMENTS.get(variant, {})}
    if _takes(cls, "num_classes"):
        if not num_modes:
            raise ValueError(f"{cls.__name__} trains on labels, and this distribution has no modes to label.")
        arguments["num_classes"] = num_modes
    template = cls((16, 16, 1), LATENTS, **arguments, width=8)
    gan = cls(
        (1, 2, 1),
        LATENTS,
        generator=_generator(template),
        discriminator=_discriminator(template),
        seed=seed,
        **arguments,
    )
    adam = ADAM.get(variant, {})
    if adam is None:
        gan.compile()
    else:
        optimizers = [keras.optimizers.Adam(1e-3, **{"beta_1": 0.5, "beta_2": 0.999, **adam}) for _ in range(2)]
        gan.compile(*optimizers)
    return gan


def _generator(template):
    """Vectors, and perhaps labels -> two hidden layers -> a point."""
    import keras

    inputs = [keras.Input(x.shape[1:], dtype=x.dtype) for x in template.generator.inputs]
    x = _hidden(_joined(inputs, template.num_classes))
    x = keras.layers.Dense(2, kernel_initializer="he_normal")(x)
    return keras.Model(_single(inputs), keras.layers.Reshape((1, 2, 1))(x), name="generator")


def _discriminator(template):
    """A point, and perhaps labels -> two hidden layers -> what the variant's discriminator gives: score, image, features."""
    import keras

    theirs = template.discriminator
    inputs = [keras.Input((1, 2, 1))] + [keras.Input(x.shape[1:], dtype=x.dtype) for x in theirs.inputs[1:]]
    hidden = _hidden(_joined([keras.layers.Flatten()(inputs[0]), *inputs[1:]], template.num_classes))
    outputs = []
    for output in theirs.outputs:
        if len(output.shape) == 4:
            point = keras.layers.Dense(2, kernel_initializer="he_normal")(hidden)
            outputs.append(keras.layers.Reshape((1, 2, 1))(point))
        elif output.shape[-1] == 1:
            outputs.append(keras.layers.Dense(1, kernel_initializer="he_normal")(hidden))
        elif len(output.shape) == 2:
            outputs.append(hidden)
        else:
            raise ValueError(f"A discriminator's output of shape {output.shape} has no counterpart on points.")
    return keras.Model(_single(inputs), _single(outputs), name="discriminator")


def _joined(inputs, num_classes):
    import keras

    vectors = [
        keras.layers.CategoryEncoding(num_classes, output_mode="one_hot")(x[:, None]) if "int" in x.dtype else x
        for x in inputs
    ]
    return keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]


def _hidden(x):
    import keras

    for _ in range(2):
        x = keras.layers.Dense(HIDDEN, kernel_initializer="he_normal")(x)
        x = keras.layers.LeakyReLU(LEAK)(x)
    return x


def _single(tensors):
    return tensors[0] if len(tensors) == 1 else tensors


def generated(gan: Any, n: int) -> np.ndarray:
    """n samples of the trained generator, outside of [-1, 1] too; classes in turn where it takes labels."""
    labels = None if gan.num_classes is None else np.arange(n) % gan.num_classes
    inputs = gan.latents(n, labels, seed=0)
    points = gan.sampler.predict(list(inputs) if isinstance(inputs, tuple) else inputs, batch_size=n, verbose=0)
    return points.reshape(n, -1)


def coverage(bed: GaussianMixture | SwissRoll, samples: np.ndarray) -> dict[str, float]:
    """What the samples cover, in plain values; infinite divergences as None."""
    if isinstance(bed, SwissRoll):
        curve = bed.curve((np.arange(2000) + 0.5) / 2000)
        found = modes.curve_coverage(samples, curve, bed.sigma)
    else:
        found = modes.mode_coverage(samples, bed.means, bed.sigma)
    return {key: None if value == float("inf") else value for key, value in found._asdict().items()}


# Stacked MNIST -------------------------------------------------------------------------------------------------------------


def stacked_cell(cell: Cell) -> dict[str, Any]:
    """A variant with its own networks on triples of digits."""
    from keras_gan_zoo.data import load_images
    from keras_gan_zoo.metrics.classifier import Classifier
    from keras_gan_zoo.models import variant_class
    from keras_gan_zoo.training import fastest_dtype

    cls = variant_class(cell.variant)
    if _takes(cls, "num_classes"):
        raise ValueError(f"{cls.__name__} trains on labels; of 1,000 classes it would be told what it is to find.")
    digits = load_images("mnist", split="train", labels=True)
    dtype, width = fastest_dtype()[0], STACKED_WIDTHS.get(cell.variant, 32)
    gan = cls((28, 28, 3), width=width, dtype=dtype, seed=cell.seed)
    gan.compile()
    train(gan, cell, lambda n, rng: stacked_mnist(digits.images, digits.labels, n, rng))
    images = gan.generate(STACKED_SAMPLES, seed=0, dtype="uint8")
    judge = Classifier("mnist")
    seen = [judge.probabilities(images[..., c : c + 1]).argmax(axis=1) for c in range(3)]
    found = modes.class_coverage(seen[0] * 100 + seen[1] * 10 + seen[2], 1000)
    settings = {
        "configuration": f"own networks, width {width}",
        "distribution": STACKED,
        "n": len(images),
        "dtype": dtype,
        "classifier_sha256": judge.sha256,
        "parameters": gan.count_params(),
    }
    return {"settings": settings, "coverage": found._asdict()}


def train(gan: Any, cell: Cell, sample: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]) -> None:
    """Plays the rounds of a cell, each on fresh samples.

    Raises:
        ValueError: a loss is not finite at the end.
    """
    rng = np.random.default_rng(cell.seed)
    n = cell.batch_size * gan.minibatches_per_round
    for _ in range(cell.rounds):
        data, labels = sample(n, rng)
        data = data.reshape(n, *gan.image_shape)
        logs = gan.train_on_batch(data, labels if gan.takes_labels else None, return_dict=True)
    if bad := [name for name, value in logs.items() if not np.isfinite(float(value))]:
        raise ValueError(f"{', '.join(bad)} not finite after {cell.rounds} rounds: it has diverged.")


# Telling -------------------------------------------------------------------------------------------------------------------


def records(folder: Path) -> list[dict[str, Any]]:
    """All cells of a folder, in the order of beds, variants and seeds."""
    found = [read(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda r: (BEDS.index(r["cell"]["bed"]), r["cell"]["variant"], r["cell"]["seed"]))


def testbed_table(folder: Path = FOLDER) -> str:
    """Markdown: for each bed a table of its variants, median and range over the seeds, and what a perfect sampler has."""
    parts = []
    for bed in BEDS:
        cells = [record for record in records(folder) if record["cell"]["bed"] == bed]
        if cells:
            parts += [_sentence(bed, cells), "", *_rows(bed, cells), ""]
    return "\n".join(parts).strip()


def _sentence(bed, cells):
    told = next((c for c in cells if "settings" in c), None)
    first = cells[0]
    commits = sorted({c["commit"][:12] for c in cells})
    if told is None:
        return f"**{bed}**: no variant could be measured."
    variants = f"**{bed}** (`{told['settings']['distribution']}`)"
    length = f"{first['cell']['rounds']:,} rounds of {first['cell']['batch_size']} samples for each gradient step"
    extra = "; far shorter than the published trainings, so their numbers are no match" if bed == STACKED else ""
    return (
        f"{variants}: {told['settings']['configuration']}, {length}, {told['settings']['n']:,} samples judged{extra}. "
        f"{first['device']}, commit {', '.join(commits)}; median and range over the seeds."
    )


def _columns(bed):
    """Title, key, format, and what a perfect sampler has."""
    if bed == "swiss_roll":
        return [("bins of 50", "bins", ".0f", "50"), ("off the curve", "off_curve", ".1%", "1.1%")]
    if bed == STACKED:
        floor = modes.perfect_reverse_kl(1000, STACKED_SAMPLES)
        return [("modes of 1,000", "modes", ",.0f", "1,000"), ("reverse KL", "reverse_kl", ".3f", f"{floor:.3f}")]
    count = len(POINT_BEDS[bed]().means)
    floor = modes.perfect_reverse_kl(count, SAMPLES)
    return [
        (f"modes of {count}", "modes", ".0f", str(count)),
        ("with 20 good samples", "modes20", ".0f", str(count)),
        ("nearest to 20 samples", "nearest20", ".0f", str(count)),
        ("high quality", "high_quality", ".1%", f"{modes.perfect_high_quality():.1%}"),
        ("reverse KL", "reverse_kl", ".3f", f"{floor:.4f}"),
    ]


def _rows(bed, cells):
    columns = _columns(bed)
    lines = [
        "| variant | seeds | " + " | ".join(title for title, *_ in columns) + " |",
        "|---" * (len(columns) + 2) + "|",
        "| a perfect sampler | | " + " | ".join(floor for *_, floor in columns) + " |",
    ]
    for variant in dict.fromkeys(c["cell"]["variant"] for c in cells):
        own = [c for c in cells if c["cell"]["variant"] == variant]
        errors = [c["error"] for c in own if "error" in c]
        good = [c["coverage"] for c in own if "coverage" in c]
        values = [_spread([c[key] for c in good], form) if good else "" for _, key, form, _ in columns]
        if errors:
            values[-1] = " ".join(filter(None, [values[-1], f"{len(errors)} not measured: {errors[0]}"]))
        lines.append(f"| `{variant}` | {', '.join(str(c['cell']['seed']) for c in own)} | " + " | ".join(values) + " |")
    return lines


def _spread(values, form):
    """Median and range; a divergence that has no value, as no sample was good, is infinite."""
    values = [float("inf") if value is None else value for value in values]
    low, high = format(min(values), form), format(max(values), form)
    median = format(statistics.median(values), form)
    return median if low == high else f"{median} ({low} to {high})"


def testbed_figures(folder: Path = FOLDER) -> dict[str, "Figure"]:
    """For each bed of points a figure: samples of the first seed over the true modes, a panel for each variant."""
    return {
        bed: figure(bed, cells)
        for bed in POINT_BEDS
        if (cells := [r for r in records(folder) if r["cell"]["bed"] == bed and "samples" in r])
    }


def figure(bed: str, cells: Sequence[dict[str, Any]]) -> "Figure":
    """Samples over the true distribution: a row of panels for each seed, a column for each variant."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(c["cell"]["variant"] for c in cells))
    seeds = sorted({c["cell"]["seed"] for c in cells})
    known = {(c["cell"]["variant"], c["cell"]["seed"]): c for c in cells}
    made = Figure(figsize=(1.7 * len(names), 1.75 * len(seeds) + 0.25), layout="constrained")
    panels = made.subplots(len(seeds), len(names), squeeze=False, sharex=True, sharey=True)
    true, _ = POINT_BEDS[bed]().sample(2000, 0)
    edge = 1.25 * np.abs(true).max()
    for i, seed in enumerate(seeds):
        for j, name in enumerate(names):
            panel = panels[i, j]
            panel.scatter(*true.T, s=2, color="0.8", linewidths=0, rasterized=True)
            if (name, seed) in known:
                points = np.array(known[name, seed]["samples"])
                panel.scatter(*points.T, s=3, color="tab:blue", alpha=0.6, linewidths=0, rasterized=True)
            else:
                panel.text(0, 0, "not measured", ha="center", va="center", fontsize=8)
            panel.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", xticks=[], yticks=[])
            if i == 0:
                panel.set_title(name, fontsize=9)
            if j == 0:
                panel.set_ylabel(f"seed {seed}", fontsize=8)
    return made


def _takes(cls, argument):
    """Whether a variant's constructor takes an argument, its own or of a class that it extends."""
    import inspect

    return any(argument in inspect.signature(base.__init__).parameters for base in cls.__mro__ if "__init__" in vars(base))


def _words(text):
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
