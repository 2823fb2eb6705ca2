import numpy as np
import pytest

from keras_gan_zoo.metrics import frechet
from keras_gan_zoo.metrics.frechet import Moments, fid_infinity, frechet_distance
from keras_gan_zoo.metrics.kernel import unbiased_mmd
from tests.metrics.golden_sets import A, B


def distance(a, b):
    return frechet_distance(Moments.of(a), Moments.of(b))


def correlated(n, dimension, seed):
    """Features as networks give them: a spectrum over ten decades, no axis special."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(dimension, dimension)))[0]
    scales = 30.0 * 10.0 ** -np.linspace(0, 5, dimension)
    return np.random.default_rng(seed).normal(size=(n, dimension)) * scales @ rotation


def test_golden_value():
    assert distance(A, B) == pytest.approx(2.452941038395, abs=1e-11)
    assert distance(B, A) == pytest.approx(2.452941038395, abs=1e-11)


def test_is_zero_for_equal_sets_whatever_their_size():
    for n in (40, 100, 500):
        x = correlated(n, 100, seed=1)
        assert 0.0 <= distance(x, x.copy()) < 1e-10 * np.trace(np.cov(x, rowvar=False))


def test_is_exact_for_fewer_vectors_than_dimensions_and_for_ill_conditioned_ones():
    for n in (40, 400):
        x, y = correlated(n, 100, seed=1), correlated(n, 100, seed=2) + 0.1
        # The trace of the root is the nuclear norm of the product of the centered sets, which needs no covariance.
        cx, cy = x - x.mean(axis=0), y - y.mean(axis=0)
        trace = np.linalg.svd(cx @ cy.T, compute_uv=False).sum() / (n - 1)
        difference = x.mean(axis=0) - y.mean(axis=0)
        expected = difference @ difference + ((cx**2).sum() + (cy**2).sum()) / (n - 1) - 2 * trace
        assert distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_a_spectrum_like_inceptions_takes_the_fast_way():
    # Eigenvalues of the covariance of Inception's features of MNIST: from 16 down to 8e-6.
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(200, 200)))[0]
    x, y = (
        np.random.default_rng(i).normal(size=(1000, 200)) * np.geomspace(16, 8e-6, 200) ** 0.5 @ rotation for i in (1, 2)
    )
    a, b = Moments.of(x), Moments.of(y)
    exact = np.linalg.svd(a.root.T @ b.root, compute_uv=False).sum()
    assert frechet._root_of_full_rank(a.covariance, b.covariance) == pytest.approx(exact, abs=1e-9)
    assert abs(frechet._root_of_full_rank(a.covariance, a.covariance) - np.trace(a.covariance)) < 1e-9


def test_features_that_repeat_or_rest_are_no_obstacle():
    # A covariance of many vectors that is singular all the same: its root has fewer columns, and no pivot gone astray.
    x, y = correlated(400, 20, seed=1), correlated(400, 20, seed=2) + 0.1
    repeated = [np.concatenate([z, z, np.zeros((400, 5))], axis=1) for z in (x, y)]
    assert Moments.of(repeated[0]).root.shape[1] <= 21
    assert distance(*repeated) == pytest.approx(2 * distance(x, y), rel=1e-9)
    assert distance(repeated[0], repeated[0].copy()) < 1e-10 * np.trace(np.cov(x, rowvar=False))


def test_a_covariance_stored_in_float32_has_a_root_though_it_is_not_quite_one():
    x = Moments.of(correlated(60, 100, seed=1))
    stored = Moments.from_statistics(5000, x.mean, x.covariance.astype("float32"))
    values = np.linalg.eigvalsh(stored.covariance)
    assert values[0] < -1e-9
    # The nearest covariance: a Cholesky factor that runs into rounding is farther off.
    error = np.linalg.norm(stored.root @ stored.root.T - stored.covariance)
    assert error == pytest.approx(np.linalg.norm(np.minimum(values, 0)), rel=1e-6)
    assert frechet_distance(stored, x) < 1e-5 * np.trace(x.covariance)


def test_both_ways_to_the_root_agree(monkeypatch):
    x, y = (np.random.default_rng(i).normal(size=(3000, 100)) * np.arange(1, 101) ** -0.7 for i in (1, 2))
    taken = []
    full_rank = frechet._root_of_full_rank
    monkeypatch.setattr(frechet, "_root_of_full_rank", lambda *a: taken.append(full_rank(*a)) or taken[-1])
    fast = distance(x, y)
    assert taken[0] is not None
    monkeypatch.setattr(frechet, "_root_of_full_rank", lambda *a: None)
    assert distance(x, y) == pytest.approx(fast, rel=1e-9)


def test_the_fast_way_is_left_where_rounding_would_show(monkeypatch):
    x, y = correlated(400, 100, seed=1), correlated(400, 100, seed=2)
    few = Moments.of(x[:90]), Moments.of(y)
    flat = Moments.of(x[:, :1] * np.ones(100)), Moments.of(y)
    for a, b in (few, flat, (Moments.of(x), Moments.of(y))):
        assert frechet._root_of_full_rank(a.covariance, b.covariance) is None


def test_infinity_is_where_the_line_meets_the_axis(monkeypatch):
    monkeypatch.setattr(frechet, "frechet_distance", lambda reference, moments: 3.0 + 500.0 / moments.n)
    result = fid_infinity(A.repeat(100, 0), Moments.of(B), sizes=5, smallest=1000)
    assert result.value == pytest.approx(3, abs=1e-9) and result.slope == pytest.approx(500, rel=1e-9)
    assert result.sizes.tolist() == [1000, 1750, 2500, 3250, 4000]


def test_infinity_removes_the_bias_of_few_fakes():
    rng = np.random.default_rng(7)
    reference = Moments.from_statistics(10**9, np.zeros(20), np.eye(20))
    fakes = rng.normal(size=(6000, 20)) + np.eye(20)[0]
    result = fid_infinity(fakes, reference, smallest=500)
    assert result.value == pytest.approx(1, abs=max(0.1, 3 * result.standard_error))
    assert result.distances[0] > 1.2 and result.slope > 0
    whole = frechet_distance(reference, Moments.of(fakes))
    assert result.distances[-1] == pytest.approx(whole, rel=1e-9)


def test_diagonal_covariances_have_a_closed_form():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([16.0, 1.0, 0.0])
    x = Moments.from_statistics(1000, np.array([0.0, 1.0, 2.0]), np.diag(a))
    y = Moments.from_statistics(1000, np.array([1.0, 1.0, 4.0]), np.diag(b))
    assert frechet_distance(x, y) == pytest.approx(5.0 + 9.0 + 1.0 + 9.0, abs=1e-10)


def test_identity_covariances_leave_the_distance_of_the_means():
    x = Moments.from_statistics(1000, np.zeros(64), np.eye(64))
    y = Moments.from_statistics(1000, np.ones(64), np.eye(64))
    assert frechet_distance(x, y) == pytest.approx(64.0, abs=1e-9)


def test_invariances():
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    shift = np.arange(6.0)
    expected = distance(A, B)
    assert distance(A @ rotation, B @ rotation) == pytest.approx(expected, abs=1e-11)
    assert distance(3 * A, 3 * B) == pytest.approx(9 * expected, abs=1e-10)
    assert distance(A, A + shift) == pytest.approx(shift @ shift, abs=1e-11)


def test_bias_of_equal_gaussians_is_the_predicted_one():
    # 2 d / n + d (d + 1) / (2 n): two-sided, so it fails for a missing term as well as for a doubled one.
    rng = np.random.default_rng(4)
    values = [distance(rng.normal(size=(1000, 10)), rng.normal(size=(1000, 10))) for _ in range(200)]
    error = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(0.075, abs=4 * error)
    assert error < 0.002


def test_a_root_has_no_columns_of_rounding():
    x = correlated(60, 100, seed=1) + 1e4
    streamed = Moments(100)
    for start in range(0, 60, 5):
        streamed.update(x[start : start + 5])
    assert streamed.root.shape == (100, 59)
    assert frechet_distance(streamed, Moments.of(x)) < 1e-10 * np.trace(streamed.covariance)


def test_bias_of_unequal_sizes_and_variances_is_the_predicted_one():
    # (1 / n_a + 1 / n_b) / 2 (2 sum l_i + sum_ij l_i l_j (1 + [i = j]) / (l_i + l_j)), l the eigenvalues.
    rng, values = np.random.default_rng(8), np.arange(1, 9) ** -1.0
    pairs = values[:, None] * values * (1 + np.eye(8)) / (values[:, None] + values)
    expected = (1 / 400 + 1 / 1200) / 2 * (2 * values.sum() + pairs.sum())
    found = [distance(*(rng.normal(size=(n, 8)) * values**0.5 for n in (400, 1200))) for _ in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)
    assert error < 0.03 * expected


def test_moments_are_those_of_numpy_however_the_batches_fall():
    x = np.random.default_rng(5).normal(size=(101, 7)) * np.arange(1, 8) + 10
    whole = Moments.of(x)
    assert (whole.n, whole.dimension) == (101, 7)
    np.testing.assert_allclose(whole.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(whole.covariance, np.cov(x, rowvar=False), rtol=1e-10)
    streamed = Moments(7)
    for start, stop in ((0, 1), (1, 1), (1, 40), (40, 101)):
        streamed.update(x[start:stop])
    merged = Moments.of(x[:30]).merge(Moments(7)).merge(Moments.of(x[30:]))
    for other in (streamed, merged):
        assert other.n == 101
        np.testing.assert_allclose(other.mean, whole.mean, rtol=1e-13)
        np.testing.assert_allclose(other.covariance, whole.covariance, rtol=1e-10, atol=1e-12)


def test_small_variance_about_a_large_mean_survives_float32_input():
    x = (100 + 0.01 * np.random.default_rng(6).normal(size=(5000, 3))).astype("float32")
    moments = Moments(3)
    for batch in np.split(x, 50):
        moments.update(batch)
    np.testing.assert_allclose(np.diag(moments.covariance), x.astype("float64").var(axis=0, ddof=1), rtol=1e-9)


def test_moments_go_on_after_a_distance():
    moments = Moments.of(A[:20])
    frechet_distance(moments, Moments.of(B))
    assert frechet_distance(moments.update(A[20:]), Moments.of(B)) == pytest.approx(2.452941038395, abs=1e-11)


def test_saved_moments_return_the_same(tmp_path):
    moments = Moments.of(A, source={"extractor": "sine"})
    moments.save(tmp_path / "a.npz")
    loaded = Moments.load(tmp_path / "a.npz")
    assert (loaded.n, loaded.source) == (40, {"extractor": "sine"})
    np.testing.assert_array_equal(loaded.mean, moments.mean)
    np.testing.assert_allclose(loaded.covariance, moments.covariance, rtol=1e-14)
    np.savez(tmp_path / "foreign.npz", n=40, mean=moments.mean, covariance=moments.covariance)
    assert Moments.load(tmp_path / "foreign.npz").source == {}


def test_errors():
    with pytest.raises(ValueError, match="shape"):
        Moments(6).update(np.zeros((4, 5)))
    with pytest.raises(ValueError, match="finite"):
        Moments(1).update(np.array([[np.nan]]))
    with pytest.raises(ValueError, match="2 feature vectors"):
        distance(A[:1], B)
    with pytest.raises(ValueError, match="all equal"):
        distance(np.ones((9, 6)), B)
    with pytest.raises(ValueError, match="all equal"):
        # As float32 rounds them in another batch.
        distance(np.array([0.1, 0.1 + 1e-8], "float32")[np.arange(54).reshape(6, 9).T % 2], B)
    for options in ({}, {"smallest": 40}, {"smallest": 9, "sizes": 2}):
        with pytest.raises(ValueError, match="Received: .*40 fakes"):
            fid_infinity(A, Moments.of(B), **options)
    with pytest.raises(ValueError, match="6 and 5 dimensions"):
        distance(A, B[:, :5])
    with pytest.raises(ValueError, match="6 and 5 dimensions"):
        Moments.of(A).merge(Moments.of(B[:, :5]))
    with pytest.raises(ValueError, match="fit"):
        Moments.from_statistics(9, np.zeros(3), np.eye(2))
    with pytest.raises(ValueError, match=r"fit.*\(1, 3\)"):
        Moments.from_statistics(9, np.zeros((1, 3)), np.eye(3))
    with pytest.raises(ValueError, match="symmetric"):
        Moments.from_statistics(9, np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]))
    indefinite = Moments.from_statistics(9, np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(ValueError, match="eigenvalue below 0. Received: -1 "):
        frechet_distance(indefinite, Moments.from_statistics(9, np.zeros(2), np.eye(2)))


def test_moments_of_other_features_are_not_merged():
    inception, classifier = ({"extractor": name} for name in ("inception", "mnist_classifier"))
    with pytest.raises(ValueError, match="same features.*inception.*mnist_classifier"):
        Moments.of(A, inception).merge(Moments.of(B, classifier))
    assert Moments.of(A, inception).merge(Moments.of(B, inception)).n == len(A) + len(B)
    assert Moments.of(A, inception).merge(Moments.of(B)).n == len(A) + len(B)


@pytest.mark.parametrize(
    "features", [np.ma.masked_greater(np.random.default_rng(0).normal(size=(30, 4)), 1), np.ones((30, 4)) * (1 + 2j)]
)
def test_masked_and_complex_features_are_refused(features):
    with pytest.raises(ValueError, match="masked values|real numbers"):
        Moments.of(features)
    with pytest.raises(ValueError, match="masked values|real numbers"):
        unbiased_mmd(features, np.random.default_rng(1).normal(size=(30, 4)))


def test_a_number_of_vectors_must_be_whole_and_sizes_must_differ():
    with pytest.raises(ValueError, match="n must be an integer"):
        Moments.from_statistics(2.9, np.zeros(2), np.eye(2))
    features = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="Received: smallest=10, sizes=15, 20 fakes"):
        fid_infinity(features, Moments.of(features), sizes=15, smallest=10)
