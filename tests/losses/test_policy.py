"""The policy gradient against one that is computed exactly, over all sequences of a small policy."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.policy import policy_gradient_loss

# A policy of three tokens and three positions: logits of the next token after 0, 1, 2 and the start.
TABLE = np.sin(np.arange(1.0, 13.0)).reshape(4, 3)
SEQUENCES = np.array(list(itertools.product(range(3), repeat=3)))
BEFORE = np.concatenate([np.full((27, 1), 3), SEQUENCES[:, :2]], axis=1)
LOG_POLICY = TABLE - np.log(np.exp(TABLE).sum(axis=1, keepdims=True))
PROBABILITIES = np.exp(LOG_POLICY[BEFORE, SEQUENCES].sum(axis=1))
FIRST, SECOND, THIRD = SEQUENCES.T
REWARDS = 1 / (1 + np.exp(-(0.8 * FIRST - 0.5 * SECOND * THIRD + 0.3 * THIRD)))
# Of E r by the table, from finite differences.
GRADIENT = np.array(
    [
        [0.007108788, -0.00270381, -0.004404978],
        [0.013694942, 0.001784903, -0.015479846],
        [0.020513265, -0.001003901, -0.019509365],
        [-0.060311242, -0.002740116, 0.063051358],
    ]
)


def expected_reward(after):
    """E [r | the first `after` tokens], for each of the sequences."""
    same = (SEQUENCES[:, None, :after] == SEQUENCES[None, :, :after]).all(axis=-1)
    return (same * PROBABILITIES * REWARDS).sum(axis=1) / (same * PROBABILITIES).sum(axis=1)


VALUES = np.stack([expected_reward(1), expected_reward(2), expected_reward(3)], axis=1)


def log_probabilities(table, sequences=SEQUENCES):
    """Of a policy in a table, a tensor; (n, 3)."""
    before = np.concatenate([np.full((len(sequences), 1), 3), sequences[:, :2]], axis=1)
    logits = ops.take(table, before, axis=0)
    return -ops.sparse_categorical_crossentropy(ops.convert_to_tensor(sequences), logits, from_logits=True)


def gradient_of(differentiate, values):
    """Of E r by the table, as the loss says it, with all sequences in the batch as often as they are drawn."""
    weighted = ops.convert_to_tensor(27 * PROBABILITIES[:, None] * values, "float32")
    _, (gradient,) = differentiate(lambda x: policy_gradient_loss(log_probabilities(x), weighted), TABLE, dtype="float32")
    return -gradient


def test_the_reference_is_that_of_the_specification():
    assert (PROBABILITIES * REWARDS).sum() == pytest.approx(0.629399624297, abs=1e-12)


def test_the_gradient_is_that_of_the_expected_reward(differentiate):
    np.testing.assert_allclose(gradient_of(differentiate, VALUES), GRADIENT, atol=1e-6)


def test_a_baseline_changes_nothing(differentiate):
    for baseline in (0.7, np.array([0.5, -1.0, 2.0])):
        np.testing.assert_allclose(gradient_of(differentiate, VALUES - baseline), GRADIENT, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.roll(VALUES, 1, axis=1), id="shifted"),
        pytest.param(np.stack([expected_reward(t) for t in (0, 1, 2)], axis=1), id="before_the_choice"),
        pytest.param(VALUES[:, ::-1].cumsum(axis=1)[:, ::-1], id="sum_of_what_follows"),
    ],
)
def test_other_values_have_another_gradient(values, differentiate):
    assert np.abs(gradient_of(differentiate, values) - GRADIENT).max() > 5e-3


def test_values_from_before_a_choice_are_a_baseline(differentiate):
    values = np.stack([expected_reward(t) for t in (0, 1, 2)], axis=1)
    np.testing.assert_allclose(gradient_of(differentiate, values), 0.0, atol=1e-6)


def test_samples_estimate_it(differentiate):
    drawn = np.random.default_rng(0).choice(27, size=200_000, p=PROBABILITIES)
    sequences, values = SEQUENCES[drawn], ops.convert_to_tensor(VALUES[drawn], "float32")
    loss = lambda x: policy_gradient_loss(log_probabilities(x, sequences), values)  # noqa: E731
    _, (gradient,) = differentiate(loss, TABLE, dtype="float32")
    # The gradient of each sequence: its values times (which token came - how likely it was), in the row of the one before.
    each = np.zeros((27, 4, 3))
    for t in range(3):
        each[np.arange(27), BEFORE[:, t]] += VALUES[:, t, None] * (
            np.eye(3)[SEQUENCES[:, t]] - np.exp(LOG_POLICY[BEFORE[:, t]])
        )
    mean = np.tensordot(PROBABILITIES, each, 1)
    error = np.sqrt((np.tensordot(PROBABILITIES, each**2, 1) - mean**2) / len(drawn))
    np.testing.assert_allclose(mean, GRADIENT, atol=1e-8)
    assert (np.abs(-gradient - GRADIENT) < 4 * error).all()


@pytest.mark.parametrize("n", [1, 3])
def test_it_sums_over_positions_and_averages_over_the_batch(n):
    rng = np.random.default_rng(1)
    log_policy, rewards = -rng.random((n, 5)).astype("float32"), rng.normal(size=(n, 5)).astype("float32")
    loss = policy_gradient_loss(ops.convert_to_tensor(log_policy), ops.convert_to_tensor(rewards))
    assert float(loss) == pytest.approx(-(log_policy * rewards).sum() / n, rel=1e-6)


def test_no_gradient_goes_through_the_rewards(differentiate):
    log_policy, rewards = np.full((2, 3), -1.0), np.arange(6.0).reshape(2, 3)
    loss = lambda x: policy_gradient_loss(x, ops.convert_to_tensor(rewards, "float32") * x)  # noqa: E731
    _, (gradient,) = differentiate(loss, log_policy, dtype="float32")
    np.testing.assert_allclose(gradient, rewards / 2, atol=1e-6)
