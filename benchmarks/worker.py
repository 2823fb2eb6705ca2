"""One measurement of the zoo in a process of its own: settings as JSON in, results as JSON out; of others, see `peers`.

    python -m benchmarks.worker '{"contender": "ours", "variant": "dcgan", ...}'

Synthetic data from a seed: uint8 images, or whatever the fields of a variant are. Training goes through the public `fit` on
the arrays and is timed whole: shuffling, batching, scaling, logging and the start of the epoch are in it. A first call with
a few rounds, which builds and traces everything, is not. What a metric builds once (networks, graphs) is warmed up too, but
for the folder of PNG files, where all of a user's waiting counts, from the import of the library to the number.
"""

import importlib.metadata
import importlib.util
import inspect
import json
import sys
import time

import numpy as np

from benchmarks.peers import cases
from benchmarks.peers.timing import peak_memory, speed_of, timed
from benchmarks.peers.training import WARM_UP_ROUNDS, image_shape

FEATURES = 100  # images that Inception is timed on
# Where the size of images says nothing or is not possible, and where a training begins with another game than is timed.
ARGUMENTS = {
    "gan_3d": {"side": 32},
    "pix2pix": {"source_shape": (64, 64, 3), "target_shape": (64, 64, 3)},
    "seq_gan": {"pretraining_rounds": 0, "discriminator_pretraining_rounds": 0},
}


def describe(settings):
    """Versions, commit, the dtype and the kernels that the zoo picks here, and what it computes on, if that is no CPU."""
    import keras

    from keras_gan_zoo.backend import accelerator
    from keras_gan_zoo.machine import fastest_dtype, onednn
    from keras_gan_zoo.provenance import commit, versions

    dtype, reason = fastest_dtype()
    torch = importlib.metadata.version("torch") if importlib.util.find_spec("torch") else "not installed"
    return {
        "dtype": {"chosen": dtype, "reason": reason},
        "onednn": onednn() if keras.backend.backend() == "tensorflow" else None,
        "versions": {**versions(), "torch": torch},
        "commit": commit(),
        "accelerator": accelerator(),
    }


def ours(settings):
    """A variant of the zoo through its public `fit` and `generate`."""
    from keras_gan_zoo.machine import fastest_dtype
    from keras_gan_zoo.models import variant_class

    model = variant_class(settings["variant"])
    after_import = peak_memory()
    dtype = fastest_dtype()[0] if settings["dtype"] == "auto" else settings["dtype"]
    start = time.perf_counter()
    gan = model(**arguments(model, settings), dtype=dtype, seed=settings["seed"])
    minibatches, batch_size = gan.minibatches_per_round, settings["batch_size"]
    rounds = max(settings["rounds"] // minibatches, 1)
    per_round = minibatches * batch_size
    rng = np.random.default_rng(settings["seed"])
    data = {name: field.random(rng, rounds * per_round) for name, field in gan.fields().items()}

    def train(rounds):
        gan.fit(data, batch_size=batch_size, steps_per_epoch=rounds, verbose=0, seed=settings["seed"])

    train(1)
    first_round = time.perf_counter() - start
    train(WARM_UP_ROUNDS)
    speed = speed_of(lambda: train(rounds), rounds * per_round)
    trained = peak_memory()
    result = {
        "dtype": dtype,
        "parameters": sum(getattr(gan, name).count_params() for name in gan.network_names),
        "minibatches_per_round": minibatches,
        "first_round_seconds": first_round,
        **speed,
        "peak_memory_mb": trained,
        "memory_after_import_mb": after_import,
    }
    if settings["samples"]:
        sample(gan, settings["samples"])
        result |= speed_of(lambda: sample(gan, settings["samples"]), settings["samples"], "sampling")
    return result


def arguments(model, settings):
    """The size of the images and the width in the settings, where a variant has those, and what is set above."""
    known = inspect.signature(model).parameters
    chosen = {name: image_shape(settings) for name in known if name.endswith("_shape")}
    if settings["width"] is not None and "width" in known:
        chosen["width"] = settings["width"]
    return {**chosen, **ARGUMENTS.get(settings["variant"], {})}


def start_up(settings, n):
    """What a fresh process does for the start-up time of a variant: builds it, and makes n samples."""
    from keras_gan_zoo.models import variant_class

    model = variant_class(settings["variant"])
    sample(model(**arguments(model, settings)), n)


def sample(gan, n):
    """n samples, from noise or from synthetic inputs."""
    rng = np.random.default_rng(0)
    inputs = {name: field.random(rng, n) for name, field in gan.inputs().items() if not field.optional}
    return gan.translate(**inputs, seed=0) if inputs else gan.generate(n, seed=0)


def inception(settings):
    """The network of FID on digit-sized images."""
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor = feature_extractor("inception", weights=settings["weights"])
    images = cases.noise(FEATURES, image_shape(settings), settings["seed"])
    extractor.features(images[: FEATURES // 2])
    speed = speed_of(lambda: extractor.features(images), FEATURES, "features")
    return {"dtype": extractor.dtype, **speed, "peak_memory_mb": peak_memory()}


# Metrics -----------------------------------------------------------------------------------------------------------------


def frechet_ours(settings):
    from keras_gan_zoo.metrics.frechet import Moments, frechet_distance

    a, b = (Moments.from_statistics(5000, *cases.statistics(seed, settings["dimension"])) for seed in (1, 2))
    return timed(lambda: frechet_distance(a, b))


def inception_ours(settings):
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor, pictures = feature_extractor("inception", weights=settings["inception"]), cases.noise(settings["images"])
    extractor.features(pictures[:50])
    return timed(lambda: extractor.features(pictures).mean())


def neighbors_ours(settings):
    from keras_gan_zoo.metrics.manifolds import precision_recall

    real, fake = cases.two_manifolds(settings["vectors"], settings["dimension"])
    return timed(lambda: precision_recall(real, fake, 3).precision)


def manifolds_ours(settings):
    from keras_gan_zoo.metrics.manifolds import manifold_metrics

    real, fake = cases.two_manifolds(settings["vectors"], settings["dimension"])
    return timed(lambda: manifold_metrics(real, fake, 5, 5).coverage)


def folder_ours(settings):
    def run():
        from keras_gan_zoo.data import FolderBatches
        from keras_gan_zoo.metrics import Moments, evaluate, feature_extractor
        from keras_gan_zoo.metrics.records import described

        extractor = feature_extractor("inception", weights=settings["inception"], resizer="clean")
        reference = Moments.from_statistics(5000, *cases.statistics(1, 2048), described(extractor))
        return evaluate(FolderBatches(settings["folder"]), reference, metrics=["fid"], extractor=extractor)["fid"].value

    return timed(run)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(globals()[asked["contender"]](asked)))
