"""Trains DCGAN on a folder of photos of mixed sizes, and saves samples and a preset.

python examples/photos.py photos/ --size 64 --epochs 100
"""

import typer

import keras_gan_zoo
from keras_gan_zoo.callbacks import save_preview


def main(photos: str, size: int = 64, epochs: int = 100, batch_size: int = 64, width: int = 64):
    gan = keras_gan_zoo.DCGAN(image_shape=(size, size, 3), width=width, seed=0)
    gan.fit(photos, epochs=epochs, batch_size=batch_size)
    save_preview(gan.preview(16, seed=0), "samples.png")
    gan.save_to_preset("my_gan")
    print("Samples are in samples.png; keras_gan_zoo.load('my_gan') reads the model.")


if __name__ == "__main__":
    typer.run(main)
