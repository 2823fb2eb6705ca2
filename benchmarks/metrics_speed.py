"""Measures our metrics beside those of torch-fidelity, pytorch-fid, clean-fid and prdc.

    python -m benchmarks.metrics_speed --peers peers/bin/python --inception inception.npz --torchscript inception.pt

--peers is the interpreter of the environment that tests/metrics/record_peers.py describes. --torchscript is the network that
clean-fid loads (NVIDIA's inception-2015-12-05.pt); without it that measurement is left out.

Protocol: each measurement is a process of its own, on the CPU with two threads; contenders take turns, and the record holds
median and range. Exit code 1 if a check or a measurement fails.

* Fréchet distance of two full-rank covariances at 2048 dimensions, nothing cached: ours and pytorch-fid's `sqrtm`.
* Inception features of 32 x 32 images in float32, batches of 50, after a warm-up: ours and torch-fidelity's network.
* Nearest neighbours, 2 x 10,000 vectors of 2048 dimensions: precision and recall beside torch-fidelity's, all of precision,
  recall, density and coverage beside prdc's; with the peak of memory.
* FID of a folder of PNG files under clean resizing against known statistics, from the import of the library to the number:
  ours and clean-fid's.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.metrics_speed_worker import THREADS
from benchmarks.processes import (
    ROOT,
    MeasurementError,
    alternating,
    check,
    cpu,
    environment_of,
    load,
    run,
    spread,
    table,
    values,
)

OUTPUT = ROOT / "benchmarks" / "results" / "metrics_speed.json"
TWO_THREADS = {
    name: str(THREADS) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
}
# part: (ours, [(peer, least ratio of its time to ours)])
PARTS = {
    "frechet": ("frechet_ours", [("frechet_pytorch_fid", 8.0)]),
    "inception": ("inception_ours", [("inception_torch_fidelity", 2.0)]),
    "precision_recall": ("neighbours_ours", [("neighbours_torch_fidelity", 1.0)]),
    "manifolds": ("manifolds_ours", [("manifolds_prdc", 1.0)]),
    "folder": ("folder_ours", [("folder_clean_fid", 2.0)]),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_speed", description=__doc__.split("\n")[0])
    parser.add_argument("--peers", type=Path, required=True, help="interpreter of the peers' environment")
    parser.add_argument("--inception", type=Path, required=True, help="weights of the FID network, .npz")
    parser.add_argument("--torchscript", type=Path, help="clean-fid's network; without it no folder is measured")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=300, help="for the network")
    parser.add_argument("--png-images", type=int, default=10_000, help="in the folder")
    parser.add_argument("--vectors", type=int, default=10_000, help="in each set of nearest neighbours")
    parser.add_argument("--dimension", type=int, default=2048)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    settings = {
        "dimension": options.dimension,
        "images": options.images,
        "png_images": options.png_images,
        "vectors": options.vectors,
        "inception": str(options.inception.resolve()),
        "torchscript": str(options.torchscript.resolve()) if options.torchscript else None,
    }
    before = load()
    parts = [name for name in options.parts if name != "folder" or options.torchscript]
    described = json.loads(run(["-m", "benchmarks.throughput_worker", '{"contender": "describe"}'])[0].splitlines()[-1])
    results = {}
    for part in parts:
        ours, peers = PARTS[part]
        contenders = {name: (measured, (options.peers, settings | {"contender": name})) for name in (ours, *dict(peers))}
        results[part] = alternating(contenders, options.repeats)
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "protocol": {
            **{key: value for key, value in settings.items() if key not in ("inception", "torchscript")},
            "repeats": options.repeats,
            "threads": THREADS,
            "text": __doc__.partition("Protocol: ")[2],
        },
        "commit": described["commit"],
        "versions": described["versions"] | {"peers": peer_versions(options.peers)},
        "device": {**cpu(), "load_average": {"before": before, "after": load()}},
        "results": results,
        "checks": checks(results),
    }
    print(report(record))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    failed = [c for c in record["checks"] if not c["passed"]]
    return 1 if failed else 0


def measured(task):
    """One measurement: ours under this interpreter, a peer's under its own."""
    peers, settings = task
    command = ["-m", "benchmarks.metrics_speed_worker", json.dumps(settings)]
    if settings["contender"].endswith("_ours"):
        return json.loads(run(command, environment_of() | TWO_THREADS)[0].splitlines()[-1])
    environment = {**os.environ, **TWO_THREADS, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([str(peers), *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise MeasurementError((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def peer_versions(interpreter):
    names = ("torch-fidelity", "pytorch-fid", "clean-fid", "prdc", "torch", "scipy")
    script = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names}}}))"
    return json.loads(subprocess.run([str(interpreter), "-c", script], capture_output=True, text=True, check=True).stdout)


def checks(results):
    """Each requirement, as a ratio of the peer's seconds to ours within each repeat."""
    found = []
    for part, group in results.items():
        ours, peers = PARTS[part]
        for peer, least in peers:
            name = f"{part}: {peer.partition('_')[2].replace('_', '-')}'s seconds over ours"
            ratio = lambda group=group, ours=ours, peer=peer: [  # noqa: E731
                b / a for a, b in zip(values(group, ours, "seconds"), values(group, peer, "seconds"), strict=True)
            ]
            found.append(check(name, ratio, least, at_least=True))
    return found


def report(record):
    """The record as text."""
    lines = []
    for part, group in record["results"].items():
        rows = {
            name: (result["error"],)
            if "error" in result
            else (spread(result["seconds"]), spread(result["peak_memory_mb"]), spread(result["value"]))
            for name, result in group.items()
        }
        lines += [*table(part, ("seconds", "peak MB", "value"), rows), ""]
    for c in record["checks"]:
        found = spread(c["value"]) if c["value"] else c["reason"]
        lines.append(f"{'PASS' if c['passed'] else 'FAIL'}  {c['name']}: {found} ({c['required']} {c['limit']})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
