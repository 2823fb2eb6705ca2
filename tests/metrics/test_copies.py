"""Memorization and the birthday-paradox test."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_gan_zoo.metrics.copies import birthday_paradox, memorization
from tests.metrics.golden_sets import A, B


def test_a_dataset_with_copies_has_a_threshold_of_distinct_images():
    rng = np.random.default_rng(6)
    real = rng.normal(size=(300, 8))
    copied = np.concatenate([real, real[:50]])
    expected = np.quantile(np.sort(cdist(real[50:], real), axis=1)[:, 1], 0.01)
    assert birthday_paradox(real, copied, 100).threshold == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="distinct"):
        birthday_paradox(real, np.concatenate([real, real]), 100)


def test_memorization():
    rng = np.random.default_rng(3)
    train, test, fresh = (rng.normal(size=(n, 6)) for n in (500, 400, 300))
    copies = train[100:200] + 1e-3
    result = memorization(train, test, copies)
    assert result.share_near_train == 1 and result.p_value < 1e-9 and result.ks_statistic > 0.95
    assert result.nearest.tolist() == list(range(100, 200))
    np.testing.assert_allclose(result.test_distances, cdist(test, train).min(axis=1), rtol=1e-9)
    honest = memorization(train, test, fresh)
    assert honest.share_near_train < 0.05 and honest.p_value > 0.01


def test_birthday_paradox_finds_the_size_of_the_support():
    rng = np.random.default_rng(4)
    stored = rng.normal(size=(10_000, 3))
    fake = stored[rng.integers(0, 10_000, 200 * 118)]
    result = birthday_paradox(fake, stored[:500], batch_size=118, threshold=1e-9)
    assert 0.4 < result.share < 0.6
    assert 10_000 / 1.5 < result.support < 10_000 * 1.5
    assert (result.batches, result.bound) == (200, "")


def test_birthday_paradox_without_an_answer_gives_a_bound():
    rng = np.random.default_rng(5)
    real = rng.normal(size=(300, 8))
    never = birthday_paradox(rng.normal(size=(400, 8)), real, 100, threshold=1e-9)
    always = birthday_paradox(real[np.arange(400) % 3], real, 100)
    assert (never.share, never.bound, always.share, always.bound) == (0, "at least", 1, "at most")
    assert never.support > 30_000 and always.support < 3_000
    distances = np.sort(cdist(real, real), axis=1)[:, 1]
    assert always.threshold == pytest.approx(np.sqrt(np.quantile(distances**2, 0.01)))


def test_bad_input():
    with pytest.raises(ValueError, match="Received: 41, and 40 fakes"):
        birthday_paradox(A, B, 41)
    with pytest.raises(ValueError, match="one dimension"):
        memorization(A, B, A[:, :2])


def test_held_out_images_of_the_training_set_do_not_hide_copies():
    rng = np.random.default_rng(3)
    train, test = rng.normal(size=(500, 8)), rng.normal(size=(200, 8))
    test[:4] = train[:4]
    assert memorization(train, test, train[:200]).share_near_train == 1.0
    with pytest.raises(ValueError, match="test must hold images that train does not"):
        memorization(train, train[:50], test)


@pytest.mark.parametrize("threshold", [-5.0, float("nan")])
def test_a_threshold_that_is_no_distance_is_refused(threshold):
    fakes = np.random.default_rng(0).normal(size=(100, 4))
    with pytest.raises(ValueError, match="threshold must be a distance of at least 0"):
        birthday_paradox(fakes, fakes, 50, threshold=threshold)
