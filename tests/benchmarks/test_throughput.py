"""The throughput benchmark compares like with like, lets the contenders take turns, and judges by its limits."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import typer

import keras_gan_zoo
from benchmarks import processes, speed_tables, throughput
from benchmarks import worker as throughput_worker
from keras_gan_zoo import machine
from keras_gan_zoo.data import Images, Latents
from keras_gan_zoo.models import variant_class

SHAPES = [(28, 28, 1), (20, 13, 3)]


def zoo_networks(shape):
    gan = keras_gan_zoo.DCGAN(shape, 10, width=6, seed=0)
    return gan.generator, gan.discriminator


def guide_networks(shape):
    from benchmarks.peers import keras_guide

    return keras_guide.generator(shape, 10, width=6), keras_guide.discriminator(shape, width=6)


def torch_networks(shape):
    pytest.importorskip("torch")
    from benchmarks.peers.torch_loop import Discriminator, Generator

    return Generator(shape, 10, width=6), Discriminator(shape, width=6)


def torch_sizes(networks):
    running = ("running_mean", "running_var")
    buffers = [b for network in networks for name, b in network.named_buffers() if name.endswith(running)]
    return sum(t.numel() for t in [*buffers, *(p for network in networks for p in network.parameters())])


def copy_to_torch(model, network, base):
    """Puts the weights of a Keras model into a torch module whose layers come in the same order.

    Flattened maps (height, width, channels) = `base` become (channels, height, width).
    """
    import torch
    from torch import nn

    modules = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d))]
    layers = [layer for layer in model.layers if layer.weights]
    assert len(layers) == len(modules)
    for layer, module in zip(layers, modules, strict=True):
        weights = [np.array(weight) for weight in layer.get_weights()]
        if isinstance(module, nn.BatchNorm2d):
            values = dict(zip(("weight", "bias", "running_mean", "running_var"), weights, strict=True))
        elif isinstance(module, nn.Linear) and layer.output.shape[-1] == 1:
            values = {"weight": weights[0].reshape(base).transpose(2, 0, 1).reshape(1, -1)}
        elif isinstance(module, nn.Linear):
            values = {"weight": weights[0].reshape(-1, *base).transpose(3, 1, 2, 0).reshape(-1, weights[0].shape[0])}
        else:
            values = {"weight": weights[0].transpose(3, 2, 0, 1)}
        for name, value in values.items():
            getattr(module, name).data.copy_(torch.from_numpy(np.ascontiguousarray(value)))


@pytest.mark.parametrize("shape", SHAPES)
def test_all_contenders_have_networks_of_equal_sizes(shape):
    sizes = [network.count_params() for network in zoo_networks(shape)]
    assert [network.count_params() for network in guide_networks(shape)] == sizes
    assert [torch_sizes([network]) for network in torch_networks(shape)] == sizes


@pytest.mark.parametrize("shape", SHAPES)
def test_the_networks_are_the_same_functions(shape):
    ours, guides, theirs = zoo_networks(shape), guide_networks(shape), torch_networks(shape)
    import torch

    rng = np.random.default_rng(0)
    base = ours[0].get_layer("base_map").output.shape[1:]
    inputs = rng.standard_normal((5, 10), "float32"), rng.uniform(-1, 1, (5, *shape)).astype("float32")
    for model, guide, network, x in zip(ours, guides, theirs, inputs, strict=True):
        guide.set_weights(model.get_weights())
        copy_to_torch(model, network, base)
        # With training=True, so that the batch statistics are compared too.
        expected = np.array(model(x, training=True)).reshape(5, -1)
        np.testing.assert_allclose(np.array(guide(x, training=True)).reshape(5, -1), expected, rtol=1e-4, atol=1e-6)
        x = torch.from_numpy(x).movedim(-1, 1) if x.ndim == 4 else torch.from_numpy(x)
        y = network(x).detach()
        y = y.movedim(1, -1) if y.ndim == 4 else y
        assert expected.std() > 1e-4
        np.testing.assert_allclose(y.numpy().reshape(5, -1), expected, rtol=1e-4, atol=1e-5)


def run(folder, **options):
    """The exit code of a run."""
    with pytest.raises(typer.Exit) as end:
        throughput.throughput(folder=folder, **options)
    return end.value.exit_code


def test_a_run_writes_a_record(tmp_path, capsys):
    pytest.importorskip("torch")
    from benchmarks.peers import torch_tuned

    folder = tmp_path / "new"
    code = run(folder, parts="dcgan", width=4, batch_size=4, rounds=2, repeats=1, samples=4)
    record = json.loads((folder / "tensorflow_cpu.json").read_text())
    assert set(record) == {
        *("backend", "date", "protocol", "commit", "versions", "dtype", "onednn"),
        *("device", "dcgan", "variants", "start_up", "inception", "checks"),
    }
    assert record["onednn"] is machine.onednn()
    assert {"keras", "tensorflow", "torch"} <= set(record["versions"])
    assert {"cpu", "cores", "amx_bf16", "accelerator", "load_average"} <= set(record["device"])
    assert (record["protocol"]["batch_size"], record["protocol"]["seed"]) == (4, 0)
    assert list(record["dcgan"]) == ["zoo", "zoo_float32", "keras_guide", "torch_loop", "torch_tuned"]
    assert len({result["parameters"] for result in record["dcgan"].values()}) == 1
    assert record["dcgan"]["zoo"]["dtype"] == record["dtype"]["chosen"]
    assert all(result["dtype"] == "float32" for name, result in record["dcgan"].items() if name != "zoo")
    assert record["dcgan"]["torch_tuned"]["compiled"] is torch_tuned.has_compiler()
    cores = record["device"]["cores"]
    for result in record["dcgan"].values():
        by_clock, by_processor = (result[f"training_images_per_{unit}"]["median"] for unit in ("second", "cpu_second"))
        # Whatever the load, a second has no more CPU seconds than there are cores.
        assert 0.1 < by_clock / cores < 1.2 * by_processor < 1e6
        assert result["first_round_seconds"]["median"] > 4 / by_clock
        assert 30 < result["memory_after_import_mb"]["median"] < result["peak_memory_mb"]["median"] < 1e4
    verdicts = [check["passed"] for check in record["checks"]]
    assert None not in verdicts[:6] and verdicts[6:] == [None] * 3
    assert code == (False in verdicts)
    assert "a plain PyTorch loop" in capsys.readouterr().out


def test_another_backend_has_a_record_of_its_own(tmp_path):
    pytest.importorskip("jax")
    assert run(tmp_path, backends="jax", variants="gan", parts="variants", width=4, batch_size=4, rounds=2, repeats=1) == 0
    record = json.loads((tmp_path / "jax_cpu.json").read_text())
    assert record["backend"] == "jax" and "jax" in record["versions"] and record["checks"] == []
    assert record["variants"]["gan"]["training_images_per_second"]["median"] > 0.1


@pytest.mark.parametrize("name", ["cgan", "gan_3d", "seq_gan"])
def test_a_variant_is_fed_from_its_own_fields(name, monkeypatch):
    sequences = {"length": 5, "kernel_sizes": (1, 2, 3), "vocabulary": 10, "filters": 4, "rollouts": 1, "n_critic": 1}
    small = {"gan_3d": {"side": 8}, "seq_gan": sequences}
    kept = throughput_worker.ARGUMENTS.get(name, {})
    monkeypatch.setitem(throughput_worker.ARGUMENTS, name, {**kept, **small.get(name, {})})
    settings = {"variant": name, "image_size": 12, "channels": 1, "width": 4, "seed": 0}
    result = throughput_worker.ours({**settings, "dtype": "float32", "batch_size": 2, "rounds": 2, "samples": 3})
    assert result["training_images_per_second"] > 0 and result["sampling_images_per_second"] > 0
    assert 0 < result["parameters"] < 60_000
    throughput_worker.start_up(settings, 2)


def test_the_games_that_are_timed_are_those_of_the_papers():
    for name, arguments in throughput_worker.ARGUMENTS.items():
        assert set(arguments) <= set(inspect.signature(variant_class(name)).parameters)
    seq_gan = variant_class("seq_gan").tiny(**throughput_worker.ARGUMENTS["seq_gan"])
    assert seq_gan.plays({}, {}, {}) and not seq_gan.learns_by_likelihood({}, {}, {})


def test_what_starts_from_data_samples_by_translation():
    class Translator:
        def inputs(self):
            return {"source": Images((4, 4, 1)), "noise": Latents((2,))}

        def translate(self, **given):
            return given

    given = throughput_worker.sample(Translator(), 3)
    assert set(given) == {"source", "seed"} and given["source"].shape == (3, 4, 4, 1)


@pytest.fixture
def faked(monkeypatch):
    """Replaces the measuring processes: speeds (contender or variant -> images/s), seconds (word in a command -> s)."""
    turns = []

    def fake(speeds, seconds, **described):
        def worker(task):
            environment, settings, _ = task
            if settings["contender"] == "describe":
                dtype = {"chosen": "mixed_bfloat16", "reason": "a fake"}
                return {"dtype": dtype, "onednn": True, "versions": {}, "commit": "0", "accelerator": None, **described}
            name = settings["variant"] if "variant" in settings else settings["contender"]
            if settings.get("dtype") == "float32":
                name += "_float32"
            turns.append(name)
            if name == "inception":
                return {"features_images_per_second": 12.0, "features_images_per_cpu_second": 8.0}
            if speeds[name] is None:
                raise processes.MeasurementError("it broke")
            if speeds[name] is KeyboardInterrupt:
                raise KeyboardInterrupt
            sampling = {"sampling_images_per_second": 10.0} if settings.get("samples") else {}
            # By the processor's clock all is twice as fast, the Keras guide's loop a little more than that.
            by_processor = speeds[name] * (2.02 if name == "keras_guide" else 2.0)
            speed = {"training_images_per_second": speeds[name], "training_images_per_cpu_second": by_processor}
            return {"dtype": "x", **speed, "first_round_seconds": 9.0, "peak_memory_mb": 5.0, **sampling}

        def wall_time(task):
            return {"seconds": next(value for word, value in seconds.items() if word in " ".join(task[1]))}

        monkeypatch.setattr(throughput, "worker", worker)
        monkeypatch.setattr(throughput, "wall_time", wall_time)
        return turns

    return fake


SPEEDS = {"dcgan": 120.0, "dcgan_float32": 105.0, "keras_guide": 99.0, "torch_loop": 100.0, "torch_tuned": 120.0}
SECONDS = {"load(": 5.9, "tensorflow": 4.0, "keras, keras_gan_zoo": 4.05, "import keras_gan_zoo": 6.0, "list": 0.3}
SECONDS["import keras"] = 3.98


def test_contenders_take_turns_and_limits_are_inclusive(faked, tmp_path, capsys):
    turns = faked(SPEEDS, SECONDS)
    assert run(tmp_path, variants="dcgan", repeats=2) == 0
    assert turns == ["dcgan", "dcgan_float32", "keras_guide", "torch_loop", "torch_tuned"] * 2 + ["dcgan"] * 2
    record = json.loads((tmp_path / "tensorflow_cpu.json").read_text())
    assert [check["passed"] for check in record["checks"]] == [True] * 9
    ratios = [1.2, 1.05, 1.0]
    assert [check["value"]["median"] for check in record["checks"]] == [*ratios, *ratios, 0.07, 0.3, 1.475]
    assert capsys.readouterr().out.count(": passed)") == 9


def test_what_misses_a_limit_fails(faked, tmp_path, capsys):
    slow = {**SPEEDS, "dcgan": 119.0, "dcgan_float32": 104.0}
    late = {**SECONDS, "load(": 6.1, "keras, keras_gan_zoo": 4.1, "list": 0.6}
    faked(slow, late)
    assert run(tmp_path, variants="dcgan", repeats=1) == 1
    record = json.loads((tmp_path / "tensorflow_cpu.json").read_text())
    assert [check["passed"] for check in record["checks"]] == [False] * 9
    assert capsys.readouterr().out.count("MISSED") == 9


def test_inception_is_timed_where_its_weights_are_at_hand(faked, tmp_path, capsys):
    turns = faked(SPEEDS, SECONDS)
    weights = tmp_path / "inception.npz"
    weights.touch()
    assert run(tmp_path, parts="inception", repeats=2, weights=weights) == 0 and turns == ["inception"] * 2
    assert "12 images/s, 8 per CPU second" in capsys.readouterr().out
    assert "12 images/s, 8 per CPU second" in speed_tables.speed_tables(tmp_path)


def test_a_variant_that_fails_is_reported_and_the_others_are_measured(faked, tmp_path, capsys):
    turns = faked({**SPEEDS, "gan": None}, SECONDS)
    options = {"variants": "dcgan,gan", "parts": "variants", "repeats": 2}
    assert run(tmp_path, **options) == 1
    assert turns == ["dcgan", "gan", "dcgan"]
    variants = json.loads((tmp_path / "tensorflow_cpu.json").read_text())["variants"]
    assert variants["gan"] == {"error": "it broke"}
    assert variants["dcgan"]["sampling_images_per_second"] == {"median": 10, "min": 10, "max": 10, "values": [10, 10]}
    assert "it broke" in capsys.readouterr().out
    # Only what failed is tried again.
    faked({**SPEEDS, "gan": 7.0}, SECONDS)
    turns.clear()
    assert run(tmp_path, **options) == 0 and turns == ["gan", "gan"]


def test_a_run_that_was_stopped_goes_on(faked, tmp_path, capsys, monkeypatch):
    turns = faked({"dcgan": 1.0, "gan": KeyboardInterrupt}, SECONDS)
    options = {"variants": "dcgan,gan", "parts": "variants", "repeats": 2}
    with pytest.raises(KeyboardInterrupt):
        throughput.throughput(folder=tmp_path, **options)
    faked({**SPEEDS, "dcgan": 3.0, "gan": 2.0}, SECONDS)
    turns.clear()
    assert run(tmp_path, **options) == 0
    assert turns == ["gan", "dcgan", "gan"]
    record = json.loads((tmp_path / "tensorflow_cpu.json").read_text())
    assert record["variants"]["dcgan"]["training_images_per_second"]["values"] == [1, 3]
    turns.clear()
    # What is there stays, with the date and load of its run, also where other parts are measured beside it.
    before = (tmp_path / "tensorflow_cpu.json").read_bytes()
    monkeypatch.setattr(throughput, "load", lambda: 99.0)
    assert run(tmp_path, **options) == 0 and not turns
    assert (tmp_path / "tensorflow_cpu.json").read_bytes() == before
    run(tmp_path, **{**options, "parts": "dcgan"})
    assert len(turns) == 10
    assert json.loads((tmp_path / "tensorflow_cpu.json").read_text())["variants"] == record["variants"]
    for described, named in (
        ({"commit": "1"}, "another commit"),
        ({"accelerator": "a GPU"}, "another commit, device"),
        ({"onednn": False}, "another onednn, device"),
    ):
        faked({"dcgan": 4.0, "gan": 2.0}, SECONDS, **described)
        turns.clear()
        capsys.readouterr()
        assert run(tmp_path, **options) == 0 and len(turns) == 4
        assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backends": "theano"}, "--backends must be among tensorflow, jax, torch. Received: 'theano'"),
        ({"backends": ","}, "--backends.*Received: nothing"),
        ({"parts": "dcgn"}, "--parts must be.*start_up.*'dcgn'"),
        ({"variants": "wgan_pg"}, "wgan_gp"),
        ({"device": "gpu"}, "--device gpu: tensorflow finds none"),
        ({"weights": Path("nowhere.npz")}, "--weights must be a file. Received: nowhere.npz"),
        ({"parts": "inception"}, "--parts inception measures nothing.*--weights"),
    ],
)
def test_bad_arguments(options, message, faked, tmp_path):
    faked(SPEEDS, SECONDS)
    with pytest.raises(ValueError, match=message):
        throughput.throughput(folder=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_process_that_fails_says_why():
    with pytest.raises(processes.MeasurementError, match="ValueError: no such thing"):
        processes.run(["-c", "raise ValueError('no such thing')"])
