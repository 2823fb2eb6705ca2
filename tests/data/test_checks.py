"""Each check accepts what it should and names the argument, the value and the fix otherwise."""

import numpy as np
import pytest

from keras_gan_zoo.data import InvalidData
from keras_gan_zoo.data.checks import check_images, check_labels


def uint8(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_range_is_told():
    assert check_images(uint8(2, 4, 5, 3)) == (0, 255)
    assert check_images(np.full((2, 4, 5, 1), 0.5, np.float16)) == (0, 1)
    assert check_images(np.full((2, 4, 5, 4), -0.5, np.float64)) == (-1, 1)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([[1, 2]], ["list", "np.asarray"]),
        (uint8(4, 5, 3), ["(4, 5, 3)", "[None]"]),
        (uint8(0, 4, 5, 3), ["empty", "(0, 4, 5, 3)"]),
        (uint8(2, 4, 5, 2), ["2 channels"]),
        (uint8(2, 3, 4, 5), ["5 channels", "np.moveaxis"]),
        (np.zeros((2, 4, 4, 3), np.int64), ["int64", "astype('uint8')"]),
        (np.zeros((2, 4, 4, 3), bool), ["bool", "* 255"]),
        (np.zeros((2, 4, 4, 3), np.complex64), ["complex64", ".real"]),
        (np.empty(2, object), ["object", "np.stack"]),
        (np.full((1, 4, 4, 1), 200.0), ["[200, 200]", "astype('uint8')"]),
        (np.full((1, 4, 4, 1), -1.5), ["[-1.5, -1.5]", "np.clip"]),
        (np.linspace(-0.1, 1.1, 16).reshape(1, 4, 4, 1), ["[-0.1, 1.1]"]),
    ],
)
def test_refused_images(images, words):
    with pytest.raises(InvalidData) as error:
        check_images(images, name="photos")
    for word in ["photos", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_is_counted(value):
    images = np.zeros((2, 4, 4, 1), np.float32)
    images[1, :2, 0] = value
    with pytest.raises(InvalidData, match="2 of 32 values"):
        check_images(images)


def test_image_shape():
    images = uint8(2, 4, 5, 3)
    check_images(images, (4, 5, 3))
    check_images(images, (None, None, 3))
    for shape in [(5, 4, 3), (4, 5, 1), (None, None, 4)]:
        with pytest.raises(InvalidData, match=r"must hold images of shape .*Received: images of shape \(4, 5, 3\)"):
            check_images(images, shape)


def test_labels_come_back_as_int32():
    labels = check_labels(np.array([0, 2, 1], np.uint8), 3, 3)
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 2, 1]
    assert check_labels([5, 6]).tolist() == [5, 6]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((3, 1), int), ["(3, 1)", "[:, 0]"]),
        (np.full((3, 3), 1 / 3), ["(3, 3)", "argmax"]),
        (np.eye(3)[[0, 1, 2], :2], ["(3, 2)", "argmax"]),
        (np.eye(4, dtype=int)[:3], ["(3, 4)", "argmax"]),
        (np.zeros(3), ["float64", "astype('int32')"]),
        (np.array(["a", "b", "c"]), ["<U1", "np.unique"]),
        (np.zeros(2, int), ["2 entries for 3"]),
        (np.array([0, -1, 0]), ["-1", "start at 0"]),
        (np.array([0, 3, 0]), ["value 3", "num_classes=4"]),
    ],
)
def test_refused_labels(labels, words):
    with pytest.raises(InvalidData) as error:
        check_labels(labels, 3, 3, name="digits")
    for word in ["digits", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("kind", ["int64", "float32", "bool"])
def test_one_hot_rows_are_taken_and_said(kind):
    with pytest.warns(UserWarning, match=r"digits are one-hot rows, \(4, 3\).*np.argmax\(digits, axis=1\)"):
        labels = check_labels(np.eye(3, dtype=kind)[[2, 0, 1, 1]], 3, name="digits")
    assert labels.tolist() == [2, 0, 1, 1] and labels.dtype == np.int32


def test_unknown_labels_are_only_for_those_who_take_them():
    assert check_labels([0, -1, 2], 3, unknown=True).tolist() == [0, -1, 2]
    with pytest.raises(InvalidData, match="keep those with labels >= 0"):
        check_labels([0, -1, 2], 3)


def test_labels_fit_int32():
    with pytest.raises(InvalidData, match="4294967296"):
        check_labels(np.array([2**32]))
