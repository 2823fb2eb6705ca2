"""Losses of features: golden values, and what has no gradient."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.features import feature_error, feature_matching_loss


def value(x):
    return float(ops.convert_to_numpy(x))


def tensor(x):
    return ops.convert_to_tensor(x, "float32")


def test_golden_feature_matching():
    # An error of each sample gives 3.75.
    real, fake = tensor([[1, 2], [3, 4]]), tensor([[0, 1], [1, 1]])
    assert value(feature_matching_loss(real, fake)) == pytest.approx(6.25, rel=1e-6)
    assert value(feature_matching_loss(real[:1], fake[:1])) == pytest.approx(2.0, rel=1e-6)
    # Batches of different sizes; the authors' mean over the features is a third of it.
    few, many = [[1, 2, 0.5], [0, 1, -1], [2, -1, 1]], [[0.5, 1, 1], [1, 0, 0], [0, 3, -1], [2, 2, 2]]
    assert value(feature_matching_loss(tensor(many), tensor(few))) / 3 == pytest.approx(0.273726851852, rel=1e-6)


def test_means_that_agree_teach_nothing(differentiate):
    _, (of_fake,) = differentiate(lambda f: feature_matching_loss(tensor([[1, 2], [3, 4]]), f), [[4.0, 0.0], [0.0, 6.0]])
    np.testing.assert_array_equal(of_fake, 0.0)
    _, (of_fake,) = differentiate(lambda f: feature_matching_loss(tensor([[1, 2], [3, 4]]), f), [[0.0, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(of_fake, [[-1.5, -2.0]] * 2, rtol=1e-6)


def test_golden_feature_error(differentiate):
    features, copies = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    # The squares are summed over features, (1 + 4) and 9, and halved.
    assert value(feature_error(tensor(features), tensor(copies))) == pytest.approx(3.5, rel=1e-6)
    assert value(feature_error(tensor(features[:1]), tensor(copies[:1]))) == pytest.approx(2.5, rel=1e-6)
    _, (gradient,) = differentiate(lambda x: feature_error(tensor(features), x), copies, dtype="float32")
    np.testing.assert_allclose(gradient, (copies - features) / 2, rtol=1e-6)
