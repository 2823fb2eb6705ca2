"""Trains variants in one process, or together with others that the environment speaks of; writes what `play` returns, and,
beside it, what callbacks write.

Run by `test_workers.py`: python play_workers.py OUTPUT NAME...
"""

import sys
from pathlib import Path

import keras
import numpy as np
from shared_trainings import build, play, watchers

from keras_gan_zoo.backend import announced
from keras_gan_zoo.devices import training_devices


def main():
    output, *names = sys.argv[1:]
    with training_devices("auto"):
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        unseeded = keras.layers.Dense(4)
        unseeded.build((None, 4))
        results = {"unseeded": keras.ops.convert_to_numpy(unseeded.kernel)}
        results |= {f"{name}/{key}": value for name in names for key, value in play(name).items()}
        folder = Path(output).with_suffix("") if not announced() else Path(output).with_name("watched")
        gan = build("dcgan")
        images = np.random.default_rng(0).integers(0, 256, (32, *gan.image_shape), np.uint8)
        gan.fit(images, batch_size=8, steps_per_epoch=2, epochs=2, callbacks=watchers(folder, images), verbose=0)
    np.savez(output, **results)


if __name__ == "__main__":
    main()
