"""The trainings that one device and several are to agree on."""

import random

import keras
import numpy as np

from tests.smallest import smallest_gan

ROUNDS, BATCH = 3, 8


def build(name):
    from keras_gan_zoo.models import variant_class

    variant = variant_class(name)
    # The average is past its ramp from the second round on, where its half-life counts images, as the noise does.
    options = {"ema_half_life": 4, "ema_rampup": 1.0, "instance_noise": 0.1, "instance_noise_images": 100}
    options = {key: value for key, value in options.items() if key not in variant.refused_options}
    options |= {"wgan_gp": {"n_critic": 2}, "gan": {"r1_gamma": 0.1, "r1_share": 0.5}}.get(name, {})
    random.seed(0)  # Keras draws seeds from it; its own function discards the kernels of all operations too
    gan = smallest_gan(name, seed=0, width=20 if name == "gan" else 4, **options)
    # Adam would make a full step of a gradient that is nothing but rounding.
    gan.compile(**{f"{player}_optimizer": keras.optimizers.SGD(0.01) for player in gan.optimizer_names})
    rng = np.random.RandomState(0)
    for variable in gan.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / np.sqrt(max(np.prod(variable.shape[:-1]), 1)))
    for network in gan.averaged_names:
        gan.network(network).set_weights(getattr(gan, network).get_weights())
    return gan


def play(name, eager=False):
    """Trains a variant; returns its losses, and all variables before and after, by part and name."""
    gan = build(name)
    gan.run_eagerly = eager
    # Of other images than these, one might lie so near a kink of a LeakyReLU that rounding carries it over.
    rng = np.random.default_rng(2)
    rows = ROUNDS * BATCH * gan.minibatches_per_round
    data = tuple(field.random(rng, rows) for field in gan.fields().values())
    # What is written beside the weights, seeds and counters among it, is compared too.
    variables = [*gan.variables, *gan.optimizer.variables]
    before = {f"{i:03d} {v.name}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    logs = gan.fit(data if len(data) > 1 else data[0], batch_size=BATCH, verbose=0).history
    after = {key: keras.ops.convert_to_numpy(v) for key, v in zip(before, variables, strict=True)}
    parts = {"before": before, "after": after, "log": {key: values[-1] for key, values in logs.items()}}
    return {f"{part}/{key}": value for part, values in parts.items() for key, value in values.items()}


def watchers(folder, images):
    """Every callback of the zoo that watches, measures or writes."""
    from keras_gan_zoo import callbacks as c

    return [
        c.CSVLog(folder / "log.csv"),
        c.SampleGrid(folder / "samples"),
        c.Progress(100, 8),
        c.CollapseMonitor(images, 2),
        c.Evaluate(lambda images: {"fid": 1.0}, 2, folder=folder / "evaluations", monitor="fid"),
        c.StopAtNaN(),
        c.Checkpoint(folder / "checkpoint.weights.h5"),
    ]


def require_equal(one, several):
    """Several devices end where one does, and the steps on the way are the same."""
    assert one.keys() == several.keys() and len(one) > 20
    for key, expected in one.items():
        np.testing.assert_allclose(several[key], expected, rtol=1e-4, atol=1e-4, err_msg=key)
    # A few small steps stay within that tolerance of no step at all, so the steps themselves are compared too.
    moved = 0
    for key, start in ((key, value) for key, value in one.items() if key.startswith("before/")):
        end = key.replace("before/", "after/", 1)
        step = np.linalg.norm(one[end] - start)
        moved += step > 0
        # Where all that a weight gets cancels, what is left is rounding.
        assert np.linalg.norm(several[end] - one[end]) <= 0.05 * step + 1e-8, (key, step)
    assert moved > 10
