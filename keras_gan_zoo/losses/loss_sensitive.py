"""What samples of two kinds cost whose losses are to be a margin apart: pure functions of scores."""

from typing import Any

from keras import ops


def margin_loss(real_scores: Any, fake_scores: Any, margins: Any, slope: float = 0.0) -> Any:
    """E C(margin + L(x) - L(G(z))), C(a) = max(a, slope a) (Qi, 2017, https://arxiv.org/abs/1701.06264).

    Args:
        real_scores: scores -L of real samples, (batch,).
        fake_scores: scores -L of the samples that they are paired with, (batch,).
        margins: by how much the losses of each pair are to be apart, (batch,), 0 and more.
        slope: at most 1. 0 leaves pairs alone that are that far apart; 1 is the Wasserstein loss and a constant.

    Returns:
        Scalar.
    """
    short = margins - real_scores + fake_scores
    return ops.mean(slope * short + (1.0 - slope) * ops.relu(short))
