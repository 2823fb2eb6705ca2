"""Losses of generators without a gradient through their samples, which are discrete: the score function estimator.

With policy pi and samples y, d/dw E r(y) = E r(y) d/dw log pi(y) (REINFORCE; Williams, 1992). Rewards may be any estimate of
what follows a choice, minus anything that does not depend on it.
"""

from typing import Any

from keras import ops


def policy_gradient_loss(log_probabilities: Any, rewards: Any) -> Any:
    """-E sum_t log pi(y_t | y_1 ... y_t-1) Q_t, whose gradient is that of -E r(y) where Q_t is E[r | y_1 ... y_t].

    Source: SeqGAN (Yu et al., 2016, https://arxiv.org/abs/1609.05473), whose authors sum over the batch too.

    Args:
        log_probabilities: log pi of the tokens that were drawn, (batch, length), each at most 0.
        rewards: action values Q of the same tokens, (batch, length): position t is the expectation once y_t is known. No
            gradient flows through them.

    Returns:
        Scalar: the sum over positions, and the mean over the batch. Only its gradient has a meaning, not its value.
    """
    return -ops.mean(ops.sum(log_probabilities * ops.stop_gradient(rewards), axis=1))
