"""One measurement of `metrics_speed`, in a process of its own; run by our interpreter or by that of the peers.

    python -m benchmarks.metrics_speed_worker '{"contender": "frechet_ours", ...}'

prints {"seconds": ..., "peak_memory_mb": ...} and more as one line of JSON. Inputs are made by NumPy from seeds, the same
for all, before the clock starts. What is built once (networks, graphs) is warmed up before it too, but for the folder of PNG
files, where the whole of a user's waiting counts, from the import of the library to the number.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_memory

THREADS = 2


def statistics(seed, dimension):
    """Mean and covariance of 5,000 vectors whose spectrum falls as Inception's does."""
    rng = np.random.default_rng(seed)
    scales = np.sqrt(10 * np.arange(1, dimension + 1) ** -1.3)
    vectors = rng.normal(size=(5000, dimension)) * scales
    return vectors.mean(axis=0), np.cov(vectors, rowvar=False)


def features(seed, n, dimension):
    """float32 features on a manifold of 50 dimensions, so that neighbourhoods are not all alike."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(50, dimension))
    latent = rng.normal(size=(n, 50)) * np.arange(1, 51) ** -0.5
    return np.maximum(latent @ directions / 4 + 0.1 * rng.normal(size=(n, dimension)), 0).astype("float32")


def images(settings):
    return np.random.default_rng(0).integers(0, 256, (settings["images"], 32, 32, 3), np.uint8)


def frechet_ours(settings):
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance

    a, b = (Moments.from_statistics(5000, *statistics(seed, settings["dimension"])) for seed in (1, 2))
    return timed(lambda: frechet_distance(a, b))


def frechet_pytorch_fid(settings):
    from pytorch_fid.fid_score import calculate_frechet_distance

    values = [value for seed in (1, 2) for value in statistics(seed, settings["dimension"])]
    return timed(lambda: calculate_frechet_distance(*values))


def inception_ours(settings):
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor, pictures = feature_extractor("inception", weights=settings["inception"]), images(settings)
    extractor.features(pictures[:50])
    return timed(lambda: extractor.features(pictures).mean())


def inception_torch_fidelity(settings):
    torch = peers_torch()
    peers = recorder()
    network = peers.torch_fidelity_network(peers.npz(settings["inception"]))
    pictures = torch.from_numpy(images(settings)).permute(0, 3, 1, 2)

    def run():
        with torch.no_grad():
            return np.concatenate([network(part)[0].numpy() for part in pictures.split(50)]).mean()

    with torch.no_grad():
        network(pictures[:50])
    return timed(run)


def neighbours_ours(settings):
    from keras_gan_zoo.metrics.manifolds import precision_recall

    real, fake = both(settings)
    return timed(lambda: precision_recall(real, fake, 3).precision)


def neighbours_torch_fidelity(settings):
    torch = peers_torch()
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = map(torch.from_numpy, both(settings))
    return timed(lambda: prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)["precision"])


def manifolds_ours(settings):
    from keras_gan_zoo.metrics.manifolds import manifold_metrics

    real, fake = both(settings)
    return timed(lambda: manifold_metrics(real, fake, 5, 5).coverage)


def manifolds_prdc(settings):
    from prdc import compute_prdc

    real, fake = both(settings)
    return timed(lambda: float(compute_prdc(real, fake, 5)["coverage"]))


def both(settings):
    return features(1, settings["vectors"], settings["dimension"]), features(2, settings["vectors"], settings["dimension"])


def folder_ours(settings):
    def run():
        from keras_gan_zoo.data import FolderBatches
        from keras_gan_zoo.metrics import Moments, evaluate, feature_extractor

        extractor = feature_extractor("inception", weights=settings["inception"], resizer="clean")
        known = {key: getattr(extractor, key) for key in ("resizer", "dtype")}
        known |= {"extractor": extractor.name, "extractor_sha256": extractor.sha256}
        reference = Moments.from_statistics(5000, *statistics(1, 2048), known)
        return evaluate(FolderBatches(settings["folder"]), reference, metrics=["fid"], extractor=extractor)["fid"].value

    return timed(run)


def folder_clean_fid(settings):
    def run():
        peers_torch()
        from cleanfid.fid import frechet_distance, get_folder_features

        model = recorder().clean_fid_network(settings["torchscript"])
        found = get_folder_features(
            settings["folder"], model, num_workers=THREADS, batch_size=32, device="cpu", mode="clean", verbose=False
        )
        return float(frechet_distance(*statistics(1, 2048), found.mean(axis=0), np.cov(found, rowvar=False)))

    return timed(run)


def peers_torch():
    import torch

    torch.set_num_threads(THREADS)
    return torch


def recorder():
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "metrics"))
    import record_peers

    return record_peers


def write_pngs(folder, n):
    """n PNG files of 32 x 32 pixels."""
    from PIL import Image

    for i, picture in enumerate(images({"images": n})):
        Image.fromarray(picture).save(Path(folder) / f"{i:05}.png")


def timed(function):
    start = time.perf_counter()
    value = function()
    return {"seconds": time.perf_counter() - start, "value": float(value), "peak_memory_mb": peak_memory()}


def main(settings):
    if settings["contender"].startswith("folder"):
        with tempfile.TemporaryDirectory() as folder:
            write_pngs(folder, settings["png_images"])
            return globals()[settings["contender"]]({**settings, "folder": folder})
    return globals()[settings["contender"]](settings)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
