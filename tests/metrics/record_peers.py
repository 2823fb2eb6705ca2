"""Records what the peers make of the inputs of `peer_cases.py`, in an environment of their own.

torch-fidelity and clean-fid import torchvision, which has no build for the CPU-only torch that the tests run beside:

    python -m venv peers && . peers/bin/activate
    pip install torch==2.14.1 torchvision==0.29.1 "scipy<1.18" torch-fidelity==0.4.0 pytorch-fid==0.3.0 clean-fid prdc
    python tests/metrics/record_peers.py --inception inception.npz

writes tests/metrics/peers.json. Without --inception (weights of the FID network as .npz, see
keras_gan_zoo/metrics/features/inception_files.py), what was recorded of the network is kept. With

    python tests/metrics/record_peers.py --data-set mnist train.npy test.npy

it records the Fréchet distance of two files of features, by us and by the peers in the same run.
"""

import argparse
import hashlib
import importlib.metadata
import json
import platform
import tempfile
from pathlib import Path

import numpy as np
import peer_cases as cases

OUTPUT = Path(__file__).with_name("peers.json")
PACKAGES = ("torch-fidelity", "pytorch-fid", "clean-fid", "prdc", "torch", "torchvision", "numpy", "scipy", "pillow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inception", type=Path, help="weights of the FID network, .npz")
    parser.add_argument("--data-set", nargs=3, action="append", default=[], metavar=("NAME", "TRAIN", "TEST"))
    options = parser.parse_args()
    recorded = json.loads(OUTPUT.read_text("utf-8")) if OUTPUT.exists() else {}
    recorded["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES} | {
        "python": platform.python_version()
    }
    recorded["features"] = {name: on_features(*cases.features(name)) for name in cases.SETS}
    recorded["inception_score"] = inception_score(cases.logits())
    recorded["resize"] = {name: resized(cases.image(name)) for name in cases.SHAPES}
    if options.inception:
        recorded["network"] = network(options.inception)
    recorded.setdefault("data_sets", {})
    for name, train, test in options.data_set:
        recorded["data_sets"][name] = data_set(np.load(train), np.load(test))
    OUTPUT.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1000:.0f} kB")


def on_features(real: np.ndarray, fake: np.ndarray) -> dict:
    """Each peer's metrics of features, under torch-fidelity's convention that the fakes are its first input."""
    import torch
    from cleanfid import fid as clean
    from prdc import compute_prdc
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    tensors = torch.from_numpy(fake), torch.from_numpy(real)
    statistics = [fid_features_to_statistics(t) for t in tensors]
    moments = [value for s in statistics for value in (s["mu"], s["sigma"])]
    kernel = {"kid_subsets": cases.KERNEL["subsets"], "kid_subset_size": cases.KERNEL["subset_size"]}
    everything = min(len(real), len(fake))
    return {
        "pytorch-fid": {"fid": float(calculate_frechet_distance(*moments))},
        "clean-fid": {
            "fid": clean.fid_from_feats(fake, real),
            # Its subsets are unseeded; one of everything is the same each time, up to which rows are left out.
            "kid_of_all": clean.kernel_distance(fake[:everything], real[:everything], 1, everything),
        },
        "torch-fidelity": {
            "fid": next(iter(fid_statistics_to_metric(*statistics, False).values())),
            "kid": list(kid_features_to_metric(*tensors, **kernel, rng_seed=cases.KERNEL["seed"], verbose=False).values()),
            **prc_features_to_metric(*tensors, prc_neighborhood=3, verbose=False),
        },
        # Its k counts the point itself, whose distance is 0.
        "prdc": {key: float(value) for key, value in compute_prdc(real, fake, cases.NEIGHBOURS).items()},
    }


def data_set(train: np.ndarray, test: np.ndarray) -> dict:
    """Fréchet distance between the features of two splits, ours beside the peers'."""
    import sys

    import torch
    from cleanfid import fid as clean
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    # Nothing of it needs more than NumPy and SciPy.
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance

    statistics = [fid_features_to_statistics(torch.from_numpy(f.astype("float64"))) for f in (test, train)]
    moments = [value for s in statistics for value in (s["mu"], s["sigma"])]
    return {
        "n_train": len(train),
        "n_test": len(test),
        "ours": frechet_distance(Moments.of(train), Moments.of(test)),
        "pytorch-fid": float(calculate_frechet_distance(*moments)),
        "torch-fidelity": next(iter(fid_statistics_to_metric(*statistics, False).values())),
        "clean-fid": float(clean.frechet_distance(*moments)),
    }


def inception_score(logits: np.ndarray) -> dict:
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric

    return {
        "torch-fidelity": {
            name: list(isc_features_to_metric(torch.from_numpy(logits), cases.SPLITS, shuffle).values())
            for name, shuffle in (("shuffled", True), ("in_order", False))
        }
    }


def resized(image: np.ndarray) -> dict:
    """Some pixels of an image at 299 x 299, by clean-fid and by torch-fidelity."""
    import torch
    from cleanfid.resize import make_resizer
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as legacy

    clean = make_resizer("PIL", False, "bicubic", (299, 299))(image)
    tensor = torch.from_numpy(image.astype("float32")).permute(2, 0, 1)[None]
    old = legacy(tensor, size=(299, 299), align_corners=False)[0].permute(1, 2, 0).numpy()
    return {
        name: [float(v) for v in picture[cases.places()]]
        for name, picture in (("clean-fid", clean), ("torch-fidelity", old))
    }


def network(path: Path) -> dict:
    """Features of torch-fidelity's network under both resizings."""
    import torch

    images = cases.network_images()
    extractor = torch_fidelity_network(path)
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        legacy = extractor(tensor)[0].numpy()
        clean = clean_features(extractor, images)
    with np.load(path) as file:
        digest = hashlib.sha256(b"".join(file[key].tobytes() for key in sorted(file.files))).hexdigest()
    return {"weights": digest, "legacy": sampled(legacy), "clean": sampled(clean)}


def sampled(features: np.ndarray) -> list:
    """Every eighth feature of each image."""
    return [[round(float(v), 7) for v in row] for row in features[:, ::8]]


def torch_fidelity_network(path: Path):
    """torch-fidelity's extractor with the weights of an .npz; its logits, which that has not, are zeros."""
    import sys

    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # The table of names alone: importing the package would bring Keras along.
    here = Path(__file__).parents[2] / "keras_gan_zoo" / "metrics" / "features"
    sys.path.insert(0, str(here))
    from inception_names import LAYERS

    with np.load(path) as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    state = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    for ours, theirs in LAYERS.items():
        state[f"{theirs}.conv.weight"] = arrays[f"{ours}.weight"]
        state[f"{theirs}.bn.weight"] = torch.ones_like(arrays[f"{ours}.beta"])
        state[f"{theirs}.bn.num_batches_tracked"] = torch.tensor(0)
        for part, key in (("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")):
            state[f"{theirs}.bn.{key}"] = arrays[f"{ours}.{part}"]
    with tempfile.TemporaryDirectory() as folder:
        torch.save(state, f"{folder}/weights.pth")
        return FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=f"{folder}/weights.pth")


def clean_features(extractor, images: np.ndarray) -> np.ndarray:
    """The network on images that clean-fid has resized: what clean-fid's own mode "clean" computes."""
    from unittest import mock

    import torch
    from cleanfid.resize import make_resizer
    from torch_fidelity import feature_extractor_inceptionv3 as module

    resize = make_resizer("PIL", False, "bicubic", (299, 299))
    at_size = torch.from_numpy(np.stack([resize(image) for image in images])).permute(0, 3, 1, 2).contiguous()
    with mock.patch.object(module, "interpolate_bilinear_2d_like_tensorflow1x", lambda x, **options: at_size):
        return extractor(torch.from_numpy(images).permute(0, 3, 1, 2))[0].numpy()


if __name__ == "__main__":
    main()
