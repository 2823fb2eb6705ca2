"""Trains the 2014 game between a generator and a discriminator of your own.

python examples/custom_network.py photos/ --size 64 --epochs 100
"""

import argparse

import keras
from keras import layers

import keras_gan_zoo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("photos")
parser.add_argument("--size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--width", type=int, default=64)
arguments = parser.parse_args()

size, width = arguments.size, arguments.width
generator = keras.Sequential(
    [
        keras.Input((32,)),
        layers.Dense(size // 4 * (size // 4) * width, activation="relu"),
        layers.Reshape((size // 4, size // 4, width)),
        layers.Conv2DTranspose(width, 4, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh"),
    ],
    name="generator",
)
discriminator = keras.Sequential(
    [
        keras.Input((size, size, 3)),
        layers.Conv2D(width, 4, strides=2, padding="same", activation="leaky_relu"),
        layers.Conv2D(width, 4, strides=2, padding="same", activation="leaky_relu"),
        layers.Flatten(),
        layers.Dense(1),  # a logit: the losses apply the sigmoid
    ],
    name="discriminator",
)
gan = keras_gan_zoo.DCGAN(
    image_shape=(size, size, 3), latent_dim=32, generator=generator, discriminator=discriminator, seed=0
)
gan.fit(arguments.photos, epochs=arguments.epochs, batch_size=arguments.batch_size)
gan.save("my_gan.keras")
