"""Losses between what a discriminator says of real and of generated samples: pure functions of its features."""

from typing import Any

from keras import ops


def feature_matching_loss(real_features: Any, fake_features: Any) -> Any:
    """|E h(x) - E h(G(z))|^2 (Salimans et al., 2016, https://arxiv.org/abs/1606.03498).

    Args:
        real_features: h of real samples, (batch, features).
        fake_features: h of generated samples, (batch, features).

    Returns:
        Scalar, 0 and more: 0 where the means of the batches agree, whatever the samples are. The square is summed over the
        features, where the authors' code takes their mean.
    """
    return ops.sum(ops.square(ops.mean(real_features, axis=0) - ops.mean(fake_features, axis=0)))


def feature_error(features: Any, reconstructed: Any) -> Any:
    """E |h(x) - h(x')|^2 / 2, where x' is the reconstruction of x (VAE-GAN, https://arxiv.org/abs/1512.09300).

    Args:
        features: h of samples, (batch, features).
        reconstructed: h of their reconstructions, of the same shape.

    Returns:
        Scalar, in nats up to a constant: -log N(h(x); h(x'), I), summed over the features.
    """
    return ops.mean(ops.sum(ops.square(features - reconstructed), axis=-1)) / 2
