"""3D-GAN (Wu et al., 2016, https://arxiv.org/abs/1610.07584).

The 2014 game on volumes of voxels x in {0, 1}, with a discriminator that waits while it is ahead.

    loss of D      -E log D(x) - E log(1 - D(G(z))),   D = sigmoid(score),   z ~ U(-1, 1)
    loss of G      -E log D(G(z))
    accuracy       (share of D(x) >= 1/2  +  share of D(G(z)) <= 1/2) / 2, on the batch, before D's step
    gate           D takes its step only if accuracy < threshold

A discriminator of volumes learns much faster than their generator, so it also has a learning rate of 1e-5 against the
generator's 2.5e-3. While D waits, its weights and its optimizer stand still, and its loss is not in the logs; the accuracy
always is. The statistics of its batch norm, which training does not read, follow all batches that it sees, including those
that decide whether it waits.

Differs from the paper: latents are drawn from U(-1, 1), not U(0, 1), whose mean outweighs them: with it all chairs are alike
(sides of 16, 2,000 rounds); the accuracy of D takes a pass of its own, so if D does not wait it sees a batch twice; G is
judged on the samples of D's last step, as in `GAN`.
"""

from typing import Any, Self

import keras
from keras import ops

from ..base import LatentSampler, Player, TwoPlayerGame
from ..base.arguments import check_number, check_size
from ..data import Batch, Field, Volumes
from ..data.checks import check_integer
from ..networks.dcgan import check_norm
from ..networks.voxels import NORMS, voxel_discriminator, voxel_generator


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GAN3D(LatentSampler, TwoPlayerGame):
    """Volumes of voxels from noise.

    Args:
        side: side of the volumes (64); a power of two of at least 8.
        latent_dim: number of latent variables (200).
        width: channels at half the side (64).
        discriminator_width: the discriminator's width, where it differs from the generator's.
        discriminator_norm: "batch" (the paper) or None.
        threshold: accuracy at and above which the discriminator waits (0.8), in [0, 1]; above 1 it never does.
        latent_distribution: "uniform" or "normal".
        **options: as in `GAN`.
    """

    sample = "voxels"
    log_names = ("accuracy",)

    def __init__(
        self,
        side: int = 64,
        latent_dim: int = 200,
        *,
        width: int = 64,
        discriminator_width: int | None = None,
        discriminator_norm: str | None = "batch",
        threshold: float = 0.8,
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        # At 0 the discriminator would never move.
        self.threshold = check_number(threshold, "threshold", 0, above=True)
        self.side, self.width = check_integer(side, "side", 8, 1025), check_integer(width, "width", 1)
        self.discriminator_width = check_size(discriminator_width, "discriminator_width")
        self.discriminator_norm = check_norm(discriminator_norm, NORMS, "discriminator_norm")
        super().__init__(latent_dim, latent_distribution=latent_distribution, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return cls(**{"side": 8, "latent_dim": 8, "width": 4, **arguments})

    def fields(self) -> dict[str, Field]:
        return {"voxels": Volumes((self.side,) * 3 + (1,))}

    def default_generator(self) -> keras.Model:
        return voxel_generator(self.side, self.latent_dim, width=self.width)

    def default_discriminator(self) -> keras.Model:
        width = self.discriminator_width or self.width
        return voxel_discriminator(self.side, width=width, norm=self.discriminator_norm)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            "discriminator": keras.optimizers.Adam(1e-5, beta_1=0.5),
            "generator": keras.optimizers.Adam(2.5e-3, beta_1=0.5),
        }

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator._replace(when=self.discriminator_is_behind), generator

    def discriminator_is_behind(self, real: Batch, fake: Batch, losses: dict[str, Any]) -> Any:
        """Whether the discriminator is right on too few of these samples to wait; logs its accuracy."""
        of_real, of_fake = self.judge_pair(real, fake)
        # A score of 0 is right for both.
        right = ops.cast(ops.concatenate([of_real["scores"] >= 0, of_fake["scores"] <= 0]), "float32")
        count = ops.cast(ops.size(right), "float32")
        self.log("accuracy", ops.sum(right) / count)
        # Counts compare exactly. Means do not: XLA multiplies by 1 / count, and makes 160 / 200 less than 0.8.
        return ops.sum(right) < self.threshold * count
