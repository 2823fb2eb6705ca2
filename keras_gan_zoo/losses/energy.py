"""Losses of games whose discriminator is an auto-encoder: pure functions of scores, images and codes.

The energy of a sample is the error of its reconstruction, and its score is minus that: high for real, and never above 0.
"""

from typing import Any

from keras import ops


def squared_reconstruction_error(images: Any, copies: Any) -> Any:
    """E(x) = mean (x - D(x))^2 for each sample (EBGAN, https://arxiv.org/abs/1609.03126).

    Args:
        images: (batch, ...), such as images in [-1, 1].
        copies: the same shape.

    Returns:
        (batch,), 0 and more: a mean over pixels, so that it does not grow with the image.
    """
    return ops.mean(ops.square(images - copies), axis=tuple(range(1, len(images.shape))))


def energy_discriminator_loss(real_scores: Any, fake_scores: Any, margin: float) -> Any:
    """E E(x) + E max(0, m - E(G(z))), where a score is -E (Zhao et al., 2016, https://arxiv.org/abs/1609.03126).

    Args:
        real_scores: minus the energies of real samples.
        fake_scores: minus the energies of generated samples.
        margin: the energy m up to which those of generated samples are raised.

    Returns:
        Scalar loss, 0 and more. The hinge is of each sample: those above the margin have no gradient.
    """
    return ops.mean(ops.relu(margin + fake_scores)) - ops.mean(real_scores)


def pulling_away_term(codes: Any) -> Any:
    """Mean of cos^2 of the angle between two codes of a batch, over all pairs of different samples.

        1 / (n (n - 1)) sum_i sum_j!=i (s_i . s_j / (|s_i| |s_j|))^2

    Source: EBGAN (Zhao et al., 2016, https://arxiv.org/abs/1609.03126).

    Args:
        codes: s, (n, units), any sign.

    Returns:
        Scalar in [0, 1]: 1 where all codes point one way, 0 where they are orthogonal; 0 for a single sample.
    """
    unit = codes / ops.sqrt(ops.sum(ops.square(codes), axis=1, keepdims=True) + 1e-12)
    squared = ops.square(ops.matmul(unit, ops.transpose(unit)))
    with_themselves = ops.sum(ops.square(ops.sum(ops.square(unit), axis=1)))
    n = ops.cast(ops.shape(codes)[0], codes.dtype)
    return (ops.sum(squared) - with_themselves) / ops.maximum(n * (n - 1), 1)
