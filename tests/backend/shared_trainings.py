"""The trainings that one device and several are to agree on."""

import random

import keras
import numpy as np

from tests.smallest import smallest_gan

ROUNDS, BATCH, ADAM = 3, 8, "_by_adam"
# Their layers have scales of their own, under which other weights than they begin with would get no gradients.
SCALED = ("bad_gan", "semi_supervised_gan", "stylegan2")


def build(name, adam=False):
    from keras_gan_zoo.models import variant_class

    variant = variant_class(name)
    # The average is past its ramp from the second round on, where its half-life counts images, as the noise does.
    options = {"ema_half_life": 4, "ema_rampup": 1.0, "instance_noise": 0.1, "instance_noise_images": 100, "replay_size": 6}
    options = {key: value for key, value in options.items() if key not in variant.refused_options}
    options |= {"wgan_gp": {"n_critic": 2}, "gan": {"r1_gamma": 0.1, "r1_share": 0.5}}.get(name, {})
    random.seed(0)  # Keras draws seeds from it; its own function discards the kernels of all operations too
    gan = smallest_gan(name, seed=0, width=20 if name == "gan" else 4, **options)
    if not adam:  # which makes a full step of a gradient that is nothing but rounding
        rate = 1.0 if name == "f_ano_gan" else 0.01  # through frozen networks of small weights come small gradients
        gan.compile(**{f"{key}_optimizer": keras.optimizers.SGD(rate, momentum=0.5) for key in gan.optimizer_names})
    rng = np.random.RandomState(0)
    for variable in gan.trainable_variables if name not in SCALED else ():
        variable.assign(rng.normal(size=variable.shape) / np.sqrt(max(np.prod(variable.shape[:-1]), 1)))
    for network in gan.averaged_names:
        gan.network(network).set_weights(getattr(gan, network).get_weights())
    return gan


def play(name, eager=False):
    """Trains a variant, by Adam if its name ends so; returns its losses, and all variables before and after, by part and
    name."""
    gan = build(name.removesuffix(ADAM), adam=name.endswith(ADAM))
    gan.run_eagerly = eager
    # Of other images than these, one might lie so near a kink of a LeakyReLU that rounding carries it over.
    rng = np.random.default_rng(2)
    rows = ROUNDS * BATCH * gan.minibatches_per_round
    data = [field.random(rng, rows) for field in gan.fields().values()]
    # The parts of a batch have other statistics than the whole.
    data[0] = (data[0] * np.linspace(0.1, 1.0, rows).reshape(rows, *[1] * (data[0].ndim - 1))).astype(data[0].dtype)
    # What is written beside the weights, seeds and counters among it, is compared too.
    variables = [*gan.variables, *gan.optimizer.variables]
    names = {id(v): f"{i:03d} {v.name}" for i, v in enumerate(variables)}
    before = {names[id(v)]: keras.ops.convert_to_numpy(v) for v in variables}
    logs = gan.fit(tuple(data) if len(data) > 1 else data[0], batch_size=BATCH, verbose=0).history
    after = {key: keras.ops.convert_to_numpy(v) for key, v in zip(before, variables, strict=True)}
    trained = {names[id(v)]: True for player in gan.players() for v in player.variables}
    parts = {"before": before, "after": after, "trained": trained, "log": {key: values[-1] for key, values in logs.items()}}
    return {f"{part}/{key}": value for part, values in parts.items() for key, value in values.items()}


def watchers(folder, images):
    """Every callback of the zoo that watches, measures or writes."""
    from keras_gan_zoo import callbacks as c
    from keras_gan_zoo.metrics import evaluate, feature_extractor, reference

    layers = [keras.Input(images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(4)]
    extractor = feature_extractor(keras.Sequential(layers, name="features"))
    real = reference(images, extractor, split="random")

    def measure(fakes):
        return evaluate(fakes, real, metrics=("fid",), extractor=extractor)

    return [
        c.CSVLog(folder / "log.csv"),
        c.SampleGrid(folder / "samples"),
        c.Progress(100, 8),
        c.CollapseMonitor(images, 2),
        c.Evaluate(measure, 2, folder=folder / "evaluations", monitor="fid"),
        c.StopAtNaN(),
        c.Checkpoint(folder / "checkpoint.weights.h5"),
    ]


def require_equal(one, several):
    """Several devices end where one does, and the steps on the way are the same."""
    assert one.keys() == several.keys()
    for key, expected in one.items():
        np.testing.assert_allclose(several[key], expected, rtol=1e-4, atol=1e-4, err_msg=key)
    # A few small steps stay within that tolerance of no step at all, so the steps themselves are compared too.
    for key, start in ((key, value) for key, value in one.items() if key.startswith("before/")):
        end = key.replace("before/", "after/", 1)
        step = np.linalg.norm(one[end] - start)
        # Where all that a weight gets cancels, what is left is rounding.
        assert np.linalg.norm(several[end] - one[end]) <= 0.05 * step + 1e-8, (key, step)
    trained = [key.removeprefix("trained/") for key in one if key.startswith("trained/")]
    still = [key for key in trained if np.abs(one[f"after/{key}"] - one[f"before/{key}"]).max() < 1e-6]
    assert len(still) <= len(trained) / 4, f"{len(still)} of {len(trained)} variables stand still: {still}"
