"""Resampling under [1, 3, 3, 1]."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers.resample import Downsample, Upsample

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def filtered(x, gain, stride):
    """NumPy's convolution of maps (height, width) without their edges."""
    height, width = (side - 3 for side in x.shape)
    y = [[(x[i : i + 4, j : j + 4] * FILTER).sum() for j in range(width)] for i in range(height)]
    return gain * np.array(y)[::stride, ::stride]


@pytest.mark.parametrize("shape", [(6, 8), (7, 5)])
def test_both_are_the_filter(shape):
    x = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
    down, up = (ops.convert_to_numpy(layer(x)) for layer in (Downsample(), Upsample()))
    assert down.shape == Downsample().compute_output_shape(x.shape) == (2, -(-shape[0] // 2), -(-shape[1] // 2), 3)
    assert up.shape == Upsample().compute_output_shape(x.shape) == (2, 2 * shape[0], 2 * shape[1], 3)
    for image, channel in ((0, 0), (1, 2)):
        one = x[image, :, :, channel]
        padded = np.pad(one, [(1, 1 + side % 2) for side in shape])
        np.testing.assert_allclose(down[image, :, :, channel], filtered(padded, 1, 2), atol=1e-5)
        spread = np.zeros([2 * side for side in shape])
        spread[::2, ::2] = one
        np.testing.assert_allclose(up[image, :, :, channel], filtered(np.pad(spread, (2, 1)), 4, 1), atol=1e-5)


def test_a_constant_stays_itself_away_from_the_edges():
    ones = np.ones((1, 8, 8, 1), "float32")
    np.testing.assert_allclose(ops.convert_to_numpy(Downsample()(ones))[:, 1:-1, 1:-1], 1.0, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(Upsample()(ones))[:, 1:-1, 1:-1], 1.0, atol=1e-6)
    assert ops.convert_to_numpy(Downsample()(ones))[0, 0, 0, 0] == pytest.approx((7 / 8) ** 2)
