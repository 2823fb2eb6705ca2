"""What the tests share: small models, and gradients on whatever backend the tests run on."""

import functools
import gc
import itertools
import os
import random
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests compile much and compute little: XLA's optimizations cost more than they save here.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false",
)
# There is a worker for each core, so more threads in one would only wait for those of another.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"):  # the last is JAX's
        os.environ.setdefault(name, "1")

import numpy as np
import pytest

_SEEDINGS = itertools.count()


def pytest_collection_finish():
    """Leaves what is imported by now to no garbage collector, which looks at the rest each 20,000 new objects, not each 700.

    Keras models are full of cycles, so they go only when it comes; but each time it went through hundreds of thousands of
    objects of the frameworks, which took 13 % of the time of the tests of every variant.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item):
    """Skips what is marked `real_data("mnist")` where that data set is not at hand: no test downloads one."""
    folder = os.environ.get("TFDS_DATA_DIR", "")
    for name in (name for mark in item.iter_markers("real_data") for name in mark.args):
        if not folder or not Path(folder, name).is_dir():
            pytest.skip(f"TFDS_DATA_DIR is {folder!r}, not a folder with a prepared {name}")


@pytest.fixture(autouse=True)
def same_seeds():
    """Keras draws the seeds that nobody gave from Python's generator, so a test has the same ones wherever it runs."""
    random.seed(0)


@pytest.fixture(autouse=True)
def kept_kernels():
    """Keeps the kernels that TensorFlow has made, of which each takes a millisecond or two to make.

    Setting the seed of TensorFlow, as `keras.utils.set_random_seed` does, discards them, and nothing here draws from it;
    it is set now and then, since they hold memory. Keras numbers layers from the start in each test, as a kernel of a
    variable is made for each name of one.
    """
    if naming := sys.modules.get("keras.src.utils.naming"):
        naming.reset_uids()
    with pytest.MonkeyPatch.context() as patch:
        if tf := sys.modules.get("tensorflow"):
            discard = tf.random.set_seed
            patch.setattr(tf.random, "set_seed", lambda seed: None if next(_SEEDINGS) % 50 else discard(0))
        yield


@pytest.fixture(scope="session")
def small_gan():
    """small_gan("wgan_gp", (16, 16, 1), seed=0): a tiny variant; a shape is for those that make images from noise."""
    from keras_gan_zoo.models import variant_class

    def build(name, *image_shape, **arguments):
        shape = {"image_shape": image_shape[0]} if image_shape else {}
        return variant_class(name).tiny(**shape, **arguments)

    return build


@pytest.fixture(scope="session")
def short():
    """short("wgan_gp"): {"n_critic": 2} for a variant whose paper has more steps, which say nothing else and take longer."""
    from keras_gan_zoo.models import variant_class

    @functools.cache
    def arguments(name):
        return {"n_critic": 2} if variant_class(name).tiny().options.n_critic > 2 else {}

    return arguments


@pytest.fixture(scope="session")
def round_of():
    """round_of(gan): NumPy data for one round of a game, random ones of each of its fields, in their order."""

    def batch(gan, minibatch=4, seed=0):
        rng = np.random.default_rng(seed)
        n = minibatch * gan.minibatches_per_round
        return tuple(field.random(rng, n) for field in gan.fields().values())

    return batch


@pytest.fixture(scope="session")
def tiny_gan():
    """tiny_gan(n_critic=2): a GAN of two linear networks on images of 2 x 2 pixels, compiled to run eagerly."""
    import keras

    from keras_gan_zoo.models.gan import GAN

    def build(cls=GAN, image_shape=(2, 2, 1), latent_dim=3, compiled=True, **arguments):
        keras.utils.set_random_seed(1)
        generator = keras.Sequential(
            [
                keras.Input((latent_dim,)),
                keras.layers.Dense(int(np.prod(image_shape)), activation="tanh"),
                keras.layers.Reshape(image_shape),
            ],
            name="generator",
        )
        discriminator = keras.Sequential(
            [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(1)], name="discriminator"
        )
        networks = {"generator": generator, "discriminator": discriminator, "seed": 0}
        gan = cls(image_shape, latent_dim, **{**networks, **arguments})
        if compiled:
            gan.compile(run_eagerly=True)
        return gan

    return build


@pytest.fixture(scope="session")
def take_step():
    """take_step(gan, player, batch, recording=None): one gradient step of a player; its loss before the step."""

    def step(gan, player, batch, recording=None):
        loss, gradients = gan.differentiate(player, batch, recording)
        gan.move(player, gradients)
        return loss

    return step


@pytest.fixture(scope="session")
def differentiate():
    """differentiate(function, *arrays): (value, [gradient for each array]) of a scalar function of tensors."""
    import keras

    def differentiate(function, *arrays, dtype=None):
        tensors = [keras.ops.convert_to_tensor(array, dtype=dtype) for array in arrays]
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            gradients = tape.gradient(value, tensors)
        elif backend == "jax":
            import jax

            value, gradients = jax.value_and_grad(function, argnums=tuple(range(len(tensors))))(*tensors)
        else:
            import torch

            tensors = [tensor.detach().requires_grad_() for tensor in tensors]
            value = function(*tensors)
            gradients = torch.autograd.grad(value, tensors)
        numpy = keras.ops.convert_to_numpy
        return float(numpy(keras.ops.cast(value, "float32"))), [numpy(keras.ops.cast(g, "float64")) for g in gradients]

    return differentiate


@pytest.fixture(scope="session")
def gradients_of():
    """gradients_of(function, variables): gradients of a scalar as arrays; None where the value does not depend on one.

    State that the function writes is left as it was.
    """
    import keras

    def gradients_of(function, variables):
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape, keras.StatelessScope():
                value = function()
            gradients = tape.gradient(value, [variable.value for variable in variables])
        elif backend == "jax":
            import jax

            def of_values(values):
                with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                    return function()

            gradients = jax.grad(of_values)([variable.value for variable in variables])
            gradients = [gradient if keras.ops.any(gradient != 0) else None for gradient in gradients]
        else:
            import torch

            with keras.StatelessScope():
                value = function()
            gradients = torch.autograd.grad(value, [variable.value for variable in variables], allow_unused=True)
        return [None if gradient is None else keras.ops.convert_to_numpy(gradient) for gradient in gradients]

    return gradients_of


@pytest.fixture(scope="session")
def blobs():
    """blobs(n, upright=False, seed=0): images (n, 8, 8, 1) in [-1, 1] of a lying ellipse, or of upright ones, at random."""

    def build(n, upright=False, seed=0):
        row, column = np.random.default_rng(seed).uniform(1.5, 5.5, (2, n, 1, 1))
        grid = np.arange(8.0)
        images = np.exp(-((grid[:, None] - row) ** 2) / 2 - (grid - column) ** 2 / 12)[..., None] * 2 - 1
        return (images.transpose(0, 2, 1, 3) if upright else images).astype("float32")

    return build


@pytest.fixture(scope="session")
def blob_gan(blobs):
    """A WGAN-GP that has learned lying ellipses."""
    import keras
    from keras import layers

    from keras_gan_zoo import WGANGP

    keras.utils.set_random_seed(0)
    shape, hidden = (8, 8, 1), {"units": 64, "activation": "leaky_relu"}
    generator = [layers.Dense(**hidden), layers.Dense(**hidden), layers.Dense(64, "tanh"), layers.Reshape(shape)]
    critic = [layers.Flatten(), layers.Dense(**hidden), layers.Dense(**hidden), layers.Dense(1)]
    networks = {
        "generator": keras.Sequential([keras.Input((4,)), *generator]),
        "discriminator": keras.Sequential([keras.Input(shape), *critic]),
    }
    gan = WGANGP(shape, 4, **networks, n_critic=1, seed=0)
    adam = {"learning_rate": 1e-3, "beta_1": 0.0, "beta_2": 0.9}
    gan.compile(keras.optimizers.Adam(**adam), keras.optimizers.Adam(**adam))
    gan.fit(blobs(3000), batch_size=50, epochs=10, verbose=0)
    return gan


@pytest.fixture
def command(monkeypatch, capsys):
    """command("list", ...): (exit code, what went to stdout, what went to stderr), as `keras-gan-zoo list ...` has them."""

    from keras_gan_zoo import cli

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-gan-zoo", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()  # anything but an exit would be a traceback on the terminal
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run
