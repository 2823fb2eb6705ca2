"""SeqGAN on sequences whose distribution is known: what the game adds to likelihood, beside what a lower temperature adds.

    python -m benchmarks sequences                      three seeds, and benchmarks/SEQUENCES.md
    python -m benchmarks sequences --data FILE.npz      the data of the recipe, which `train seq_gan_oracle` reads
    python -m benchmarks sequences --preset             the record of the shipped weights that their card shows

Protocol: the recipe zoo_configs/seq_gan_oracle, with an oracle, data, weights and noise of each seed's own. The model learns
10,000 sequences of the oracle, first by likelihood, until the NLL of held-out ones no longer falls, then in the game. Both
states are judged on 20,000 of their samples and on 10,000 held-out sequences.

NLL-oracle alone rewards a loss of variety: sampling the same model at a lower temperature improves it (Caccia et al., 2018,
https://arxiv.org/abs/1811.02549). So the model of likelihood is also sampled at lower temperatures, and the game is compared
with the one at which its samples have the same entropy.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import kinds
from benchmarks.cells import read_cell, read_cells, seeds_of, write_json, write_text
from benchmarks.markdown import listed, made_on, markdown_table
from benchmarks.processes import ROOT
from keras_gan_zoo.config import Recipe, read_recipe
from keras_gan_zoo.data.oracle import Oracle
from keras_gan_zoo.files import whole_file

RECIPE = ROOT / "zoo_configs" / "seq_gan_oracle"
FOLDER = ROOT / "benchmarks" / "results" / "seq_gan"
DOCUMENT = ROOT / "benchmarks" / "SEQUENCES.md"
TRAINING, HELD_OUT, SAMPLES, WATCHED = 10_000, 10_000, 20_000, 5000
TEMPERATURES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
PART = 100  # rounds from one look at the model to the next
BATCH = 2500  # sequences in one pass, when they are judged


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one file holds."""

    recipe: str
    seed: int
    samples: int
    backend: str

    def path(self, folder: Path) -> Path:
        return folder / f"seed{self.seed}_{self.backend}.json"


def sequences(
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "0,1,2",
    folder: Annotated[Path, typer.Option(help="Where the records lie.")] = FOLDER,
    document: Annotated[Path, typer.Option(help="The table to write.")] = DOCUMENT,
    data: Annotated[Path | None, typer.Option(help="Writes the recipe's data to this .npz, and nothing else.")] = None,
    preset: Annotated[bool, typer.Option("--preset", help="Measures the shipped weights, and nothing else.")] = False,
):
    """Trains SeqGAN on an oracle, and says what the game adds to likelihood."""
    import keras

    recipe = read_recipe(RECIPE)
    if data is not None:
        with whole_file(data) as partial:
            np.savez_compressed(partial, tokens=training_data(oracle_of(recipe, recipe.training.seed), recipe.training.seed))
        typer.echo(f"{data}: {TRAINING:,} sequences of the oracle of seed {recipe.training.seed}.")
        return
    if preset:
        typer.echo(f"{measure_preset(recipe)}")
        return
    for seed in seeds_of(seeds):
        run(Cell(recipe.digest, seed, SAMPLES, keras.backend.backend()), recipe, folder, typer.echo)
    write_text(document, page(records(folder)))
    typer.echo(f"{document}")


def run(cell: Cell, recipe: Recipe, folder: Path, say: Callable[[str], None]) -> None:
    """Measures a cell, unless its file is there."""
    from keras_gan_zoo.provenance import commit, device, versions

    if read_cell(cell.path(folder)).get("cell") == dataclasses.asdict(cell):
        return
    start, cpu = time.monotonic(), time.process_time()
    result = measured(recipe, cell.seed, cell.samples, say)
    record = {
        "cell": dataclasses.asdict(cell),
        "seconds": round(time.monotonic() - start, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        **result,
        "versions": versions(),
        "device": device(),
        "commit": commit(),
    }
    write_json(cell.path(folder), record, indent=None)


def oracle_of(recipe: Recipe, seed: int) -> Oracle:
    """The oracle of a seed."""
    return Oracle(recipe.model["vocabulary"], recipe.model["length"], seed)


def training_data(oracle: Oracle, seed: int) -> np.ndarray:
    """The sequences that a seed trains on, int32 (10,000, length)."""
    return oracle.sample(TRAINING, np.random.default_rng([seed, 1]))


def measured(recipe: Recipe, seed: int, samples: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Trains by the recipe, with another seed, and judges the models of both phases."""
    import keras

    from keras_gan_zoo.building import build, compile_by

    oracle = oracle_of(recipe, seed)
    held_out = oracle.sample(HELD_OUT, np.random.default_rng([seed, 2]))
    own = oracle.nll(held_out)
    uniform = np.random.default_rng([seed, 3]).integers(0, oracle.vocabulary, (HELD_OUT, oracle.length))
    keras.utils.set_random_seed(seed)
    gan = build(recipe, dtype=recipe.training.dtype, seed=seed)
    compile_by(gan, recipe)
    data, curve, found = training_data(oracle, seed), [], {}
    for i in range(recipe.training.rounds // PART):
        epochs = {"initial_epoch": i, "epochs": i + 1, "steps_per_epoch": PART}
        logs = gan.fit(data, batch_size=recipe.training.batch_size, **epochs, seed=seed, verbose=0).history
        look = measures_of(gan, oracle, held_out, WATCHED)
        curve.append({"round": (i + 1) * PART, **look, **{name: float(values[-1]) for name, values in logs.items()}})
        say(f"seed {seed}, round {curve[-1]['round']}: NLL-oracle {look['nll_oracle']:.3f}, NLL-test {look['nll_test']:.3f}")
        if curve[-1]["round"] == gan.pretraining_rounds:
            found["likelihood"] = [measures_of(gan, oracle, held_out, samples, temperature) for temperature in TEMPERATURES]
    return {
        "settings": {"training": TRAINING, "held_out": HELD_OUT, "samples": samples, "parameters": gan.count_params()},
        "oracle": {"entropy": own.mean(), "entropy_error": error_of(own), "nll_of_uniform": oracle.nll(uniform).mean()},
        **found,
        "game": measures_of(gan, oracle, held_out, samples),
        "curve": curve,
    }


def measure_preset(recipe: Recipe) -> Path:
    """Judges the shipped weights by the oracle that they have learned; writes the record and returns its file."""
    from keras_gan_zoo import load

    seed = recipe.training.seed
    oracle = oracle_of(recipe, seed)
    held_out = oracle.sample(HELD_OUT, np.random.default_rng([seed, 2]))
    own = oracle.nll(held_out).mean()
    found = measures_of(load(RECIPE.name), oracle, held_out, SAMPLES)
    return kinds.write(
        RECIPE.name,
        f"{SAMPLES:,} samples, and {HELD_OUT:,} held-out sequences of the oracle that wrote the training data. All is per "
        "token, in nats. NLL-oracle is the NLL of the samples under the oracle, NLL-test that of the held-out sequences "
        "under the model. A lower temperature lowers NLL-oracle too; [SEQUENCES.md](../../benchmarks/SEQUENCES.md) compares "
        "with that. Measured by `python -m benchmarks sequences --preset`.",
        [
            kinds.Measure("NLL-oracle", found["nll_oracle"], {"of the oracle's own samples": own}),
            kinds.Measure("NLL-test", found["nll_test"], {"of the oracle itself": own}),
            kinds.Measure("entropy of the samples", found["entropy"], {"of the oracle": own}),
            kinds.Measure("different 4-grams among all", found["distinct"]),
        ],
    )


def measures_of(gan: Any, oracle: Oracle, held_out: np.ndarray, samples: int, temperature: float = 1.0) -> dict[str, float]:
    """What samples of a model are like, per token in nats, with standard errors.

    Returns:
        nll_oracle: NLL of its samples under the oracle.
        nll_test: NLL of the oracle's held-out samples under the model.
        entropy: NLL of its samples under the model itself.
        reverse_kl: KL of the model to the oracle, which is nll_oracle - entropy.
        distinct: different ones among all 4-grams of its samples.
    """
    options = {"temperature": temperature, "batch_size": BATCH}
    tokens = gan.generate(samples, seed=0, **options)
    by_oracle, by_itself = oracle.nll(tokens), -gan.log_likelihood(tokens, **options) / oracle.length
    of_test = -gan.log_likelihood(held_out, **options) / oracle.length
    grams = np.lib.stride_tricks.sliding_window_view(tokens, 4, axis=1).reshape(-1, 4)
    found = {"nll_oracle": by_oracle, "nll_test": of_test, "entropy": by_itself, "reverse_kl": by_oracle - by_itself}
    values = {name: float(value.mean()) for name, value in found.items()}
    errors = {f"{name}_error": error_of(value) for name, value in found.items()}
    return {"temperature": temperature, **values, **errors, "distinct": len(np.unique(grams, axis=0)) / len(grams)}


def error_of(values: np.ndarray) -> float:
    """Standard error of a mean."""
    return float(values.std(ddof=1) / len(values) ** 0.5)


# The document --------------------------------------------------------------------------------------------------------------


def records(folder: Path) -> list[dict[str, Any]]:
    """All cells of a folder, in the order of backends and seeds."""
    return sorted(read_cells(folder), key=lambda r: (r["cell"]["backend"], r["cell"]["seed"]))


def at_entropy(curve: Sequence[dict[str, float]], entropy: float, key: str) -> float | None:
    """A value of the model of likelihood at the temperature at which its samples have this entropy, by interpolation.

    None where no temperature that was measured gives it.
    """
    rising = sorted(curve, key=lambda point: point["entropy"])
    known = [point["entropy"] for point in rising]
    if not known[0] <= entropy <= known[-1]:
        return None
    return float(np.interp(entropy, known, [point[key] for point in rising]))


def page(found: Sequence[dict[str, Any]]) -> str:
    """The document."""
    if not found:
        raise ValueError("There are no records; python -m benchmarks sequences makes them.")
    settings, seconds = found[0]["settings"], [r["seconds"] for r in found]
    last_of_likelihood = max(point["round"] for point in found[0]["curve"] if "likelihood_loss" in point)
    backends = listed({r["cell"]["backend"] for r in found})
    return f"""# Sequences: SeqGAN against likelihood

Written by `python -m benchmarks sequences`, whose first lines tell the protocol. The recipe is `seq_gan_oracle`: an
oracle, an LSTM with random weights, writes {settings["training"]:,} sequences, and a generator and a discriminator with
{settings["parameters"]:,} parameters together learn them. All values are per token, in nats, with one standard error.
{backends} {made_on(found)}; {min(seconds) / 60:.0f} to {max(seconds) / 60:.0f} minutes for each seed.

## What the game adds to likelihood

NLL-oracle is the NLL of {settings["samples"]:,} samples under the oracle. That of the oracle's own samples is its entropy.
NLL-test is the NLL of {settings["held_out"]:,} held-out sequences of the oracle under the model.

{_summary(found)}

A lower NLL-oracle can be had for nothing: by sampling the model of likelihood at a temperature below 1. So the game stands
here beside that model at the temperature at which its samples have the same entropy (interpolated).

{_comparison(found)}

{_verdict(found)}

## The model of likelihood at lower temperatures

{_temperatures(found)}

## How the training went

First likelihood, until round {last_of_likelihood:,}; then the discriminator alone; then both.
{WATCHED:,} samples at each look.

{_curves(found)}
"""


def _spread(values, name):
    return f"{values[name]:.3f} ± {values[f'{name}_error']:.3f}"


def _summary(found):
    header = ["seed", "of the oracle", "uniform tokens", "likelihood", "game", "difference", "NLL-test, likelihood", "game"]
    rows = []
    for r in found:
        before, after = r["likelihood"][0], r["game"]
        rows.append(
            [
                r["cell"]["seed"],
                _spread(r["oracle"], "entropy"),
                f"{r['oracle']['nll_of_uniform']:.2f}",
                _spread(before, "nll_oracle"),
                _spread(after, "nll_oracle"),
                f"{after['nll_oracle'] - before['nll_oracle']:+.3f}",
                f"{before['nll_test']:.3f}",
                f"{after['nll_test']:.3f}",
            ]
        )
    return markdown_table(header, rows)


def _comparison(found):
    header = ["seed", "", "temperature", "entropy", "NLL-oracle", "NLL-test", "KL to the oracle", "distinct 4-grams"]
    rows = []
    for r in found:
        before, after = r["likelihood"], r["game"]
        points = [("likelihood", before[0]), ("game", after)]
        matched = {key: at_entropy(before, after["entropy"], key) for key in before[0]}
        if matched["entropy"] is not None:
            points.insert(1, ("likelihood, as varied as the game", matched))
        for title, p in points:
            cells = [f"{p[key]:.3f}" for key in ("entropy", "nll_oracle", "nll_test", "reverse_kl", "distinct")]
            rows.append([r["cell"]["seed"], title, f"{p['temperature']:.2f}", *cells])
    return markdown_table(header, rows)


def gain(record: dict[str, Any]) -> tuple[float, float] | None:
    """By how much the game's NLL-oracle is below that of likelihood at the same entropy, and the standard error of that."""
    game, curve = record["game"], record["likelihood"]
    control = at_entropy(curve, game["entropy"], "nll_oracle")
    if control is None:
        return None
    # At equal entropies the difference is one of the divergences, whose errors are those of what was sampled.
    errors = (game["reverse_kl_error"], at_entropy(curve, game["entropy"], "reverse_kl_error"))
    return control - game["nll_oracle"], float(np.hypot(*errors))


def _verdict(found):
    lines = []
    for r in found:
        before, after = r["likelihood"][0], r["game"]
        lowered = before["nll_oracle"] - after["nll_oracle"]
        error = np.hypot(before["nll_oracle_error"], after["nll_oracle_error"])
        line = f"- Seed {r['cell']['seed']}: the game lowers NLL-oracle by {lowered:.3f} ± {error:.3f}"
        if (told := gain(r)) is not None:
            line += f", {abs(told[0]):.3f} ± {told[1]:.3f} {'more' if told[0] > 0 else 'less'} than a lower temperature does"
        lines.append(f"{line}; it changes NLL-test by {after['nll_test'] - before['nll_test']:+.3f}.")
    return "\n".join(lines)


def _temperatures(found):
    header = ["seed", "temperature", "NLL-oracle", "NLL-test", "entropy", "KL to the oracle", "distinct 4-grams"]
    keys = ("nll_test", "entropy", "reverse_kl", "distinct")
    rows = [
        [r["cell"]["seed"], f"{p['temperature']:.2f}", _spread(p, "nll_oracle"), *(f"{p[key]:.3f}" for key in keys)]
        for r in found
        for p in r["likelihood"]
    ]
    return markdown_table(header, rows)


def _curves(found):
    header = ["round", *(f"seed {r['cell']['seed']}: {title}" for r in found for title in ("NLL-oracle", "NLL-test"))]
    rows = [
        [f"{points[0]['round']:,}", *(f"{point[key]:.3f}" for point in points for key in ("nll_oracle", "nll_test"))]
        for points in zip(*(r["curve"] for r in found), strict=False)
        if points[0]["round"] % (2 * PART) == 0
    ]
    return markdown_table(header, rows)
