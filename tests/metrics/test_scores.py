import numpy as np
import pytest

from keras_gan_zoo.metrics.scores import ScoreSums, inception_score, split_assignment

LOGITS = 2.5 * np.sin(0.7 * np.arange(1, 31)[:, None] * np.arange(1, 6))


@pytest.mark.parametrize(
    ("splits", "mean", "std"),
    [(1, 1.728109663069, 0.0), (3, 1.722443409909, 0.006059467197), (4, 1.711997816130, 0.101739663171)],
)
def test_golden_values(splits, mean, std):
    assert inception_score(LOGITS, splits, shuffle_seed=None) == pytest.approx((mean, std), abs=1e-11)


def test_bounds():
    assert inception_score(np.zeros((20, 7)), 2) == pytest.approx((1, 0), abs=1e-12)
    sure = 1000.0 * np.eye(5)[np.arange(50) % 5]
    assert inception_score(sure, 1) == pytest.approx((5, 0), rel=1e-12)
    assert inception_score(LOGITS + 1e4, 3, None) == pytest.approx(inception_score(LOGITS, 3, None), rel=1e-9)


@pytest.mark.parametrize("size", [1, 4, 30])
@pytest.mark.parametrize("seed", [None, 2020])
def test_streaming_is_one_shot(size, seed):
    sums = ScoreSums(3, split_assignment(30, 3, seed))
    for start in range(0, 30, size):
        sums.update(LOGITS[start : start + size])
    assert sums.result() == pytest.approx(inception_score(LOGITS, 3, seed), rel=1e-12)


def test_images_of_unknown_number_go_to_the_splits_in_turn():
    sums = ScoreSums(3)
    for part in np.array_split(LOGITS, 7):
        sums.update(part)
    scores = [inception_score(LOGITS[i::3], 1, None).mean for i in range(3)]
    assert sums.result() == pytest.approx((np.mean(scores), np.std(scores)), rel=1e-12)


def test_the_shuffle_is_the_protocols():
    shuffled = LOGITS[np.random.RandomState(2020).permutation(30)]
    assert inception_score(LOGITS, 4) == pytest.approx(inception_score(shuffled, 4, None), rel=1e-12)
    assert inception_score(LOGITS, 4).mean != pytest.approx(inception_score(LOGITS, 4, None).mean, rel=1e-3)


def test_splits_are_contiguous_and_even():
    assert np.bincount(split_assignment(31, 4, None)).tolist() == [7, 8, 8, 8]
    assert (np.diff(split_assignment(31, 4, None)) >= 0).all()


def test_bad_input():
    with pytest.raises(ValueError, match="splits=31"):
        inception_score(LOGITS, 31)
    with pytest.raises(ValueError, match="splits=10"):
        ScoreSums(10).result()
    partial = ScoreSums(3, split_assignment(30, 3))
    partial.update(LOGITS[:29])
    with pytest.raises(ValueError, match="29 of the 30"):
        partial.result()
    with pytest.raises(ValueError, match="more images than the 30"):
        partial.update(LOGITS[:2])
    with pytest.raises(ValueError, match="NaN"):
        inception_score(np.where(LOGITS > 2, np.nan, LOGITS))
    for wrong in (LOGITS[:, 0], LOGITS[:, :1]):
        with pytest.raises(ValueError, match="shape"):
            inception_score(wrong)
