"""Trains DCGAN with logs for TensorBoard: tensorboard --logdir logs.

python examples/tensorboard.py photos/ --size 64 --epochs 100
"""

import argparse

import keras

import keras_gan_zoo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("photos")
parser.add_argument("--size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--width", type=int, default=64)
arguments = parser.parse_args()

gan = keras_gan_zoo.DCGAN(image_shape=(arguments.size, arguments.size, 3), width=arguments.width, seed=0)
logs = keras.callbacks.TensorBoard("logs", update_freq="epoch")
gan.fit(arguments.photos, epochs=arguments.epochs, batch_size=arguments.batch_size, callbacks=[logs])
