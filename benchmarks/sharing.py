"""What devices that share a batch tell each other in a round: bytes and messages, beside the time of a round.

    python -m benchmarks sharing
    python -m benchmarks sharing dcgan_mnist wgan_gp_mnist

Each recipe of 28 x 28 images, and for other variants another one, or their defaults on such images, plays rounds on torch,
by the code of two processes of which the other is not there: what would be sent is counted, and the batch is the part of
one process. So scaling is told on paper: with two devices the bytes go once over the wire, and with more at most twice.
"""

import datetime
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.cells import read_cell, write_json
from benchmarks.markdown import listed, short, table_of, versions
from benchmarks.processes import ROOT, cpu, environment_of, run

RECORD = ROOT / "benchmarks" / "results" / "sharing.json"
ROUNDS, PROCESSES, BATCH, GIGABIT = 3, 2, 64, 1e9 / 8


def sharing(
    names: Annotated[list[str] | None, typer.Argument(help="Names of recipes, and of variants without one; or all.")] = None,
    output: Annotated[Path, typer.Option(help="Where the record goes.")] = RECORD,
):
    """Counts what devices that share each batch tell each other in a round."""
    from keras_gan_zoo.metrics.features import CLASSIFIERS
    from keras_gan_zoo.models import variants
    from keras_gan_zoo.provenance import origin

    recipes = _recipes()
    quick = {name: recipe.variant for name, recipe in recipes.items() if recipe.data and recipe.data.source in CLASSIFIERS}
    others = {name: recipe.variant for name, recipe in recipes.items() if recipe.variant not in quick.values()}
    names = names or sorted({*quick, *others, *(set(variants()) - {*quick.values(), *others.values()})})
    results = read_cell(output).get("results", {})
    for name in names:
        said, _ = run(["-m", "benchmarks.sharing", name], environment_of("torch"))
        results[name] = json.loads(said.splitlines()[-1])
        typer.echo(f"{name}: {results[name]}")
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_json(output, {**origin(), "date": date, "device": cpu(), "results": results})


def _recipes():
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.presets import preset_root

    return {path.parent.name: read_recipe(path.parent) for path in preset_root().glob("*/config.yaml")}


def counted(name: str) -> dict[str, Any]:
    """Bytes and messages of a round of a recipe, and its seconds; in a process on torch."""
    import numpy as np
    import torch

    from keras_gan_zoo import presets
    from keras_gan_zoo.backend import torch_devices
    from keras_gan_zoo.models import variant_class

    recipe = _recipes().get(name)
    gan = presets.built(recipe, dtype="float32", seed=0) if recipe else variant_class(name)((28, 28, 1), seed=0)
    batch_size = recipe.training.batch_size if recipe else BATCH
    if any(player.when for player in gan.players()):
        return {"refused": True}
    torch_devices.processes, torch_devices.rank = lambda: PROCESSES, lambda: 0
    sent = []
    torch.distributed.all_reduce = lambda x, **_: sent.append(x.numel() * x.element_size())
    rng, batch = np.random.default_rng(0), batch_size // PROCESSES * gan.minibatches_per_round
    data = {key: field.random(rng, batch) for key, field in gan.fields().items()}
    rounds = []
    for _ in range(ROUNDS + 1):
        sent.clear()
        start = time.perf_counter()
        gan.train_on_batch(data)
        rounds.append(time.perf_counter() - start)
    gradients = sum(player.steps * sum(v.value.numel() * 4 for v in player.variables) for player in gan.players())
    measured = {"bytes": sum(sent), "gradient_bytes": gradients, "messages": len(sent)}
    return {**measured, "seconds": statistics.median(rounds[1:]), "batch_size": batch_size}


def sharing_table(file: Path = RECORD) -> str:
    """A row for each recipe, from the record of `sharing`."""
    record = read_cell(file)
    if not record:
        return "Not measured yet; `python -m benchmarks sharing` does it."
    rows = [
        {
            "recipe, or variant without one": f"`{name}`",
            "batch": result["batch_size"],
            "MB": f"{result['bytes'] / 1e6:.2f}",
            "of it gradients": f"{result['gradient_bytes'] / result['bytes']:.0%}",
            "messages": result["messages"],
            "round of half a batch, ms": f"{1e3 * result['seconds']:.0f}",
            "MB at 10 Gbit/s, ms": f"{1e3 * result['bytes'] / (10 * GIGABIT):.2f}",
        }
        for name, result in sorted(record["results"].items())
        if "refused" not in result
    ]
    machine = record["device"]
    head = (
        f"torch, float32, {machine['cpu']} with {machine['cores']} cores, {listed(versions(record))}, commit "
        f"{short(record['commit'])}; the round is the median of {ROUNDS}, by one of two processes, without the other:"
    )
    return f"{head}\n\n{table_of(rows)}"


if __name__ == "__main__":
    print(json.dumps(counted(sys.argv[1])))
