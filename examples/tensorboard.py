"""Trains DCGAN with logs for TensorBoard: tensorboard --logdir logs.

python examples/tensorboard.py photos/ --size 64 --epochs 100
"""

import keras_gan_zoo  # before Keras, so that TensorFlow takes the fastest code for this CPU

# isort: split
import keras
import typer


def main(photos: str, size: int = 64, epochs: int = 100, batch_size: int = 64, width: int = 64):
    gan = keras_gan_zoo.DCGAN(image_shape=(size, size, 3), width=width, seed=0)
    logs = keras.callbacks.TensorBoard("logs", update_freq="epoch")
    gan.fit(photos, epochs=epochs, batch_size=batch_size, callbacks=[logs])


if __name__ == "__main__":
    typer.run(main)
