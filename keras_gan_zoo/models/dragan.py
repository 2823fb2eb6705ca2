"""DRAGAN: deep regret analytic GAN (Kodali et al., 2017, https://arxiv.org/abs/1705.07215).

    loss of D    E -log D(x) + E -log(1 - D(G(z))) + w E (|grad C(x')| - 1)^2,   D = sigmoid(C)
    loss of G    E -log D(G(z))
    x'           x + share * spread * noise,   share ~ U(0, 1),   spread = 1/2 std(all numbers of the batch x)

The 2014 game, with the penalty of WGAN-GP around the data alone, wherever the samples are: sharp gradients of D near real
points are what the authors see before a collapse. The gradient is that of the score C, share is one number for each sample,
and w = penalty_weight.

Differs from the paper: the noise is by default that of the authors' notebook, U(0, 1) and so never negative, where the text
has a Gaussian of fixed variance; networks of WGAN-GP's MNIST script in place of the notebook's, which have one hidden layer
of 128 units; Gaussian latents in place of U(-1, 1).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base import TwoPlayerGame
from .wgan_gp import WGANGP

NOISES = ("positive", "symmetric", "normal")


@keras.saving.register_keras_serializable("keras_gan_zoo")
class DRAGAN(WGANGP):
    """The 2014 game with a discriminator that is held to gradients of norm 1 around the data.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (100).
        noise: "positive", U(0, 1) in each pixel (the authors' notebook); "symmetric", U(-1, 1); or "normal", N(0, 1).
        n_critic: discriminator steps in a round (1).
        **options: as in `WGANGP`, among them `penalty_weight` (10).
    """

    # Scores are logits here, unlike those of a critic.
    refused_options = {}

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 100,
        *,
        noise: str = "positive",
        n_critic: int = 1,
        **options: Any,
    ) -> None:
        if noise not in NOISES:
            raise ValueError(f"noise must be one of {', '.join(NOISES)}. Received: noise={noise!r}. Pass 'positive'.")
        self.noise = noise
        super().__init__(image_shape, latent_dim, n_critic=n_critic, **options)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9) for name in ("discriminator", "generator")}

    discriminator_loss = TwoPlayerGame.discriminator_loss
    generator_loss = TwoPlayerGame.generator_loss

    def interpolates(self, real: Any, fake: Any) -> Any:
        """One point for each real sample, on the way from it to a noisy copy."""
        shape = ops.shape(real)
        if self.noise == "normal":
            noise = self.normal(shape)
        else:
            noise = self.uniform(shape, 0.0 if self.noise == "positive" else -1.0, 1.0)
        # Of the whole batch, by two numbers of each of the devices that share it.
        mean = self.mean_over_replicas(ops.mean(real))
        deviation = ops.sqrt(self.mean_over_replicas(ops.mean(ops.square(real - mean))))
        return real + self.shares(real) * deviation / 2 * noise
