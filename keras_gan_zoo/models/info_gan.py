"""InfoGAN (Chen et al., 2016, https://arxiv.org/abs/1606.03657).

The latents are noise z and a code c: a category and numbers in [-1, 1]. A recognition network Q, which shares D's trunk,
guesses the code from the image, and G is paid for codes that can be guessed:

    loss of D and Q   -E log D(x) - E log(1 - D(G(z, c))) - w I
    loss of G         -E log D(G(z, c)) - w I
    I = E log Q(c | G(z, c)) + H(c)  <=  I(c; G(z, c))

Q is a Gaussian of variance 1 for the continuous codes and a softmax for the category; w is `categorical_weight` and
`continuous_weight`. H(c) is a constant and is left out of the losses.

Differs from the paper: tanh and data in [-1, 1] instead of a sigmoid and [0, 1]. Q's variables move with D's optimizer, as
in the authors' code.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..base import Player
from ..base.batches import batch_size_of, per_sample
from ..losses import categorical_information_loss, gaussian_information_loss
from ..networks import dcgan_generator, info_gan_discriminator, info_gan_recognition
from .gan import GAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class InfoGAN(GAN):
    """A generator with codes that a third network can read off its images. It trains on images alone.

    `generate(labels=...)` sets the category; which category means what, training decides.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: noise variables (62), U(-1, 1).
        categories: values of the categorical code (10).
        continuous: number of continuous codes, U(-1, 1) (2).
        width: channels at half the image size (64).
        hidden: units of the fully connected layers of G and of the shared trunk (1024).
        discriminator_width, discriminator_hidden: the same for D alone, where they differ.
        categorical_weight: w for the category (1).
        continuous_weight: w for the continuous codes (0.1).
        norm: normalisation of D and Q, "batch" (the paper), "layer" or None.
        **options: as in `GAN`.
    """

    log_names = (*GAN.log_names, "information")
    takes_labels = False

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 62,
        *,
        categories: int = 10,
        continuous: int = 2,
        width: int = 64,
        hidden: int = 1024,
        discriminator_width: int | None = None,
        discriminator_hidden: int | None = None,
        categorical_weight: float = 1.0,
        continuous_weight: float = 0.1,
        norm: str | None = "batch",
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        self.num_classes, self.continuous, self.hidden, self.norm = categories, continuous, hidden, norm
        self.discriminator_width, self.discriminator_hidden = discriminator_width, discriminator_hidden
        self.categorical_weight, self.continuous_weight = categorical_weight, continuous_weight
        super().__init__(image_shape, latent_dim, width=width, latent_distribution=latent_distribution, **options)

    def default_generator(self) -> keras.Model:
        inputs = self.latent_dim + self.continuous + self.num_classes
        return dcgan_generator(self.image_shape, inputs, width=self.width, hidden=self.hidden)

    def default_discriminator(self) -> keras.Model:
        return info_gan_discriminator(
            self.image_shape,
            width=self.discriminator_width or self.width,
            hidden=self.discriminator_hidden or self.hidden,
            norm=self.norm,
        )

    def build_more(self) -> None:
        features = self.discriminator.outputs[1].shape[-1]
        self.recognition = info_gan_recognition(features, self.num_classes, self.continuous, norm=self.norm)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        rates = {"discriminator": 2e-4, "generator": 1e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator._replace(networks=(self.discriminator, self.recognition)), generator

    def score(self, batch: Any, training: bool = True) -> Any:
        return per_sample(self.discriminator(batch, training=training)[0])

    def discriminator_objective(self, real: Any, fake: Any) -> Any:
        images, codes = ops.stop_gradient(fake[0]), fake[1]
        fake_scores, information_loss = self.judged(images, codes)
        loss = self.labelled_loss(self.score(self.noisy(real)), fake_scores)
        return loss + information_loss + self.penalty(real, images)

    def generator_objective(self, real: Any, fake: Any) -> Any:
        fake_scores, information_loss = self.judged(*fake)
        return self.generator_loss(fake_scores) + information_loss

    def fake_like(self, real: Any) -> Any:
        """Generated images, and their codes: one-hot categories (batch, categories) and numbers (batch, continuous)."""
        n = batch_size_of(real)
        numbers = self.uniform((n, self.continuous))
        categories = ops.cast(ops.floor(self.uniform((n,), 0.0, self.num_classes)), "int32")
        one_hot = ops.one_hot(ops.minimum(categories, self.num_classes - 1), self.num_classes)
        latents = ops.concatenate([self.draw_latents(n), numbers, one_hot], axis=-1)
        return self.generator(latents, training=True), (one_hot, numbers)

    def judged(self, fake: Any, codes: Any) -> tuple[Any, Any]:
        """Scores of generated images, and the weighted loss of guessing their codes."""
        scores, features = self.discriminator(self.noisy(fake), training=True)
        logits, means = self.recognition(features, training=True)
        categorical = categorical_information_loss(codes[0], logits)
        self.log("information", math.log(self.num_classes) - categorical)
        numbers = gaussian_information_loss(codes[1], means)
        return per_sample(scores), self.categorical_weight * categorical + self.continuous_weight * numbers

    def noise(self, rng: np.random.Generator, n: int) -> np.ndarray:
        numbers = rng.uniform(-1.0, 1.0, (n, self.continuous)).astype("float32")
        return np.concatenate([super().noise(rng, n), numbers], axis=-1)

    def conditioned(self, latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.concatenate([latents, np.eye(self.num_classes, dtype="float32")[labels]], axis=-1)
