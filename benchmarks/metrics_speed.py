"""Measures our metrics beside those of torch-fidelity, pytorch-fid, clean-fid and prdc.

    python -m benchmarks metrics-speed --peers peers-env/bin/python --inception inception.npz --torchscript inception.pt

--peers is the interpreter of the environment that `peers` describes. --torchscript is the network that clean-fid loads
(NVIDIA's inception-2015-12-05.pt); without it that measurement is left out.

Protocol: each measurement is a process of its own, on the CPU with two threads; contenders take turns, and the record holds
median and range. Exit code 1 if a check or a measurement fails.

* Fréchet distance of two full-rank covariances at 2048 dimensions, nothing cached: ours and pytorch-fid's `sqrtm`.
* Inception features of 32 x 32 images in float32, batches of 50, after a warm-up: ours and torch-fidelity's network.
* Nearest neighbors, 2 x 10,000 vectors of 2048 dimensions: precision and recall beside torch-fidelity's, all of precision,
  recall, density and coverage beside prdc's; with the peak of memory.
* FID of a folder of PNG files under clean resizing against known statistics, from the import of the library to the number:
  ours and clean-fid's.
"""

import datetime
import functools
import json
import operator
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.cells import chosen, run_turns, write_json
from benchmarks.peers import cases
from benchmarks.peers.metrics import THREADS
from benchmarks.processes import check, cpu, environment_of, load, paired, run, worker
from benchmarks.speed_tables import METRICS_SPEED, metrics_speed_table

TWO_THREADS = {
    name: str(THREADS) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
}
PEERS = ("torch-fidelity", "pytorch-fid", "clean-fid", "prdc", "torch", "scipy")
# part: (ours, a peer, least ratio of its time to ours)
PARTS = {
    "frechet": ("frechet_ours", "frechet_pytorch_fid", 8.0),
    "inception": ("inception_ours", "inception_torch_fidelity", 2.0),
    "precision_recall": ("neighbors_ours", "neighbors_torch_fidelity", 1.0),
    "manifolds": ("manifolds_ours", "manifolds_prdc", 1.0),
    "folder": ("folder_ours", "folder_clean_fid", 2.0),
}


def metrics_speed(
    peers: Annotated[Path, typer.Option(help="Interpreter of the peers' environment.")],
    inception: Annotated[Path, typer.Option(help="Weights of the FID network, .npz.")],
    torchscript: Annotated[Path | None, typer.Option(help="clean-fid's network; without it no folder is measured.")] = None,
    parts: Annotated[str, typer.Option(help="What to measure, with commas between.")] = ",".join(PARTS),
    repeats: Annotated[int, typer.Option(min=1, help="Processes for each measurement.")] = 3,
    images: Annotated[int, typer.Option(min=51, help="For the network.")] = 300,
    png_images: Annotated[int, typer.Option(min=2, help="In the folder.")] = 10_000,
    vectors: Annotated[int, typer.Option(min=6, help="In each set of nearest neighbors.")] = 10_000,
    dimension: Annotated[int, typer.Option(min=2)] = 2048,
    output: Annotated[Path, typer.Option(help="Where the record goes.")] = METRICS_SPEED,
):
    """Measures our metrics beside those of other libraries."""
    sizes = {"dimension": dimension, "images": images, "png_images": png_images, "vectors": vectors}
    before, environment = load(), environment_of() | TWO_THREADS
    described = worker((environment, {"contender": "describe"}, sys.executable))
    versions = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {PEERS}}}))"
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "protocol": {**sizes, "repeats": repeats, "threads": THREADS, "text": __doc__.partition("Protocol: ")[2]},
        "commit": described["commit"],
        "versions": described["versions"] | {"peers": json.loads(run(["-c", versions], environment, peers)[0])},
        "device": {**cpu(), "load_average": {"before": before, "after": before}},
        "results": {},
        "checks": [],
    }

    def write():
        record["device"]["load_average"]["after"] = load()
        record["checks"] = checks(record["results"])
        write_json(output, record)

    with tempfile.TemporaryDirectory() as folder:
        cases.write_pngs(folder, png_images if torchscript else 0)
        files = {"inception": inception.resolve(), "torchscript": torchscript and torchscript.resolve(), "folder": folder}
        settings = {**sizes, **{name: str(path) for name, path in files.items()}}
        plans = {
            part: {
                name: (worker, (environment, {**settings, "contender": name}, sys.executable if name == ours else peers))
                for name in (ours, peer)
            }
            for part in chosen("--parts", parts, PARTS)
            for ours, peer, _ in [PARTS[part]]
            if part != "folder" or torchscript
        }
        run_turns(plans, record["results"], repeats, write, "metrics", Console())
    typer.echo(metrics_speed_table(output))
    raise typer.Exit(0 if all(c["passed"] for c in record["checks"]) else 1)


def checks(results):
    """Each requirement, as a ratio of the peer's seconds to ours within each repeat."""
    found = []
    for part, group in results.items():
        ours, peer, least = PARTS[part]
        name = f"{part}: {peer.partition('_')[2].replace('_', '-')}'s seconds over ours"
        ratios = functools.partial(paired, group, "seconds", peer, ours, operator.truediv)
        found.append(check(name, ratios, least, at_least=True))
    return found
