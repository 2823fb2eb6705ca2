"""Losses of K + 1 classes against NumPy in float64, and their golden values."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.energy import pulling_away_term
from keras_gan_zoo.losses.semi_supervised import conditional_entropy, mean_over, supervised_loss, unsupervised_loss

LABELED, LABELS = np.array([[1, -0.5, 2], [0.3, 0.1, -1.2]]), np.array([2, 0])
UNLABELED, FAKE = np.array([[0.2, 1.5, -0.3], [-2, -1, 0.5]]), np.array([[-1, 0.4, 0], [2, 1, -0.5]])
ALL = np.ones(2, bool)


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, "float32"))


def scores(logits):
    return ops.logsumexp(tensor(logits), axis=-1)


def log_softmax(logits):
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def as_classes(logits):
    """log probabilities of K + 1 classes, the last being the generated one, in float64."""
    return log_softmax(np.concatenate([logits, np.zeros((len(logits), 1))], axis=1))


def unsupervised(real, fake, chosen):
    return float(unsupervised_loss(scores(real), scores(fake), chosen))


def test_golden_values():
    assert float(supervised_loss(tensor(LABELED), LABELS)) == pytest.approx(0.542700318131, rel=1e-6)
    assert unsupervised(UNLABELED, FAKE, ALL) == pytest.approx(1.084318434063, rel=1e-6)
    assert float(conditional_entropy(tensor(UNLABELED), ALL)) == pytest.approx(0.748249906698, rel=1e-6)
    features = [[1, 2, 0.5], [0, 1, -1], [2, -1, 1]]
    assert float(pulling_away_term(tensor(features))) == pytest.approx(0.185185185185, rel=1e-6)


def test_they_are_the_cross_entropies_of_the_classes():
    rng = np.random.default_rng(0)
    real, fake, labels = rng.normal(0, 3, (7, 4)), rng.normal(0, 3, (5, 4)), rng.integers(0, 4, 7)
    of_real, of_fake = as_classes(real), as_classes(fake)
    expected = (-np.log(1 - np.exp(of_real[:, -1])).mean() - of_fake[:, -1].mean()) / 2
    assert unsupervised(real, fake, np.ones(7, bool)) == pytest.approx(expected, rel=1e-6)
    expected = -log_softmax(real)[np.arange(7), labels].mean()
    assert float(supervised_loss(tensor(real), labels)) == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(-of_real[np.arange(7), labels].mean(), rel=0.01)  # given that the sample is real
    expected = -(np.exp(log_softmax(real)) * log_softmax(real)).sum(axis=1).mean()
    assert float(conditional_entropy(tensor(real), np.ones(7, bool))) == pytest.approx(expected, rel=1e-6)


def test_a_number_added_to_all_logits_changes_the_scores_alone():
    assert float(supervised_loss(tensor(LABELED + 3), LABELS)) == pytest.approx(0.542700318131, rel=1e-6)
    assert float(conditional_entropy(tensor(UNLABELED + 3), ALL)) == pytest.approx(0.748249906698, rel=1e-6)
    assert abs(unsupervised(UNLABELED + 3, FAKE + 3, ALL) - 1.084318434063) > 0.5


def test_each_mean_is_over_the_samples_it_is_about(differentiate):
    logits, labels = np.concatenate([LABELED, UNLABELED]), np.array([2, 0, -1, -1])
    _, (gradient,) = differentiate(lambda x: supervised_loss(x, labels), logits.astype("float32"))
    _, (alone,) = differentiate(lambda x: supervised_loss(x, LABELS), LABELED.astype("float32"))
    np.testing.assert_array_equal(gradient[2:], 0)
    np.testing.assert_allclose(gradient[:2], alone, atol=1e-7)
    assert unsupervised(logits, FAKE, labels < 0) == pytest.approx(1.084318434063, rel=1e-6)
    entropy = float(conditional_entropy(tensor(logits), labels < 0))
    assert entropy == pytest.approx(0.748249906698, rel=1e-6)
    assert float(supervised_loss(tensor(logits), np.full(4, -1))) == 0
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(mean_over(tensor(rows), np.array([True, False, True])), rows[[0, 2]].mean(axis=0))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_they_are_finite_far_out(dtype, differentiate):
    logits, labels = np.array([[200.0, -200.0], [-200.0, -200.0]], "float32"), np.array([1, 0])

    def total(x):
        z = ops.logsumexp(x, axis=-1)
        return supervised_loss(x, labels) + unsupervised_loss(z, z, ALL) + conditional_entropy(x, ALL)

    value, (gradient,) = differentiate(total, logits, dtype=dtype)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    assert value == pytest.approx((400 + np.log(2)) / 2 + (200 - np.log(2)) / 2 + np.log(2) / 2, rel=0.02)
