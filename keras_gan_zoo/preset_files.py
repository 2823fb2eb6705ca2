"""The files of a preset: the weights, and what describes them; see `presets` for all files."""

import hashlib
import json
import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import writes
from .untrusted import read_bounded

if TYPE_CHECKING:
    import keras

CONFIG, WEIGHTS, WEIGHTS_INFO, RESULTS = "config.yaml", "weights.safetensors", "weights.json", "results.json"
# The folder in that of a run to which it is written.
PRESET = "preset"
DTYPES = ("float16", "float32")
MAX_JSON = 10_000_000
# Of a model card, beside its samples.
PICTURES = ("labels.png", "members.png", "numbers.png", "between_classes.png", "curve.png")
FILES = (CONFIG, WEIGHTS, WEIGHTS_INFO, RESULTS, "README.md", "samples.png", "samples.txt", *PICTURES)


class PresetError(ValueError):
    """A preset that cannot be found or read; the message says which file, what is wrong with it, and how to fix it."""


def packed_weights(gan: "keras.Model", networks: Sequence[str], dtype: str) -> bytes:
    """Packs the weights of networks, as inference uses them, in the format of safetensors.

    Raises:
        PresetError: the model does not have a network, or the dtype cannot hold a value.
    """
    from safetensors.numpy import save

    tensors = {}
    for name in networks:
        variables = _variables(gan, name)
        tensors |= {key: _finite(_told(key, v), _array(v).astype(dtype)) for key, v in variables.items()}
    return save(tensors)


def read_weights(
    gan: "keras.Model", folder: str | Path, given: Collection[str] = (), elsewhere: Collection[str] = ()
) -> list[str]:
    """Puts a preset's weights into a model, after checking hash, names, shapes and types.

    Args:
        gan, folder: model and preset.
        given: names of networks that already have trained weights.
        elsewhere: the same of those that another preset holds; where this one holds them too, its weights are taken.

    Returns:
        Names of the networks whose weights the preset holds.

    Raises:
        PresetError: a check fails; the model is left as it was.
    """
    import safetensors.numpy

    folder = Path(folder)
    path, info_path = inside(folder, WEIGHTS), inside(folder, WEIGHTS_INFO)
    try:
        info = read_json(info_path)
        expected, dtype, networks = info["sha256"], info["dtype"], info["networks"]
        variables = {key: v for name in networks for key, v in _variables(gan, name).items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PresetError(
            f"{info_path} must describe the weights. Received: a file that cannot be used ({error}). Fix: take the whole "
            "folder from its source again."
        ) from error
    if twice := [name for name in given if name in networks]:
        raise PresetError(
            f"{twice[0]} must be left out, since {folder} holds its weights. Received: a network. Fix: leave it out, or "
            "pass load_weights=False for a model to train from the start."
        )
    try:
        # Each weight has at most 4 bytes; names and shapes stand before them.
        data = read_bounded(path, 4 * sum(math.prod(v.shape) for v in variables.values()) + MAX_JSON)
    except (OSError, ValueError) as error:
        raise PresetError(
            f"{path} must hold the weights. Received: a file that cannot be read ({error}). Fix: take the whole folder from "
            "its source again."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected:
        raise PresetError(
            f"{path} must have the sha256 {expected}, as {WEIGHTS_INFO} says. Received: {digest}, so the file is truncated, "
            "or was changed. Fix: take the whole folder from its source again."
        )
    try:
        tensors = safetensors.numpy.load(data)
    except Exception as error:  # safetensors raises several types, not all of them its own
        raise PresetError(f"{path} must be a safetensors file. Received: {error}.") from error
    if dtype not in DTYPES or set(gan.inference_names) - {*networks, *elsewhere}:
        raise PresetError(
            f"{info_path} must name a dtype among {', '.join(DTYPES)}, and the networks {', '.join(gan.inference_names)}. "
            f"Received: dtype={dtype!r}, networks={networks!r}."
        )
    # Older files have the names of layers in their keys.
    held = {"/".join((*key.split("/")[:2], *key.split("/")[2:][-1:])): tensor for key, tensor in tensors.items()}
    if len(held) < len(tensors):
        raise PresetError(
            f"{path} must hold each weight once. Received: {len(tensors) - len(held)} of them twice, under names of other "
            "layers."
        )
    tensors = held
    if set(tensors) != set(variables):
        odd = [_told(key, variables.get(key)) for key in sorted(set(tensors) ^ set(variables))[:3]]
        raise PresetError(
            f"{path} must hold the weights of the model of {CONFIG}. Received: others, {', '.join(odd)} ... Fix: take the "
            "whole folder from its source again."
        )
    for key, variable in variables.items():
        tensor = tensors[key]
        if tensor.shape != tuple(variable.shape) or tensor.dtype.name != dtype:
            raise PresetError(
                f"{path}: {_told(key, variable)} must be {dtype} {tuple(variable.shape)} for the model of {CONFIG}. "
                f"Received: {tensor.dtype} {tensor.shape}, so the two files do not belong together."
            )
        _finite(f"{path}: {_told(key, variable)}", tensor)
    for key, variable in variables.items():
        variable.assign(tensors[key].astype("float32"))
    for name in set(gan.averaged_names) & set(networks):
        getattr(gan, name).set_weights(gan.network(name).get_weights())
    trained = {id(getattr(gan, name)) for name in (*networks, *given, *elsewhere)}
    gan.fresh = tuple(name for name in gan.network_names if id(getattr(gan, name)) not in trained)
    return networks


def _variables(gan, network):
    """Key in the file -> variable, for one network as inference takes it."""
    if network not in gan.network_names:
        raise PresetError(
            f"networks must name networks of {type(gan).__name__}, {', '.join(gan.network_names)}. Received: {network!r}."
        )
    # Without names of layers: Keras numbers those of a user's own network in each process.
    return {f"{network}/{i:03d}/{variable.name}": variable for i, variable in enumerate(gan.network(network).weights)}


def read_json(path: Path) -> Any:
    """Reads a JSON file of a preset; raises the errors of `read_bounded`, and those of JSON."""
    return json.loads(read_bounded(path, MAX_JSON))


def _told(key, variable):
    """A key as people read it, with the layer that it belongs to in the model at hand."""
    return f"{key} ({'/'.join(variable.path.split('/')[-2:])})" if variable is not None else key


def require_replaceable(folder: Path) -> None:
    """Checks that nothing is lost if a preset takes the place of `folder`, where this process keeps what it writes.

    A run's folder has a config.yaml, too.

    Raises:
        PresetError: it holds something else.
    """
    # The process that keeps files may be filling it at this moment.
    if not writes() or not os.path.lexists(folder):
        return
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.is_dir() else []
    if foreign or not (folder / CONFIG).is_file():
        held = f" that holds {', '.join(map(repr, foreign[:3]))}" if foreign else " that is not a preset"
        raise PresetError(
            f"folder must be new, or hold nothing but a preset. Received: folder={str(folder)!r}, a file or folder{held}. "
            "Fix: name a new folder."
        )


def _array(variable):
    from keras import ops

    return ops.convert_to_numpy(variable)


def _finite(key, array):
    import numpy as np

    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise PresetError(
            f"{key} must have finite values that {array.dtype} can hold. Received: {bad} that are NaN, infinite, or too "
            f"large for {array.dtype}; it was not used."
        )
    return array


def inside(folder: str | Path, name: str) -> Path:
    """The path of a file in the folder.

    Raises:
        PresetError: it is a link that leads out of the folder.
    """
    path = Path(folder) / name
    try:
        leaves = path.is_symlink() and not path.resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError):  # a link to itself
        leaves = True
    if leaves:
        raise PresetError(f"{path} must lie in its folder. Received: a link that leaves it. Fix: put the file itself there.")
    return path
