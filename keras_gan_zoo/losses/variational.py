"""Losses of variational auto-encoders: pure functions of what an encoder says."""

from typing import Any

from keras import ops


def gaussian_divergence(means: Any, log_variances: Any) -> Any:
    """E KL(N(mean, variance) || N(0, I)) (Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114).

    Args:
        means: (batch, latent_dim).
        log_variances: logarithms of the variances, of the same shape.

    Returns:
        Scalar, in nats: summed over the latents, and the mean over the batch; 0 where the code is the prior.
    """
    terms = ops.square(means) + ops.exp(log_variances) - 1.0 - log_variances
    return ops.mean(ops.sum(terms, axis=-1)) / 2
