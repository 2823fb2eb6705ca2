"""Dropout and Gaussian noise are those of Keras, with a seed that they know."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers.noise import Dropout, GaussianNoise

X = np.random.default_rng(0).normal(size=(50, 40)).astype("float32")


@pytest.mark.parametrize(("ours", "theirs", "amount"), [(Dropout, "Dropout", 0.3), (GaussianNoise, "GaussianNoise", 0.5)])
def test_the_values_are_those_of_keras(ours, theirs, amount):
    expected = getattr(keras.layers, theirs)(amount, seed=7)
    layer = ours(amount, seed=7)
    for _ in range(2):
        np.testing.assert_array_equal(layer(X, training=True), ops.convert_to_numpy(expected(X, training=True)))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(X)), X)
    again = type(layer).from_config(layer.get_config())
    assert (again.seed, type(again)) == (7, ours)


@pytest.mark.parametrize("layer", [Dropout, GaussianNoise])
def test_a_seed_is_drawn_from_python_as_keras_draws_it(layer):
    seeds = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        seeds.append([layer(0.5).seed for _ in range(2)])
    assert seeds[0] == seeds[1] and seeds[0][0] != seeds[0][1]
