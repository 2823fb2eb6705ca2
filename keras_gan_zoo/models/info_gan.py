"""InfoGAN (Chen et al., 2016, https://arxiv.org/abs/1606.03657).

The latents are noise z and a code c: a category and numbers in [-1, 1]. A recognition network Q, which shares D's trunk,
guesses the code from the image, and G is rewarded for codes that can be guessed:

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
from typing import Any, Self

import keras
from keras import ops

from ..base import Player
from ..base.arguments import check_number, check_size
from ..base.batches import per_sample
from ..base.wiring import ANY_NUMBER, LATENTS, check_output, check_outputs
from ..data import Batch, Field, Labels, Latents
from ..data.checks import check_integer
from ..losses import categorical_information_loss, gaussian_information_loss
from ..networks import dcgan_generator, info_gan_discriminator, info_gan_recognition
from ..networks.dcgan import check_norm
from ..networks.info_gan import NORMS
from .gan import GAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class InfoGAN(GAN):
    """A generator with codes that a third network can read from its images. It trains on images alone.

    `generate(labels=...)` sets the category; training decides what each category means.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: noise variables (62), U(-1, 1).
        categories: values of the categorical code (10).
        continuous: number of continuous codes, U(-1, 1) (2).
        width: channels at half the image size (64).
        hidden: units of the fully connected layers of G and of the shared trunk (1024).
        discriminator_hidden: the same for D alone, where it differs.
        categorical_weight: w for the category (1).
        continuous_weight: w for the continuous codes (0.1).
        norm: normalization of D and Q, "batch" (the paper), "layer", or None.
        **options: as in `GAN`.
    """

    log_names = ("information",)
    network_names = (*GAN.network_names, "recognition")
    tiny_width = 8

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 62,
        *,
        categories: int = 10,
        continuous: int = 2,
        width: int = 64,
        hidden: int = 1024,
        discriminator_hidden: int | None = None,
        categorical_weight: float = 1.0,
        continuous_weight: float = 0.1,
        norm: str | None = "batch",
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        self.categories = check_integer(categories, "categories", 2)
        self.continuous = check_integer(continuous, "continuous", 1)
        self.hidden, self.norm = check_size(hidden, "hidden"), check_norm(norm, NORMS)
        self.discriminator_hidden = check_size(discriminator_hidden, "discriminator_hidden")
        self.categorical_weight = check_number(categorical_weight, "categorical_weight")
        self.continuous_weight = check_number(continuous_weight, "continuous_weight")
        super().__init__(image_shape, latent_dim, width=width, latent_distribution=latent_distribution, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"hidden": 16, **arguments})

    def default_generator(self) -> keras.Model:
        inputs = self.latent_dim + self.continuous + self.categories
        return dcgan_generator(self.image_shape, inputs, width=self.width, hidden=self.hidden)

    def default_discriminator(self) -> keras.Model:
        return info_gan_discriminator(
            self.image_shape,
            width=self.discriminator_width or self.width,
            hidden=self.discriminator_hidden or self.hidden,
            norm=self.norm,
        )

    def default_recognition(self) -> keras.Model:
        _, features = check_outputs("the discriminator", self.discriminator.outputs, "scores", "features")
        return info_gan_recognition(features.shape[-1], self.categories, self.continuous, norm=self.norm)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        rates = {"discriminator": 2e-4, "generator": 1e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator._replace(networks=(self.discriminator, self.recognition)), generator

    def inputs(self) -> dict[str, Field]:
        # In the order in which they are drawn: the numbers first, so that a seed gives the images that it always gave.
        numbers = Latents((self.continuous,), distribution="uniform")
        return {"numbers": numbers, **super().inputs(), "labels": Labels(classes=self.categories)}

    def make(self, batch: Batch, training: bool) -> Batch:
        category = ops.one_hot(batch["labels"], self.categories)
        inputs = ops.concatenate([batch["latents"], batch["numbers"], category], axis=-1)
        return {self.sample: self.generator(inputs, training=training)}

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "recognition": (ANY_NUMBER, LATENTS)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = self.discriminator(batch[self.sample], training=training)
        scores, features = check_outputs(f"the {by}", said, "scores", "features")
        return {"scores": per_sample(scores), "features": features}

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        return self.information_loss(fake, of_fake["features"])

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.information_loss(fake, of_fake["features"])

    def information_loss(self, fake: Batch, features: Any) -> Any:
        """Returns the weighted loss of guessing the codes of generated images from what D says about them."""
        said = self.recognition(features, training=True)
        logits, means = check_outputs("the recognition network", said, "logits", "means")
        check_output("the logits of the recognition network", logits, (self.categories,))
        check_output("the means of the recognition network", means, (self.continuous,))
        categorical = categorical_information_loss(ops.one_hot(fake["labels"], self.categories), logits)
        self.log("information", math.log(self.categories) - categorical)
        numbers = gaussian_information_loss(fake["numbers"], means)
        return self.categorical_weight * categorical + self.continuous_weight * numbers
