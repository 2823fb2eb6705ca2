"""Losses besides the adversarial ones: pure functions of tensors."""

import math
from typing import Any

from keras import ops


def categorical_information_loss(codes: Any, logits: Any) -> Any:
    """Cross-entropy E -log Q(c | x) of a categorical code, whose negative plus H(c) bounds I(c; G(z, c)) from below.

    Source: InfoGAN (Chen et al., 2016, https://arxiv.org/abs/1606.03657).

    Args:
        codes: one-hot codes (batch, categories).
        logits: raw outputs of Q, (batch, categories).

    Returns:
        Scalar, in nats: log(categories) if Q knows nothing, 0 if it knows the code.
    """
    log_probability = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    return -ops.mean(ops.sum(codes * log_probability, axis=-1))


def gaussian_information_loss(codes: Any, means: Any) -> Any:
    """E -log N(c; mean, 1), summed over the continuous codes, with the fixed variance of the authors' MNIST run.

    Source: InfoGAN (Chen et al., 2016, https://arxiv.org/abs/1606.03657).

    Args:
        codes: continuous codes (batch, number of codes), in [-1, 1].
        means: outputs of Q, (batch, number of codes).

    Returns:
        Scalar, in nats: log(2 pi) / 2 = 0.919 for each code if Q is exact.
    """
    return ops.mean(ops.sum((ops.square(codes - means) + math.log(2 * math.pi)) / 2, axis=-1))


def autoencoder_error(images: Any, reconstructions: Any) -> Any:
    """L(x) = mean |x - D(x)| for each sample: the energy of EBGAN-like games (BEGAN, https://arxiv.org/abs/1703.10717).

    Args:
        images: (batch, height, width, channels) in [-1, 1].
        reconstructions: the same shape.

    Returns:
        (batch,), each 0 or more.
    """
    return ops.mean(ops.abs(images - reconstructions), axis=tuple(range(1, len(images.shape))))
