"""ConditionalBatchNorm: statistics of the whole batch, and the row of each sample's class."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.base.wiring import mixes, parts_of
from keras_gan_zoo.layers.conditional_batch_norm import ConditionalBatchNorm


def built(shape, num_classes=3):
    layer = ConditionalBatchNorm(num_classes, momentum=0.7, epsilon=1e-3)
    layer.build([(None, *shape[1:]), (None,)])
    rng = np.random.default_rng(0)
    layer.gamma.assign(rng.uniform(0.5, 2.0, layer.gamma.shape))
    layer.beta.assign(rng.normal(size=layer.beta.shape))
    return layer


def inputs(shape, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * 2 + 3).astype("float32"), rng.integers(0, 3, shape[0]).astype("int32")


def test_it_begins_as_plain_batch_norm():
    layer = ConditionalBatchNorm(4)
    layer.build([(None, 5), (None,)])
    assert layer.gamma.shape == layer.beta.shape == (4, 5)
    assert (ops.convert_to_numpy(layer.gamma) == 1).all() and not ops.convert_to_numpy(layer.beta).any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 2, 4)])
def test_each_sample_has_the_row_of_its_class(shape, training):
    layer, (x, labels) = built(shape), inputs(shape)
    axes = tuple(range(len(shape) - 1))
    mean, variance = (x.mean(axis=axes), x.var(axis=axes)) if training else (0.0, 1.0)
    gamma, beta = (ops.convert_to_numpy(rows)[labels] for rows in (layer.gamma, layer.beta))
    rows = (len(x), *(1,) * (len(shape) - 2), 4)
    expected = gamma.reshape(rows) * (x - mean) / np.sqrt(variance + 1e-3) + beta.reshape(rows)
    given = [ops.convert_to_tensor(x), ops.convert_to_tensor(labels)]
    np.testing.assert_allclose(ops.convert_to_numpy(layer(given, training=training)), expected, atol=1e-4)
    moved = 0.3 * x.mean(axis=axes) if training else np.zeros(4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.norm.moving_mean), moved, rtol=1e-5, atol=1e-6)


def test_a_class_that_is_not_there_does_not_learn(gradients_of):
    layer, (x, _) = built((4, 2)), inputs((4, 2))
    given = [ops.convert_to_tensor(x), ops.convert_to_tensor(np.array([0, 2, 2, 0], "int32"))]
    gradients = gradients_of(lambda: ops.sum(ops.square(layer(given, training=True))), [layer.gamma, layer.beta])
    for gradient in gradients:
        assert not gradient[1].any() and np.abs(gradient[[0, 2]]).min() > 0


def test_it_mixes_samples_and_is_saved(tmp_path):
    given = [keras.Input((4,)), keras.Input((), dtype="int32")]
    model = keras.Model(given, layers.Dense(2)(ConditionalBatchNorm(3, name="norm")(given)))
    assert any(mixes(part) for part in parts_of(model))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x, labels = inputs((5, 4))
    np.testing.assert_array_equal(model.predict([x, labels], verbose=0), again.predict([x, labels], verbose=0))
    assert again.get_layer("norm").get_config() == model.get_layer("norm").get_config()
