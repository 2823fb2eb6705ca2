"""What torch-fidelity, pytorch-fid, clean-fid and prdc make of the inputs of `peers.cases`, and how fast."""

import argparse
import hashlib
import importlib.metadata
import json
import platform
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers import cases
from benchmarks.peers.timing import timed

RECORDED = Path(__file__).with_name("recorded.json")
THREADS = 2
PACKAGES = ("torch-fidelity", "pytorch-fid", "clean-fid", "prdc", "torch", "torchvision", "numpy", "scipy", "pillow")


def record(arguments: list[str]) -> None:
    """Writes what the peers make of the inputs; what needs a file that is not given is kept as it was recorded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers record", description=record.__doc__)
    parser.add_argument("--inception", type=Path, help="weights of the FID network, .npz")
    parser.add_argument("--torchscript", type=Path, help="clean-fid's network, .pt")
    parser.add_argument("--data-set", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    options = parser.parse_args(arguments)
    recorded = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    recorded["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES} | {
        "python": platform.python_version()
    }
    recorded["features"] = {name: on_features(*cases.features(name)) for name in cases.SETS}
    recorded["ties"] = of_neighbors(*cases.ties())
    recorded["inception_score"] = inception_score(cases.logits())
    recorded["resize"] = {name: resized(cases.image(name)) for name in cases.SHAPES}
    recorded["random_network"] = random_network()
    if options.inception:
        recorded["network"] = network(npz(options.inception))
    if options.torchscript:
        recorded["clean_fid_network"] = clean_fid_features(options.torchscript)
    recorded.setdefault("data_sets", {})
    for name, folder in options.data_set:
        known = recorded["data_sets"].setdefault(name, {})
        known.update(data_set(name, Path(folder)))
        if options.inception:
            known["first_images"] = first_images(name, Path(folder), npz(options.inception))
    RECORDED.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
    print(f"{RECORDED}: {RECORDED.stat().st_size / 1000:.0f} kB")


def on_features(real: np.ndarray, fake: np.ndarray) -> dict:
    """Each peer's metrics of features, under torch-fidelity's convention that the fakes are its first input."""
    import torch
    from cleanfid import fid as clean
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    tensors = torch.from_numpy(fake), torch.from_numpy(real)
    statistics = [fid_features_to_statistics(t) for t in tensors]
    moments = [value for s in statistics for value in (s["mu"], s["sigma"])]
    kernel = {"kid_subsets": cases.KERNEL["subsets"], "kid_subset_size": cases.KERNEL["subset_size"]}
    everything, neighbors = min(len(real), len(fake)), of_neighbors(real, fake)
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
            **neighbors["torch-fidelity"],
        },
        "prdc": neighbors["prdc"],
    }


def of_neighbors(real: np.ndarray, fake: np.ndarray) -> dict:
    import torch
    from prdc import compute_prdc
    from torch_fidelity.metric_prc import prc_features_to_metric

    tensors = torch.from_numpy(fake), torch.from_numpy(real)
    return {
        "torch-fidelity": prc_features_to_metric(*tensors, prc_neighborhood=3, verbose=False),
        # Its k counts the point itself, whose distance is 0.
        "prdc": {key: float(value) for key, value in compute_prdc(real, fake, cases.NEIGHBORS).items()},
    }


def data_set(name: str, folder: Path) -> dict:
    """Fréchet distance between two splits, of our features, by all of us."""
    train, test = (np.load(folder / f"{name}_{split}.npy") for split in ("train", "test"))
    return {"n_train": len(train), "n_test": len(test), **distances(train, test)}


def first_images(name: str, folder: Path, weights: dict) -> dict:
    """The same of the first images, by the whole of torch-fidelity from the images on, beside the whole of ours."""
    ours, theirs = [], []
    for split in ("train", "test"):
        images = np.load(folder / f"{name}_{split}_images.npy", mmap_mode="r")
        ours.append(np.load(folder / f"{name}_{split}.npy")[: len(images)])
        theirs.append(kept_features(folder / f"{name}_{split}", images, weights))
    return {
        "n": len(ours[0]),
        "ours": distances(*ours)["ours"],
        "torch-fidelity": distances(*theirs)["torch-fidelity"],
        "features_differ_by": float(max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))),
    }


def distances(train: np.ndarray, test: np.ndarray) -> dict:
    """Fréchet distance between two sets of features by each of us."""
    import torch
    from cleanfid import fid as clean
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    # Which needs no more than NumPy and SciPy.
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance

    statistics = [fid_features_to_statistics(torch.from_numpy(f.astype("float64"))) for f in (test, train)]
    moments = [value for s in statistics for value in (s["mu"], s["sigma"])]
    return {
        "ours": frechet_distance(Moments.of(train), Moments.of(test)),
        "pytorch-fid": float(calculate_frechet_distance(*moments)),
        "torch-fidelity": next(iter(fid_statistics_to_metric(*statistics, False).values())),
        "clean-fid": float(clean.frechet_distance(*moments)),
    }


def kept_features(stem: Path, images: np.ndarray, weights: dict, chunk: int = 250) -> np.ndarray:
    """torch-fidelity's own features of images, read from files beside them where they are known."""
    extractor, digest, parts = None, digest_of(weights)[:12], []
    for start in range(0, len(images), chunk):
        file = stem.with_name(f"{stem.name}_torch-fidelity_{digest}_{start:06}.npy")
        if not file.exists():
            extractor = extractor or torch_fidelity_network(weights)
            rows = range(start, min(start + chunk, len(images)), 50)
            found = [through_legacy(extractor, images[i : min(i + 50, start + chunk)])[0] for i in rows]
            np.save(file.with_suffix(".partial.npy"), np.concatenate(found))
            file.with_suffix(".partial.npy").rename(file)
            print(f"{file.name} of {len(images)} images", flush=True)
        parts.append(np.load(file))
    return np.concatenate(parts)


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


def network(weights: dict) -> dict:
    """Features, and logits if there are weights for them, by torch-fidelity's network: {resizer: {images: arrays}}."""
    extractor = torch_fidelity_network(weights)
    return {"weights": digest_of(weights)} | {
        resizer: {
            name: [sampled(found) for found in forward(extractor, images)] for name, images in cases.network_images().items()
        }
        for resizer, forward in (("legacy", through_legacy), ("clean", through_clean))
    }


def random_network() -> dict:
    """The same with random weights, which no file is needed for; and the shapes of the kernels."""
    shapes = kernel_shapes()
    return {"shapes": shapes} | network(cases.network_weights(shapes))


def clean_fid_features(path: Path) -> dict:
    """Features of clean-fid's own network and resizing."""
    import torch

    model = clean_fid_network(path)
    with torch.no_grad():
        return {name: [sampled(model(clean_resized(images)).numpy())] for name, images in cases.network_images().items()}


def sampled(features: np.ndarray) -> list:
    """Every sixteenth feature of each image."""
    return [[round(float(v), 7) for v in row] for row in features[:, ::16]]


def npz(path: str | Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def digest_of(weights: dict) -> str:
    return hashlib.sha256(b"".join(weights[key].tobytes() for key in sorted(weights))).hexdigest()


def kernel_shapes() -> dict[str, list[int]]:
    """Our name of each convolution -> shape of its kernel in torch-fidelity's network."""
    from unittest import mock

    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    from keras_gan_zoo.conversion.inception import LAYERS

    with mock.patch.object(torch, "load"), mock.patch.object(torch.nn.Module, "load_state_dict"):
        extractor = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path="none")
    state = extractor.state_dict()
    return {ours: list(state[f"{theirs}.conv.weight"].shape) for ours, theirs in LAYERS.items()}


def torch_fidelity_network(weights: dict):
    """torch-fidelity's extractor with the weights of an .npz; of features, and of logits if they are there."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    from keras_gan_zoo.conversion.inception import LAYERS

    arrays = {key: torch.from_numpy(array) for key, array in weights.items()}
    outputs = ["2048", "logits_unbiased"] if "logits.weight" in arrays else ["2048"]
    # The Inception Score leaves the bias out: whatever it is, it must not show.
    state = {"fc.weight": arrays.get("logits.weight", torch.zeros(1008, 2048)), "fc.bias": torch.ones(1008)}
    for ours, theirs in LAYERS.items():
        state[f"{theirs}.conv.weight"] = arrays[f"{ours}.weight"]
        state[f"{theirs}.bn.weight"] = torch.ones_like(arrays[f"{ours}.beta"])
        state[f"{theirs}.bn.num_batches_tracked"] = torch.tensor(0)
        for part, key in (("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")):
            state[f"{theirs}.bn.{key}"] = arrays[f"{ours}.{part}"]
    with tempfile.TemporaryDirectory() as folder:
        torch.save(state, f"{folder}/weights.pth")
        return FeatureExtractorInceptionV3("inception", outputs, feature_extractor_weights_path=f"{folder}/weights.pth")


def clean_fid_network(path: str | Path):
    """What clean-fid makes of its TorchScript file: a function of resized images (n, 3, 299, 299) in [0, 255]."""
    import torch

    trunk = torch.jit.load(str(path)).eval().net.layers
    return lambda batch: trunk((batch - 128) / 128).view(len(batch), 2048)


def in_color(images: np.ndarray) -> np.ndarray:
    """Images with gray in three equal channels, as the peers convert it."""
    return np.broadcast_to(images, (*images.shape[:3], 3))


def clean_resized(images: np.ndarray):
    import torch
    from cleanfid.resize import make_resizer

    resize = make_resizer("PIL", False, "bicubic", (299, 299))
    return torch.from_numpy(np.stack([resize(image) for image in in_color(images)])).permute(0, 3, 1, 2).contiguous()


def through_legacy(extractor, images: np.ndarray) -> list[np.ndarray]:
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(in_color(images).transpose(0, 3, 1, 2)))
    return [found.numpy() for found in extractor(tensor)]


def through_clean(extractor, images: np.ndarray) -> list[np.ndarray]:
    """The network on images that clean-fid has resized: what clean-fid's own mode "clean" computes."""
    from unittest import mock

    from torch_fidelity import feature_extractor_inceptionv3 as module

    at_size = clean_resized(images)
    with mock.patch.object(module, "interpolate_bilinear_2d_like_tensorflow1x", lambda x, **options: at_size):
        return through_legacy(extractor, images)


# Timed by `python -m benchmarks metrics-speed` -----------------------------------------------------------------------------


def frechet_pytorch_fid(settings):
    from pytorch_fid.fid_score import calculate_frechet_distance

    moments = [value for seed in (1, 2) for value in cases.statistics(seed, settings["dimension"])]
    return timed(lambda: calculate_frechet_distance(*moments))


def inception_torch_fidelity(settings):
    torch = torch_of_two_threads()
    network = torch_fidelity_network(npz(settings["inception"]))
    pictures = torch.from_numpy(cases.noise(settings["images"])).permute(0, 3, 1, 2)

    def run():
        with torch.no_grad():
            return np.concatenate([network(part)[0].numpy() for part in pictures.split(50)]).mean()

    with torch.no_grad():
        network(pictures[:50])
    return timed(run)


def neighbors_torch_fidelity(settings):
    torch = torch_of_two_threads()
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = map(torch.from_numpy, cases.two_manifolds(settings["vectors"], settings["dimension"]))
    return timed(lambda: prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)["precision"])


def manifolds_prdc(settings):
    from prdc import compute_prdc

    real, fake = cases.two_manifolds(settings["vectors"], settings["dimension"])
    return timed(lambda: float(compute_prdc(real, fake, 5)["coverage"]))


def folder_clean_fid(settings):
    def run():
        torch_of_two_threads()
        from cleanfid.fid import frechet_distance, get_folder_features

        model = clean_fid_network(settings["torchscript"])
        found = get_folder_features(
            settings["folder"], model, num_workers=THREADS, batch_size=32, device="cpu", mode="clean", verbose=False
        )
        return float(frechet_distance(*cases.statistics(1, 2048), found.mean(axis=0), np.cov(found, rowvar=False)))

    return timed(run)


def torch_of_two_threads():
    import torch

    torch.set_num_threads(THREADS)
    return torch
