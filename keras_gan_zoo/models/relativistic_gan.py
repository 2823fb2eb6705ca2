"""Relativistic GAN (Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734).

    loss of D    (E f(r - E s) + E f(E r - s)) / 2,   r = C(x), s = C(G(z))
    loss of G    (E f(s - E r) + E f(E s - r)) / 2
    f            log(1 + exp(-t)), (t - 1)^2 or max(0, 1 - t)     (RaSGAN, RaLSGAN, RaHingeGAN)

D says how much more real a sample is than those of the other kind are on the average, so G learns from real samples too: it
is to make their scores fall. With average=False a sample is held against one of the other kind, E f(r - s) and E f(s - r)
(RSGAN); that alone does not keep G from a collapse (`R3GAN`).

Differs from the paper: the half is that of the author's code; G is judged with the real samples of D's last step, beside its
own; DCGAN's networks, with spectral norm in D as in the settings that the paper calls stable.
"""

from collections.abc import Sequence
from typing import Any

import keras

from ..base.options import NO_BOUNDARY, OWN_LOSS
from ..losses.relativistic import FUNCTIONS, relativistic_loss
from .dcgan import DCGAN

# What does not go with scores of which only the differences count.
REFUSED = {
    "label_smoothing": "real samples have no target of their own, only a place above the others",
    "fake_label_smoothing": "generated samples have no target of their own, only a place below the others",
    "top_k": "its generator learns from differences to real samples",
    "ada_target": NO_BOUNDARY,
    "saturating": OWN_LOSS,
}


@keras.saving.register_keras_serializable("keras_gan_zoo")
class RelativisticGAN(DCGAN):
    """DCGAN in which real and generated samples are judged against each other.

    Args:
        image_shape: (height, width, channels); any size of at least 8.
        latent_dim: number of latent variables.
        function: f, "standard" (by default), "least_squares" or "hinge".
        average: whether a sample is held against the mean of the others (RaGAN), or against one of them (RSGAN).
        discriminator_norm: as in `DCGAN`, "spectral" by default.
        **options: as in `DCGAN`.
    """

    symmetric = True
    refused_options = REFUSED

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        function: str = "standard",
        average: bool = True,
        discriminator_norm: str | None = "spectral",
        **options: Any,
    ) -> None:
        if function not in FUNCTIONS:
            raise ValueError(
                f"function must be one of {', '.join(FUNCTIONS)}. Received: function={function!r}. Pass such as 'hinge'."
            )
        self.function, self.average = function, average
        super().__init__(image_shape, latent_dim, discriminator_norm=discriminator_norm, **options)

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return relativistic_loss(real_scores, fake_scores, self.function, self.average)
