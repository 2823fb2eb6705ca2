"""Games on eight Gaussians, in which the 2014 game ends in one of them: what tests of diversity share."""

import keras
import numpy as np
from keras import layers

from keras_gan_zoo.data import Points
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.layers import OneHot
from keras_gan_zoo.metrics.modes import mode_coverage


def on_points(cls):
    """A variant whose samples are points."""

    def fields(self):
        return {"points": Points((2,)), **self.conditions()}

    return type(f"{cls.__name__}OnPoints", (cls,), {"sample": "points", "fields": fields})


def network(inputs, outputs, name=None):
    """Two hidden layers, as strong as those of the other player."""
    hidden = [layers.Dense(128, layers.LeakyReLU(0.2), kernel_initializer="he_normal") for _ in range(2)]
    return keras.Sequential(
        [keras.Input((inputs,)), *hidden, layers.Dense(outputs, kernel_initializer="he_normal")], name=name
    )


def modes_covered(cls, **arguments):
    """Modes that are nearest to 20 of 2,500 samples or more, in a short game of which the GAN keeps a single one."""
    keras.utils.set_random_seed(0)
    arguments = {"generator": network(16, 2), "discriminator": network(2, 1), **arguments}
    gan = on_points(cls)(latent_dim=16, seed=0, **arguments)
    return coverage(gan, rounds=2500, batch_size=64, rate=2e-3).nearest20


def coverage(gan, rounds, batch_size=256, rate=1e-3):
    """Of 2,500 samples after so many rounds, each player having Adam."""
    modes = ring()
    adam = {f"{name}_optimizer": keras.optimizers.Adam(rate, beta_1=0.5) for name in gan.optimizer_names}
    gan.compile(steps_per_execution=50, **adam)
    points, _ = modes.sample(rounds * batch_size, 0)
    gan.fit({gan.sample: points}, batch_size=batch_size, verbose=0)
    return mode_coverage(gan.generate(2500, seed=0), modes.means, modes.sigma)


def told(inputs, outputs, dense=layers.Dense):
    """A network that is told which of the eight Gaussians it is about."""
    given = [keras.Input((inputs,)), keras.Input((), dtype="int32")]
    x = layers.Concatenate()([given[0], OneHot(8)(given[1])])
    for _ in range(2):
        x = layers.ReLU()(dense(64)(x))
    return keras.Model(given, dense(outputs)(x))


def label_agreement(cls, discriminator, rounds, shuffled=False, **arguments):
    """(model, share of its samples that are nearest to the Gaussian of their label) after so many rounds.

    Args:
        cls: a conditional variant.
        discriminator: what makes its network.
        rounds: rounds of 128 points.
        shuffled: whether the labels of the data are shuffled against the points.
        **arguments: of the variant.
    """
    keras.utils.set_random_seed(0)
    networks = {"generator": told(4, 2), "discriminator": discriminator()}
    gan = on_points(cls)(latent_dim=4, num_classes=8, seed=0, **networks, **arguments)
    adam = {f"{name}_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.5) for name in gan.optimizer_names}
    gan.compile(steps_per_execution=10, **adam)
    modes = ring()
    points, labels = modes.sample(rounds * 128 * gan.minibatches_per_round, 0)
    given = np.random.default_rng(1).permutation(labels) if shuffled else labels
    gan.fit({"points": points, "labels": given}, batch_size=128, verbose=0)
    asked = np.arange(2000) % 8
    samples = gan.generate(2000, labels=asked, seed=0)
    nearest = np.linalg.norm(samples[:, None] - modes.means, axis=2).argmin(axis=1)
    return gan, (nearest == asked).mean()
