"""Measures speed, start-up time and memory, beside what a user would write without the zoo.

    python -m benchmarks throughput
    python -m benchmarks throughput --backends jax,torch --device gpu --parts dcgan,variants --rounds 1000
    python -m benchmarks throughput --variants dcgan,wgan_gp --repeats 1 --folder somewhere

Each backend has a record of its own for the CPU and for the GPU, a file in benchmarks/results/throughput, which is written
after each process. What is there, of the same protocol, commit, versions and device, is not measured again; so a run can be
stopped at any moment and started anew. Delete a file to measure it again.

Protocol: each measurement is a process of its own; contenders take turns (A B C A B C ...), so that a slow minute of the
machine meets all of them; median and range over the repeats.

* Training, images/s: real images that gradient steps consume in a second, through the public `fit` on uint8 arrays, all
  overhead counted, a warm-up excluded. With n_critic = 5 a round consumes five minibatches. The same in a second of the
  processor, all cores added up, since others may share the machine.
* First round, seconds: from the model's constructor to the end of its first round, tracing and compiling included.
* DCGAN against three baselines (in `peers`), with the same networks and batch: a `train_step` in the manner of
  the Keras guide, on TensorFlow; a plain PyTorch loop; and that loop tuned, each at its default precision. TensorFlow
  has oneDNN on or off for all of them alike. A ratio is taken within each repeat, by both clocks, against the baseline
  whose median is the higher.
* Sampling, images/s: `generate`, after a warm-up.
* A variant of other samples than images is fed with those of its own fields (`field.random`), in the size that
  `benchmarks.worker` names; what starts from data samples by `translate`.
* Inception features, images/s: 28 x 28 images through the network of FID in float32, after a warm-up.
* Start-up, seconds: a fresh process that builds or loads a model and generates 64 images, against one that imports
  the backend and Keras only. The first run of each, which fills the disk cache, is excluded.
* Peak memory, MB: largest resident set of the training process, on the host.

Run it on an idle machine; the record holds the load that it met. The limits are for TensorFlow on the CPU. Exit code 1 if a
check or a measurement fails.
"""

import datetime
import operator
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from benchmarks.cells import BACKENDS, chosen, read_cell, run_turns, variants_of, write_json
from benchmarks.markdown import markdown_table as table
from benchmarks.processes import check, cpu, environment_of, load, paired, run, values, worker
from benchmarks.speed_tables import THROUGHPUT, of_turns, speed_blocks, verdicts

DCGAN = {
    "zoo": {"contender": "ours", "variant": "dcgan", "dtype": "auto", "samples": 0},
    "zoo_float32": {"contender": "ours", "variant": "dcgan", "dtype": "float32", "samples": 0},
    "keras_guide": {"contender": "keras_guide"},
    "torch_loop": {"contender": "torch_loop"},
    "torch_tuned": {"contender": "torch_tuned"},
}
PARTS = ("dcgan", "variants", "start_up", "inception")
BASELINES = ("keras_guide", "torch_loop")
CLOCKS = {"training_images_per_second": "by the clock", "training_images_per_cpu_second": "in CPU seconds"}


def throughput(
    variants: Annotated[str, typer.Option(help="Names with commas between; by default all.")] = "",
    backends: Annotated[str, typer.Option(help=f"Any of {', '.join(BACKENDS)}, with commas between.")] = BACKENDS[0],
    device: Annotated[Literal["cpu", "gpu"], typer.Option(help="gpu is what the backend finds.")] = "cpu",
    parts: Annotated[str, typer.Option(help="What to measure, with commas between.")] = ",".join(PARTS),
    preset: Annotated[str, typer.Option(help="For the start-up check.")] = "dcgan_mnist",
    batch_size: Annotated[int, typer.Option(min=1)] = 128,
    image_size: Annotated[int, typer.Option(min=9)] = 28,
    width: Annotated[int | None, typer.Option(help="Of all networks; by default each variant's own.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Minibatches that a training measurement consumes.")] = 60,
    samples: Annotated[int, typer.Option(min=1, help="Images that a sampling measurement generates.")] = 2048,
    repeats: Annotated[int, typer.Option(min=1, help="Processes for each measurement.")] = 5,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    weights: Annotated[Path | None, typer.Option(help="Of the Inception network; without them it is left out.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the records lie.")] = THROUGHPUT,
):
    """Measures speed, start-up time and memory of the variants, and of DCGAN beside baselines."""
    names, wanted = variants_of(variants), chosen("--parts", parts, PARTS)
    backends = chosen("--backends", backends, BACKENDS)
    if not backends or not wanted:
        raise ValueError("--backends and --parts must name something. Received: nothing.")
    settings = {
        "image_size": image_size,
        "channels": 1,
        "width": width,
        "batch_size": batch_size,
        "rounds": rounds,
        "seed": seed,
        "samples": samples,
        "repeats": repeats,
    }
    if weights and not weights.is_file():
        raise ValueError(
            f"--weights must be a file. Received: {weights}. Fix: the weights of the Inception network, as .npz."
        )
    if wanted == ["inception"] and not weights:
        raise ValueError(
            "--parts inception measures nothing without the network. Received: no --weights. Fix: --weights inception.npz."
        )
    console, failed = Console(), False
    for backend in backends:
        record = measure(backend, device, settings, names, wanted, preset, weights, folder, console)
        console.print(report(record), markup=False, highlight=False, soft_wrap=True)
        errors = [result for part in PARTS for result in record[part].values() if "error" in result]
        failed |= bool(errors or [c for c in record["checks"] if c["passed"] is False])
    raise typer.Exit(1 if failed else 0)


def measure(backend, device, settings, variants, parts, preset, weights, folder, console):
    """Measures what is missing of one record, and writes it after each process; an error where there is no such device."""
    environment = environment_of(backend, cpu=device == "cpu")
    load_before = load()
    described = worker((environment, {"contender": "describe"}, sys.executable))
    if device == "gpu" and not described["accelerator"]:
        raise ValueError(f"--device gpu: {backend} finds none here. Fix: --device cpu, or a build of {backend} for the GPU.")
    machine = {**cpu(), "accelerator": described.pop("accelerator")}
    path = folder / f"{backend}_{device}.json"
    record = {"backend": backend, "date": "", "protocol": {**settings, "text": __doc__.partition("Protocol: ")[2]}}
    record |= {**described, "device": machine, **{part: {} for part in PARTS}, "checks": []}
    if stored := read_cell(path):
        before, now = comparable(stored), comparable(record)
        if differing := [key for key in now if before[key] != now[key]]:
            console.print(f"{path.name} is measured anew: it is of another {', '.join(differing)}.", highlight=False)
        else:
            # With the date and the load of its own run.
            record |= stored
    contenders = {
        "dcgan": {name: own for name, own in DCGAN.items() if name != "keras_guide" or backend == "tensorflow"},
        "variants": {name: {"contender": "ours", "dtype": "auto", "variant": name} for name in variants},
        "inception": {"features": {"contender": "inception", "weights": str(weights.resolve())}} if weights else {},
    }
    plans = {
        part: {name: (worker, (environment, settings | own, sys.executable)) for name, own in named.items()}
        for part, named in contenders.items()
    }
    commands = start_up(backend, settings, variants, preset)
    plans["start_up"] = {name: (wall_time, (environment, command)) for name, command in commands.items()}
    plans = {part: plans[part] for part in PARTS if part in parts}

    def write():
        record["date"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        record["device"]["load_average"] = {"before": load_before, "after": load()}
        write_json(path, record)

    run_turns(plans, record, settings["repeats"], write, backend, console, {"start_up": 1})
    if (backend, device) == ("tensorflow", "cpu"):
        record["checks"] = checks(record, preset)
    write_json(path, record)
    return record


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """What two records must have in common to be parts of one."""
    machine = {key: value for key, value in record["device"].items() if key != "load_average"}
    return {**{key: record.get(key) for key in ("protocol", "commit", "versions", "dtype", "onednn")}, "device": machine}


# Measuring -------------------------------------------------------------------------------------------------------------


def wall_time(task):
    """Seconds of a fresh process, (environment, command)."""
    environment, command = task
    return {"seconds": run(command, environment)[1]}


def start_up(backend, settings, variants, preset):
    """Commands whose wall time is measured, by name."""
    build = "import keras_gan_zoo; from benchmarks.worker import start_up; start_up({!r}, {})"
    n = 64
    script = Path(sys.executable).with_name("keras-gan-zoo")
    # The entry point is a Python script, so both forms run under this very interpreter.
    listing = [str(script), "list"] if script.exists() else ["-m", "keras_gan_zoo", "list"]
    return {
        f"import {backend}, keras": ["-c", f"import {backend}, keras"],
        "import keras": ["-c", "import keras"],
        "import keras, keras_gan_zoo": ["-c", "import keras, keras_gan_zoo"],
        "keras-gan-zoo list": listing,
        f"load {preset}": ["-c", f"import keras_gan_zoo; keras_gan_zoo.load({preset!r}).generate({n}, seed=0)"],
        **{f"build {name}": ["-c", build.format({**settings, "variant": name}, n)] for name in variants},
    }


# Judging ---------------------------------------------------------------------------------------------------------------


def checks(record, preset):
    """The requirements, see `check`."""
    dcgan, times = record["dcgan"], record["start_up"]

    def ratio(key, name, baselines):
        """A speed within each repeat, times that of the fastest of the baselines."""
        fastest = max(baselines, key=lambda baseline: statistics.median(values(dcgan, baseline, key)))
        return paired(dcgan, key, name, fastest, operator.truediv)

    return [
        *(
            check(f"DCGAN training at {precision}, times {told}, {clock}", partial(ratio, key, name, others), limit, True)
            for key, clock in CLOCKS.items()
            for name, precision, others, told, limit in (
                ("zoo", "the default precision", BASELINES, "the faster baseline", 1.2),
                ("zoo_float32", "float32", BASELINES, "the faster baseline", 1.05),
                ("zoo", "the default precision", ("torch_tuned",), "the tuned PyTorch loop", 1.0),
            )
        ),
        check(
            "import keras_gan_zoo, seconds beyond import keras",
            partial(paired, times, "seconds", "import keras, keras_gan_zoo", "import keras", operator.sub),
            0.1,
        ),
        check("keras-gan-zoo list, seconds", partial(values, times, "keras-gan-zoo list", "seconds"), 0.5),
        check(
            f"load {preset} and generate 64, times the import of TensorFlow and Keras",
            partial(paired, times, "seconds", f"load {preset}", "import tensorflow, keras", operator.truediv),
            1.5,
        ),
    ]


def report(record):
    """The record as text."""
    times = [
        (name, of_turns(result["seconds"]) if "error" not in result else result["error"])
        for name, result in record["start_up"].items()
    ]
    dtype = f"Default precision: {record['dtype']['chosen']}, as this is {record['dtype']['reason']}."
    return "\n\n".join(filter(None, [*speed_blocks(record), dtype, table(("process", "seconds"), times), verdicts(record)]))
