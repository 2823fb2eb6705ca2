"""Trains variants on one CPU device and, mirrored, on two; writes losses, and weights before and after, as an .npz file.

Run by `test_mirrored.py` in a process of its own, since logical devices must be made before TensorFlow starts:
python play_mirrored.py OUTPUT NAME...
"""

import contextlib
import sys

import numpy as np
import tensorflow as tf
from shared_trainings import play

# Compiled, as what they compute in some rounds alone is chosen in the graph. Others are played eagerly, in half the time.
COMPILED = ("stylegan2", "unrolled_gan")


def main():
    output, *names = sys.argv[1:]
    tf.config.experimental.enable_op_determinism()
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    # By one device, since collective operations are compiled anew for each call of an eager round. A single strategy, since
    # those of several in a process take each other's numbers.
    by_one = tf.distribute.ReductionToOneDevice()
    mirrored, results = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=by_one), {}
    for name in names:
        for devices in (1, 2):
            with mirrored.scope() if devices == 2 else contextlib.nullcontext():
                found = play(name, eager=name not in COMPILED)
            results |= {f"{name}/{devices}/{key}": value for key, value in found.items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main()
