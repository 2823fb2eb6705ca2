"""What the tests share: small models, and gradients on whatever backend the tests run on."""

import functools
import os
import sys

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
