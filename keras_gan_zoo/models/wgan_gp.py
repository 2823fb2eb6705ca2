"""Wasserstein GAN with gradient penalty (Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028).

    loss of the critic    E C(G(z)) - E C(x) + w E (|grad C(x')| - 1)^2,   x' = e x + (1 - e) G(z),   e ~ U(0, 1)
    loss of G             -E C(G(z))

e is one number for each sample, the norm runs over all pixels of a sample, and w = penalty_weight. The critic has no batch
norm, which would make each score depend on the whole batch.

Differs from the paper: G is judged on the samples of D's last step, as in `GAN`. The networks are those of the authors'
MNIST script (DIM = 64), continued by the same rule to other sizes.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base.arguments import check_classes, check_number, check_size
from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..data import Batch
from ..losses import gradient_penalty, wasserstein_discriminator_loss, wasserstein_generator_loss
from ..networks import dcgan_discriminator, dcgan_generator
from ..networks.dcgan import check_norm, check_output_activation
from .gan import GAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class WGANGP(GAN):
    """A critic that is held to gradients of norm 1 between the data and the samples.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (128).
        width: channels of the critic's first map (64); the generator mirrors it.
        kernel_size: side of all kernels (5); 4 is a third cheaper, and a multiple of the stride.
        generator_norm: None (the MNIST script), "batch" (the authors' CIFAR-10 networks) or "layer". The critic has none.
        penalty_weight: weight of the penalty (10).
        one_sided: whether to penalize only norms above 1 (WGAN-LP, https://arxiv.org/abs/1709.08894).
        n_critic: critic steps in a round (5).
        output_activation: as in `DCGAN`.
        num_classes: as in `DCGAN`; the penalty is then on the gradient by the images, under their labels.
        **options: as in `GAN`.
    """

    refused_options = {"ada_target": NO_BOUNDARY, "saturating": OWN_LOSS}
    tiny_width = 8

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 128,
        *,
        width: int = 64,
        kernel_size: int = 5,
        generator_norm: str | None = None,
        penalty_weight: float = 10.0,
        one_sided: bool = False,
        n_critic: int = 5,
        output_activation: str | None = "tanh",
        num_classes: int | None = None,
        **options: Any,
    ) -> None:
        self.num_classes = check_classes(num_classes)
        self.kernel_size = check_size(kernel_size, "kernel_size")
        self.generator_norm = check_norm(generator_norm, name="generator_norm")
        self.output_activation = check_output_activation(output_activation)
        self.penalty_weight, self.one_sided = check_number(penalty_weight, "penalty_weight"), one_sided
        super().__init__(image_shape, latent_dim, width=width, n_critic=n_critic, **options)

    def default_generator(self) -> keras.Model:
        return dcgan_generator(
            self.image_shape,
            self.latent_dim,
            width=self.width,
            kernel_size=self.kernel_size,
            norm=self.generator_norm,
            base_size=4,
            num_classes=self.num_classes,
            output_activation=self.output_activation,
        )

    def default_discriminator(self) -> keras.Model:
        return dcgan_discriminator(
            self.image_shape,
            width=self.discriminator_width or self.width,
            kernel_size=self.kernel_size,
            norm=None,
            base_size=4,
            num_classes=self.num_classes,
        )

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9) for name in ("discriminator", "generator")}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return wasserstein_discriminator_loss(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Any) -> Any:
        return wasserstein_generator_loss(fake_scores)

    @property
    def penalizes_slopes(self) -> bool:
        return bool(self.penalty_weight) or super().penalizes_slopes

    def penalty(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        if not self.penalty_weight:
            return super().penalty(real, fake, by)
        between = self.interpolates(real[self.sample], fake[self.sample])
        gradient = self.score_gradient({**real, self.sample: between}, by)
        return super().penalty(real, fake, by) + self.penalty_weight * gradient_penalty(gradient, one_sided=self.one_sided)

    def interpolates(self, real: Any, fake: Any) -> Any:
        """Draws one point, uniformly, on the segment from each generated sample to a real one."""
        return fake + self.shares(real) * (real - fake)

    def shares(self, samples: Any) -> Any:
        """Draws a number from U(0, 1) for each sample, of a shape that goes with theirs."""
        return self.uniform((ops.shape(samples)[0],) + (1,) * (len(samples.shape) - 1), 0.0, 1.0)
