"""Trains DCGAN on a folder of photos of mixed sizes, and saves samples and a preset.

python examples/photos.py photos/ --size 64 --epochs 100
"""

import argparse

import keras_gan_zoo
from keras_gan_zoo.callbacks import save_preview

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("photos")
parser.add_argument("--size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--width", type=int, default=64)
arguments = parser.parse_args()

gan = keras_gan_zoo.DCGAN(image_shape=(arguments.size, arguments.size, 3), width=arguments.width, seed=0)
gan.fit(arguments.photos, epochs=arguments.epochs, batch_size=arguments.batch_size)
save_preview(gan.preview(16, seed=0), "samples.png")
gan.save_to_preset("my_gan")
print("Samples are in samples.png; keras_gan_zoo.load('my_gan') reads the model.")
