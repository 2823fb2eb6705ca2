"""Losses of discriminators that tell classes apart, where some labels are unknown: pure functions of logits.

K logits l stand for K + 1 classes: the logit of the class "generated" is fixed at 0, so that D(x) = sigmoid(Z(x)) is the
probability that a sample is real, with Z = log sum exp l. A label of -1 says that the class is not known.

Sources: Salimans et al., 2016 (https://arxiv.org/abs/1606.03498), and for the entropy Dai et al., 2017
(https://arxiv.org/abs/1705.09783).
"""

import math
from typing import Any

from keras import ops


def mean_over(values: Any, chosen: Any) -> Any:
    """Mean over those samples that are chosen.

    Args:
        values: (batch, ...).
        chosen: (batch,), booleans.

    Returns:
        Shape of one sample; 0 where none is chosen.
    """
    weights = ops.cast(chosen, values.dtype)
    return ops.tensordot(weights, values, axes=1) / ops.maximum(ops.sum(weights), 1)


def supervised_loss(logits: Any, labels: Any) -> Any:
    """Cross-entropy E (log sum exp l - l_y) of the samples whose label is known.

    Args:
        logits: l, (batch, classes).
        labels: y, integers (batch,) in [0, classes), or -1.

    Returns:
        Scalar, in nats; 0 where no label is known.
    """
    labels = ops.convert_to_tensor(labels)
    of_label = ops.sum(logits * ops.one_hot(ops.maximum(labels, 0), logits.shape[-1], dtype=logits.dtype), axis=-1)
    return mean_over(ops.logsumexp(logits, axis=-1) - of_label, labels >= 0)


def unsupervised_loss(real_scores: Any, fake_scores: Any, chosen: Any) -> Any:
    """(-E log D(x) - E log(1 - D(G(z)))) / 2, where the first mean is over real samples that are chosen.

    Args:
        real_scores: Z of real samples, (batch,).
        fake_scores: Z of generated samples, (batch,).
        chosen: (batch,), booleans: which real samples count.

    Returns:
        Scalar.
    """
    return (mean_over(ops.softplus(-real_scores), chosen) + ops.mean(ops.softplus(fake_scores))) / 2


def conditional_entropy(logits: Any, chosen: Any) -> Any:
    """E H(softmax(l)) of the samples that are chosen.

    Args:
        logits: l, (batch, classes).
        chosen: (batch,), booleans.

    Returns:
        Scalar, in nats, from 0 to log(classes).
    """
    entropies = ops.logsumexp(logits, axis=-1) - ops.sum(ops.softmax(logits) * logits, axis=-1)
    return mean_over(entropies, chosen)


def squared_distances(samples: Any, references: Any) -> Any:
    """|x - r|^2 of each pair.

    Args:
        samples: x, (n, ...).
        references: r, (m, ...), of the same shape of one sample.

    Returns:
        (n, m), each 0 or more.
    """
    samples, references = (ops.reshape(x, (-1, math.prod(references.shape[1:]))) for x in (samples, references))
    squares = ops.sum(ops.square(samples), axis=1)[:, None] + ops.sum(ops.square(references), axis=1)[None]
    return ops.maximum(squares - 2.0 * ops.matmul(samples, ops.transpose(references)), 0.0)


def kernel_log_density(samples: Any, references: Any, variance: Any) -> Any:
    """log of the mean over the references r of exp(-|x - r|^2 / (2 variance)): a density up to a constant.

    Args:
        samples: x, (n, ...).
        references: r, (m, ...).
        variance: of the Gaussians in each direction, scalar.

    Returns:
        (n,), 0 and less.
    """
    exponents = -squared_distances(samples, references) / (2.0 * variance)
    return ops.logsumexp(exponents, axis=1) - math.log(references.shape[0])
