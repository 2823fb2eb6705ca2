"""Trains the game of DCGAN between a generator and a discriminator of your own.

python examples/custom_network.py photos/ --size 64 --epochs 100
"""

import keras_gan_zoo  # before Keras, so that TensorFlow takes the fastest code for this CPU

# isort: split
import keras
import typer
from keras import layers


def main(photos: str, size: int = 64, epochs: int = 100, batch_size: int = 64, width: int = 64):
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
    networks = {"generator": generator, "discriminator": discriminator}
    gan = keras_gan_zoo.DCGAN(image_shape=(size, size, 3), latent_dim=32, seed=0, **networks)
    gan.fit(photos, epochs=epochs, batch_size=batch_size)
    gan.save("my_gan.keras")


if __name__ == "__main__":
    typer.run(main)
