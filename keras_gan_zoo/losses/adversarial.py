"""Adversarial losses: pure functions of scores.

Scores are the raw, linear outputs of the discriminator, float, of any shape (a patch discriminator gives one score per
patch), and a high score means "real". Every function returns a scalar, the mean over all scores. Softplus forms are
used throughout (-log sigmoid(s) = softplus(-s)), so the losses and their gradients stay finite for any finite score.
"""

from typing import Any

from keras import ops


def minimax_discriminator_loss(real_scores: Any, fake_scores: Any) -> Any:
    """-E log D(x) - E log(1 - D(G(z))), with D = sigmoid(score) (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

    Args:
        real_scores: scores of real samples.
        fake_scores: scores of generated samples.

    Returns:
        Scalar loss; 2 log 2 = 1.386 if the discriminator cannot tell real from fake.
    """
    return ops.mean(ops.softplus(-real_scores)) + ops.mean(ops.softplus(fake_scores))


def minimax_generator_loss(fake_scores: Any) -> Any:
    """E log(1 - D(G(z))), the saturating loss of the 2014 game: its gradient vanishes where D rejects the fakes."""
    return -ops.mean(ops.softplus(fake_scores))


def non_saturating_generator_loss(fake_scores: Any) -> Any:
    """-E log D(G(z)), the loss that the 2014 paper trains with; log 2 = 0.693 at equilibrium."""
    return ops.mean(ops.softplus(-fake_scores))


def hinge_discriminator_loss(real_scores: Any, fake_scores: Any) -> Any:
    """E max(0, 1 - r) + E max(0, 1 + f) (Lim and Ye, 2017, https://arxiv.org/abs/1705.02894).

    Args:
        real_scores: scores r of real samples (linear).
        fake_scores: scores f of generated samples.

    Returns:
        Scalar loss; 2 if all scores are 0, and without a gradient where r > 1 and f < -1.
    """
    return ops.mean(ops.relu(1.0 - real_scores)) + ops.mean(ops.relu(1.0 + fake_scores))


def least_squares_discriminator_loss(
    real_scores: Any, fake_scores: Any, real_label: float = 1.0, fake_label: float = 0.0
) -> Any:
    """E (r - b)^2 / 2 + E (f - a)^2 / 2 (Mao et al., 2016, https://arxiv.org/abs/1611.04076).

    Args:
        real_scores: scores r of real samples (linear, no sigmoid).
        fake_scores: scores f of generated samples.
        real_label: target b of real samples.
        fake_label: target a of generated samples.
    """
    return (ops.mean(ops.square(real_scores - real_label)) + ops.mean(ops.square(fake_scores - fake_label))) / 2


def least_squares_generator_loss(fake_scores: Any, target_label: float = 1.0) -> Any:
    """E (f - c)^2 / 2, where c = `target_label` is the score that the generator wants for its samples."""
    return ops.mean(ops.square(fake_scores - target_label)) / 2


def wasserstein_discriminator_loss(real_scores: Any, fake_scores: Any) -> Any:
    """E f - E r (Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875).

    Its negative estimates K times the Wasserstein-1 distance, where K is the Lipschitz constant of the critic.
    """
    return ops.mean(fake_scores) - ops.mean(real_scores)


def wasserstein_generator_loss(fake_scores: Any) -> Any:
    """-E f (Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875); the hinge game's generator has the same loss."""
    return -ops.mean(fake_scores)
