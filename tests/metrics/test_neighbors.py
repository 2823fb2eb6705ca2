import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_gan_zoo.metrics import neighbors
from keras_gan_zoo.metrics.manifolds import density_coverage, manifold_metrics, precision_recall
from keras_gan_zoo.metrics.neighbors import manifold_radii
from tests.metrics.golden_sets import A, B

HARD = [
    # (real, fake): far from the origin; on a grid, where nearly all distances are ties; copies of a few points.
    lambda rng: (rng.normal(size=(70, 5)) + 1000, rng.normal(size=(50, 5)) + 1000),
    lambda rng: (rng.integers(0, 4, (70, 3)).astype(float), rng.integers(0, 4, (50, 3)).astype(float)),
    lambda rng: (rng.normal(size=(9, 3))[rng.integers(0, 9, 70)], rng.normal(size=(9, 3))[rng.integers(0, 9, 50)]),
]


def brute(real, fake, k):
    """(precision, recall, density, coverage), by the definitions, from all distances."""
    own = [np.sort(cdist(x, x) + np.diag(np.full(len(x), np.inf)), axis=1)[:, k - 1] for x in (real, fake)]
    between = cdist(real, fake)
    return (
        (between <= own[0][:, None]).any(axis=0).mean(),
        (between <= own[1]).any(axis=1).mean(),
        (between < own[0][:, None]).sum() / (k * len(fake)),
        (between < own[0][:, None]).any(axis=1).mean(),
    )


@pytest.mark.parametrize(
    ("k", "precision", "recall", "density", "coverage"),
    [(3, 0.75, 0.825, 0.741666667, 0.475), (5, 0.975, 1.0, 0.785, 0.725)],
)
def test_golden_values(k, precision, recall, density, coverage):
    assert precision_recall(A, B, k) == (precision, recall)
    assert density_coverage(A, B, k) == pytest.approx((density, coverage), abs=1e-9)


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("k", [1, 3])
def test_blocks_give_what_all_distances_give(monkeypatch, block, case, k):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    real, fake = HARD[case](np.random.default_rng(case))
    found = (*precision_recall(real, fake, k), *density_coverage(real, fake, k))
    # Ties are decided by exact distances; those of cdist are exact on the grid, and the copies' too.
    assert found == pytest.approx(brute(real, fake, k), abs=1e-12)
    assert manifold_metrics(real, fake, k, k + 2) == (*found[:2], *density_coverage(real, fake, k + 2))


def test_radii():
    expected = np.sort(cdist(A, A), axis=1)[:, 4]
    np.testing.assert_allclose(manifold_radii(A, 4), expected, rtol=1e-12)
    # A copy is another point at distance 0, not the point itself.
    assert manifold_radii(np.array([[0.0], [0.0], [3.0]]), 1).tolist() == [0, 0, 3]


def test_many_equal_distances_do_not_hide_the_nearest(monkeypatch):
    # More near ties than there are spare candidates, in an order that float32 cannot see.
    points = np.concatenate([np.zeros((1, 2)), 1e3 + 1e-7 * np.arange(60)[:, None] * np.array([[1.0, -1.0]])])
    shuffled = points[np.random.default_rng(0).permutation(61)]
    expected = np.sort(cdist(shuffled, shuffled), axis=1)[:, 2]
    np.testing.assert_allclose(manifold_radii(shuffled, 2), expected, rtol=1e-9)


def test_float32_input_is_measured_like_float64(monkeypatch):
    monkeypatch.setattr(neighbors, "BLOCK", 64)
    rng = np.random.default_rng(8)
    real, fake = (abs(rng.normal(size=(n, 300))).astype("float32") + 5 for n in (200, 150))
    fake[:20] = real[:20]
    real[30:40] = real[40:50]
    for k in (1, 4):
        expected = brute(real.astype("float64"), fake.astype("float64"), k)
        assert manifold_metrics(real, fake, k, k) == pytest.approx(expected, abs=1e-12)


def test_far_sets_and_equal_sets():
    assert precision_recall(A, A + 100) == (0, 0)
    assert density_coverage(A, A + 100) == (0, 0)
    assert precision_recall(A, A) == (1, 1)
    assert density_coverage(A, A).coverage == 1


def test_rotation_and_scale_do_not_matter():
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    assert precision_recall(3 * A @ rotation, 3 * B @ rotation) == precision_recall(A, B)
    assert density_coverage(3 * A @ rotation, 3 * B @ rotation) == density_coverage(A, B)


@pytest.mark.parametrize(("m", "n", "k"), [(200, 200, 5), (200, 100, 3)])
def test_expectation_for_equal_distributions(m, n, k):
    rng = np.random.default_rng(1)
    found = np.array([density_coverage(rng.normal(size=(m, 8)), rng.normal(size=(n, 8)), k) for _ in range(60)])
    coverage = 1 - np.prod([(m - i) / (m + n - i) for i in range(1, k + 1)])
    error = found.std(axis=0) / np.sqrt(60)
    assert abs(found[:, 0].mean() - 1) < 4 * error[0]
    assert abs(found[:, 1].mean() - coverage) < 4 * error[1]
    # One neighbor more or less would show.
    assert error[1] < 0.25 * abs(coverage - (1 - np.prod([(m - i) / (m + n - i) for i in range(1, k)])))


def test_an_outlier_raises_precision_but_hardly_density():
    rng = np.random.default_rng(2)
    real = rng.normal(size=(200, 4))
    fake = rng.normal(size=(200, 4)) + 12
    outlier = np.vstack([real, np.full((1, 4), 20.0)])
    assert precision_recall(real, fake).precision == 0
    assert precision_recall(outlier, fake).precision > 0.95
    assert density_coverage(outlier, fake).density < 0.25


def test_bad_input():
    with pytest.raises(ValueError, match="real must have 4 or more rows.*3 rows"):
        precision_recall(A[:3], B)
    with pytest.raises(ValueError, match="k=0"):
        density_coverage(A, B, 0)
    with pytest.raises(ValueError, match="NaN"):
        precision_recall(A, np.full((9, 6), np.nan))
    with pytest.raises(ValueError, match="fake must vary"):
        density_coverage(A, np.ones((9, 6)))
    with pytest.raises(ValueError, match="fit into float32"):
        precision_recall(A * 1e30, B)
    with pytest.raises(ValueError, match="fake must have 6 or more rows.*5 rows"):
        manifold_metrics(A, B[:5], 3, 5)
