"""The FID Inception network in the files of others: what its convolutions are called there, and here.

Our keys are <layer>.{weight, beta, mean, var}, layers named as in Google's graph with dots for slashes and kernels in the
order (out, in, height, width), and logits.weight (1008, 2048).
"""

import re
from pathlib import Path

import numpy as np


def _layers():
    """Our name of each convolution -> its name in PyTorch's files."""
    stem = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
    names = {f"conv_{i}" if i else "conv": name for i, name in enumerate(stem)}

    def chain(ours, theirs, count, first=1):
        return {f"{ours}_{i}" if i else ours: f"{theirs}_{first + i}" for i in range(count)}

    def block(ours, theirs, branches):
        names.update({f"{ours}.{key}": f"{theirs}.{value}" for key, value in branches.items()})

    ends = {"conv": "branch1x1", "tower_2.conv": "branch_pool"}
    for ours, theirs in zip(("mixed", "mixed_1", "mixed_2"), "bcd", strict=True):
        towers = chain("tower.conv", "branch5x5", 2) | chain("tower_1.conv", "branch3x3dbl", 3)
        block(ours, f"Mixed_5{theirs}", ends | towers)
    block("mixed_3", "Mixed_6a", {"conv": "branch3x3"} | chain("tower.conv", "branch3x3dbl", 3))
    for ours, theirs in zip(("mixed_4", "mixed_5", "mixed_6", "mixed_7"), "bcde", strict=True):
        towers = chain("tower.conv", "branch7x7", 3) | chain("tower_1.conv", "branch7x7dbl", 5)
        block(ours, f"Mixed_6{theirs}", ends | towers)
    block("mixed_8", "Mixed_7a", chain("tower.conv", "branch3x3", 2) | chain("tower_1.conv", "branch7x7x3", 4))
    forks = {
        "conv": "branch1x1",
        "tower_conv": "branch3x3_1",
        "tower_mixed_conv": "branch3x3_2a",
        "tower_mixed_conv_1": "branch3x3_2b",
        "tower_1_conv": "branch3x3dbl_1",
        "tower_1_conv_1": "branch3x3dbl_2",
        "tower_1_mixed_conv": "branch3x3dbl_3a",
        "tower_1_mixed_conv_1": "branch3x3dbl_3b",
        "tower_2_conv": "branch_pool",
    }
    for ours, theirs in zip(("mixed_9", "mixed_10"), "bc", strict=True):
        block(ours, f"Mixed_7{theirs}", forks)
    return names


LAYERS = _layers()
PARTS = ("weight", "beta", "mean", "var")


def graph_name(layer: str) -> str:
    """Name of a layer in the graph: slashes for dots, and for what joins towers and convolutions in the last blocks."""
    block, _, rest = layer.partition(".")
    if block in ("mixed_9", "mixed_10"):
        rest = re.sub(r"_(mixed_)?conv", lambda found: "/mixed/conv" if found[1] else "/conv", rest)
    return "/".join(filter(None, [block, rest.replace(".", "/")]))


def renamed(state: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """A state dict under our keys, where it is one of the network; another one as it is."""
    scripted = next((key.removesuffix("conv.weight") for key in state if key.endswith("layers.conv.weight")), None)
    if scripted is not None:
        # The networks in TorchScript have our names, within one module or two.
        return {key.removeprefix(scripted): array for key, array in state.items() if key.startswith(scripted)}
    if not any(f"{name}.conv.weight" in state for name in LAYERS.values()):
        return state
    theirs = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}
    weights = {}
    for layer, name in LAYERS.items():
        for part, key in theirs.items():
            if f"{name}.{key}" in state:
                weights[f"{layer}.{part}"] = state[f"{name}.{key}"]
        scale = state.get(f"{name}.bn.weight")
        if scale is not None and not (scale == 1).all():
            raise ValueError(
                f"{path} must hold the FID network of 2015-12-05, which has no scale after batch norm. Received: one of "
                f"{name}."
            )
    if "fc.weight" in state:
        weights["logits.weight"] = state["fc.weight"]
    return _whole(weights, path)


def from_graph(path: Path) -> dict[str, np.ndarray]:
    """The constants of Google's graph under our keys."""
    try:
        import tensorflow as tf
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ImportError(f"Reading {path} takes TensorFlow. Fix: pip install tensorflow, or convert a .pth.") from error
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path} must be a TensorFlow graph. Received: {error}. Fix: download it again.") from error
    constants = {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}
    # The graph normalizes without a scale; its constants "gamma" are not used.
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
        weights["logits.weight"] = tf.make_ndarray(constants["softmax/weights"]).T
    return _whole(weights, path)


def _whole(weights, path):
    missing = [key for layer in LAYERS for part in PARTS if (key := f"{layer}.{part}") not in weights]
    if missing:
        raise ValueError(f"{path} must hold the FID network of 2015-12-05. Received: {len(missing)} arrays fewer.")
    return weights
