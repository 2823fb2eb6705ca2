import numpy as np
import pytest

from keras_gan_zoo.metrics.images import to_uint8


def test_inverts_the_scaling_of_every_grey_level():
    levels = np.arange(256, dtype="uint8")
    for dtype in ("float16", "float32", "float64"):
        np.testing.assert_array_equal(to_uint8((levels / 127.5 - 1).astype(dtype)), levels)


def test_rounds_to_the_nearest_level_and_clips():
    values = np.array([-1.005, -1.0, -1.0 + 0.6 / 127.5, -1.0 + 0.4 / 127.5, 1.0, 1.005])
    np.testing.assert_array_equal(to_uint8(values), [0, 0, 1, 0, 255, 255])


def test_leaves_uint8_alone():
    images = np.arange(12, dtype="uint8").reshape(1, 2, 2, 3)
    assert to_uint8(images) is images


def test_errors():
    for values in ([0.0, 255.0], [-1.1], [np.nan]):
        with pytest.raises(ValueError, match="must lie in"):
            to_uint8(np.array(values))
    with pytest.raises(TypeError, match="int64"):
        to_uint8(np.array([1, 2]))
