"""Tables of what `throughput` and `metrics_speed` have measured."""

import itertools
from pathlib import Path
from typing import Any

from benchmarks.cells import read_cell, read_cells
from benchmarks.markdown import listed, markdown_table, short, spread, versions
from benchmarks.processes import ROOT, turns
from benchmarks.worker import ARGUMENTS

THROUGHPUT = ROOT / "benchmarks" / "results" / "throughput"
METRICS_SPEED = ROOT / "benchmarks" / "results" / "metrics_speed.json"
PROGRAMS = {
    "zoo": "`DCGAN` of the zoo",
    "zoo_float32": "`DCGAN` of the zoo",
    "keras_guide": "the same networks in a `train_step` as the Keras guide has it",
    "torch_loop": "the same networks in a plain PyTorch loop",
    "torch_tuned": "that loop tuned: `channels_last`, `torch.compile`",
}
TRAINING, SAMPLING, MEMORY = "training_images_per_second", "sampling_images_per_second", "peak_memory_mb"
TRAINING_CPU, FIRST_ROUND = "training_images_per_cpu_second", "first_round_seconds"
SPEEDS = {
    TRAINING: "training, images/s",
    TRAINING_CPU: "images per CPU second",
    SAMPLING: "sampling, images/s",
    FIRST_ROUND: "first round, s",
    MEMORY: "peak memory, MB",
}


def speed_tables(folder: Path = THROUGHPUT) -> str:
    """DCGAN beside its baselines, then each variant, from the records of `benchmarks.throughput`.

    TensorFlow on the CPU comes first; the other backends and devices share a table.
    """
    records = read_cells(folder)
    first = [record for record in records if (record["backend"], record["device"]["accelerator"]) == ("tensorflow", None)]
    blocks = [block for record in first for block in speed_blocks(record)]
    others = [record for record in records if record not in first]
    if others:
        blocks += [*(f"{_speed_protocol(record)}." for record in others), _others(others)]
    return "\n\n".join(blocks)


def speed_blocks(record: dict[str, Any]) -> list[str]:
    """One record: its protocol, a table for DCGAN and one for the variants, and a sentence on Inception."""
    blocks = [f"{_speed_protocol(record)}:"]
    for part, title, columns in (
        ("dcgan", "program", (TRAINING, TRAINING_CPU, FIRST_ROUND, MEMORY)),
        ("variants", "variant", (TRAINING, TRAINING_CPU, SAMPLING, FIRST_ROUND, MEMORY)),
    ):
        rows = [
            (_program(part, name), result.get("dtype") or _failed(result), *_speeds(result, columns))
            for name, result in record[part].items()
        ]
        if rows:
            blocks.append(markdown_table((title, "precision", *(SPEEDS[column] for column in columns)), rows))
    for features in record.get("inception", {}).values():
        speeds = _speeds(features, ("features_images_per_second", "features_images_per_cpu_second"))
        told = _failed(features) or f"{speeds[0]} images/s, {speeds[1]} per CPU second"
        blocks.append(f"Inception features of 28 x 28 images: {told}.")
    return blocks


def verdicts(record: dict[str, Any]) -> str:
    """A line for each check of a record."""
    words = {True: "passed", False: "MISSED", None: "not measured"}
    return "\n".join(
        f"- {c['name']}: {of_turns(c['value']) if c['value'] else c['reason']} "
        f"({c['required']} {c['limit']:g}: {words[c['passed']]})"
        for c in record["checks"]
    )


def _others(records):
    """A row for each program of any of the records, and two columns for each record."""
    names = {(part, name): None for record in records for part in ("dcgan", "variants") for name in record[part]}
    columns = (TRAINING, SAMPLING)
    places = [f"{record['backend']}, {'GPU' if record['device']['accelerator'] else 'CPU'}" for record in records]
    titles = [f"{place}: {SPEEDS[column]}" for place in places for column in columns]
    rows = []
    for part, name in names:
        results = [record[part].get(name, {}) for record in records]
        precisions = {result["dtype"]: None for result in results if "dtype" in result}
        cells = [(_failed(result), "") if "error" in result else _speeds(result, columns) for result in results]
        rows.append((_program(part, name), ", ".join(precisions), *itertools.chain(*cells)))
    return markdown_table(("program", "precision", *titles), rows)


def _speed_protocol(record):
    protocol, machine = record["protocol"], record["device"]
    side, groups = protocol["image_size"], (record["dcgan"], record["variants"])
    accelerator = f"{machine['accelerator']}, " if machine["accelerator"] else ""
    own = [
        f"; `{name}`: " + ", ".join(f"{key} {value}" for key, value in ARGUMENTS[name].items())
        for name in record["variants"]
        if name in ARGUMENTS
    ]
    kernels = {None: "", True: " with oneDNN", False: " without oneDNN"}[record.get("onednn")]
    return (
        f"{record['backend']}{kernels}, {side} x {side} images, batch {protocol['batch_size']}, "
        f"{accelerator}{machine['cpu']} with {machine['cores']} cores, {listed(versions(record))}, "
        f"commit {short(record['commit'])}; {_turns(groups)}{''.join(own)}"
    )


def _program(part, name):
    return PROGRAMS[name] if part == "dcgan" else f"`{name}`"


def _failed(result):
    return f"failed: {result['error']}" if "error" in result else ""


def _speeds(result, columns):
    return tuple(of_turns(result[column]) if column in result else "" for column in columns)


def metrics_speed_table(file: Path = METRICS_SPEED) -> str:
    """Our metrics beside the peers', from the record of `benchmarks metrics-speed`."""
    record = read_cell(file)
    if not record:
        return "Not measured yet; `python -m benchmarks metrics-speed` does it."
    rows = [
        (part, name, *((_failed(result), "") if "error" in result else _speeds(result, ("seconds", MEMORY))))
        for part, group in record["results"].items()
        for name, result in group.items()
    ]
    protocol, device, peers = record["protocol"], record["device"], record["versions"]["peers"]
    head = (
        f"{protocol['vectors']:,} vectors of {protocol['dimension']} dimensions, {protocol['images']} images for the "
        f"network, {protocol['png_images']:,} PNG files; {device['cpu']}, {protocol['threads']} threads, load "
        f"{device['load_average']['before']} before the run; {listed(f'{k} {v}' for k, v in peers.items())}; commit "
        f"{short(record['commit'])}; {_turns(record['results'].values())}:"
    )
    return "\n\n".join([head, markdown_table(("part", "program", "seconds", "peak memory, MB"), rows), verdicts(record)])


def of_turns(numbers: dict[str, Any]) -> str:
    """A number that was measured several times, with three digits."""
    return spread(numbers["values"], lambda x: f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}")


def _turns(groups):
    """How many processes are behind each result, in words: fewer than planned where a run was stopped."""
    counts = [len(turns(result)) for group in groups for result in group.values() if "error" not in result]
    low, high = min(counts, default=0), max(counts, default=0)
    if high <= 1:
        return "one process each"
    return f"median and range of {high if low == high else f'{low} to {high}'} processes each, taking turns"
