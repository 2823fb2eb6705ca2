"""Losses of variational auto-encoders: golden values."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.variational import gaussian_divergence


def value(x):
    return float(ops.convert_to_numpy(x))


def tensor(x):
    return ops.convert_to_tensor(x, "float32")


def test_golden_divergence(differentiate):
    means, log_variances = np.array([[1.0, 0.0]]), np.log([[1.0, 0.5]])
    assert value(gaussian_divergence(tensor(means), tensor(log_variances))) == pytest.approx(0.5965736, rel=1e-6)
    both = np.concatenate([means, np.zeros((1, 2))]), np.concatenate([log_variances, np.zeros((1, 2))])
    assert value(gaussian_divergence(*map(tensor, both))) == pytest.approx(0.5965736 / 2, rel=1e-6)
    _, gradients = differentiate(gaussian_divergence, means, log_variances, dtype="float32")
    np.testing.assert_allclose(gradients, [[[1.0, 0.0]], [[0.0, -0.25]]], atol=1e-6)
    assert value(gaussian_divergence(ops.zeros((3, 4)), ops.zeros((3, 4)))) == 0.0
