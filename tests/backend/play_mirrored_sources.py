"""Trains on two devices on what they cannot share equally; writes what came of it as JSON.

Run by `test_mirrored.py` in a process of its own, since logical devices must be made before TensorFlow starts:
python play_mirrored_sources.py OUTPUT
"""

import contextlib
import json
import random
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from shared_trainings import watchers

from keras_gan_zoo.models.gan import GAN

SHAPE = (16, 16, 1)
IMAGES = np.random.RandomState(0).randint(0, 256, (48, *SHAPE)).astype("uint8")


class Batches(keras.utils.PyDataset):
    """Two batches of eight, and one of a single image."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return IMAGES[8 * index : 8 * index + (8 if index < 2 else 1)]


class Listening(GAN):
    """Keeps the real and the generated images of each step of a discriminator on each device."""

    def discriminator_objective(self, real, fake, by):
        self.seen.append([keras.ops.convert_to_numpy(batch["images"]).reshape(-1, 256) for batch in (real, fake)])
        return super().discriminator_objective(real, fake, by)


def with_layer(layer):
    """A generator of a caller's own."""
    last = [keras.layers.Dense(256, "tanh"), keras.layers.Reshape(SHAPE)]
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), layer, *last])


def parts_of_a_batch(scope):
    """Real and generated images of one round, for each device."""
    random.seed(0)
    with scope:
        gan = Listening(SHAPE, 4, width=4, seed=0)
        gan.seen = []
        gan.compile(run_eagerly=True)
        gan.fit(IMAGES, batch_size=8, steps_per_epoch=1, epochs=1, seed=0, verbose=0)
    return gan.seen


def require_disjoint(whole, parts):
    """Each sample that one device would have is on one of the devices, and nothing else."""
    for one, several in zip(whole, zip(*parts, strict=True), strict=True):
        assert [len(part) for part in several] == [4, 4] and len(np.unique(one, axis=0)) == 8
        distances = np.abs(one[:, None] - np.concatenate(several)).max(axis=-1)
        assert sorted(distances.argmin(axis=1)) == list(range(8)) and distances.min(axis=1).max() < 1e-5


def main(output):
    from keras_gan_zoo import DCGAN, GAN3D, PacGAN
    from keras_gan_zoo.layers import BatchNorm

    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        gan = DCGAN(SHAPE, 4, width=4, seed=0)
        gated, packed = GAN3D.tiny(), PacGAN(SHAPE, 4, width=4, packing=2)
        hasty, clipped = (DCGAN(SHAPE, 4, width=4, seed=0) for _ in range(2))
        hasty.compile(steps_per_execution=2)
        clipped.compile(generator_optimizer=keras.optimizers.SGD(0.1, clipnorm=1.0))
        dropping = GAN(SHAPE, 4, width=4, generator=with_layer(keras.layers.Dropout(0.5)))
        normed = GAN(SHAPE, 4, width=4, generator=with_layer(keras.layers.BatchNormalization()))
        ours = GAN(SHAPE, 4, width=4, generator=with_layer(BatchNorm()))
    # Asked for out of the scope, moments are on all devices all the same.
    assert all(isinstance(moment.value, tf.distribute.DistributedValues) for moment in gan.optimizers["generator"].variables)
    outside = DCGAN(SHAPE, 4, width=4, seed=0)
    results = {}

    def fit(name, model, data, **options):
        before = int(keras.ops.convert_to_numpy(model.rounds))
        try:
            with strategy.scope():
                model.fit(data, verbose=0, **options)
        except ValueError as error:
            results[name] = str(error)
            return
        assert all(np.isfinite(weight).all() for weight in gan.get_weights()), name
        results[name] = int(keras.ops.convert_to_numpy(model.rounds)) - before

    (whole,) = parts_of_a_batch(contextlib.nullcontext())
    require_disjoint(whole, parts_of_a_batch(strategy.scope()))
    dataset = tf.data.Dataset.from_tensor_slices
    fit("a smaller last batch", gan, dataset(IMAGES[:20]).batch(8))
    fit("a last batch of one", gan, dataset(IMAGES[:17]).batch(8))
    fit("odd batches", gan, dataset(IMAGES[:45]).batch(15))
    fit("PyDataset", gan, Batches())
    fit("generator", gan, (IMAGES[i : i + 8] for i in range(0, 48, 8)))
    fit("odd batch_size", gan, IMAGES, batch_size=15)
    fit("built outside", outside, IMAGES, batch_size=8)
    fit("hasty", hasty, IMAGES, batch_size=8)
    fit("clipped", clipped, IMAGES, batch_size=8)
    fit("dropout", dropping, IMAGES, batch_size=8)
    fit("batch norm", normed, IMAGES, batch_size=8)
    fit("our batch norm", ours, IMAGES, batch_size=8)
    fit("packs", packed, IMAGES, batch_size=6)
    fit("a gate", gated, np.zeros((16, *gated.fields()["voxels"].shape), "uint8"), batch_size=8)
    folder = Path(output).parent
    fit("callbacks", gan, IMAGES, batch_size=8, steps_per_epoch=2, epochs=2, callbacks=watchers(folder, IMAGES))
    results["written"] = sorted(path.name for path in folder.rglob("*") if path.is_file())
    results["logged"] = (folder / "log.csv").read_text().splitlines()[-1].split(",")[0]
    with open(output, "w") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1])
