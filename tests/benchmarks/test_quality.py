"""The quality benchmark: which cells there are, what is run again, and what a failure leaves behind."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import quality
from benchmarks.cells import TimeLeft, seeds_of
from benchmarks.processes import MeasurementError
from benchmarks.quality import Cell, Network
from keras_gan_zoo.presets import find_preset, list_presets

# The built-in presets that have weights, as messages list them.
TRAINED = ", ".join(preset.name for preset in list_presets() if preset.bytes)
N = 24
STUB = Network("stub")


class Stub:
    """Means of the four quarters of an image."""

    name, sha256, resizer, dtype, dimension, classes = "stub", "abc", "none", "float32", 4, None

    def __init__(self):
        self.seen = 0

    def extract(self, images, batch_size=50):
        self.seen += len(images)
        quarters = images.reshape(len(images), 2, 14, 2, 14).mean(axis=(2, 4)).reshape(-1, 4)
        return quarters.astype("float32"), None


class Broken(Stub):
    def extract(self, images, batch_size=50):
        raise ValueError("the network is out of order")


@pytest.fixture
def real(tmp_path):
    """A file of real images, which stands for a data set."""
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    np.savez(tmp_path / "real.npz", x_test=images)
    return str(tmp_path / "real.npz")


@pytest.fixture
def measure(tmp_path):
    def run(cells, extractor, metrics=("fid", "precision"), network=STUB):
        console = Console(file=(tmp_path / "console.txt").open("w"))
        return quality.measure(cells, network, extractor, metrics, tmp_path / "cells", tmp_path / "cache", console)

    return run


def cells(real, presets=("dcgan_mnist", "cgan_mnist"), seeds=(0, 1), backend="tensorflow"):
    return [Cell(preset, real, "test", N, seed, backend) for seed in seeds for preset in presets]


def files(tmp_path):
    return {path.name: json.loads(path.read_text()) for path in (tmp_path / "cells").glob("*.json")}


def here():
    import keras

    return keras.backend.backend()


def test_cells_are_all_combinations_and_seeds_come_first():
    found = quality.cells_of(["dcgan_mnist", "cgan_mnist"], [], [], "test", [0, 1], ["tensorflow", "jax"], 10)
    assert len(found) == len(set(found)) == 8
    assert [(c.backend, c.seed, c.preset) for c in found[:3]] == [
        ("tensorflow", 0, "cgan_mnist"),
        ("tensorflow", 0, "dcgan_mnist"),
        ("tensorflow", 1, "cgan_mnist"),
    ]
    assert {c.data for c in found} == {"mnist"}
    (one,) = quality.cells_of([], ["dragan"], ["fashion_mnist"], "train", [3], ["torch"], 10)
    assert one == Cell("dragan_mnist", "fashion_mnist", "train", 10, 3, "torch")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (["dcgan_mnst"], [], [], "test", [0], ["jax"], 9),
            f"presets must be among {TRAINED}\\. Received: 'dcgan_mnst'\\.$",
        ),
        (([], ["gam"], [], "test", [0], ["jax"], 9), "--variants must be among.*'gam'"),
        (([], [], [], "test", [0], ["theano"], 9), "--backends must be among tensorflow, jax, torch. Received: 'theano'"),
        ((["dcgan_mnist"], ["cgan"], [], "test", [0], ["jax"], 9), "nothing to measure"),
        (([], [], [], "test", [], ["jax"], 9), "nothing to measure"),
    ],
)
def test_what_there_is_not_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        quality.cells_of(*arguments)


def test_metrics_that_cannot_be_measured_are_refused_before_anything_runs():
    for name in ("fidd", "memorization"):
        with pytest.raises(ValueError, match=f"--metrics must be among fid,.*Received: '{name}'"):
            quality._check_metrics(["fid", name])
    with pytest.raises(ValueError, match="--seeds must be.*'0;1'"):
        seeds_of("0;1")
    assert seeds_of("2, 0,2") == [2, 0]


def test_a_cell_holds_records_and_is_not_run_again(tmp_path, real, measure):
    stub = Stub()
    todo = cells(real, backend=here())
    assert measure(todo, stub) == []
    # 24 fakes for each of four cells, and 40 real images once.
    assert stub.seen == 4 * N + 40
    found = files(tmp_path)
    assert len(found) == 4
    for cell in found.values():
        fid = cell["records"]["fid"]
        assert set(cell["records"]) == {"fid", "precision"} and cell["seconds"] >= 0
        assert (fid["n_fake"], fid["n_real"], fid["reference_split"]) == (N, 40, "real.npz/test")
        assert fid["seed"] == cell["cell"]["seed"] and fid["extractor_sha256"] == "abc"
    values = [cell["records"]["fid"]["value"] for cell in found.values()]
    assert len(set(values)) == 4 and min(values) > 1
    assert measure(todo, stub) == [] and stub.seen == 4 * N + 40
    assert files(tmp_path) == found


def test_only_what_is_missing_is_measured(tmp_path, real, measure):
    stub = Stub()
    (cell,) = todo = cells(real, ["dcgan_mnist"], [0], here())
    path = cell.path(tmp_path / "cells", quality_source(stub))
    measure(todo, stub)
    first = json.loads(path.read_text())
    measure(todo, stub, ("fid", "recall"))
    second = json.loads(path.read_text())
    assert set(second["records"]) == {"fid", "precision", "recall"}
    assert second["records"]["fid"] == first["records"]["fid"]
    # Of other settings, of other weights, of another extractor: measured anew.
    for change in (
        lambda stored: stored["records"]["precision"]["settings"].update(k=9),
        lambda stored: stored.update(weights_sha256="0"),
        lambda stored: stored["extractor"].update(extractor_sha256="0"),
    ):
        before = json.loads(json.dumps(second))
        change(before)
        path.write_text(json.dumps(before))
        seen = stub.seen
        measure(todo, stub)
        assert stub.seen == seen + N
        assert json.loads(path.read_text())["records"]["precision"]["settings"] == {"k": 3}
    # What the other weights or the other network had is gone with them.
    assert set(json.loads(path.read_text())["records"]) == {"fid", "precision"}


def quality_source(extractor):
    from keras_gan_zoo.metrics.records import described

    return described(extractor)


def test_a_cell_that_fails_says_why_and_is_tried_again(tmp_path, real, measure):
    todo = cells(real, ["dcgan_mnist"], [0, 1], here())
    assert measure(todo, Broken()) == todo
    for cell in files(tmp_path).values():
        assert cell["error"] == "ValueError: the network is out of order" and cell["records"] == {}
    assert "out of order" in (tmp_path / "console.txt").read_text()
    stub = Stub()
    assert measure(todo, stub) == [] and stub.seen == 2 * N + 40
    assert all("error" not in cell and "fid" in cell["records"] for cell in files(tmp_path).values())


def test_images_of_another_size_are_refused(tmp_path, measure):
    np.savez(tmp_path / "large.npz", x_test=np.zeros((40, 32, 32, 1), np.uint8))
    measure([Cell("dcgan_mnist", str(tmp_path / "large.npz"), "test", N, 0, here())], LargeStub())
    (cell,) = files(tmp_path).values()
    assert "28 x 28 x 1" in cell["error"] and "32 x 32 x 1" in cell["error"]


class LargeStub(Stub):
    def extract(self, images, batch_size=50):
        return np.random.default_rng(0).normal(size=(len(images), 4)).astype("float32"), None


def test_cells_of_other_backends_run_in_a_process_of_their_own(tmp_path, real, measure, monkeypatch):
    other = "jax" if here() != "jax" else "torch"
    asked = []

    def run(command, environment):
        asked.append((command[:2], json.loads(command[2]), environment["KERAS_BACKEND"]))
        if len(asked) == 2:
            raise MeasurementError("MemoryError: too large")
        record = {"value": 1.5, "settings": {}, "backend": other, "commit": "of the process"}
        return f"a warning\n{json.dumps({'fid': record})}\n", 3.0

    monkeypatch.setattr("benchmarks.cells.run", run)
    stub, network = Stub(), Network("inception", "inception.npz", "clean")
    todo = cells(real, ["dcgan_mnist"], [0, 1], other)
    assert measure(todo, stub, ("fid",), network) == todo[1:]
    assert stub.seen == 0
    command, request, backend = asked[0]
    assert command == ["-m", "benchmarks.quality"] and backend == other
    assert request["network"] == {"name": "inception", "weights": "inception.npz", "resizer": "clean"}
    assert Cell(**request["cell"]) == todo[0] and request["metrics"] == ["fid"]
    first, second = (json.loads(c.path(tmp_path / "cells", quality_source(stub)).read_text()) for c in todo)
    assert first["records"]["fid"] == {"value": 1.5, "settings": {}, "backend": other, "commit": "of the process"}
    assert second["error"] == "MemoryError: too large"


def test_a_process_on_another_backend_measures_the_same(tmp_path, real, measure):
    from keras_gan_zoo.metrics import feature_extractor

    other = "torch" if here() != "torch" else "jax"
    pytest.importorskip(other)
    todo = [*cells(real, ["dcgan_mnist"], [0], here()), *cells(real, ["dcgan_mnist"], [0], other)]
    with pytest.warns(UserWarning, match="FID of 24 images and 128 features"):
        assert measure(todo, feature_extractor("mnist"), ("fid",), Network("mnist")) == []
    first, second = (cell["records"]["fid"] for _, cell in sorted(files(tmp_path).items(), reverse=True))
    assert {first["backend"], second["backend"]} == {here(), other}
    assert first["value"] == pytest.approx(second["value"], rel=1e-3) and first["value"] > 1


def test_the_stored_results_follow_the_cell_of_their_protocol(tmp_path, real, measure, monkeypatch):
    preset = tmp_path / "cgan_mnist"
    shutil.copytree(find_preset("cgan_mnist"), preset)
    (preset / "results.json").unlink()
    fixed_reference(monkeypatch)
    monkeypatch.setattr(quality, "find_preset", lambda name: preset)
    monkeypatch.setattr(quality, "N_IMAGES", N)
    monkeypatch.setattr(quality, "BACKEND", here())
    right = Cell("cgan_mnist", "mnist", "test", N, 0, here())
    others = {"seed": 1, "n": N + 1, "split": "train"}
    todo = [dataclasses.replace(right, **{key: value}) for key, value in others.items()]
    inception = Network("inception", "inception.npz", "legacy")
    measure(todo, Stub(), network=inception)
    measure([right], Stub(), network=STUB)
    assert not (preset / "results.json").exists()
    measure([right], Stub(), network=inception)
    results = json.loads((preset / "results.json").read_text())
    cell = json.loads(right.path(tmp_path / "cells", quality_source(Stub())).read_text())
    assert list(results) == ["FID", "rarest class", "label agreement"]
    assert results["FID"] == cell["records"]["fid"] and results["FID"]["seed"] == 0
    assert results["label agreement"]["value"] > 0.8
    assert 0 <= results["rarest class"]["value"] <= 0.1


def fixed_reference(monkeypatch):
    """In place of MNIST, which a test may not download."""
    from keras_gan_zoo import evaluation
    from keras_gan_zoo.metrics.samples import gather

    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)

    def reference_of(against, split, protocol, fake_shape=None, cache=None):
        return gather(images, protocol.extractor, {"moments", "features"}, split=f"{against}/{split}")

    monkeypatch.setattr(evaluation, "reference_of", reference_of)


def test_the_time_left_is_that_of_the_cells_that_are_done(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("benchmarks.cells.time.monotonic", lambda: now[0])
    left = TimeLeft()
    left.start()
    assert left.left(3) is None and left.left(0) == 0
    now[0] = 100.0
    assert left.stop() == 100
    left.start()
    now[0] = 130.0
    assert left.left(2) == 170
    # A cell that takes longer than the others takes nothing from the rest.
    now[0] = 350.0
    assert left.left(2) == 100
    assert TimeLeft([10, 20, 90]).left(3) == 60
    # As the progress bar asks for it.
    assert str(TimeLeft([1830]).render(SimpleNamespace(total=5, completed=2))) == "1:31:30 left"
    assert str(TimeLeft().render(SimpleNamespace(total=5, completed=2))) == "time left: known after one cell"


def test_file_names_hold_the_protocol_and_no_path(tmp_path):
    cell = Cell("dcgan_mnist", "../evil/mnist", "test", 10, 2, "jax")
    path = cell.path(tmp_path, quality_source(Stub()))
    assert path.parent == tmp_path and path.name == "dcgan_mnist_..-evil-mnist-test_stub_n10_seed2_jax.json"
