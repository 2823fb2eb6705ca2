"""The resizers against golden values, Pillow, and their definitions."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.metrics.features.resize import RESIZERS, resize_clean, resize_legacy

SQUARES = (np.arange(16.0) ** 2).reshape(1, 4, 4, 1).astype("float32")


def resized(function, images, height, width):
    return keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(images), height, width))


def test_legacy_golden_values():
    result = resized(resize_legacy, SQUARES, 7, 7)
    assert result.shape == (1, 7, 7, 1)
    rows = {
        0: [0, 0.5714286, 1.4285716, 3.1428576, 5.4285719, 8.2857146, 9],
        3: [50.285721, 58.693855, 67.387764, 76.938786, 87.061235, 97.755113, 100.428581],
    }
    for row, expected in rows.items():
        np.testing.assert_allclose(result[0, row, :, 0], expected, rtol=1e-6, atol=1e-6)


def test_clean_golden_values():
    # Before clipping: row 0 = [-1.29822, -1.24918, -.99305, .02885, 1.7318, 4.59866, 6.17322].
    row = resized(resize_clean, SQUARES, 7, 7)[0, 0, :, 0]
    np.testing.assert_allclose(row, [0, 0, 0, 0.02885, 1.7318, 4.59866, 6.17322], atol=2e-5)


@pytest.mark.parametrize("function", [resize_legacy, resize_clean])
def test_the_same_size_changes_nothing(function):
    image = np.random.default_rng(2).uniform(0, 255, (2, 5, 6, 3)).astype("float32")
    np.testing.assert_array_equal(resized(function, image, 5, 6), image)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32), (37, 53), (299, 40), (400, 300), (1024, 512), (1, 1), (2, 3)])
def test_clean_is_what_pillow_does(shape):
    images = np.random.default_rng(0).integers(0, 256, (1, *shape, 3)).astype("float32")
    found = resized(resize_clean, images, 299, 299)
    expected = np.stack(
        [Image.fromarray(images[0, ..., c]).resize((299, 299), Image.Resampling.BICUBIC) for c in range(3)], axis=-1
    )
    # A step of 8 bits is 1; required is 1 / 255 of the range.
    np.testing.assert_allclose(found[0], np.clip(expected, 0, 255), atol=1e-3)


@pytest.mark.parametrize("shape", [(28, 28), (37, 53), (400, 300)])
def test_legacy_is_what_tensorflow_does(shape):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compares with a kernel of TensorFlow")
    import tensorflow as tf

    images = np.random.default_rng(1).integers(0, 256, (2, *shape, 3)).astype("float32")
    resize = tf.compat.v1.image.resize_bilinear
    expected = resize(images, (299, 299), align_corners=False, half_pixel_centers=False).numpy()
    np.testing.assert_allclose(resized(resize_legacy, images, 299, 299), expected, atol=2e-4)


def test_names():
    assert {key: name for key, (name, _) in RESIZERS.items()} == {"legacy": "tf1-bilinear", "clean": "pil-bicubic"}
