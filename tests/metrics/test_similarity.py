import numpy as np
import pytest

from keras_gan_zoo.metrics import similarity
from keras_gan_zoo.metrics.similarity import luma, mean_over_pairs, ms_ssim, ms_ssim_diversity, psnr, random_pairs, ssim


def waves(size=24, amplitude=100.0, phase=0.0):
    y, x, c = np.mgrid[:size, :size, :3]
    return np.clip(np.round(127.5 + amplitude * np.sin(0.3 * x + 0.2 * y + c + phase)), 0, 255).astype("uint8")[None]


I1, I2 = waves(), waves(amplitude=95.0, phase=0.1)


def noise(n, height, width, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


def test_luma_is_that_of_itu_r_601():
    assert luma(I1)[0, 0, 0, 0] == pytest.approx(177.0878117647, abs=1e-9)
    ends = np.array([0, 255], "uint8").reshape(2, 1, 1, 1).repeat(3, axis=3)
    np.testing.assert_allclose(luma(ends).ravel(), [16.0, 235.0], atol=1e-12)


@pytest.mark.parametrize(
    "channel, border, expected", [("y", 4, 33.2981954999), ("y", 0, 33.2880849248), ("rgb", 4, 30.2987862744)]
)
def test_psnr_golden_values(channel, border, expected):
    assert psnr(I1, I2, channel, border)[0] == pytest.approx(expected, abs=1e-9)
    assert psnr(I2, I1, channel, border)[0] == pytest.approx(expected, abs=1e-9)


def test_psnr_of_a_known_error():
    # An error of 51 everywhere is a fifth of the peak: 20 log10(5).
    a = noise(3, 8, 9, 1) // 2
    np.testing.assert_allclose(psnr(a, a + 51), 20 * np.log10(5), atol=1e-12)


@pytest.mark.parametrize("border, expected", [(4, 0.9916364183), (0, 0.9885124383)])
def test_ssim_golden_values(border, expected):
    assert ssim(I1, I2, "y", border)[0] == pytest.approx(expected, abs=1e-9)


def test_each_image_is_measured_by_itself_however_they_are_blocked(monkeypatch):
    a = noise(5, 24, 24, 3, 1)
    b = a // 2 + noise(5, 24, 24, 3, 2) // 3
    b[0] = a[0]
    for measure in (psnr, ssim, ms_ssim):
        together = measure(a, b)
        assert len(set(together)) == 5 and together.dtype == np.float64
        np.testing.assert_array_equal(together, [measure(a[i : i + 1], b[i : i + 1])[0] for i in range(5)])
        monkeypatch.setattr(similarity, "BLOCK", 2 * a[0].size)
        np.testing.assert_array_equal(together, measure(a, b))
        monkeypatch.undo()


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (45, 61, 3), (176, 180, 1), (7, 9, 1)])
def test_equal_images_are_exactly_equal(shape):
    a = noise(2, *shape)
    assert (ms_ssim(a, a.copy()) == 1.0).all()
    assert np.isposinf(psnr(a, a.copy())).all()
    if min(shape[:2]) >= 11:
        assert (ssim(a, a.copy()) == 1.0).all()


def brute_force(a, b):
    """SSIM and cs of two float images (h, w), a window at a time."""
    size = min(11, *a.shape)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * (1.5 * size / 11) ** 2))
    window /= window.sum()
    values = []
    for i in range(a.shape[0] - size + 1):
        for j in range(a.shape[1] - size + 1):
            p, q = a[i : i + size, j : j + size], b[i : i + size, j : j + size]
            m, n = (window * p).sum(), (window * q).sum()
            s, t, u = (window * (p - m) ** 2).sum(), (window * (q - n) ** 2).sum(), (window * (p - m) * (q - n)).sum()
            cs = (2 * u + 58.5225) / (s + t + 58.5225)
            values.append((cs * (2 * m * n + 6.5025) / (m * m + n * n + 6.5025), cs))
    return np.mean(values, axis=0)


@pytest.mark.parametrize(
    "size, levels, windows", [(28, 2, (11, 11)), (28, 3, (11, 11, 7)), (20, 2, (11, 10)), (13, None, (11,))]
)
def test_ms_ssim_equals_a_plain_computation_and_its_window_shrinks(size, levels, windows):
    a, b = waves(size), np.clip(waves(size).astype(int) + noise(1, size, size, 3) // 4 - 30, 0, 255).astype("uint8")
    weights = np.array([0.0448, 0.2856, 0.3001][: len(windows)])
    weights = weights / weights.sum()
    x, y, expected = a[0].astype(float), b[0].astype(float), 1.0
    for level, (weight, window) in enumerate(zip(weights, windows, strict=True)):
        assert min(11, len(x)) == window
        both = np.mean([brute_force(x[..., c], y[..., c]) for c in range(3)], axis=0)
        expected *= both[0 if level == len(windows) - 1 else 1] ** weight
        x, y = (z.reshape(len(z) // 2, 2, len(z) // 2, 2, 3).mean(axis=(1, 3)) if len(z) % 2 == 0 else z for z in (x, y))
    assert 0.2 < expected < 0.98
    assert ms_ssim(a, b, levels)[0] == pytest.approx(expected, abs=1e-12)


def test_levels_follow_the_size_and_published_weights_are_kept_at_five():
    expected = {11: 1, 21: 1, 22: 2, 28: 2, 32: 2, 43: 2, 44: 3, 87: 3, 88: 4, 175: 4, 176: 5}
    for size, levels in expected.items():
        weights = similarity._weights((size, 2 * size), None)
        assert len(weights) == levels
        assert weights.sum() == pytest.approx(1.0001 if levels == 5 else 1.0, abs=1e-12)
    a, b = waves(64), waves(64, amplitude=60.0, phase=0.5)
    assert ms_ssim(a, b)[0] == ms_ssim(a, b, levels=3)[0] != ms_ssim(a, b, levels=5)[0]


def test_odd_sides_repeat_their_last_row():
    a = np.arange(15.0).reshape(1, 3, 5, 1)
    np.testing.assert_allclose(similarity._halved(a)[0, ..., 0], [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]])


def test_an_inverted_image_has_negative_cs_and_a_finite_result():
    a = waves(28)
    assert ssim(a, 255 - a)[0] < -0.5
    assert ms_ssim(a, 255 - a)[0] == 0.0
    assert ms_ssim(a, 255 - a, levels=5)[0] >= 0.0


def test_channels_are_compared_one_by_one():
    # Red and blue change places: the gray values stay as they were.
    a = np.concatenate([waves(28)[..., :1], np.full((1, 28, 28, 1), 128, "uint8"), noise(1, 28, 28, 1)], axis=3)
    b = a[..., ::-1]
    np.testing.assert_array_equal(a.astype(int).sum(axis=3), b.astype(int).sum(axis=3))
    assert ms_ssim(a, b)[0] < 0.6 and ssim(a, b)[0] < 0.6 and psnr(a, b)[0] < 15
    by_channel = [ssim(a[..., c : c + 1], b[..., c : c + 1])[0] for c in range(3)]
    assert ssim(a, b)[0] == pytest.approx(np.mean(by_channel), abs=1e-12)


def test_pairs_are_all_different_and_equally_likely():
    first, second = random_pairs(7, 21, np.random.default_rng(0))
    assert len({(int(i), int(j)) for i, j in zip(first, second, strict=True)}) == 21 and (second < first).all()
    counts = np.zeros((5, 5))
    rng = np.random.default_rng(1)
    for _ in range(3000):
        i, j = random_pairs(5, 1, rng)
        counts[i, j] += 1
    shares = counts[np.tril_indices(5, -1)] / 3000
    assert shares.min() > 0.075 and shares.max() < 0.125
    # Of so many things that every pair can't be listed.
    first, second = random_pairs(3_000_000, 1000, np.random.default_rng(2))
    assert (second < first).all() and second.min() >= 0 and 2_900_000 < first.max() < 3_000_000


def test_mean_over_all_pairs():
    values = np.array([0.0, 1.0, 3.0])
    result = mean_over_pairs(values, lambda a, b: np.abs(a - b), 3)
    assert result == (2.0, pytest.approx(np.sqrt(1.0 / 3)), 3, None)


def test_diversity_falls_with_the_number_of_images_that_a_set_repeats():
    diverse = noise(60, 28, 28, 1)
    one, few = diverse[:1].repeat(60, axis=0), diverse[np.arange(60) % 3]
    means = [ms_ssim_diversity(images, pairs=300).mean for images in (diverse, few, one)]
    assert means[0] < 0.1 < means[1] < 0.5 and means[2] == 1.0
    # Two of three images are equal with probability 19 / 59.
    assert means[1] == pytest.approx(19 / 59 + means[0] * 40 / 59, abs=0.1)
    again = ms_ssim_diversity(diverse, pairs=300, seed=0)
    assert again == ms_ssim_diversity(diverse, pairs=300) != ms_ssim_diversity(diverse, pairs=300, seed=1)
    assert again.pairs == 300 and again.per_class is None and 0.0 < again.standard_error < 0.01


def test_with_labels_pairs_are_of_one_class():
    # Classes of one image each: within a class all is equal, though the set is not.
    labels = np.arange(30) % 3
    images = noise(3, 16, 16, 3)[labels]
    result = ms_ssim_diversity(images, pairs=20, labels=labels)
    assert result == (1.0, 0.0, 60, {0: 1.0, 1: 1.0, 2: 1.0})
    assert ms_ssim_diversity(images, pairs=20).mean < 0.8
    images[labels == 1] = noise(10, 16, 16, 3, seed=5)
    result = ms_ssim_diversity(images, pairs=20, labels=labels)
    assert result.per_class[1] < 0.3 and result.mean == pytest.approx((2 + result.per_class[1]) / 3)
    assert 0 < result.standard_error < 0.02


def test_bad_input_is_named():
    a = noise(2, 16, 16, 3)
    for call, error, words in [
        (lambda: psnr(a / 255.0, a), TypeError, "a must be uint8"),
        (lambda: psnr(a, a[:1]), ValueError, "one shape"),
        (lambda: psnr(a[0], a[0]), ValueError, "a must have the shape"),
        (lambda: psnr(a[:0], a[:0]), ValueError, "no 0"),
        (lambda: psnr(a, (a > 9).astype("uint8")), ValueError, "b must be uint8.*nothing but 0 and 1"),
        (lambda: psnr(a, a, "ycbcr"), ValueError, "'rgb' or 'y'"),
        (lambda: psnr(a[..., :1], a[..., :1], "y"), ValueError, "Received: 1"),
        (lambda: psnr(a, a, border=8), ValueError, "border=8"),
        (lambda: psnr(a, a, border=-1), ValueError, "border=-1"),
        (lambda: ssim(a, a, border=3), ValueError, "11 x 11"),
        (lambda: ms_ssim(a, a, levels=6), ValueError, "1 to 5"),
        (lambda: ms_ssim(a, a, levels=5), ValueError, "one pixel wide"),
        (lambda: ms_ssim_diversity(a, pairs=2), ValueError, "1 different pairs"),
        (lambda: ms_ssim_diversity(a, pairs=1), ValueError, "pairs=1"),
        (lambda: ms_ssim_diversity(a.repeat(5, 0), pairs=5, labels=np.arange(10) // 9), ValueError, "1 images of class 1"),
        (lambda: ms_ssim_diversity(a, pairs=2, labels=np.zeros(2)), ValueError, "labels must be 2 integers"),
    ]:
        with pytest.raises(error, match=words):
            call()
