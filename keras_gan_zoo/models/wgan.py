"""Wasserstein GAN with weight clipping (Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875).

    loss of the critic    E C(G(z)) - E C(x)       its negative estimates K W_1(data, model)
    loss of G             -E C(G(z))
    after each critic step, every trainable weight of the critic   w <- clip(w, -c, c),   c = clip_limit

Differs from the paper: G is judged on the samples of D's last step, as in `GAN`. From the authors' code: 5 critic steps in
every round, as in Algorithm 1, where the code takes 100 for the first 25 rounds and for each 500th; it clips after the step,
as Algorithm 1 does, and not before.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.arguments import check_number
from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..layers import WeightClip
from ..losses import wasserstein_discriminator_loss, wasserstein_generator_loss
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class WGAN(DCGAN):
    """DCGAN networks that play for the Wasserstein distance, with a clipped critic.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        clip_limit: largest absolute value of a critic weight, including biases and norms (0.01).
        n_critic: critic steps in a round (5).
        **options: as in `DCGAN`.
    """

    refused_options = {"ada_target": NO_BOUNDARY, "saturating": OWN_LOSS}

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        clip_limit: float = 0.01,
        n_critic: int = 5,
        **options: Any,
    ) -> None:
        # At 0 the critic would have no weights left.
        self.clip_limit = check_number(clip_limit, "clip_limit", 0, above=True)
        super().__init__(image_shape, latent_dim, n_critic=n_critic, **options)
        for variable in self.discriminator.trainable_variables:
            variable.constraint = WeightClip(clip_limit)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """RMSProp without momentum, with which the paper saw training fail."""
        rmsprop = {"rho": 0.99, "epsilon": 1e-8}
        return {name: keras.optimizers.RMSprop(5e-5, **rmsprop) for name in ("discriminator", "generator")}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return wasserstein_discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        return wasserstein_generator_loss(fake_scores)
