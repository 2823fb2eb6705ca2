"""Trains a variant of DCGAN whose generator loss is of your own.

python examples/custom_loss.py photos/ --size 64 --epochs 100
"""

import keras_gan_zoo  # before Keras, so that TensorFlow takes the fastest code for this CPU

# isort: split
import typer
from keras import ops


@keras_gan_zoo.register_variant("my_gan")
class MyGAN(keras_gan_zoo.DCGAN):
    """DCGAN whose generator minimizes softplus(-2 D(G(z)))."""

    def generator_loss(self, fake_scores):
        return ops.mean(ops.softplus(-2.0 * fake_scores))


def main(photos: str, size: int = 64, epochs: int = 100, batch_size: int = 64, width: int = 64):
    gan = MyGAN(image_shape=(size, size, 3), width=width, seed=0)
    gan.fit(photos, epochs=epochs, batch_size=batch_size)
    gan.save("my_gan.keras")


if __name__ == "__main__":
    typer.run(main)
