"""Every kind of weight file becomes the .npz of the network, and what is at hand or downloaded does so by itself."""

import functools
import hashlib
import http.server
import os
import pickle
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

from keras_gan_zoo.conversion import convert
from keras_gan_zoo.conversion.inception import LAYERS, graph_name
from keras_gan_zoo.conversion.torch_file import read_state_dict
from keras_gan_zoo.metrics.features import feature_extractor, weight_files
from keras_gan_zoo.metrics.features.weight_files import LOGITS, find_weights, hash_of, read_arrays


@pytest.fixture(scope="module")
def weights():
    """A random network of two channels in each layer, with logits of five classes."""
    rng = np.random.default_rng(0)
    kernels = {"weight": (2, 3, 1, 1), "beta": (2,), "mean": (2,), "var": (2,)}
    made = {
        f"{layer}.{part}": rng.uniform(0.1, 1, shape).astype("float32")
        for layer in LAYERS
        for part, shape in kernels.items()
    }
    return {**made, LOGITS: rng.normal(size=(5, 12)).astype("float32")}


def same(a, b):
    assert set(a) == set(b)
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def converted(path, kind=".npz"):
    convert(path, path.with_suffix(kind))
    return read_arrays(path.with_suffix(kind), "")


def torch_state(weights, torch):
    theirs = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}
    state = {f"{LAYERS[k.rpartition('.')[0]]}.{theirs[k.rpartition('.')[2]]}": v for k, v in weights.items() if k != LOGITS}
    for name in LAYERS.values():
        state[f"{name}.bn.weight"] = np.ones(2, "float32")
        state[f"{name}.bn.num_batches_tracked"] = np.array(7)
    state |= {"fc.weight": weights[LOGITS], "fc.bias": np.zeros(5, "float32")}
    return {key: torch.from_numpy(value) for key, value in state.items()}


@pytest.mark.parametrize(("zipped", "kind"), [(True, ".npz"), (False, ".safetensors")])
def test_pth_of_both_formats(weights, tmp_path, zipped, kind):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    path = tmp_path / "weights.pth"
    torch.save(torch_state(weights, torch), path, _use_new_zipfile_serialization=zipped)
    found = converted(path, kind)
    same(found, weights)
    assert hash_of(found) == hash_of(weights)


def test_pth_without_logits_and_with_views(weights, tmp_path):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    state = torch_state(weights, torch)
    del state["fc.weight"]
    # Tensors that are cut out of a larger storage, in another order of axes.
    name = LAYERS["conv"] + ".conv.weight"
    state[name] = torch.cat([state[name].permute(1, 0, 2, 3)] * 2)[3:].permute(1, 0, 2, 3)
    torch.save(state, tmp_path / "weights.pth")
    same(converted(tmp_path / "weights.pth"), {k: v for k, v in weights.items() if k != LOGITS})


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript(weights, tmp_path):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")

    def module(children):
        made = torch.nn.Module()
        for name, value in children.items():
            if isinstance(value, torch.nn.Module):
                made.add_module(name, value)
            else:
                made.register_buffer(name, torch.from_numpy(value))
        return made

    def nested(prefix):
        """The arrays whose names begin so, as modules within modules."""
        names = {key.removeprefix(prefix).split(".")[0] for key in weights if key.startswith(prefix) and key != LOGITS}
        return module({n: weights[prefix + n] if prefix + n in weights else nested(f"{prefix}{n}.") for n in names})

    class Net(torch.nn.Module):
        def __init__(self, **children):
            super().__init__()
            for name, child in children.items():
                self.add_module(name, child)

        def forward(self, x):
            return x

    script = torch.jit.script(Net(net=Net(layers=nested(""), output=module({"weight": weights[LOGITS]}))))
    torch.jit.save(script, tmp_path / "scripted.pt")
    found = converted(tmp_path / "scripted.pt")
    same(found, {key: value for key, value in weights.items() if key != LOGITS})
    assert hash_of(found) == hash_of(weights)


def test_pb(weights, tmp_path):
    tf = pytest.importorskip("tensorflow", reason="writes the graph with TensorFlow")
    graph = tf.Graph()
    with graph.as_default():
        for layer in LAYERS:
            base = graph_name(layer)
            tf.constant(weights[f"{layer}.weight"].transpose(2, 3, 1, 0), name=f"{base}/conv2d_params")
            for part, key in (("beta", "beta"), ("mean", "moving_mean"), ("var", "moving_variance")):
                tf.constant(weights[f"{layer}.{part}"], name=f"{base}/batchnorm/{key}")
            tf.constant(np.full(2, 9.0, "float32"), name=f"{base}/batchnorm/gamma")
        tf.constant(weights[LOGITS].T, name="softmax/weights")
    path = tmp_path / "classify_image_graph_def.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    same(converted(path), weights)


def test_names_in_the_graph():
    assert graph_name("conv_4") == "conv_4"
    assert graph_name("mixed_4.tower_1.conv_3") == "mixed_4/tower_1/conv_3"
    assert graph_name("mixed_9.tower_mixed_conv_1") == "mixed_9/tower/mixed/conv_1"
    assert graph_name("mixed_10.tower_1_mixed_conv") == "mixed_10/tower_1/mixed/conv"
    assert graph_name("mixed_10.tower_1_conv_1") == "mixed_10/tower_1/conv_1"
    assert graph_name("mixed_10.conv") == "mixed_10/conv"
    assert len(LAYERS) == len(set(LAYERS.values())) == len(set(map(graph_name, LAYERS))) == 94


def test_a_scale_that_the_network_does_not_have_is_refused(weights, tmp_path):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    state = torch_state(weights, torch)
    state[LAYERS["mixed_3.conv"] + ".bn.weight"] *= 2
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="Mixed_6a.branch3x3"):
        converted(tmp_path / "weights.pth")


class Harmful:
    def __reduce__(self):
        return print, ("this ran",)


def test_nothing_in_a_file_is_run(tmp_path, capsys):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    for zipped in (True, False):
        torch.save({"a": Harmful()}, tmp_path / "harmful.pth", _use_new_zipfile_serialization=zipped)
        with pytest.raises(ValueError, match="print, which"):
            read_state_dict(tmp_path / "harmful.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(ValueError, match="print, which"):
        read_state_dict(tmp_path / "plain.pth")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["weights.npz", "weights.safetensors", "weights.pth", "weights.pb"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04broken"])
def test_damaged_files_are_named(tmp_path, name, content):
    if name.endswith(".pb"):
        pytest.importorskip("tensorflow", reason="reads graphs")
    (tmp_path / name).write_bytes(content)
    read = converted if name.endswith((".pth", ".pb")) else lambda path: read_arrays(path, "")
    with pytest.raises(ValueError, match=name):
        read(tmp_path / name)


def test_other_kinds_of_files(tmp_path):
    (tmp_path / "weights.h5").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"must be .npz or .safetensors.*conversion .*weights.h5 .*weights.npz"):
        read_arrays(tmp_path / "weights.h5", "")
    with pytest.raises(ValueError, match=".pth, .pt or .pb"):
        convert(tmp_path / "weights.h5", tmp_path / "weights.npz")
    with pytest.raises(ValueError, match=r".npz or .safetensors.*weights.h5"):
        convert(tmp_path / "weights.pth", tmp_path / "weights.h5")
    with pytest.raises(FileNotFoundError, match="no file .*none.npz. Get it"):
        read_arrays(tmp_path / "none.npz", "Get it")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="other.npz must hold the FID network of 2015-12-05. Received: no conv.weight"):
        feature_extractor("inception", weights=tmp_path / "other.npz")


def test_the_command(weights, tmp_path):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    torch.save({"features.0.weight": torch.ones(2, 3)}, tmp_path / "vgg.pth")
    command = [sys.executable, "-m", "keras_gan_zoo.conversion", str(tmp_path / "vgg.pth")]
    done = subprocess.run([*command, str(tmp_path / "vgg.npz")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "vgg.npz: 1 arrays" in done.stdout, done.stderr
    assert read_arrays(tmp_path / "vgg.npz", "")["features.0.weight"].shape == (2, 3)
    done = subprocess.run([*command, str(tmp_path / "vgg.h5")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("Error: target must end in .npz")


# Without a path ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(weight_files.VARIABLE, raising=False)
    return tmp_path / "home" / "keras_gan_zoo"


def test_the_environment_variable_comes_first(home, monkeypatch):
    monkeypatch.setenv(weight_files.VARIABLE, "/some/file.npz")
    assert str(find_weights()) == "/some/file.npz"


def test_the_cache_comes_next(home):
    home.mkdir(parents=True)
    (home / weight_files.FILE).write_bytes(b"x")
    assert find_weights() == home / weight_files.FILE


def test_offline_and_absent_says_what_to_do(home, monkeypatch):
    def offline(*arguments, **options):
        raise Exception("URL fetch failure on https://...: None -- Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(OSError) as caught:
        feature_extractor("inception")
    for part in (weight_files.ADDRESS, str(home), weight_files.VARIABLE, "weights", "fetch failure"):
        assert part in str(caught.value)
    assert not (home / weight_files.FILE).exists()


@pytest.fixture
def server(tmp_path):
    """Address of a folder that is served over HTTP."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield tmp_path / "served", f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_download_is_checked_and_converted(home, server, weights, monkeypatch):
    torch = pytest.importorskip("torch", reason="writes the file with PyTorch")
    folder, address = server
    torch.save(torch_state(weights, torch), folder / "made.pth")
    content = (folder / "made.pth").read_bytes()
    good = f"weights-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (folder / good).write_bytes(content)
    monkeypatch.setattr(weight_files, "DOWNLOAD", good)
    monkeypatch.setattr(weight_files, "ADDRESS", f"{address}/{good}")
    assert weight_files.weights_at_hand() is None
    assert find_weights() == home / weight_files.FILE == weight_files.weights_at_hand()
    same(read_arrays(find_weights(), ""), weights)
    # What a person has put there is converted where it is.
    assert [path.name for path in home.iterdir()] == [weight_files.FILE]
    (home / weight_files.FILE).unlink()
    (home / good).write_bytes(content)
    assert weight_files.weights_at_hand() == home / weight_files.FILE
    for file in home.iterdir():
        file.unlink()
    (folder / good).write_bytes(b"tampered")
    with pytest.raises(OSError, match="must give a file with a sha256"):
        find_weights()
    assert not list(home.iterdir())


@pytest.mark.parametrize("name", ["weights.pth", "weights.pb"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(
        ValueError, match=f"source must be a .pth, .pt or .pb file. Received: source='.*{name}', and it is not"
    ):
        convert(tmp_path / name, tmp_path / "weights.npz")
