"""Trains variants in one process, or together with others that the environment speaks of; writes what `play` returns.

Run by `test_workers.py`: python play_workers.py OUTPUT NAME...
"""

import sys

import keras
import numpy as np
from shared_trainings import play

from keras_gan_zoo.devices import training_devices


def main():
    output, *names = sys.argv[1:]
    with training_devices("auto"):
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        results = {f"{name}/{key}": value for name in names for key, value in play(name).items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main()
