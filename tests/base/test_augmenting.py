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


@pytest.mark.parametrize("side", [4, 5])
def test_right_angles_are_exact(side):
    x = images(n=4, height=side, width=side)
    found = changed("rotate90", x, [0.1], [0.3], [0.6], [0.9])
    for i in range(4):
        np.testing.assert_array_equal(found[i], np.rot90(x[i], i))


def test_rotations_keep_the_shape_and_end_where_the_image_ends():
    x = images(n=4, height=8, width=4)
    found = changed("rotate90", x, [0.1], [0.3], [0.6], [0.9])
    np.testing.assert_array_equal(found[2], x[2, ::-1, ::-1])
    # The rows 2 to 5 of a standing image fill the lying one, which is cut; what has stood beside them is empty.
    np.testing.assert_array_equal(found[1, 2:6], np.rot90(x[1, 2:6]))
    np.testing.assert_array_equal(found[3, 2:6], np.rot90(x[3, 2:6], -1))
    for i in (1, 3):
        np.testing.assert_array_equal(found[i, [0, 1, 6, 7]], 0.0)
    np.testing.assert_allclose(changed("rotation", x, *[[0.75]] * 4)[1], found[1], atol=1e-5)


def test_a_rotation_turns_what_is_off_the_middle_and_keeps_what_is_round():
    places = np.arange(33, dtype="float32") - 16
    rows, columns = np.meshgrid(places, places, indexing="ij")
    spot = np.exp(-((rows - 6) ** 2 + columns**2) / 8)
    draws = [[0.5], [0.625], [0.3], [0.9]]
    found = changed("rotation", np.tile(spot[None, :, :, None], (4, 1, 1, 1)), *draws)[..., 0]
    mass = found.sum(axis=(1, 2))
    np.testing.assert_allclose(mass, spot.sum(), rtol=5e-3)
    angles = np.pi * (2 * np.array(draws)[:, 0] - 1)
    np.testing.assert_allclose((found * rows).sum(axis=(1, 2)) / mass, 6 * np.cos(angles), atol=1e-2)
    np.testing.assert_allclose((found * columns).sum(axis=(1, 2)) / mass, 6 * np.sin(angles), atol=1e-2)
    disc = np.exp(-(rows**2 + columns**2) / 32)
    found = changed("rotation", np.tile(disc[None, :, :, None], (4, 1, 1, 1)), *draws)[..., 0]
    np.testing.assert_allclose(found, np.stack([disc] * 4), atol=0.02)


def test_an_anisotropic_change_keeps_the_area():
    places = np.arange(33, dtype="float32") - 16
    rows, columns = np.meshgrid(places, places, indexing="ij")
    blob = np.exp(-(rows**2 + columns**2) / 18)
    wide, same, high = changed("anisotropic", np.tile(blob[None, :, :, None], (3, 1, 1, 1)), [0.999], [0.5], [0.001])[..., 0]
    np.testing.assert_allclose(same, blob, atol=1e-6)
    for found, factor in ((wide, 2 ** (0.2 * 3**0.5)), (high, 2 ** (-0.2 * 3**0.5))):
        mass = found.sum()
        assert mass == pytest.approx(blob.sum(), rel=0.01)
        assert np.sqrt((found * rows**2).sum() / mass) == pytest.approx(3 / factor, rel=0.03)
        assert np.sqrt((found * columns**2).sum() / mass) == pytest.approx(3 * factor, rel=0.03)


def test_a_luma_flip_turns_brightness_and_keeps_colors():
    x = images()
    flipped, same = changed("luma_flip", x, [0.4], [0.6])
    np.testing.assert_array_equal(same, x[1])
    gray = x[0].mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(flipped.mean(axis=-1, keepdims=True), -gray, atol=1e-6)
    np.testing.assert_allclose(flipped + gray, x[0] - gray, atol=1e-6)


def test_hues_are_turned_about_the_grays():
    x = images(n=4)
    # A third of the way round, red is green.
    found = changed("hue", x, [0.5], [0.5 + 1 / 3], [0.5 - 1 / 3], [0.71])
    for i, shift in enumerate((0, 1, -1)):
        np.testing.assert_allclose(found[i], np.roll(x[i], shift, axis=-1), atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=-1), x.mean(axis=-1), atol=1e-6)
    np.testing.assert_allclose((found**2).sum(axis=-1), (x**2).sum(axis=-1), rtol=1e-4)
    assert np.abs(found[3] - x[3]).max() > 0.1


def test_draws_are_spread_as_the_paper_has_them():
    """Every angle alike, a half of the luma flips, and factors of the spread of 2^N(0, 0.2^2)."""
    n = 4000
    draws = ((np.arange(n) + 0.5) / n)[:, None]
    corner = np.zeros((n, 2, 2, 3), "float32")
    corner[:, 0, 0] = 1.0
    np.testing.assert_allclose(changed("rotate90", corner, *draws).mean(axis=0), 0.25, atol=1e-6)
    anywhere = changed("rotation", corner, *draws).mean(axis=0)
    np.testing.assert_allclose(anywhere, anywhere.mean(), atol=1e-3)
    red = np.tile(np.array([1.0, 0.0, 0.0], "float32"), (n, 1, 1, 1))
    np.testing.assert_allclose(changed("hue", red, *draws).mean(axis=0), 1 / 3, atol=1e-4)
    np.testing.assert_allclose(changed("luma_flip", red, *draws).mean(axis=0)[0, 0], [2 / 3, -1 / 3, -1 / 3], atol=1e-5)
    ramp = np.tile(np.arange(-32, 33, dtype="float32")[None, :, None, None], (n, 1, 3, 1))
    factors = changed("anisotropic", ramp, *draws)[:, 33, 1, 0]
    assert np.log2(factors).mean() == pytest.approx(0.0, abs=1e-3)
    assert np.log2(factors).std() == pytest.approx(0.2, rel=1e-3)


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


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_at_probability_0_nothing_changes_and_at_1_most_does(name):
    x, draws = images(n=16), Draws()
    never, always = (
        ops.convert_to_numpy(augmented([ops.convert_to_tensor(x)], (name,), draws, probability)[0])
        for probability in (0.0, 1.0)
    )
    np.testing.assert_array_equal(never, x)
    assert always.shape == x.shape and np.isfinite(always).all()
    assert (np.abs(always - x).max(axis=(1, 2, 3)) > 0.1).sum() >= 4


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
    x, rng = images(n=1, height=4, width=5), np.random.default_rng(3)
    draws = rng.uniform(0.1, 0.9, (1, AUGMENTATIONS[name][0])).astype("float32")
    weights = ops.convert_to_tensor(rng.normal(size=x.shape).astype("float32"))

    def function(images):
        return ops.sum(AUGMENTATIONS[name][1](images, ops.convert_to_tensor(draws)) * weights)

    _, (gradient,) = differentiate(function, x)
    direction = rng.normal(size=x.shape).astype("float32")
    # All of them are linear in the images, up to a constant.
    rise = float(function(ops.convert_to_tensor(x + direction))) - float(function(ops.convert_to_tensor(x)))
    assert rise == pytest.approx(float((gradient * direction).sum()), rel=1e-3, abs=1e-3)
    assert np.abs(gradient).max() > 0.1
