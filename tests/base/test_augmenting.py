"""Augmentations: goldens for fixed draws, what they leave alone, and that gradients go through."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.base.augmenting import AUGMENTATIONS, augmented, mirrored_and_moved, resampled


def images(n=2, height=8, width=6, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, height, width, channels)).astype("float32")


def changed(name, x, *draws):
    draws = np.array(draws, "float32")
    return ops.convert_to_numpy(AUGMENTATIONS[name][1](ops.convert_to_tensor(x), ops.convert_to_tensor(draws)))


def test_color_is_brightness_then_saturation_then_contrast():
    x = images()
    found = changed("color", x, [0.9, 0.25, 1.0], [0.5, 0.5, 0.5])
    first = x[0] + 0.4
    gray = first.mean(axis=-1, keepdims=True)
    first = (first - gray) * 0.5 + gray
    first = (first - first.mean()) * 1.5 + first.mean()
    np.testing.assert_allclose(found[0], first, atol=1e-5)
    np.testing.assert_allclose(found[1], x[1], atol=1e-6)


def test_translation_is_by_whole_pixels_with_zeros_behind():
    x = images(n=3)
    # An eighth of 8 and of 6 is one pixel: rows come from the one above, from their own place, from the one below.
    found = changed("translation", x, [0.0, 0.5], [0.5, 0.99], [0.5, 0.5])
    np.testing.assert_allclose(found[0, 1:], x[0, :-1], atol=1e-6)
    np.testing.assert_array_equal(found[0, 0], 0.0)
    np.testing.assert_allclose(found[1, :, :-1], x[1, :, 1:], atol=1e-6)
    np.testing.assert_array_equal(found[1, :, -1], 0.0)
    np.testing.assert_allclose(found[2], x[2], atol=1e-6)


def test_cutout_takes_a_square_of_half_the_sides():
    x = np.ones((3, 8, 6, 1), "float32")
    found = changed("cutout", x, [0.5, 0.5], [0.0, 0.0], [0.999, 0.999])
    hidden = found[..., 0] == 0
    # Rows 4 // 2 before to 1 after the center 4 of 0 to 8; columns 1 before to 1 after the center 3 of 0 to 5.
    assert np.argwhere(hidden[0]).min(axis=0).tolist() == [2, 2] and np.argwhere(hidden[0]).max(axis=0).tolist() == [5, 4]
    assert hidden[0].sum() == 12
    assert hidden[1].sum() == 2 * 2 and hidden[1][:2, :2].all()
    assert hidden[2].sum() == 2 * 2 and hidden[2][6:, 4:].all()


def test_flip_and_scale():
    x = images()
    found = changed("flip", x, [0.4], [0.6])
    np.testing.assert_array_equal(found[0], x[0, :, ::-1])
    np.testing.assert_array_equal(found[1], x[1])
    bump = np.zeros((3, 9, 9, 1), "float32")
    bump[:, 3:6, 3:6] = 1.0
    small, same, large = changed("scale", bump, [1.0], [0.5], [0.0]).sum(axis=(1, 2, 3))
    assert small < 8 < same < 10 < large
    assert same == pytest.approx(9.0, abs=1e-4)


def test_places_between_pixels_are_interpolated():
    ramp = np.arange(5, dtype="float32").reshape(1, 5, 1, 1) * np.ones((1, 5, 2, 1), "float32")
    rows = ops.convert_to_tensor([[0.5, 1.25, 4.0, 4.5, -1.0]])
    found = ops.convert_to_numpy(resampled(ramp, rows, ops.convert_to_tensor([[0.0, 1.0]])))
    np.testing.assert_allclose(found[0, :, 0, 0], [0.5, 1.25, 4.0, 2.0, 0.0], atol=1e-6)


def test_views_for_consistency_go_on_as_in_a_mirror():
    x = images(n=3)
    draws = ops.convert_to_tensor(np.array([[0.9, 0.0, 0.5], [0.9, 0.5, 0.99], [0.1, 0.5, 0.5]], "float32"))
    found = ops.convert_to_numpy(mirrored_and_moved(ops.convert_to_tensor(x), draws))
    np.testing.assert_allclose(found[0], np.concatenate([x[0, 1:2], x[0, :-1]]), atol=1e-6)
    np.testing.assert_allclose(found[1], np.concatenate([x[1, :, 1:], x[1, :, -2:-1]], axis=1), atol=1e-6)
    np.testing.assert_allclose(found[2], x[2, :, ::-1], atol=1e-6)


class Draws:
    """Random numbers that are kept."""

    def __init__(self):
        self.rng, self.kept = np.random.default_rng(0), []

    def __call__(self, shape, low, high):
        self.kept.append(self.rng.uniform(low, high, [int(side) for side in shape]).astype("float32"))
        return ops.convert_to_tensor(self.kept[-1])


def test_all_images_of_an_example_are_changed_alike_in_the_order_of_the_names():
    a, b, draws = images(seed=1), images(channels=1, seed=2), Draws()
    found = augmented([ops.convert_to_tensor(x) for x in (a, b)], ("translation", "flip"), draws)
    for image, x in zip(found, (a, b), strict=True):
        moved = changed("translation", x, *draws.kept[0])
        np.testing.assert_allclose(ops.convert_to_numpy(image), changed("flip", moved, *draws.kept[1]), atol=1e-6)


def test_a_probability_chooses_among_samples():
    x, draws = images(n=400), Draws()
    (found,) = augmented([ops.convert_to_tensor(x)], ("color",), draws, 0.25)
    touched = np.abs(ops.convert_to_numpy(found) - x).max(axis=(1, 2, 3)) > 0
    assert touched.mean() == pytest.approx(0.25, abs=0.07)
    for probability, expected in ((0.0, 0.0), (1.0, 1.0)):
        (found,) = augmented([ops.convert_to_tensor(x)], ("color",), draws, probability)
        assert (np.abs(ops.convert_to_numpy(found) - x).max(axis=(1, 2, 3)) > 0).mean() == expected


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_are_those_of_finite_differences(name, differentiate):
    x, rng = images(n=1, height=4, width=4, channels=2), np.random.default_rng(3)
    draws = rng.uniform(0.1, 0.9, (1, AUGMENTATIONS[name][0])).astype("float32")
    weights = rng.normal(size=x.shape).astype("float32")

    def function(images):
        return ops.sum(AUGMENTATIONS[name][1](images, ops.convert_to_tensor(draws)) * weights)

    _, (gradient,) = differentiate(function, x)
    direction = rng.normal(size=x.shape).astype("float32")
    # All of them are linear in the images, up to a constant.
    rise = float(function(ops.convert_to_tensor(x + direction))) - float(function(ops.convert_to_tensor(x)))
    assert rise == pytest.approx(float((gradient * direction).sum()), rel=1e-3, abs=1e-3)
    assert np.abs(gradient).max() > 0.1
