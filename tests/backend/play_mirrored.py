"""Trains variants on one CPU device and, mirrored, on two; writes losses, and weights before and after, as an .npz file.

Run by `test_mirrored.py` in a process of its own, since logical devices must be made before TensorFlow starts:
python play_mirrored.py OUTPUT NAME...
"""

import contextlib
import sys

import keras
import numpy as np
import tensorflow as tf

ROUNDS, BATCH = 3, 8


def build(name):
    from keras_gan_zoo.models import variant_class

    variant = variant_class(name)
    # The average is past its ramp from the second round on, where its half-life counts images, as the noise does.
    options = {"ema_half_life": 4, "ema_rampup": 1.0, "instance_noise": 0.1, "instance_noise_images": 100}
    options = {key: value for key, value in options.items() if key not in variant.refused_options}
    if name == "wgan_gp":
        options["n_critic"] = 2
    keras.utils.set_random_seed(0)
    gan = variant.tiny(seed=0, width=20 if name == "gan" else 4, **options)
    # Adam would make a full step of a gradient that is nothing but rounding.
    gan.compile(**{f"{player}_optimizer": keras.optimizers.SGD(0.01) for player in gan.optimizer_names})
    rng = np.random.RandomState(0)
    for variable in gan.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / np.sqrt(max(np.prod(variable.shape[:-1]), 1)))
    for network in gan.averaged_names:
        gan.network(network).set_weights(getattr(gan, network).get_weights())
    return gan


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
                gan = build(name)
            # Of other images than these, one might lie so near a kink of a LeakyReLU that rounding carries it over.
            rng = np.random.default_rng(2)
            rows = ROUNDS * BATCH * gan.minibatches_per_round
            data = tuple(field.random(rng, rows) for field in gan.fields().values())
            # What is written beside the weights, seeds and counters among it, is compared too.
            before = {f"{i:03d} {v.name}": keras.ops.convert_to_numpy(v) for i, v in enumerate(gan.variables)}
            logs = gan.fit(data if len(data) > 1 else data[0], batch_size=BATCH, verbose=0).history
            after = {key: keras.ops.convert_to_numpy(v) for key, v in zip(before, gan.variables, strict=True)}
            last = {key: values[-1] for key, values in logs.items()}
            for part, values in (("before", before), ("after", after), ("log", last)):
                results |= {f"{name}/{devices}/{part}/{key}": value for key, value in values.items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main()
