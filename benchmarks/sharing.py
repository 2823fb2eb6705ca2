"""What devices that share a batch tell each other in a round: bytes and messages, beside the time of a round.

    python -m benchmarks sharing
    python -m benchmarks sharing dcgan_mnist wgan_gp_mnist

Each recipe of zoo_configs that makes images from noise plays rounds on torch, by the code of two processes of which the
other is not there: what would be sent is counted, and the batch is the part of one process. Scaling is so told on paper:
with two devices the bytes go once over the wire, and with more at most twice.
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
from benchmarks.markdown import listed, markdown_table, short, versions
from benchmarks.processes import ROOT, cpu, environment_of, run

RECORD = ROOT / "benchmarks" / "results" / "sharing.json"
ROUNDS, PROCESSES, GIGABIT = 3, 2, 1e9 / 8


def sharing(
    names: Annotated[list[str] | None, typer.Argument(help="Names of recipes; by default all that make images.")] = None,
    output: Annotated[Path, typer.Option(help="Where the record goes.")] = RECORD,
):
    """Counts what devices that share each batch tell each other in a round."""
    from benchmarks.quality import is_measurable
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.presets import find_preset, preset_root
    from keras_gan_zoo.provenance import origin

    every = sorted(path.parent.name for path in preset_root().glob("*/config.yaml"))
    names = names or [name for name in every if is_measurable(read_recipe(find_preset(name)).variant)]
    results = read_cell(output).get("results", {})
    for name in names:
        said, _ = run(["-m", "benchmarks.sharing", name], environment_of("torch"))
        results[name] = json.loads(said.splitlines()[-1])
        typer.echo(f"{name}: {results[name]}")
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_json(output, {**origin(), "date": date, "device": cpu(), "results": results})


def counted(name: str) -> dict[str, Any]:
    """Bytes and messages of a round of a recipe, and its seconds; in a process on torch."""
    import numpy as np
    import torch

    from keras_gan_zoo import presets
    from keras_gan_zoo.backend import torch_devices
    from keras_gan_zoo.config import read_recipe

    recipe = read_recipe(presets.find_preset(name))
    gan = presets.built(recipe, dtype="float32", seed=0)
    if any(player.when for player in gan.players()):
        return {"refused": True}
    torch_devices.processes, torch_devices.rank = lambda: PROCESSES, lambda: 0
    sent = []
    torch.distributed.all_reduce = lambda x, **_: sent.append(x.numel() * x.element_size())
    rng, batch = np.random.default_rng(0), recipe.training.batch_size // PROCESSES * gan.minibatches_per_round
    data = {key: field.random(rng, batch) for key, field in gan.fields().items()}
    rounds = []
    for _ in range(ROUNDS + 1):
        sent.clear()
        start = time.perf_counter()
        gan.train_on_batch(data)
        rounds.append(time.perf_counter() - start)
    gradients = sum(player.steps * sum(v.value.numel() * 4 for v in player.variables) for player in gan.players())
    measured = {"bytes": sum(sent), "gradient_bytes": gradients, "messages": len(sent)}
    return {**measured, "seconds": statistics.median(rounds[1:]), "batch_size": recipe.training.batch_size}


def sharing_table(file: Path = RECORD) -> str:
    """A row for each recipe, from the record of `sharing`."""
    record = read_cell(file)
    if not record:
        return "Not measured yet; `python -m benchmarks sharing` does it."
    rows = [
        (
            f"`{name}`",
            result["batch_size"],
            f"{result['bytes'] / 1e6:.2f}",
            f"{result['gradient_bytes'] / result['bytes']:.0%}",
            result["messages"],
            f"{1e3 * result['seconds']:.0f}",
            f"{1e3 * result['bytes'] / (10 * GIGABIT):.2f}",
        )
        for name, result in sorted(record["results"].items())
        if "refused" not in result
    ]
    columns = ("recipe", "batch", "MB", "of it gradients", "messages", "round of half a batch, ms", "MB at 10 Gbit/s, ms")
    machine = record["device"]
    head = (
        f"torch, float32, {machine['cpu']} with {machine['cores']} cores, {listed(versions(record))}, commit "
        f"{short(record['commit'])}; the round is the median of {ROUNDS}, by one of two processes, without the other:"
    )
    return f"{head}\n\n{markdown_table(columns, rows)}"


if __name__ == "__main__":
    print(json.dumps(counted(sys.argv[1])))
