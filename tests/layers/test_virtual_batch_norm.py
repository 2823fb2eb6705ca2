"""Virtual batch norm: the formula, samples that do not depend on each other, and the limit of a large reference."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import BatchNorm
from keras_gan_zoo.layers.virtual_batch_norm import Reference, Unreferenced, VirtualBatchNorm, virtually_normalized


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(1.0, 2.0, shape).astype("float32")


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("shape", [(3,), (2, 5, 3)])
@pytest.mark.parametrize("n", [1, 4])
def test_it_is_the_formula(shape, n):
    # Each 2 farther from the mean of all, 1: a number that is the mean is 0 after it, and has no digits of its own.
    reference, x = (x + 2 * np.sign(x - 1) for x in (numbers(6, *shape), numbers(n, *shape, seed=1)))
    layer = VirtualBatchNorm(6)
    y = value(layer(np.concatenate([reference, x])))
    within = tuple(range(1, len(shape)))
    mean = reference.astype("float64").mean(axis=(0, *within))
    square = (reference.astype("float64") ** 2).mean(axis=(0, *within))
    np.testing.assert_allclose(y[:6], (reference - mean) / np.sqrt(square - mean**2 + 1e-5), rtol=1e-6)
    for sample, result in zip(x.astype("float64"), y[6:], strict=True):
        axes = tuple(range(len(shape) - 1))
        own = (6 * mean + sample.mean(axis=axes)) / 7, (6 * square + (sample**2).mean(axis=axes)) / 7
        np.testing.assert_allclose(result, (sample - own[0]) / np.sqrt(own[1] - own[0] ** 2 + 1e-5), rtol=1e-6)


def test_scale_and_offset_are_learned():
    layer = VirtualBatchNorm(2)
    x = numbers(4, 3)
    plain = value(layer(x))
    layer.gamma.assign([2.0, 1.0, 0.5])
    layer.beta.assign([1.0, 0.0, -1.0])
    np.testing.assert_allclose(value(layer(x)), plain * [2.0, 1.0, 0.5] + [1.0, 0.0, -1.0], atol=1e-5)


def network(norm):
    x = keras.Input((4,), name="latents")
    y = layers.Dense(6, name="hidden")(x)
    y = norm(y) if norm else y
    return keras.Model(x, layers.Dense(2, name="out")(layers.ReLU()(y)), name="generator")


def virtual(size=8, weights=None):
    keras.utils.set_random_seed(0)
    made = virtually_normalized(network(BatchNorm(name="norm")), size)
    made.get_layer("latents_reference").reference.assign(numbers(size, 4, seed=2))
    return made


def test_a_network_is_rebuilt_with_it():
    made = virtual()
    assert made.name == "generator" and made.input_shape == (None, 4) and made.output_shape == (None, 2)
    inside = [layer for layer in made._flatten_layers() if not isinstance(layer, keras.Model)]
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in inside)
    (norm,) = (layer for layer in inside if isinstance(layer, VirtualBatchNorm))
    assert (norm.name, norm.size, norm.epsilon) == ("norm", 8, 1e-5)
    assert len(made.trainable_variables) == 6
    assert sum(isinstance(layer, (Reference, Unreferenced)) for layer in inside) == 2


def test_no_sample_depends_on_the_others_of_its_batch():
    made, x = virtual(), numbers(5, 4)
    together = value(made(x, training=True))
    assert together.shape == (5, 2)
    for i in range(5):
        np.testing.assert_allclose(value(made(x[i : i + 1], training=True)), together[i : i + 1], atol=1e-5)
    np.testing.assert_array_equal(value(made(x, training=False)), together)
    # Under batch norm they do.
    keras.utils.set_random_seed(0)
    batch = network(BatchNorm(name="norm"))
    assert np.abs(value(batch(x, training=True))[:2] - value(batch(x[:2], training=True))).max() > 0.1


def test_with_a_large_reference_it_is_batch_norm_with_the_statistics_of_that():
    size, x = 4000, numbers(3, 4)
    made = virtual(size)
    reference = value(made.get_layer("latents_reference").reference)
    batch = network(BatchNorm(name="norm"))
    (inner,) = (layer for layer in made.layers if isinstance(layer, keras.Model))
    for name in ("hidden", "out"):
        batch.get_layer(name).set_weights(inner.get_layer(name).get_weights())
    hidden = value(batch.get_layer("hidden")(reference))
    batch.get_layer("norm").set_weights([np.ones(6), np.zeros(6), hidden.mean(axis=0), hidden.var(axis=0)])
    np.testing.assert_allclose(value(made(x)), value(batch(x, training=False)), atol=1e-2)


def test_it_comes_back_from_a_file(tmp_path):
    made, x = virtual(), numbers(3, 4)
    made.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(value(keras.saving.load_model(tmp_path / "model.keras")(x)), value(made(x)))
