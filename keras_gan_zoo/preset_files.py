"""The files of a preset: the weights, and what says which they are; see `presets` for all of them."""

import hashlib
import json
import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .untrusted import read_bounded

if TYPE_CHECKING:
    from .base import Game

CONFIG, WEIGHTS, WEIGHTS_INFO, RESULTS = "config.yaml", "weights.safetensors", "weights.json", "results.json"
DTYPES = ("float16", "float32")
MAX_JSON = 10_000_000
FILES = (CONFIG, WEIGHTS, WEIGHTS_INFO, RESULTS, "README.md", "samples.png", "samples.txt")


class PresetError(ValueError):
    """A preset that cannot be found or read; the message says which file, what is wrong with it, and the fix."""


def packed_weights(gan: "Game", networks: Sequence[str], dtype: str) -> bytes:
    """The weights of networks, as inference takes them, in the format of safetensors.

    Raises:
        PresetError: a network that the model does not have, or a value that the dtype cannot hold.
    """
    from safetensors.numpy import save

    tensors = {}
    for name in networks:
        variables = _variables(gan, name)
        tensors |= {key: _finite(_told(key, v), _array(v).astype(dtype)) for key, v in variables.items()}
    return save(tensors)


def read_weights(gan: "Game", folder: str | Path, given: Collection[str] = (), elsewhere: Collection[str] = ()) -> list[str]:
    """Puts a preset's weights into a model, after checking hash, names, shapes and types.

    Args:
        gan, folder: model and preset.
        given: names of networks that have trained weights already.
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
        raise PresetError(f"{info_path} cannot be used ({error}); take the whole folder from its source again.") from error
    if twice := [name for name in given if name in networks]:
        raise PresetError(
            f"{twice[0]} was given, but {folder} holds weights of its own for it; leave it out, or pass load_weights=False "
            "for a model to train anew."
        )
    try:
        # Each weight has at most 4 bytes; names and shapes stand before them.
        data = read_bounded(path, 4 * sum(math.prod(v.shape) for v in variables.values()) + MAX_JSON)
    except (OSError, ValueError) as error:
        raise PresetError(f"{path} cannot be read ({error}); take the whole folder from its source again.") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected:
        raise PresetError(
            f"{path} has the sha256 {digest}, but {WEIGHTS_INFO} says {expected}: the file is truncated, or was changed. "
            "Take the whole folder from its source again."
        )
    try:
        tensors = safetensors.numpy.load(data)
    except Exception as error:  # safetensors raises several types, not all of them its own
        raise PresetError(f"{path} is no safetensors file ({error}).") from error
    if dtype not in DTYPES or set(gan.inference_names) - {*networks, *elsewhere}:
        raise PresetError(f"{info_path} says dtype={dtype!r}, networks={networks!r}; no preset has those.")
    # Older files have the names of layers in their keys.
    held = {"/".join((*key.split("/")[:2], *key.split("/")[2:][-1:])): tensor for key, tensor in tensors.items()}
    if len(held) < len(tensors):
        raise PresetError(f"{path} holds {len(tensors) - len(held)} of its weights twice, under names of other layers.")
    tensors = held
    if set(tensors) != set(variables):
        odd = [_told(key, variables.get(key)) for key in sorted(set(tensors) ^ set(variables))[:3]]
        raise PresetError(f"{path} holds other weights than the model of {CONFIG}: {', '.join(odd)} ...")
    for key, variable in variables.items():
        tensor = tensors[key]
        if tensor.shape != tuple(variable.shape) or tensor.dtype.name != dtype:
            raise PresetError(
                f"{path}: {_told(key, variable)} is {tensor.dtype} {tensor.shape}, but the model of {CONFIG} needs {dtype} "
                f"{tuple(variable.shape)}; the two files do not belong together."
            )
        _finite(f"{path}: {_told(key, variable)}", tensor)
    for key, variable in variables.items():
        variable.assign(tensors[key].astype("float32"))
    for name in set(gan.averaged_names) & set(networks):
        getattr(gan, name).set_weights(gan.network(name).get_weights())
    trained = {id(getattr(gan, name)) for name in (*networks, *given, *elsewhere)}
    gan.fresh = tuple(p.name for p in gan.players() if not trained.issuperset(map(id, p.networks)))
    return networks


def _variables(gan, network):
    """Key in the file -> variable, for one network as inference takes it."""
    if network not in gan.network_names:
        raise PresetError(f"networks names {network!r}, which {type(gan).__name__} does not have.")
    # Without names of layers: Keras numbers those of a user's own network in each process.
    return {f"{network}/{i:03d}/{variable.name}": variable for i, variable in enumerate(gan.network(network).weights)}


def read_json(path: Path) -> Any:
    """What a JSON file of a preset holds; OSError and ValueError as `read_bounded`, and those of JSON."""
    return json.loads(read_bounded(path, MAX_JSON))


def _told(key, variable):
    """A key for people, with the layer that it belongs to in the model at hand."""
    return f"{key} ({'/'.join(variable.path.split('/')[-2:])})" if variable is not None else key


def require_replaceable(folder: Path) -> None:
    """Checks that nothing is lost where a preset takes the place of `folder`; that of a run also has a config.yaml.

    Raises:
        PresetError: it holds something else.
    """
    if not os.path.lexists(folder):
        return
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.is_dir() else []
    if foreign or not (folder / CONFIG).is_file():
        held = f" It holds {', '.join(map(repr, foreign[:3]))}." if foreign else ""
        raise PresetError(f"folder={str(folder)!r} exists and is no preset, or more than one; name a new folder.{held}")


def _array(variable):
    from keras import ops

    return ops.convert_to_numpy(variable)


def _finite(key, array):
    import numpy as np

    if not np.isfinite(array).all():
        raise PresetError(f"{key} has values that are NaN, infinite, or too large for {array.dtype}; it was not used.")
    return array


def inside(folder: str | Path, name: str) -> Path:
    """A file of the folder.

    Raises:
        PresetError: it is a link that leads out of it.
    """
    path = Path(folder) / name
    try:
        leaves = path.is_symlink() and not path.resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError):  # a link to itself
        leaves = True
    if leaves:
        raise PresetError(f"{path} is a link that leaves its folder; a preset holds its own files.")
    return path
