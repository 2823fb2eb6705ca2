"""Plays rounds of every variant on the backend of the environment, and writes their losses as JSON.

Run by `test_parity.py`, a process for each backend: python play_rounds.py OUTPUT NAME...

Initial weights come from NumPy, and noise from integers, so that backends can be compared.
"""

import functools
import hashlib
import json
import math
import sys

import keras
import numpy as np
from keras import ops

from keras_gan_zoo.base.augmenting import AUGMENTATIONS
from tests.smallest import smallest_gan

ROUNDS, BATCH = 5, 8
# Eagerly on torch alone, where compiling takes longer than all rounds.
EAGER = keras.backend.backend() == "torch"
# Those that are compiled where a run stops and goes on. On torch the others play it eagerly, which costs less than to
# compile them; on JAX it does not, and on TensorFlow `test_save_load_resume` has all of them.
COMPILED = ("gan", "dcgan", "wgan_gp", "cgan")


class Noise:
    """Stands in for keras.random: the same numbers on every backend, eagerly and compiled, others on every call.

    They are a function of the state of the seed and the place in the tensor, in integers below 2 ** 31.
    """

    @staticmethod
    def hashed(shape, seed, salt=0):
        """Numbers in (0, 1)."""
        shape = tuple(map(int, shape))
        prime = 46337  # the largest whose square an int32 holds
        state = ops.cast(seed.next(), "int32")
        place = ops.arange(math.prod(shape), dtype="int32")
        number = (place * 5387 + state[1] * 7919 + state[0] + salt * 104729 + 12345) % prime
        for factor in (16807, 3571, 24593):
            number = (number * number) % prime
            number = (number + factor * (place % prime) + state[1]) % prime
        return ops.reshape((ops.cast(number, "float32") + 0.5) / prime, shape)

    def normal(self, shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
        radius = ops.sqrt(-2.0 * ops.log(self.hashed(shape, seed)))
        return mean + stddev * radius * ops.cos(2.0 * math.pi * self.hashed(shape, seed, salt=1))

    def uniform(self, shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        return minval + (maxval - minval) * self.hashed(shape, seed)


@functools.cache
def critic_steps(name):
    """Where a paper takes several steps, two."""
    from keras_gan_zoo.models import variant_class

    return {"n_critic": 2} if variant_class(name).tiny().options.n_critic > 1 else {}


def build(name, compared=True):
    """A tiny game."""
    from keras_gan_zoo.base.wiring import layers_of

    # A discriminator of a single maxout unit has NaN as its gradient on JAX, where XLA does not optimize as in these tests.
    arguments = {"seed": 0, "ema_half_life": 20, "width": 10 if name == "gan" else 4, **critic_steps(name)}
    # One of them takes its steps at once, so that the backends are compared in that too.
    if name == "lsgan":
        arguments["simultaneous"] = True
    if name == "gan" and not compared:
        arguments |= {"r1_gamma": 0.1, "r1_share": 0.4}
    gan = smallest_gan(name, **arguments)
    for layer in (layer for network in gan.network_names for layer in layers_of(getattr(gan, network))):
        # Keras gives dropout other random numbers on each backend.
        if compared and isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return gan


def set_weights(gan):
    rng = np.random.RandomState(0)
    for layer in gan.layers:
        for weight in layer.weights if isinstance(layer, keras.Model) else ():
            path = weight.path.rpartition("/")[2]
            if path == "gamma":
                weight.assign(1 + 0.1 * rng.normal(size=weight.shape))
            elif path in ("kernel", "bias", "beta", "recurrent_kernel", "embeddings"):
                weight.assign(rng.normal(size=weight.shape) / np.sqrt(max(np.prod(weight.shape[:-1]), 1)) / 2)
            elif path in ("u", "v"):  # of spectral norm
                vector = rng.normal(size=weight.shape)
                weight.assign(vector / np.linalg.norm(vector))
    for network in gan.averaged_names:
        gan.network(network).set_weights(getattr(gan, network).get_weights())


def data(gan):
    rng = np.random.default_rng(1)
    n = BATCH * gan.minibatches_per_round
    for _ in range(ROUNDS):
        yield tuple(field.random(rng, n) for field in gan.fields().values())


def losses(name):
    """Logs of rounds under equal noise, and means of the trained weights."""
    gan = build(name)
    gan.compile(run_eagerly=EAGER)
    for optimizer in gan.optimizers.values():
        # Adam makes a step of a gradient that is nothing but rounding, where all that it sums cancels.
        optimizer.epsilon = 1e-4
    set_weights(gan)
    logs = []
    for batch in data(gan):
        gan.reset_metrics()
        log = gan.train_on_batch(*batch, return_dict=True)
        logs.append({key: float(value) for key, value in log.items()})
    norms = [float(np.abs(weight).mean()) for weight in gan.network("generator").get_weights()]
    return {"logs": logs, "average": norms}


class LastLogs(keras.callbacks.Callback):
    """The logs of the last part. The history has no gaps for who stood still in one."""

    def on_epoch_end(self, epoch, logs=None):
        self.logs = logs


def ends(name, compiled):
    """How a run of `fit` on arrays as users call it ends, and one that stopped halfway and went on: losses and weights."""
    critic_steps(name)  # a model that is built on the way would move the random numbers of one of the two runs
    found = []
    for stops in (False, True):
        keras.utils.set_random_seed(0)
        gan = build(name, compared=False)
        gan.compile(run_eagerly=not compiled)
        set_weights(gan)
        parts = [np.concatenate(x) for x in zip(*data(gan), strict=True)]
        last = LastLogs()
        options = {"batch_size": BATCH, "verbose": 0, "steps_per_epoch": 1, "seed": 3, "callbacks": [last]}
        if stops:
            gan.fit(*parts, epochs=1, **options)
            gan.save_weights(sys.argv[1] + ".weights.h5")
            # Another process would not have the same random numbers either.
            keras.utils.set_random_seed(1)
            gan = build(name, compared=False)
            gan.compile(run_eagerly=not compiled)
            gan.load_weights(sys.argv[1] + ".weights.h5")
            gan.fit(*parts, epochs=2, initial_epoch=1, **options)
        else:
            gan.fit(*parts, epochs=2, **options)
        weights = b"".join(ops.convert_to_numpy(weight).tobytes() for weight in gan.weights)
        logs = {key: float(value) for key, value in last.logs.items()}
        found.append({"losses": logs, "weights": hashlib.sha256(weights).hexdigest()})
    return found


def augmented():
    """Augmentation -> two images that are not square, changed by draws that are the same on each backend."""
    rng = np.random.default_rng(0)
    images = ops.convert_to_tensor(rng.uniform(-1, 1, (2, 5, 4, 3)).astype("float32"))
    found = {}
    for name, (count, change) in AUGMENTATIONS.items():
        draws = rng.uniform(0.1, 0.9, (2, count)).astype("float32")
        found[name] = ops.convert_to_numpy(change(images, ops.convert_to_tensor(draws))).tolist()
    return found


def main():
    output, names = sys.argv[1], sys.argv[2:]
    results = {"backend": keras.backend.backend(), "rounds": {}, "augmented": augmented()}
    resumed = names if keras.backend.backend() == "torch" else COMPILED
    results["ends"] = {name: ends(name, compiled=name in COMPILED) for name in resumed}
    noise = Noise()
    keras.random.normal, keras.random.uniform = noise.normal, noise.uniform
    for name in names:
        results["rounds"][name] = losses(name)
    with open(output, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
