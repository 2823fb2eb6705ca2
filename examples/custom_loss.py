"""Trains a variant of DCGAN whose generator loss is of your own.

python examples/custom_loss.py photos/ --size 64 --epochs 100
"""

import argparse

from keras import ops

import keras_gan_zoo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("photos")
parser.add_argument("--size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--width", type=int, default=64)
arguments = parser.parse_args()


@keras_gan_zoo.register_variant("my_gan")
class MyGAN(keras_gan_zoo.DCGAN):
    """DCGAN whose generator minimizes softplus(-2 D(G(z)))."""

    def generator_loss(self, fake_scores):
        return ops.mean(ops.softplus(-2.0 * fake_scores))


gan = MyGAN(image_shape=(arguments.size, arguments.size, 3), width=arguments.width, seed=0)
gan.fit(arguments.photos, epochs=arguments.epochs, batch_size=arguments.batch_size)
gan.save("my_gan.keras")
