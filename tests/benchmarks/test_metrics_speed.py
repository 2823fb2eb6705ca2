"""The speed of the metrics beside the peers': what is measured, and what a record becomes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import metrics_speed, precision, speed_tables, worker
from benchmarks.peers import cases
from benchmarks.processes import MeasurementError, environment_of
from benchmarks.processes import worker as measured


@pytest.mark.parametrize("contender", ["frechet_ours", "neighbors_ours", "manifolds_ours"])
def test_our_contenders(contender):
    settings = {"contender": contender, "dimension": 24, "vectors": 120}
    result = getattr(worker, contender)(settings)
    assert 0 < result["seconds"] < 30 and result["peak_memory_mb"] > 50 and np.isfinite(result["value"])
    # All are given the same input.
    assert getattr(worker, contender)(settings)["value"] == result["value"]


def test_a_folder_of_pngs(tmp_path):
    from PIL import Image

    cases.write_pngs(tmp_path, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000.png", "00001.png", "00002.png"]
    with Image.open(tmp_path / "00002.png") as image:
        assert image.size == (32, 32) and image.mode == "RGB"


def numbers(*values):
    return {"median": float(np.median(values)), "min": min(values), "max": max(values), "values": list(values)}


def group(ours, peer):
    return {
        name: {key: numbers(*series) for key, series in (("seconds", seconds), ("peak_memory_mb", [100.0] * len(seconds)))}
        for name, seconds in (("frechet_ours", ours), ("frechet_pytorch_fid", peer))
    }


def test_ratios_are_taken_within_each_repeat():
    (check,) = metrics_speed.checks({"frechet": group((1.0, 2.0, 1.0), (9.0, 16.0, 8.5))})
    assert check["value"]["values"] == [9, 8, 8.5] and check["passed"] and check["limit"] == 8
    (check,) = metrics_speed.checks({"frechet": group((1.0, 2.0, 1.0), (7.0, 14.0, 7.9))})
    assert check["passed"] is False
    failed = {**group((1.0,), (9.0,)), "frechet_pytorch_fid": {"error": "MemoryError"}}
    (check,) = metrics_speed.checks({"frechet": failed})
    assert check["passed"] is None and "MemoryError" in check["reason"]


def test_a_peer_that_fails_says_why(tmp_path):
    with pytest.raises(MeasurementError, match="no_such"):
        measured((environment_of(), {"contender": "no_such"}, sys.executable))


def test_the_table_says_what_was_missed(tmp_path):
    record = {
        "protocol": {"vectors": 10_000, "dimension": 2048, "images": 300, "png_images": 500, "threads": 2, "repeats": 3},
        "device": {"cpu": "a CPU", "load_average": {"before": 0.1, "after": 1.0}},
        "versions": {"peers": {"pytorch-fid": "0.3.0"}},
        "commit": "0123456789abcdef",
        "results": {"frechet": group((1.0, 1.5, 2.0), (7.0, 7.0, 7.0))},
    }
    record["checks"] = metrics_speed.checks(record["results"])
    file = tmp_path / "speed.json"
    file.write_text(json.dumps(record))
    text = speed_tables.metrics_speed_table(file)
    assert "| frechet | frechet_ours | 1.5 (1 to 2) | 100 |" in text and "median and range of 3 processes" in text
    assert "MISSED" in text and "pytorch-fid 0.3.0" in text and "commit 0123456789ab" in text
    record["results"] = {"frechet": group((1.0,), (7.0,))}
    file.write_text(json.dumps(record))
    assert "one process each:" in speed_tables.metrics_speed_table(file)
    assert "Not measured" in speed_tables.metrics_speed_table(tmp_path / "none.json")


def test_precision_is_measured_and_told(tmp_path):
    precision.precision(None, tmp_path)
    record = json.loads((tmp_path / "tensorflow_cpu.json").read_text())
    steps = {row["step"]: row for row in record["rows"]}
    assert steps["resizing, clean"]["difference"] < 1e-2
    assert steps["KID"]["difference"] < 1e-9
    # torch-fidelity takes the mean of the counts in float32.
    assert steps["precision, recall"]["difference"] < 1e-6
    assert steps["FID, more vectors than dimensions"]["difference"] < 1e-6
    table = precision.precision_table(tmp_path)
    assert table.count("\n") > 8 and "torch-fidelity 0.4.0" in table and "jax" not in table
    (tmp_path / "jax_gpu.json").write_text(json.dumps({**record, "backend": "jax", "device": "cuda:0 (a GPU)"}))
    more = precision.precision_table(tmp_path)
    assert more.startswith(table) and "| step | peer | jax on cuda:0 (a GPU) |  |" in more
    rest = more.removeprefix(table)
    assert "| resizing, clean | clean-fid |" in rest and "| KID |" not in rest
    assert "Not measured" in precision.precision_table(tmp_path / "none")


def test_features_are_compared_with_and_without_onednn(tmp_path, monkeypatch):
    """By processes that differ in the switch alone; their features are faked here."""

    def fake(command, environment):
        *module, weights, file = command
        assert module == ["-m", "benchmarks.precision"] and Path(weights) == tmp_path / "inception.npz"
        rng, error = np.random.default_rng(0), {"1": 0.0, "0": 2e-3}[environment[precision.ONEDNN]]
        real, fake = rng.uniform(0, 2, (2, 50, 3))
        np.savez(file, real=real + error, fake=fake)
        return "", 0.0

    monkeypatch.setattr(precision, "run", fake)
    features, distance = precision.onednn(tmp_path / "inception.npz")
    assert features["peer"] == distance["peer"] == "ours without oneDNN"
    assert features["difference"] == pytest.approx(2e-3) and "up to 2.0" in features["unit"]
    # Both sets 2e-3 apart: the means' distance of each pair changes by that, squared.
    assert 1e-6 < distance["difference"] < 1 and distance["unit"] == "relative"
