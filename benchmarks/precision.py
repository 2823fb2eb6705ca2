"""How far our metrics are from the peers', step by step, on the inputs of `peers.cases`.

    python -m benchmarks precision --inception inception.npz
    KERAS_BACKEND=jax python -m benchmarks precision

compares with what `python -m benchmarks.peers record` recorded, and writes a record for the backend and its device, CPU or
GPU, to benchmarks/results/precision, which `report` turns into the tables of benchmarks/PRECISION.md. Without --inception
the rows of the real network are kept from before. On TensorFlow, those of the real network are also compared with and
without oneDNN.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.cells import read_cell, write_json
from benchmarks.markdown import markdown_table, short, versions
from benchmarks.peers import cases, metrics
from benchmarks.processes import ROOT, environment_of, run
from keras_gan_zoo.machine import ONEDNN

FOLDER = ROOT / "benchmarks" / "results" / "precision"
REAL = "real weights"
SWITCHED = 200  # images in each of the two sets that are seen with and without oneDNN
MAIN = "tensorflow_cpu.json"
# Steps that run on the device; all others are NumPy on the host.
ON_DEVICE = ("resizing", "features", "logits")


def precision(
    inception: Annotated[Path | None, typer.Option(help="Weights of the FID network, .npz.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the record goes.")] = FOLDER,
):
    """Measures how far our metrics are from the peers'."""
    import keras

    from keras_gan_zoo.backend import accelerator
    from keras_gan_zoo.provenance import origin

    output = folder / f"{keras.backend.backend()}_{'gpu' if accelerator() else 'cpu'}.json"
    recorded = json.loads(metrics.RECORDED.read_text("utf-8"))
    rows = [*resizing(recorded), *on_features(recorded), *scores(recorded), *data_sets(recorded)]
    with tempfile.TemporaryDirectory() as scratch:
        random = Path(scratch) / "random.npz"
        np.savez(random, **cases.network_weights(recorded["random_network"]["shapes"]))
        rows += network(recorded["random_network"], random, "torch-fidelity", "random weights")
    if inception:
        rows += network(recorded["network"], inception, "torch-fidelity", REAL)
        rows += network({"clean": recorded["clean_fid_network"]}, inception, "clean-fid", REAL)
        rows += onednn(inception) if keras.backend.backend() == "tensorflow" else ()
    else:
        rows += [row for row in read_cell(output).get("rows", ()) if REAL in row["step"]]
    write_json(output, {"rows": rows, **origin(), "peers": recorded["versions"]})


def row(step: str, peer: str, difference: float, unit: str) -> dict[str, Any]:
    return {"step": step, "peer": peer, "difference": float(difference), "unit": unit}


def resizing(recorded):
    import keras

    from keras_gan_zoo.metrics.features.resize import RESIZERS

    for resizer, peer in (("legacy", "torch-fidelity"), ("clean", "clean-fid")):
        worst = 0.0
        for name in cases.SHAPES:
            tensor = keras.ops.convert_to_tensor(cases.image(name)[None].astype("float32"))
            ours = keras.ops.convert_to_numpy(RESIZERS[resizer][1](tensor, 299, 299))[0][cases.places()]
            worst = max(worst, np.abs(ours - recorded["resize"][name][peer]).max())
        yield row(f"resizing, {resizer}", peer, worst, "gray levels of 255, at most")


def network(peers, weights, peer, which):
    """Rows of features, and of logits if there are any, beside the peer's {resizer: {images: arrays}}."""
    from keras_gan_zoo.metrics.features import feature_extractor

    for resizer in (name for name in ("legacy", "clean") if name in peers):
        extractor = feature_extractor("inception", weights=weights, resizer=resizer)
        worst, largest = {}, {}
        for name, images in cases.network_images().items():
            ours = (found for found in extractor.extract(images) if found is not None)
            for what, found, expected in zip(("features", "logits"), ours, peers[resizer][name], strict=False):
                worst[what] = max(worst.get(what, 0.0), np.abs(found[:, ::16] - expected).max())
                largest[what] = max(largest.get(what, 0.0), np.abs(expected).max())
        for what, difference in worst.items():
            step = f"{what}, {resizer}, {which}"
            yield row(step, peer, difference, f"absolute, at most, of values up to {largest[what]:.1f}")


def onednn(inception):
    """Rows of features, and of the FID that is made of them, with and without oneDNN."""
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance

    with tempfile.TemporaryDirectory() as scratch:
        found = []
        for setting in ("1", "0"):
            file = Path(scratch) / f"{setting}.npz"
            command = ["-m", "benchmarks.precision", str(inception.resolve()), str(file)]
            run(command, {**environment_of(), ONEDNN: setting})
            with np.load(file) as sets:
                found.append({name: sets[name] for name in sets.files})
    ours, without = found
    distances = [frechet_distance(Moments.of(sets["real"]), Moments.of(sets["fake"])) for sets in found]
    peer = "ours without oneDNN"
    difference, largest = np.abs(ours["real"] - without["real"]).max(), np.abs(ours["real"]).max()
    yield row(f"features, legacy, {REAL}", peer, difference, f"absolute, at most, of values up to {largest:.1f}")
    step = f"FID of {SWITCHED} against {SWITCHED} images, {REAL}: {distances[0]:.6f}"
    yield row(step, peer, abs(distances[1] - distances[0]) / distances[0], "relative")


def _switched_features(inception, output):
    """Features of two sets of colored blocks, large and small, by the kernels that the environment asks for."""
    from keras_gan_zoo.metrics.features import feature_extractor

    rng, extractor = np.random.default_rng(5), feature_extractor("inception", weights=inception)
    sets = {}
    for name, side in (("real", 8), ("fake", 4)):
        blocks = rng.integers(0, 256, (SWITCHED, 32 // side, 32 // side, 3), np.uint8)
        sets[name] = extractor.features(blocks.repeat(side, axis=1).repeat(side, axis=2))
    np.savez(output, **sets)


def on_features(recorded):
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance
    from keras_gan_zoo.metrics.kernel import kernel_distance, unbiased_mmd
    from keras_gan_zoo.metrics.manifolds import manifold_metrics

    worst: dict[tuple[str, str], float] = {}
    equal = 0.0

    def take(step, peer, ours, theirs):
        difference = np.max(np.abs(np.subtract(ours, theirs)) / np.maximum(np.abs(ours), 1e-300))
        worst[step, peer] = max(worst.get((step, peer), 0.0), float(difference))

    for name in cases.SETS:
        real, fake = cases.features(name)
        theirs = recorded["features"][name]
        distance = frechet_distance(Moments.of(real), Moments.of(fake))
        few = min(len(real), len(fake)) <= real.shape[1]
        for peer in ("pytorch-fid", "torch-fidelity", "clean-fid"):
            take(f"FID, {'fewer' if few else 'more'} vectors than dimensions", peer, distance, theirs[peer]["fid"])
        take("KID", "torch-fidelity", kernel_distance(real, fake, **cases.KERNEL), theirs["torch-fidelity"]["kid"])
        least = min(len(real), len(fake))
        mmd = unbiased_mmd(real[:least], fake[:least])
        take("KID of one subset", "clean-fid", mmd, theirs["clean-fid"]["kid_of_all"])
        ours = manifold_metrics(real, fake, 3, cases.NEIGHBORS)
        pair = [theirs["torch-fidelity"][key] for key in ("precision", "recall")]
        take("precision, recall", "torch-fidelity", ours[:2], pair)
        take("density, coverage", "prdc", ours[2:], [theirs["prdc"][key] for key in ("density", "coverage")])
        equal = max(equal, frechet_distance(Moments.of(real), Moments.of(real)))
        batches = Moments(real.shape[1])
        for start in range(0, len(real), 7):
            batches.update(real[start : start + 7])
        take("FID, moments from batches of 7", "ours from one batch", frechet_distance(batches, Moments.of(fake)), distance)
    for (step, peer), difference in worst.items():
        yield row(step, peer, difference, "relative, at most")
    yield row("FID of equal sets", "0 by definition", equal, "absolute, at most")


def data_sets(recorded):
    for name, values in recorded["data_sets"].items():
        for peer in ("pytorch-fid", "torch-fidelity", "clean-fid"):
            step = (
                f"FID of {name}, {values['n_test']:,} test against {values['n_train']:,} train images: {values['ours']:.4f}"
            )
            yield row(step, peer, abs(values[peer] - values["ours"]) / values["ours"], "relative")
        if first := values.get("first_images"):
            step = f"FID of {name}, from images on, the first {first['n']:,} of each split: {first['ours']:.4f}"
            yield row(step, "torch-fidelity", abs(first["torch-fidelity"] - first["ours"]) / first["ours"], "relative")


def scores(recorded):
    from keras_gan_zoo.metrics.scores import inception_score

    ours = inception_score(cases.logits(), cases.SPLITS)
    theirs = recorded["inception_score"]["torch-fidelity"]["shuffled"]
    difference = np.abs(np.subtract(ours, theirs) / ours).max()
    yield row("Inception Score, mean and deviation", "torch-fidelity", difference, "relative, at most")


def precision_table(folder: Path = FOLDER) -> str:
    """Markdown: the difference of each step, and on other backends and devices of those that run there."""
    main = read_cell(folder / MAIN)
    if not main:
        return "Not measured yet; `python -m benchmarks precision` does it."
    rows = [(r["step"], r["peer"], f"{r['difference']:.1e}", r["unit"]) for r in main["rows"]]
    peers = ", ".join(f"{name} {version}" for name, version in main["peers"].items())
    blocks = [markdown_table(("step", "peer", "difference", ""), rows), f"Ours: {_origin(main)}. Peers: {peers}."]
    others = [read_cell(path) for path in sorted(folder.glob("*.json")) if path.name != MAIN]
    if others:
        blocks += [_others(others), f"Ours: {'; '.join(map(_origin, others))}."]
    return "\n\n".join(blocks)


def _others(records):
    """A column for each record, of the steps that it has."""
    found = [{(r["step"], r["peer"], r["unit"]): r["difference"] for r in record["rows"]} for record in records]
    steps = dict.fromkeys(key for rows in found for key in rows if key[0].startswith(ON_DEVICE))
    places = [f"{record['backend']} on {record['device']}" for record in records]
    rows = [(*key[:2], *(f"{rows[key]:.1e}" if key in rows else "" for rows in found), key[2]) for key in steps]
    return markdown_table(("step", "peer", *places, ""), rows)


def _origin(record):
    return f"{', '.join(versions(record))}, {record['device']}, commit {short(record['commit'])}"


if __name__ == "__main__":
    _switched_features(*sys.argv[1:])
