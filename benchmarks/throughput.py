"""Measures speed, start-up time and memory, beside what a user would write without the zoo.

    python -m benchmarks throughput
    python -m benchmarks throughput --variants dcgan wgan_gp --repeats 3 --output benchmarks/results/throughput.json

Protocol: each measurement is a process of its own, on the CPU and on the TensorFlow backend; contenders take turns
(A B C A B C ...), so that a slow minute of the machine meets all of them; median and range over the repeats.

* Training, images/s: real images that gradient steps consume in a second, through the public `fit` on uint8 arrays, all
  overhead counted, a warm-up excluded. With n_critic = 5 a round consumes five minibatches.
* DCGAN against two baselines (`benchmarks/baselines/`), with the same networks and batch: a `train_step` in the manner of
  the Keras guide and a plain PyTorch loop, each at its default precision. A ratio is taken within each repeat, against the
  baseline whose median is the higher.
* Sampling, images/s: `generate`, after a warm-up.
* Start-up, seconds: a fresh process that builds or loads a model and generates 64 images, against one that imports
  TensorFlow and Keras only. The first run of each, which fills the disk cache, is excluded.
* Peak memory, MB: largest resident set of the training process.

Run it on an idle machine; the record holds the load that it met. Exit code 1 if a check or a measurement fails.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEFAULT_OUTPUT = ROOT / "benchmarks" / "results" / "throughput.json"
LIMITS = {
    "default_precision": 1.4,
    "float32": 1.0,
    "import_seconds": 0.1,
    "list_seconds": 0.5,
    "load_and_generate": 1.5,
}
DCGAN = {
    "zoo": {"contender": "ours", "variant": "dcgan", "dtype": "auto", "samples": 0},
    "zoo_float32": {"contender": "ours", "variant": "dcgan", "dtype": "float32", "samples": 0},
    "keras_guide": {"contender": "keras_guide"},
    "torch_loop": {"contender": "torch_loop"},
}
PARTS = ("dcgan", "variants", "start_up")
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
BASELINES = ("keras_guide", "torch_loop")


class MeasurementError(RuntimeError):
    """A measuring process failed; the message is the end of what it said."""


def main(arguments=None):
    options = parsed(arguments)
    settings = {
        "image_size": options.image_size,
        "channels": 1,
        "width": options.width,
        "batch_size": options.batch_size,
        "rounds": options.rounds,
        "seed": options.seed,
    }
    load_before = load()
    described = worker({"contender": "describe"})
    variants = described.pop("variants") if options.variants is None else options.variants
    protocol = {
        **settings,
        "samples": options.samples,
        "repeats": options.repeats,
        "text": __doc__.partition("Protocol: ")[2],
    }
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "protocol": protocol,
        **{key: described[key] for key in ("commit", "versions", "dtype")},
        "device": device(),
        **{part: {} for part in PARTS},
    }
    if "dcgan" in options.parts:
        record["dcgan"] = alternating({k: (worker, {**settings, **v}) for k, v in DCGAN.items()}, options.repeats)
    if "variants" in options.parts:
        each = {**settings, "contender": "ours", "dtype": "auto", "samples": options.samples}
        contenders = {name: (worker, {**each, "variant": name}) for name in variants}
        record["variants"] = alternating(contenders, options.repeats)
    if "start_up" in options.parts:
        record["start_up"] = start_up(variants, options)
    record["checks"] = checks(record, options.preset)
    record["device"]["load_average"] = {"before": load_before, "after": load()}
    print(report(record))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    failed = [c for c in record["checks"] if c["passed"] is False]
    errors = [result for part in PARTS for result in record[part].values() if "error" in result]
    return 1 if failed or errors else 0


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks throughput", description=__doc__.split("\n")[0])
    parser.add_argument("--variants", nargs="*", help="names; by default all, with nothing after it none")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure; by default all")
    parser.add_argument("--preset", default="dcgan_mnist", help="for the start-up check")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--image-size", type=int, default=28)
    parser.add_argument("--width", type=int, help="of all networks; by default each variant's own, 64 for DCGAN")
    parser.add_argument("--rounds", type=int, default=60, help="minibatches that a training measurement consumes")
    parser.add_argument("--samples", type=int, default=2048, help="images that a sampling measurement generates")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    return parser.parse_args(arguments)


# Measuring -------------------------------------------------------------------------------------------------------------


def run(command, environment=None):
    """A fresh process, by default on the CPU and TensorFlow: (its standard output, its wall time in seconds)."""
    environment = {**os.environ, **(environment or ENVIRONMENT)}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise MeasurementError(lines[-1].replace(str(ROOT), "."))
    return done.stdout, seconds


def worker(settings):
    """What `benchmarks.throughput_worker` measures under these settings."""
    return json.loads(run(["-m", "benchmarks.throughput_worker", json.dumps(settings)])[0].splitlines()[-1])


def wall_time(command):
    return {"seconds": run(command)[1]}


def alternating(contenders, repeats, warm_ups=0):
    """Lets contenders (name -> (function, argument)) take turns.

    Returns:
        name -> results: measured numbers as {"median", "min", "max", "values"}, other results as they are; or {"error": the
        last line that a failed process said}, which ends that contender's turns.
    """
    results, errors = {name: [] for name in contenders}, {}
    for repeat in range(-warm_ups, repeats):
        for name, (measure, argument) in contenders.items():
            if name in errors:
                continue
            print(f"{'warm-up' if repeat < 0 else f'{repeat + 1}/{repeats}'} {name}", file=sys.stderr, flush=True)
            try:
                result = measure(argument)
            except MeasurementError as error:
                errors[name] = str(error)
                continue
            if repeat >= 0:
                results[name].append(result)
    return {name: {"error": errors[name]} if name in errors else summary(results[name]) for name in contenders}


def summary(results):
    return {
        key: distribution([result[key] for result in results]) if isinstance(value, float) else value
        for key, value in results[0].items()
    }


def distribution(values):
    values = [float(f"{value:.5g}") for value in values]
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def start_up(variants, options):
    """Wall times of fresh processes."""
    build = "import keras_gan_zoo; model = keras_gan_zoo.models.variant_class({!r}); model({}).generate({}, seed=0)"
    shape, n = (options.image_size, options.image_size, 1), 64
    arguments = repr(shape) + (f", width={options.width}" if options.width else "")
    script = Path(sys.executable).with_name("keras-gan-zoo")
    # The entry point is a Python script, so both forms run under this very interpreter.
    listing = [str(script), "list"] if script.exists() else ["-m", "keras_gan_zoo.cli", "list"]
    commands = {
        "import tensorflow, keras": ["-c", "import tensorflow, keras"],
        "import keras": ["-c", "import keras"],
        "import keras, keras_gan_zoo": ["-c", "import keras, keras_gan_zoo"],
        "keras-gan-zoo list": listing,
        f"load {options.preset}": [
            "-c",
            f"import keras_gan_zoo; keras_gan_zoo.load({options.preset!r}).generate({n}, seed=0)",
        ],
        **{f"build {name}": ["-c", build.format(name, arguments, n)] for name in variants},
    }
    return alternating({k: (wall_time, v) for k, v in commands.items()}, options.repeats, warm_ups=1)


def device():
    """The CPU of this machine."""
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "amx_bf16": "amx_bf16" in fields.get("flags", "").split(),
        "avx512_bf16": "avx512_bf16" in fields.get("flags", "").split(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def load():
    """Processes that ran or waited for a core in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


# Judging ---------------------------------------------------------------------------------------------------------------


def checks(record, preset):
    """Each requirement as {"name", "value", "limit", "required", "passed"}; passed is None where nothing was measured."""
    dcgan, times = record["dcgan"], record["start_up"]
    both, list_ = "import keras, keras_gan_zoo", "keras-gan-zoo list"
    return [
        check(
            "DCGAN training at the default precision, times the faster baseline",
            lambda: ratio_to_baselines(dcgan, "zoo"),
            LIMITS["default_precision"],
            at_least=True,
        ),
        check(
            "DCGAN training at float32, times the faster baseline",
            lambda: ratio_to_baselines(dcgan, "zoo_float32"),
            LIMITS["float32"],
            at_least=True,
        ),
        check(
            "import keras_gan_zoo, seconds beyond import keras",
            lambda: paired(times, both, "import keras", lambda a, b: a - b),
            LIMITS["import_seconds"],
        ),
        check("keras-gan-zoo list, seconds", lambda: values(times, list_, "seconds"), LIMITS["list_seconds"]),
        check(
            f"load {preset} and generate 64, times the import of TensorFlow and Keras",
            lambda: paired(times, f"load {preset}", "import tensorflow, keras", lambda a, b: a / b),
            LIMITS["load_and_generate"],
        ),
    ]


def check(name, measured, limit, at_least=False):
    result = {"name": name, "limit": limit, "required": "at least" if at_least else "at most"}
    try:
        value = distribution(measured())
    except MeasurementError as error:
        return {**result, "value": None, "passed": None, "reason": str(error)}
    passed = value["median"] >= limit if at_least else value["median"] <= limit
    return {**result, "value": value, "passed": passed}


def values(group, name, key):
    if name not in group:
        raise MeasurementError(f"{name} was left out of this run")
    if "error" in group[name]:
        raise MeasurementError(f"{name}: {group[name]['error']}")
    return group[name][key]["values"]


def paired(times, name, other, combine):
    pairs = zip(values(times, name, "seconds"), values(times, other, "seconds"), strict=True)
    return [combine(a, b) for a, b in pairs]


def ratio_to_baselines(dcgan, name):
    key = "training_images_per_second"
    faster = max((values(dcgan, baseline, key) for baseline in BASELINES), key=statistics.median)
    return [a / b for a, b in zip(values(dcgan, name, key), faster, strict=True)]


# Telling ---------------------------------------------------------------------------------------------------------------


def report(record):
    """The record as text."""
    machine, protocol = record["device"], record["protocol"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_average']['before']:.2f} before the run; "
        f"commit {record['commit'][:18]}",
        f"Default precision: {record['dtype']['chosen']}, as this is {record['dtype']['reason']}.",
        "",
        *table(
            f"DCGAN {protocol['image_size']} x {protocol['image_size']}, batch {protocol['batch_size']}",
            ("dtype", "training images/s", "peak MB"),
            {
                name: (result["dtype"], spread(result["training_images_per_second"]), spread(result["peak_memory_mb"]))
                if "error" not in result
                else (result["error"],)
                for name, result in record["dcgan"].items()
            },
        ),
        "",
        *table(
            "variant",
            ("dtype", "training images/s", "sampling images/s", "start-up s", "peak MB"),
            {name: variant_row(record, name) for name in record["variants"]},
        ),
        "",
        *table(
            "fresh process",
            ("seconds",),
            {
                name: (spread(result["seconds"]) if "error" not in result else result["error"],)
                for name, result in record["start_up"].items()
                if not name.startswith("build ")
            },
        ),
        "",
    ]
    for c in record["checks"]:
        verdict = {True: "PASS", False: "FAIL", None: "not measured"}[c["passed"]]
        found = spread(c["value"]) if c["value"] else c["reason"]
        lines.append(f"{verdict}  {c['name']}: {found} ({c['required']} {c['limit']})")
    return "\n".join(lines)


def variant_row(record, name):
    result, started = record["variants"][name], record["start_up"].get(f"build {name}", {})
    if "error" in result:
        return (result["error"],)
    numbers = [result.get(key) for key in ("training_images_per_second", "sampling_images_per_second")]
    numbers += [started.get("seconds"), result["peak_memory_mb"]]
    return (result["dtype"], *(spread(number) if number else started.get("error", "") for number in numbers))


def spread(numbers):
    """Median and range, with three digits; the value alone where they are one."""

    def short(x):
        return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"

    middle, low, high = (short(numbers[key]) for key in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low} to {high})"


def table(title, header, rows):
    cells = [(title, *header), *((name, *row) for name, row in rows.items())]
    widths = [max(len(row[i]) for row in cells if len(row) == len(cells[0])) for i in range(len(cells[0]))]
    widths[0] = max(len(row[0]) for row in cells)
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells]


if __name__ == "__main__":
    sys.exit(main())
