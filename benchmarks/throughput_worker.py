"""One measurement in a process of its own, for `benchmarks.throughput`: settings as JSON in, results as JSON out.

    python -m benchmarks.throughput_worker '{"contender": "ours", "variant": "dcgan", ...}'

Synthetic data from a seed: uint8 images, or whatever the fields of a variant are. Training goes through what a user would
call (`fit` on the arrays for the zoo, `fit` on a data set for the Keras guide's model, the loop over a DataLoader for
PyTorch) and is timed whole: shuffling, batching, scaling, logging and the start of the epoch are in it. A first call with a
few rounds, which builds and traces everything, is not.
"""

import importlib.metadata
import importlib.util
import inspect
import json
import sys
import time

import numpy as np

from benchmarks.memory import peak_memory

WARM_UP_ROUNDS = 5
LATENT_DIM = 100  # of DCGAN, the zoo's default
FEATURES = 100  # images that Inception is timed on
# Where the size of images says nothing or is not possible, and where a training begins with another game than is timed.
ARGUMENTS = {
    "gan_3d": {"side": 32},
    "pix2pix": {"source_shape": (64, 64, 3), "target_shape": (64, 64, 3)},
    "seq_gan": {"pretraining_rounds": 0, "discriminator_pretraining_rounds": 0},
}


def main(settings):
    measure = {
        "describe": describe,
        "ours": ours,
        "keras_guide": keras_guide,
        "torch_loop": torch_loop,
        "torch_tuned": torch_tuned,
        "inception": inception,
    }
    print(json.dumps(measure[settings["contender"]](settings)))


def describe(settings):
    """Versions, commit, the dtype and the kernels that the zoo picks here, and what it computes on, if that is no CPU."""
    import keras

    from keras_gan_zoo.backend import accelerator
    from keras_gan_zoo.machine import fastest_dtype, onednn
    from keras_gan_zoo.metrics.records import commit, versions

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


def keras_guide(settings):
    """The model of the Keras guide on the DCGAN networks in stock Keras layers, at Keras's default precision."""
    import keras

    from benchmarks.baselines import keras_guide as guide

    after_import = peak_memory()
    start = time.perf_counter()
    keras.utils.set_random_seed(settings["seed"])
    networks = (
        guide.discriminator(image_shape(settings), settings["width"] or 64),
        guide.generator(image_shape(settings), LATENT_DIM, settings["width"] or 64),
    )
    gan = guide.compiled(*networks, LATENT_DIM)
    batch_size, rounds = settings["batch_size"], settings["rounds"]
    images = guide.scaled(synthetic(settings, rounds * batch_size))
    gan.fit(guide.dataset(images, batch_size).repeat().take(1), verbose=0)
    first_round = time.perf_counter() - start
    gan.fit(guide.dataset(images, batch_size).repeat().take(WARM_UP_ROUNDS), verbose=0)
    speed = speed_of(lambda: gan.fit(guide.dataset(images, batch_size), verbose=0), rounds * batch_size)
    return {
        "dtype": keras.config.dtype_policy().name,
        "parameters": sum(network.count_params() for network in networks),
        "first_round_seconds": first_round,
        **speed,
        "peak_memory_mb": peak_memory(),
        "memory_after_import_mb": after_import,
    }


def torch_loop(settings):
    """The plain PyTorch loop, at PyTorch's default precision and number of threads, on a GPU if it finds one."""
    from benchmarks.baselines.torch_loop import Loop

    return torch_trained(settings, Loop)


def torch_tuned(settings):
    """The same loop with what PyTorch's performance guide asks for."""
    from benchmarks.baselines.torch_tuned import TunedLoop

    return torch_trained(settings, TunedLoop)


def torch_trained(settings, loop_class):
    """What a PyTorch loop takes."""
    import torch

    after_import = peak_memory()
    start = time.perf_counter()
    torch.manual_seed(settings["seed"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loop = loop_class(image_shape(settings), LATENT_DIM, settings["width"] or 64, device=device)
    batch_size, rounds = settings["batch_size"], settings["rounds"]
    images = synthetic(settings, rounds * batch_size)
    loop.epoch(loop.batches(images[:batch_size], batch_size))
    first_round = time.perf_counter() - start
    loop.epoch(loop.batches(images[: WARM_UP_ROUNDS * batch_size], batch_size))
    batches = loop.batches(images, batch_size)
    speed = speed_of(lambda: loop.epoch(batches), rounds * batch_size)
    networks = (loop.generator, loop.discriminator)
    running = ("running_mean", "running_var")
    return {
        "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "parameters": sum(p.numel() for network in networks for p in network.parameters())
        + sum(b.numel() for network in networks for name, b in network.named_buffers() if name.endswith(running)),
        "threads": torch.get_num_threads(),
        "compiled": loop.compiled,
        "first_round_seconds": first_round,
        **speed,
        "peak_memory_mb": peak_memory(),
        "memory_after_import_mb": after_import,
    }


def inception(settings):
    """The network of FID on digit-sized images."""
    from keras_gan_zoo.metrics.features import feature_extractor

    extractor, images = feature_extractor("inception", weights=settings["weights"]), synthetic(settings, FEATURES)
    extractor.features(images[: FEATURES // 2])
    speed = speed_of(lambda: extractor.features(images), FEATURES, "features")
    return {"dtype": extractor.dtype, **speed, "peak_memory_mb": peak_memory()}


def synthetic(settings, n):
    """n random images, uint8 (n, side, side, channels)."""
    return np.random.default_rng(settings["seed"]).integers(0, 256, (n, *image_shape(settings)), np.uint8)


def image_shape(settings):
    return settings["image_size"], settings["image_size"], settings["channels"]


def speed_of(function, images, what="training"):
    """Images that a call works off in a second of the clock, and of the processor, all its cores added up."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    seconds = {"second": time.perf_counter() - clock, "cpu_second": time.process_time() - processor}
    return {f"{what}_images_per_{unit}": images / passed for unit, passed in seconds.items()}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
