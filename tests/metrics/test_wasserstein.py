import numpy as np
import pytest
from scipy.ndimage import convolve
from scipy.stats import wasserstein_distance

from keras_gan_zoo.metrics import wasserstein as module
from keras_gan_zoo.metrics.wasserstein import (
    expanded,
    level_sizes,
    over_directions,
    reduced,
    sliced_wasserstein,
    sliced_wasserstein_floor,
    wasserstein_1d,
)
from tests.metrics.golden_sets import A, B

FEW = {"patches": 16, "repeats": 2, "directions": 32}


def textures(n, size=32, channels=3, seed=0, smooth=0):
    """Noise, smoothed `smooth` times: sets that differ in their texture and in nothing else."""
    images = np.random.default_rng(seed).normal(size=(n, size, size, channels))
    for _ in range(smooth):
        images = (images + np.roll(images, 1, axis=1) + np.roll(images, 1, axis=2)) / 3
    return np.clip(128 + 40 * images / images.std(), 0, 255).astype("uint8")


def test_wasserstein_golden_values():
    golden = [0.36288069, 0.3952433, 0.4941161, 0.64272791, 0.74189007, 0.90714227]
    np.testing.assert_allclose(wasserstein_1d(A.T, B.T), golden, atol=1e-8)
    assert wasserstein_1d(A[:, 0], B[:, 0]) == pytest.approx(golden[0], abs=1e-8)


@pytest.mark.parametrize("n, m", [(40, 39), (12, 40), (1, 7), (30, 20), (40, 40)])
def test_wasserstein_of_sets_of_any_size(n, m):
    a, b = A[:n].T, B[:m].T
    expected = [wasserstein_distance(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(wasserstein_1d(a, b), expected, rtol=1e-12)
    np.testing.assert_allclose(wasserstein_1d(b, a), expected, rtol=1e-12)
    # Each number twice is the same distribution.
    np.testing.assert_allclose(wasserstein_1d(a.repeat(2, axis=1), b), expected, rtol=1e-12)


def test_a_shift_by_v_has_the_distance_of_its_projections():
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(200, 10)), rng.normal(size=10)
    directions = rng.normal(size=(50, 10))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(wasserstein_1d(directions @ x.T, directions @ (x + v).T), np.abs(directions @ v), atol=1e-12)


def test_pyramid():
    images = textures(2).astype("float64")
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256
    assert kernel.sum() == 1.0
    smaller = reduced(images)
    np.testing.assert_allclose(smaller, convolve(images, kernel, mode="mirror")[:, ::2, ::2], atol=1e-10)
    spread = np.zeros_like(images)
    spread[:, ::2, ::2] = smaller
    np.testing.assert_allclose(expanded(smaller), convolve(spread, 4 * kernel, mode="mirror"), atol=1e-10)
    # A constant stays one both ways, so the levels above the last hold no brightness.
    np.testing.assert_allclose(expanded(reduced(np.full((1, 16, 16, 1), 7.0))), 7.0, atol=1e-12)


def test_the_levels_rebuild_the_image(monkeypatch):
    images = textures(3, size=64)
    levels, gaussian = [], images
    for size in (64, 32, 16):
        following = None if size == 16 else np.empty((3, size // 2, size // 2, 3), "float32")
        # A patch as large as the level is the level itself.
        monkeypatch.setattr(module, "PATCH", size)
        level = module._patches(gaussian, following, 1, np.random.default_rng(0))
        levels.append(np.moveaxis(level, 1, 3).astype("float64"))
        gaussian = following
    rebuilt = levels[2]
    for level in (levels[1], levels[0]):
        rebuilt = level + expanded(rebuilt)
    np.testing.assert_allclose(rebuilt, images, atol=1e-4)


def test_sizes_of_levels():
    assert level_sizes(128, 128) == [(128, 128), (64, 64), (32, 32), (16, 16)]
    assert level_sizes(32, 32) == [(32, 32), (16, 16)]
    assert level_sizes(28, 28) == [(28, 28)]
    assert level_sizes(40, 96) == [(40, 96), (20, 48)]
    assert level_sizes(33, 64) == [(33, 64)] and level_sizes(12, 12) == [(12, 12)]
    assert level_sizes(68, 68) == [(68, 68), (34, 34), (17, 17)]


def plain(a, b, patches, directions, seed):
    """The distance of one-level images in the shortest float64 code."""
    sets = []
    for images in (a, b):
        rng = np.random.default_rng([seed, 0])
        span = images.shape[1] - 6, images.shape[2] - 6
        corners = (rng.random((len(images) * patches, 2)) * span).astype(int)
        rows = [images[i // patches, y : y + 7, x : x + 7] for i, (y, x) in enumerate(corners)]
        rows = np.array(rows, "float64").transpose(0, 3, 1, 2)
        rows = (rows - rows.mean(axis=(0, 2, 3), keepdims=True)) / rows.std(axis=(0, 2, 3), keepdims=True)
        sets.append(rows.reshape(len(rows), -1))
    u = np.random.default_rng(seed).standard_normal((directions, sets[0].shape[1]))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return 1000 * np.mean([wasserstein_distance(sets[0] @ v, sets[1] @ v) for v in u])


@pytest.mark.parametrize("m", [20, 13])
def test_equals_a_plain_computation(m, monkeypatch):
    a, b = textures(20, 14), textures(m, 14, seed=1, smooth=2)
    b[..., 1] //= 3
    expected = plain(a, b, patches=5, directions=40, seed=3)
    assert expected > 50
    result = sliced_wasserstein(a, b, patches=5, repeats=2, directions=20, seed=3)
    assert result.mean == pytest.approx(expected, rel=1e-5)
    assert result.levels == {"14x14": result.mean}
    monkeypatch.setattr(module, "BLOCK", 3 * a[0].size)
    assert sliced_wasserstein(a, b, patches=5, repeats=2, directions=20, seed=3) == result


def test_is_zero_for_equal_sets_and_the_same_both_ways():
    a, b = textures(30), textures(30, seed=1, smooth=1)
    assert sliced_wasserstein(a, a.copy(), **FEW) == (0.0, {"32x32": 0.0, "16x16": 0.0})
    assert sliced_wasserstein(a, b, **FEW) == sliced_wasserstein(b, a, **FEW)
    assert sliced_wasserstein(a, b, seed=1, **FEW) != sliced_wasserstein(a, b, **FEW)


def test_a_difference_of_texture_rises_above_the_floor_and_one_of_contrast_does_not():
    a = textures(200)
    floor = sliced_wasserstein_floor(textures(400, seed=2), **FEW)
    assert list(floor.levels) == ["32x32", "16x16"] and 20 < floor.mean < 50
    assert sliced_wasserstein(a, textures(200, seed=1), **FEW).mean == pytest.approx(floor.mean, rel=0.3)
    rough = sliced_wasserstein(a, textures(200, seed=1, smooth=6), **FEW)
    assert rough.levels["32x32"] > 2 * floor.mean and rough.levels["16x16"] > 1.2 * floor.mean
    assert rough.mean == pytest.approx(np.mean(list(rough.levels.values())))
    assert sliced_wasserstein(a, (a // 2 + 10).astype("uint8"), **FEW).mean < floor.mean / 2
    # By its own statistics, channel by channel.
    tinted = a.copy()
    tinted[..., 0] //= 4
    assert sliced_wasserstein(a, tinted, **FEW).mean < floor.mean


def test_floor_falls_with_the_number_of_images():
    few, many = (sliced_wasserstein_floor(textures(n), **FEW).mean for n in (40, 640))
    assert many == pytest.approx(few / 4, rel=0.3)
    # An odd one is left out, and equal halves have no distance.
    assert sliced_wasserstein_floor(textures(1).repeat(3, axis=0), **FEW).mean == 0.0


def test_gray_and_unusual_sizes():
    for height, width in [(28, 28), (33, 48), (7, 9)]:
        a = textures(10, 48, 1)[:, :height, :width]
        b = textures(10, 48, 1, seed=1, smooth=2)[:, :height, :width]
        result = sliced_wasserstein(a, b, **FEW)
        assert list(result.levels) == [f"{height}x{width}"] and 50 < result.mean < 1000


def test_bad_input_is_named():
    a = textures(4)
    for call, error, words in [
        (lambda: sliced_wasserstein(a / 127.5 - 1, a), TypeError, "a must be uint8"),
        (lambda: sliced_wasserstein(a, a[:, :16]), ValueError, "one shape"),
        (lambda: sliced_wasserstein(a, a[:0]), ValueError, "b must have"),
        (lambda: sliced_wasserstein(a[:, :6], a[:, :6]), ValueError, "7 x 7 pixels"),
        (lambda: sliced_wasserstein(a, np.full_like(a, 200)), ValueError, "b must vary.*channel 0"),
        (lambda: sliced_wasserstein(a, a, patches=0), ValueError, "patches=0"),
        (lambda: sliced_wasserstein_floor(a[:1]), ValueError, "single image"),
        (lambda: wasserstein_1d([1.0, np.nan], [1.0, 2.0]), ValueError, "finite"),
        (lambda: wasserstein_1d([[1.0]], [1.0]), ValueError, "agree"),
        (lambda: wasserstein_1d([], [1.0]), ValueError, "none empty"),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_a_shift_of_vectors_is_its_mean_projection():
    a = np.random.default_rng(0).normal(size=(500, 2))
    # |u . (3, 4)| over directions of the plane: 5 times the mean of |cos|, 2 / pi.
    found = over_directions(a, a + [3.0, 4.0], 4000, np.random.default_rng(1))
    assert found == pytest.approx(5 * 2 / np.pi, rel=0.03)
    assert over_directions(a, a[::-1], 16, np.random.default_rng(1)) < 1e-9


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.uint8([0, 0]), np.uint8([255, 255]), 255),
        (np.int8([-100]), np.int8([100]), 200),
        (np.float16([-60000]), np.float16([60000]), 120000),
    ],
)
def test_small_types_neither_wrap_around_nor_overflow(a, b, expected):
    assert wasserstein_1d(a, b) == pytest.approx(expected, rel=1e-3)
