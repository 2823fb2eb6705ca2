"""Trains a generator of two outputs on the backend of the environment, and writes how its weights moved, as JSON.

Run by `test_leaves.py`, a process for each backend: python play_leaves.py OUTPUT

The generator turns latents of ones into a = 1 A and b = 1 B, and its loss is 2 mean(a) + 3 mean(b), however the fakes are
packed: so a step of SGD with rate 1 moves each weight of A by -2 / 4 and each of B by -3 / 4.
"""

import json
import sys

import keras
import numpy as np
from keras import layers, ops

SHAPE, BATCH = (2, 2, 1), 5


class TwoOutputs:
    """What the test models share; `pack` and `unpack` say how the fakes lie in a batch."""

    def fake_like(self, real):
        n = ops.shape(real["images"])[0]
        a, b = self.generator(ops.ones((n, self.latent_dim)), training=True)
        return self.pack(a, b, ops.arange(n))

    def discriminator_objective(self, real, fake, by):
        a, b = map(ops.stop_gradient, self.unpack(fake))
        scores = [ops.mean(self.score(batch)) for batch in ({"images": a}, {"images": b}, real)]
        return scores[0] + scores[1] - scores[2]

    def generator_objective(self, real, fake):
        a, b = self.unpack(fake)
        return 2.0 * ops.mean(a) + 3.0 * ops.mean(b)


class Pair(TwoOutputs):
    def pack(self, a, b, labels):
        return a, b

    def unpack(self, fake):
        return fake


class Dictionary(TwoOutputs):
    def pack(self, a, b, labels):
        return {"images": a, "labels": labels, "more": {"depth": b}}

    def unpack(self, fake):
        return fake["images"], fake["more"]["depth"]


class IntegersFirst(TwoOutputs):
    def pack(self, a, b, labels):
        return labels, a, b

    def unpack(self, fake):
        return fake[1:]


def build(mixin, n_critic, simultaneous):
    from keras_gan_zoo import GAN

    latents = keras.Input((3,))
    outputs = [layers.Reshape(SHAPE)(layers.Dense(4, use_bias=False, name=name)(latents)) for name in "ab"]
    images = keras.Input(SHAPE)
    scores = layers.Dense(1)(layers.Flatten()(images))
    networks = {"generator": keras.Model(latents, outputs), "discriminator": keras.Model(images, scores)}
    cls = type(mixin.__name__, (mixin, GAN), {})
    gan = cls(SHAPE, 3, seed=0, n_critic=n_critic, simultaneous=simultaneous, **networks)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1.0))
    return gan


def moved(gan):
    """The loss of a round, and the change of each of the two kernels."""
    before = [np.array(ops.convert_to_numpy(weight)) for weight in gan.generator.trainable_variables]
    logs = gan.train_on_batch(np.zeros((BATCH * gan.options.n_critic, *SHAPE), "float32"), return_dict=True)
    after = [ops.convert_to_numpy(weight) for weight in gan.generator.trainable_variables]
    changes = [(new - old).tolist() for old, new in zip(before, after, strict=True)]
    expected = sum(factor * float(kernel.sum()) / 4 for factor, kernel in zip((2.0, 3.0), before, strict=True))
    return {"loss": float(logs["generator_loss"]), "expected": expected, "changes": changes}


def main(output):
    results = {"backend": keras.backend.backend()}
    for mixin in (Pair, Dictionary, IntegersFirst):
        for n_critic, simultaneous in ((1, False), (2, True)):
            gan = build(mixin, n_critic, simultaneous)
            results[f"{mixin.__name__}, n_critic={n_critic}"] = moved(gan)
    with open(output, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1])
