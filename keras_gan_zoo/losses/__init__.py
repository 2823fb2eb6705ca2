"""Pure functions of scores, input gradients, and codes; none of them sees a model."""

from .adversarial import (
    hinge_discriminator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
from .auxiliary import autoencoder_error, categorical_information_loss, gaussian_information_loss
from .penalties import gradient_penalty, zero_centered_penalty

__all__ = [
    "autoencoder_error",
    "categorical_information_loss",
    "gaussian_information_loss",
    "gradient_penalty",
    "hinge_discriminator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
    "zero_centered_penalty",
]
