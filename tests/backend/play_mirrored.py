"""Trains a variant on one CPU device and, mirrored, on two; writes losses, and weights before and after, as an .npz file.

Run by `test_mirrored.py` in a process of its own, since logical devices must be made before TensorFlow starts:
python play_mirrored.py OUTPUT NAME
"""

import sys

import keras
import numpy as np
import tensorflow as tf

ROUNDS, BATCH, SHAPE = 3, 8, (16, 16, 1)


def build(name):
    from keras_gan_zoo.models import variant_class

    # With more critic steps a minibatch would hold other images, since each device cuts up its own part of a round.
    steps = {"n_critic": 1} if name == "wgan_gp" else {}
    # The average is past its ramp from the second round on, where its half-life counts images, as the noise does.
    options = {"ema_half_life": 4, "ema_rampup": 1.0, "instance_noise": 0.1, "instance_noise_images": 100}
    keras.utils.set_random_seed(0)
    gan = variant_class(name)(SHAPE, width=4, latent_dim=6, seed=0, **steps, **options)
    # Adam would make a full step of a gradient that is nothing but rounding.
    gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    rng = np.random.RandomState(0)
    for variable in gan.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / np.sqrt(max(np.prod(variable.shape[:-1]), 1)))
    gan.average_generator.set_weights(gan.generator.get_weights())
    return gan


def main():
    output, name = sys.argv[1:]
    tf.config.experimental.enable_op_determinism()
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    # Of other images than these, one might lie so near a kink of a LeakyReLU that rounding carries it over.
    images = np.random.RandomState(2).randint(0, 256, (2 * ROUNDS * BATCH, *SHAPE)).astype("uint8")
    results = {}
    for devices in (1, 2):
        with tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]).scope():
            gan = build(name)
        # What is written beside the weights, seeds and counters among it, is compared too.
        before = {f"{i:03d} {v.name}": keras.ops.convert_to_numpy(v) for i, v in enumerate(gan.variables)}
        logs = gan.fit(images, batch_size=BATCH, steps_per_epoch=ROUNDS, verbose=0).history
        results |= {f"{devices}/before/{key}": value for key, value in before.items()}
        results |= {
            f"{devices}/after/{key}": keras.ops.convert_to_numpy(v) for key, v in zip(before, gan.variables, strict=True)
        }
        results |= {f"{devices}/log/{key}": values[-1] for key, values in logs.items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main()
