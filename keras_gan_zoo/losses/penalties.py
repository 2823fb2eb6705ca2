"""Penalties on the discriminator: pure functions of its input gradient, and of its scores.

`gradient` is the derivative of the sum of the scores with respect to the input of the discriminator, of shape (batch,
...). A penalty belongs to each sample: norms run over all axes but the first, sums are never replaced by means, and the mean
over the batch comes last. Batch norm in the discriminator would mix the samples, and is not allowed.
"""

from typing import Any

import keras
from keras import ops


def _squared_norm(gradient):
    # Never in less than float32: a sum of many squares would stop growing.
    gradient = ops.cast(gradient, keras.backend.result_type(gradient.dtype, "float32"))
    return ops.sum(ops.square(ops.reshape(gradient, (ops.shape(gradient)[0], -1))), axis=1)


def gradient_penalty(gradient: Any, target: float = 1.0, one_sided: bool = False) -> Any:
    """E (|g| - target)^2 (Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028).

    Args:
        gradient: input gradient of the critic at the interpolates, (batch, ...).
        target: norm that the critic is held to.
        one_sided: whether to penalize only norms above the target (WGAN-LP, https://arxiv.org/abs/1709.08894).

    Returns:
        Scalar, to be multiplied by the penalty weight (10 in the paper).
    """
    # The root has an infinite slope at 0; the guard changes a norm of 1 by 5e-13.
    excess = ops.sqrt(_squared_norm(gradient) + 1e-12) - target
    if one_sided:
        excess = ops.relu(excess)
    return ops.mean(ops.square(excess))


def zero_centered_penalty(gradient: Any) -> Any:
    """E |g|^2 / 2, R1 at real samples and R2 at generated ones (Mescheder et al., 2018, https://arxiv.org/abs/1801.04406).

    Args:
        gradient: input gradient of the discriminator, (batch, ...).

    Returns:
        Scalar, to be multiplied by gamma (the half is the paper's; the authors' code leaves it out).
    """
    return ops.mean(_squared_norm(gradient)) / 2


def lecam_penalty(real_scores: Any, fake_scores: Any, real_average: Any, fake_average: Any) -> Any:
    """E max(0, r - a)^2 + E max(0, b - f)^2 (Tseng et al., 2021, https://arxiv.org/abs/2104.03310).

    It holds real scores at the average of generated ones, and these at that of real ones. The maxima are those of the
    authors' code.

    Args:
        real_scores: scores r of real samples.
        fake_scores: scores f of generated samples.
        real_average: moving average b of the scores of real samples, through which no gradient goes.
        fake_average: moving average a of the scores of generated ones.

    Returns:
        Scalar.
    """
    over, under = ops.relu(real_scores - fake_average), ops.relu(real_average - fake_scores)
    return ops.mean(ops.square(over)) + ops.mean(ops.square(under))
