"""Reads the tensors that PyTorch saved, without PyTorch and without running anything that the file names.

Three formats: a state dict in a zip archive (since PyTorch 1.6) or in the chain of pickles before it, and a TorchScript
archive. All name tensors by a call of one known function on a known kind of storage, and TorchScript puts them into
modules, of which only the attributes are read. Whatever else a file asks for is refused.
"""

import collections
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..untrusted import require_bounded

MAGIC = 0x1950A86A20F9469CFC6C
# What the parts of the reader raise on files of other kinds, cut off, or made to mislead.
UNREADABLE = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, struct.error, zlib.error, NotImplementedError, RecursionError),
    *(EOFError, OSError, MemoryError, LookupError, ArithmeticError, ValueError, TypeError, AttributeError),
)
DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4"}


class _Storage:
    """Numbers of one dtype, which a legacy file delivers only after the tensors that use them."""

    def __init__(self, dtype, values=None):
        self.dtype, self.values = np.dtype(dtype), values


class _Tensor:
    def __init__(self, storage, offset, shape, strides, *_):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self):
        values = self.storage.values
        size = 1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if values is None or self.offset + (size if 0 not in self.shape else 0) > len(values):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


class _Module:
    """A module of a TorchScript archive, whatever its class: what it holds becomes attributes."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch.jit._pickle", "build_intlist"):
            return list
        if module.partition(".")[0] == "__torch__":
            return _Module
        raise pickle.UnpicklingError(f"it names {module}.{name}, which a state dict has no use for")

    def persistent_load(self, key):
        _, dtype, name, *_ = key
        return self.storages(name, dtype)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a file that `torch.save(module.state_dict(), path)` or `torch.jit.save(module, path)` wrote, as arrays.

    Raises:
        ValueError: another kind of file, a damaged one, or one that holds more than tensors.
    """
    with open(path, "rb") as file:
        try:
            saved = _from_zip(file) if zipfile.is_zipfile(file) else _from_pickles(file)
            return {name: tensor.array() for name, tensor in _named(saved)}
        except UNREADABLE as error:
            raise ValueError(
                f"{path} must be a PyTorch state dict or TorchScript archive. Received: {error!r}. Fix: download it again, "
                "or pass the right file."
            ) from error


def _named(saved, prefix=""):
    """(name, tensor) of all tensors in a dictionary or a module, with the names that `state_dict` gives."""
    for name, value in (vars(saved) if isinstance(saved, _Module) else saved).items():
        if isinstance(value, _Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _named(value, f"{prefix}{name}.")


def _from_zip(file):
    with zipfile.ZipFile(file) as archive:
        require_bounded(sum(info.file_size for info in archive.infolist()), os.fstat(file.fileno()).st_size)
        root = archive.namelist()[0].split("/")[0]

        def storage(name, dtype):
            return _Storage(dtype, np.frombuffer(archive.read(f"{root}/data/{name}"), dtype))

        with archive.open(f"{root}/data.pkl") as data:
            return _Reader(data, storage).load()


def _from_pickles(file):
    file.seek(0)
    storages = {}

    def storage(name, dtype):
        return storages.setdefault(name, _Storage(dtype))

    def load():
        return _Reader(file, storage).load()

    if load() != MAGIC:
        raise ValueError("it is not one that PyTorch wrote")
    load(), load()  # protocol, and sizes of the machine's integers
    tensors = load()
    for name in load():
        count = int.from_bytes(file.read(8), "little")
        dtype = storages[name].dtype
        storages[name].values = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return tensors
