"""Models that keep what they see."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.models.cgan import CGAN
from keras_gan_zoo.models.gan import GAN

SHAPE = (8, 8, 1)


def numbers_of(real):
    """The numbers of images that are filled with theirs."""
    return np.rint((ops.convert_to_numpy(real["images"])[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


class Listening(GAN):
    """Keeps the numbers of the images of each discriminator step."""

    def discriminator_objective(self, real, fake, by):
        self.seen.append(numbers_of(real))
        return super().discriminator_objective(real, fake, by)


class ListeningCGAN(CGAN):
    """Keeps (number, label) of the images of each discriminator step."""

    def discriminator_objective(self, real, fake, by):
        self.seen.append(list(zip(numbers_of(real), ops.convert_to_numpy(real["labels"]).tolist(), strict=True)))
        return super().discriminator_objective(real, fake, by)


@pytest.fixture
def listening(tiny_gan):
    """listening(n_critic=2): a GAN of images of 8 x 8 whose `seen` has the numbers of the images of each step."""

    def build(**options):
        gan = tiny_gan(Listening, SHAPE, **options)
        gan.seen = []
        return gan

    return build


@pytest.fixture
def conditional():
    """The same of ten classes, whose `seen` has pairs (number, label)."""
    gan = ListeningCGAN(SHAPE, 3, width=2, seed=0)
    gan.compile(run_eagerly=True)
    gan.seen = []
    return gan
