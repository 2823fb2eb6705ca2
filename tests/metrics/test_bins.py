import numpy as np
import pytest

from keras_gan_zoo.metrics import bins as module
from keras_gan_zoo.metrics.bins import compare_histograms, number_of_different_bins


def blobs(n, seed, modes=20, dropped=()):
    rng = np.random.default_rng(seed)
    centers = 8 * np.random.default_rng(99).normal(size=(modes, 4))
    kept = [i for i in range(modes) if i not in dropped]
    return centers[rng.choice(kept, n)] + rng.normal(size=(n, 4))


def test_golden_values():
    result = compare_histograms([300, 250, 200, 150, 100], [144, 80, 80, 80, 16])
    np.testing.assert_allclose(result.z, [-2.17933921, 1.99120126, 0, -2.28090485, 3.67903363], atol=1e-8)
    np.testing.assert_allclose(result.p_values, [0.0293065, 0.0464588, 1, 0.0225541, 0.000234119], rtol=1e-5)
    assert result.ndb == 4
    assert result.jsd == pytest.approx(0.011190551493, abs=1e-12)


def test_a_bin_is_different_at_the_level_of_five_percent():
    for fakes, p_value, number in (([540, 460], 0.0735, 0), ([545, 455], 0.0441, 2)):
        result = compare_histograms([500, 500], fakes)
        assert result.ndb == number
        assert result.p_values[0] == pytest.approx(p_value, abs=2e-4)


def test_bins_that_hold_nothing_or_everything():
    result = compare_histograms([0, 10, 0], [0, 20, 0])
    assert result.ndb == 0 and result.jsd == 0 and (result.z == 0).all()
    assert compare_histograms([10, 0], [0, 10]).jsd == pytest.approx(np.log(2))


def test_equal_distributions_and_a_lost_mode():
    real = blobs(4000, 0)
    same = number_of_different_bins(real, blobs(2000, 1), bins=40)
    assert 0 <= same.ndb / 40 <= 0.15
    lost = number_of_different_bins(real, blobs(2000, 1, dropped=(3, 4)), bins=40)
    assert lost.ndb >= same.ndb + 3 and lost.jsd > 3 * same.jsd
    assert same.real_shares.sum() == pytest.approx(1) and same.fake_shares.sum() == pytest.approx(1)


def test_bins_are_those_of_k_means():
    real = blobs(2000, 0).astype("float32")
    assigned, centers = module._clusters(real, 20, np.random.default_rng(0))
    distances = ((real[:, None] - centers) ** 2).sum(axis=2)
    np.testing.assert_array_equal(assigned, distances.argmin(axis=1))
    for i in range(20):
        np.testing.assert_allclose(centers[i], real[assigned == i].mean(axis=0), atol=1e-4)
    # The noise about the true modes, of variance 1 in 4 dimensions, is the least that bins can leave; a split mode and
    # two merged ones, as one start may give, leave more.
    assert 0.9 * 4 < distances.min(axis=1).mean() < 3 * 4


def test_blocks_do_not_matter(monkeypatch):
    real, fake = blobs(600, 0), blobs(500, 1)
    whole = number_of_different_bins(real, fake, bins=10)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert number_of_different_bins(real, fake, bins=10).fake_shares.tolist() == whole.fake_shares.tolist()


def test_the_seed_decides_and_a_shift_of_all_does_not_matter():
    real, fake = blobs(600, 0), blobs(500, 1)
    a, b = (number_of_different_bins(real, fake, bins=10, seed=3) for _ in range(2))
    assert a.jsd == b.jsd and a.ndb == b.ndb
    assert number_of_different_bins(real + 1000, fake + 1000, bins=10, seed=3).jsd == pytest.approx(a.jsd, rel=1e-3)


def test_bad_input():
    with pytest.raises(ValueError, match="bins=100, 50"):
        number_of_different_bins(blobs(50, 0), blobs(50, 1))
    with pytest.raises(ValueError, match="at most the 5 distinct.*bins=9"):
        number_of_different_bins(blobs(5, 0).repeat(30, axis=0), blobs(50, 1), bins=9)
    with pytest.raises(ValueError, match="hold a sample at least"):
        compare_histograms([0, 0], [1, 2])
    with pytest.raises(ValueError, match="NaN"):
        number_of_different_bins(blobs(200, 0), np.full((9, 4), np.nan))


@pytest.mark.parametrize("counts", [[1, np.nan], [5, -1], [2], [[1, 2]]])
def test_what_is_no_histogram_of_these_bins_is_refused(counts):
    with pytest.raises(ValueError, match="Histograms must"):
        compare_histograms(counts, [1, 2])
