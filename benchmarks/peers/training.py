"""What a user would write without the zoo, timed: DCGAN's networks and batch in other people's loops.

Training goes through what a user would call (`fit` on a data set for the Keras guide's model, the loop over a DataLoader for
PyTorch) and is timed whole: shuffling, batching, scaling, logging and the start of the epoch are in it. A first call with a
few rounds, which builds and traces everything, is not.
"""

import time

from benchmarks.peers import cases
from benchmarks.peers.timing import peak_memory, speed_of

WARM_UP_ROUNDS = 5
LATENT_DIM = 100  # of DCGAN, the zoo's default


def keras_guide(settings):
    """The model of the Keras guide on the DCGAN networks in stock Keras layers, at Keras's default precision."""
    import keras

    from benchmarks.peers import keras_guide as guide

    after_import = peak_memory()
    start = time.perf_counter()
    keras.utils.set_random_seed(settings["seed"])
    networks = (
        guide.discriminator(image_shape(settings), settings["width"] or 64),
        guide.generator(image_shape(settings), LATENT_DIM, settings["width"] or 64),
    )
    gan = guide.compiled(*networks, LATENT_DIM)
    batch_size, rounds = settings["batch_size"], settings["rounds"]
    images = guide.scaled(images_of(settings, rounds * batch_size))
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
    from benchmarks.peers.torch_loop import Loop

    return torch_trained(settings, Loop)


def torch_tuned(settings):
    """The same loop with what PyTorch's performance guide asks for."""
    from benchmarks.peers.torch_tuned import TunedLoop

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
    images = images_of(settings, rounds * batch_size)
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


def images_of(settings, n):
    return cases.noise(n, image_shape(settings), settings["seed"])


def image_shape(settings):
    return settings["image_size"], settings["image_size"], settings["channels"]
