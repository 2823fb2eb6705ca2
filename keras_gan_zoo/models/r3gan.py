"""R3GAN: the GAN is dead; long live the GAN! (Huang et al., 2024, https://arxiv.org/abs/2501.05441).

    loss of D    E log(1 + exp(s - r)) + c / 2 E |grad C(x)|^2 + c / 2 E |grad C(G(z))|^2,   r = C(x), s = C(G(z)), c = gamma
    loss of G    E log(1 + exp(r - s))

Real and generated samples are judged in pairs, and D is held to small slopes at both. The pairing alone has no guarantee to
settle; with the penalties the game does, locally. The networks have residual blocks and no normalization
(`networks/residual.py`).

In the paper the course of a training is that of half a cosine over the first 2e7 images: gamma falls to a tenth, rates fall
to a quarter. `keras.optimizers.schedules.CosineDecay` does both, that of gamma in images and those of rates in steps:

    R3GAN(gamma=CosineDecay(0.05, 20_000_000, alpha=0.1))       Adam(CosineDecay(2e-4, 39_063, alpha=0.25), ...)

Differs from the paper: beta_2 stays at its last value of 0.99, where the paper has it rise from 0.9; a small form, whose
maps double their channels at each halving (the paper's networks for 32 x 32 have width=768 and max_width=768); G is judged
with the real samples of D's last step. Augmentation and the average of the weights are options, off by default.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras

from ..base.arguments import check_annealed, check_classes, check_size
from ..data import Batch
from ..losses import zero_centered_penalty
from ..losses.relativistic import relativistic_loss
from ..networks.dcgan import check_output_activation
from ..networks.residual import residual_discriminator, residual_generator
from .gan import GAN
from .relativistic_gan import REFUSED

_BY_GAMMA = "gamma weighs the penalties on the slopes, at real and at generated samples alike"


@keras.saving.register_keras_serializable("keras_gan_zoo")
class R3GAN(GAN):
    """Pairs of real and generated samples, penalties on the slopes at both, and residual networks.

    The images that it makes have no bounds, unless `output_activation` sets them; those that it gives are cut to [-1, 1].

    Args:
        image_shape: (height, width, channels); one side must exceed `base_size`.
        latent_dim: number of latent variables (64).
        width: channels at the image's own size.
        discriminator_width: the discriminator's width, where it differs from the generator's.
        max_width: the most that doubling leads to; by default there is no limit.
        num_blocks: residual blocks at each size (2).
        group_size: channels in a group of the 3 x 3 convolutions (16).
        base_size: longest side of the smallest map (4).
        gamma: weight of both penalties, 0 and more, or a Keras schedule of it over real images seen; 0.05 for CIFAR-10,
            2 and 150 for faces of 64 x 64 and of 256 x 256, each at the start.
        output_activation: None (the paper), or as in `DCGAN`.
        num_classes: makes it conditional, as in `DCGAN`; labels go to the latents, and what D reads is projected on them.
        **options: as in `GAN`.
    """

    symmetric = True
    refused_options = REFUSED | dict.fromkeys(("r1_gamma", "r1_share", "r2_gamma"), _BY_GAMMA)
    tiny_width = 8

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 64,
        *,
        width: int = 64,
        max_width: int | None = None,
        num_blocks: int = 2,
        group_size: int = 16,
        base_size: int = 4,
        gamma: float | keras.optimizers.schedules.LearningRateSchedule = 0.05,
        output_activation: str | None = None,
        num_classes: int | None = None,
        **options: Any,
    ) -> None:
        self.max_width, self.num_blocks = check_size(max_width, "max_width"), check_size(num_blocks, "num_blocks")
        self.group_size, self.base_size = check_size(group_size, "group_size"), check_size(base_size, "base_size")
        self.gamma, self.num_classes = check_annealed(gamma, "gamma"), check_classes(num_classes)
        self.output_activation = check_output_activation(output_activation)
        super().__init__(image_shape, latent_dim, width=width, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"num_blocks": 1, "group_size": 8, "base_size": 8, "gamma": 10.0, **arguments})

    def default_generator(self) -> keras.Model:
        options = {"width": self.width, "output_activation": self.output_activation, **self._form()}
        return residual_generator(self.image_shape, self.latent_dim, **options)

    def default_discriminator(self) -> keras.Model:
        return residual_discriminator(self.image_shape, width=self.discriminator_width or self.width, **self._form())

    def _form(self):
        names = ("max_width", "num_blocks", "group_size", "base_size", "num_classes")
        return {name: getattr(self, name) for name in names}

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            name: keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
            for name in ("discriminator", "generator")
        }

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return relativistic_loss(real_scores, fake_scores)

    @property
    def penalizes_slopes(self) -> bool:
        return bool(self.gamma)

    def penalty(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        if not self.gamma:
            return 0.0
        slopes = (zero_centered_penalty(self.score_gradient(batch, by)) for batch in (real, fake))
        return self.annealed(self.gamma) * sum(slopes)
