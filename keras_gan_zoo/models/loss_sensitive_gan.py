"""Loss-sensitive GAN, LS-GAN (Qi, 2017, https://arxiv.org/abs/1701.06264).

D learns a loss L(x), which is low for real samples; as everywhere in the zoo its score is high for them, L = -score.

    loss of D    u E L(x) + E C(t |x - G(z)|_1 + L(x) - L(G(z))),   C(a) = max(a, v a)
    loss of G    E L(G(z))
                 u, t, v = real_weight, margin_scale, slope

A real sample is to beat the one that it is paired with by a margin, their distance summed over all pixels. So D has nothing
more to say of samples that are near the data, and works on the others. No gradient goes through the margin. With v = 0 it is
the LS-GAN, otherwise the generalized one; v = 1 and u = 0 have the gradients of WGAN's critic. `LSGAN` is another game, of
least squares.

Differs from the paper: with u = 0, as in the author's code, the first term is left out and only differences of L count, so
that its values may drift together; batch norm in place of the theory's weight decay, as in that code; Gaussian latents in
place of U(-1, 1).
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from ..base.arguments import check_number
from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..data import Batch
from ..losses import wasserstein_generator_loss
from ..losses.loss_sensitive import margin_loss
from .dcgan import DCGAN

_NO_LABELS = "each real sample is held against a generated one, and neither has a label"


@keras.saving.register_keras_serializable("keras_gan_zoo")
class LossSensitiveGAN(DCGAN):
    """DCGAN whose discriminator keeps real and generated samples apart by no more than their distance.

    The logs show the share of pairs that are not yet far enough apart.

    Args:
        image_shape: (height, width, channels); any size of at least 8.
        latent_dim: number of latent variables.
        margin_scale: margin for a distance of 1 (2e-4, of the author's code, for the 12,288 numbers of 64 x 64 in color;
            such as 3e-3 for 28 x 28 in gray).
        real_weight: weight of the loss of real samples (0 in the author's code).
        slope: what a pair counts that is far enough apart, at most 1 (0).
        **options: as in `DCGAN`.
    """

    log_names = ("active_pairs",)
    refused_options = {
        **dict.fromkeys(("label_smoothing", "fake_label_smoothing", "label_flipping"), _NO_LABELS),
        "ada_target": NO_BOUNDARY,
        "saturating": OWN_LOSS,
    }

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        margin_scale: float = 2e-4,
        real_weight: float = 0.0,
        slope: float = 0.0,
        **options: Any,
    ) -> None:
        self.margin_scale = check_number(margin_scale, "margin_scale")
        self.real_weight = check_number(real_weight, "real_weight")
        self.slope = check_number(slope, "slope", -float("inf"), 1)
        super().__init__(image_shape, latent_dim, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        # Pairs that a small model does not get apart in a few steps, so that all of them teach it something.
        return super().tiny(**{"margin_scale": 1.0, **arguments})

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.5) for name in ("discriminator", "generator")}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return -self.real_weight * ops.mean(real_scores)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        margins = self.margins(real[self.sample], fake[self.sample])
        scores = of_real["scores"], of_fake["scores"]
        self.log("active_pairs", ops.mean(ops.cast(margins - scores[0] + scores[1] > 0, "float32")))
        return margin_loss(*scores, margins, self.slope)

    def margins(self, real: Any, fake: Any) -> Any:
        """margin_scale times the distance of each pair, the sum over all its numbers: (batch,)."""
        distances = ops.sum(ops.abs(real - fake), axis=tuple(range(1, len(real.shape))))
        return self.margin_scale * ops.stop_gradient(distances)

    def generator_loss(self, fake_scores: Any) -> Any:
        return wasserstein_generator_loss(fake_scores)
