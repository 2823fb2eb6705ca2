import numpy as np
import pytest

from keras_gan_zoo.data import Images
from keras_gan_zoo.data.convert import float_to_uint8
from keras_gan_zoo.metrics.images import to_uint8


def test_inverts_the_scaling_of_every_gray_level():
    levels = np.arange(256, dtype="uint8")
    for dtype in ("float16", "float32", "float64"):
        np.testing.assert_array_equal(to_uint8((levels / 127.5 - 1).astype(dtype)), levels)


def test_rounds_to_the_nearest_level_and_clips():
    values = np.array([-1.005, -1.0, -1.0 + 0.6 / 127.5, -1.0 + 0.4 / 127.5, 1.0, 1.005])
    np.testing.assert_array_equal(to_uint8(values), [0, 0, 1, 0, 255, 255])


def test_measured_images_are_those_that_are_sampled_and_loaded():
    """Also in the middle between two levels, where halves up and halves to even differ."""
    middle = ((np.arange(255) + 0.5) / 127.5 - 1).astype("float32")
    values = np.concatenate([middle, np.nextafter(middle, 2), np.nextafter(middle, -2)])
    np.testing.assert_array_equal(to_uint8(values), float_to_uint8(values, -1.0))
    np.testing.assert_array_equal(to_uint8(values), Images((1,)).quantize(values))
    # Halves up would leave 128. Of the others float32 makes no halves.
    assert (to_uint8(middle) % 2 == 0).sum() == 192
    unit = (np.arange(255) + 0.5) / 255
    np.testing.assert_array_equal(to_uint8(unit, value_range=(0, 1)), float_to_uint8(unit.astype("float32"), 0.0))


def test_leaves_uint8_alone():
    images = np.arange(12, dtype="uint8").reshape(1, 2, 2, 3)
    assert to_uint8(images) is images


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, 255.0], "0 to 255.*astype"),
        ([0.0, 0.5, 1.0], r"0 to 1.*\* 2 - 1"),
        ([-1.1, 0.0], "undo"),
        ([-300.0, 300.0], "undo"),
        ([-0.5, np.nan], "1 of 2 values"),
        ([-0.5, np.inf], "1 of 2 values"),
    ],
)
def test_ranges_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        to_uint8(np.array(values))


def test_a_stated_range_is_believed():
    levels = np.arange(256, dtype="uint8")
    np.testing.assert_array_equal(to_uint8((levels / 255).astype("float32"), value_range=(0, 1)), levels)
    np.testing.assert_array_equal(to_uint8(np.array([-0.005, 0.4, 0.6, 255.5]) / 255, value_range=(0, 1)), [0, 0, 1, 255])
    bright = (levels[128:] / 127.5 - 1).astype("float32")
    with pytest.raises(ValueError, match=r"value_range=\(-1, 1\)"):
        to_uint8(bright)
    np.testing.assert_array_equal(to_uint8(bright, value_range=(-1, 1)), levels[128:])
    np.testing.assert_array_equal(to_uint8(bright, value_range=[-1, 1]), levels[128:])
    with pytest.raises(ValueError, match=r"value_range=\(0, 1\) must lie"):
        to_uint8(np.array([-0.5, 0.5]), value_range=(0, 1))
    with pytest.raises(ValueError, match=r"value_range=\(0, 255\)"):
        to_uint8(bright, value_range=(0, 255))


def test_8_bit_images_of_zeros_and_ones_are_refused():
    with pytest.raises(ValueError, match=r"images \* 255"):
        to_uint8(np.array([0, 1, 1], "uint8"))
    # Black images are what a collapsed generator may make; they have values of their own kind.
    black = np.zeros(3, "uint8")
    assert to_uint8(black) is black


def test_other_types():
    with pytest.raises(TypeError, match="int64"):
        to_uint8(np.array([1, 2]))
    assert to_uint8(np.zeros((0, 2, 2, 1))).shape == (0, 2, 2, 1)
