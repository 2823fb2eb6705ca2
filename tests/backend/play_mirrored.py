"""Trains variants on one CPU device and, mirrored, on two; writes losses, and weights before and after, as an .npz file.

Run by `test_mirrored.py` in a process of its own, since logical devices must be made before TensorFlow starts:
python play_mirrored.py OUTPUT NAME...
"""

import contextlib
import sys

import numpy as np
import tensorflow as tf
from shared_trainings import play


def main():
    output, *names = sys.argv[1:]
    tf.config.experimental.enable_op_determinism()
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    # A single one, since collective operations of several in a process take each other's numbers.
    mirrored, results = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), {}
    for name in names:
        for devices in (1, 2):
            with mirrored.scope() if devices == 2 else contextlib.nullcontext():
                results |= {f"{name}/{devices}/{key}": value for key, value in play(name).items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main()
