import numpy as np
import pytest

from keras_gan_zoo.metrics.kernel import kernel_distance, unbiased_mmd
from tests.metrics.golden_sets import A, B


def direct(x, y):
    """The definition, with loops."""
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    m, n = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(k(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return xx + yy - 2 * np.mean([k(a, b) for a in x for b in y])


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_golden_value_at_any_block_size(block):
    assert unbiased_mmd(A, B, block) == pytest.approx(1.179824072768, rel=1e-11)


def test_unequal_sizes():
    assert unbiased_mmd(A[:13], B) == pytest.approx(direct(A[:13], B), rel=1e-12)
    assert unbiased_mmd(A, B) == pytest.approx(unbiased_mmd(B, A), rel=1e-12)


def test_one_subset_of_everything_is_the_whole():
    result = kernel_distance(A, B, subsets=3, subset_size=40)
    assert result.mean == pytest.approx(unbiased_mmd(A, B), rel=1e-12)
    assert result.std < 1e-12


def test_subsets_are_those_of_the_protocol():
    rng = np.random.RandomState(5)
    values = []
    for _ in range(4):
        fake = B[rng.choice(40, 10, replace=False)]
        values.append(direct(A[rng.choice(40, 10, replace=False)], fake))
    result = kernel_distance(A, B, subsets=4, subset_size=10, seed=5)
    assert result == pytest.approx((np.mean(values), np.std(values)), rel=1e-11)


def test_equal_distributions_are_at_no_distance_on_average():
    rng = np.random.default_rng(0)
    values = [unbiased_mmd(rng.normal(size=(40, 5)), rng.normal(size=(50, 5))) for _ in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    # A clipped estimate would not be unbiased.
    assert min(values) < 0


def test_float32_features_are_summed_in_float64():
    shifted = (A + 30).astype("float32"), (B + 30).astype("float32")
    assert unbiased_mmd(*shifted) == pytest.approx(unbiased_mmd(*(x.astype("float64") for x in shifted)), rel=1e-12)


def test_bad_input():
    with pytest.raises(ValueError, match="subset_size=1000, 40 real"):
        kernel_distance(A, B)
    for subsets, size in ((0, 10), (3, 1)):
        with pytest.raises(ValueError, match="must be an integer of at least"):
            kernel_distance(A, B, subsets, size)
    with pytest.raises(ValueError, match="one dimension"):
        unbiased_mmd(A, B[:, :3])
    with pytest.raises(ValueError, match="fake must be finite.*NaN"):
        unbiased_mmd(A, np.where(B > 1, np.nan, B))
    with pytest.raises(ValueError, match="real must vary"):
        unbiased_mmd(np.ones((5, 6)), B)
