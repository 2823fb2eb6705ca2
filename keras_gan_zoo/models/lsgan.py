"""Least squares GAN (Mao et al., 2016, https://arxiv.org/abs/1611.04076).

    loss of D    E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2
    loss of G    E (D(G(z)) - c)^2 / 2           a, b, c = fake_label, real_label, target_label

D is linear: there is no sigmoid. With (a, b, c) = (-1, 1, 0) G minimizes a Pearson chi-squared divergence.

Differs from the paper: the DCGAN networks and Adam 2e-4 (the paper's rate for its character data; 1e-3 for LSUN with a
VGG-like generator).
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..losses import least_squares_discriminator_loss, least_squares_generator_loss
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class LSGAN(DCGAN):
    """DCGAN with least squares losses.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        fake_label: target of D for generated images (a).
        real_label: target of D for real images (b).
        target_label: score that G wants from D (c).
        **options: as in `DCGAN`.
    """

    refused_options = {"ada_target": NO_BOUNDARY, "saturating": OWN_LOSS}

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        fake_label: float = 0.0,
        real_label: float = 1.0,
        target_label: float = 1.0,
        **options: Any,
    ) -> None:
        self.fake_label, self.real_label, self.target_label = fake_label, real_label, target_label
        super().__init__(image_shape, latent_dim, **options)

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return least_squares_discriminator_loss(real_scores, fake_scores, self.real_label, self.fake_label)

    def generator_loss(self, fake_scores: Any) -> Any:
        return least_squares_generator_loss(fake_scores, self.target_label)
