"""MAD-GAN (Ghosh et al., 2017, https://arxiv.org/abs/1704.02906).

k = `generators` generators against one D, which gives each sample k + 1 logits: of having been made by generator i, and of
being real. With p their softmax,

    loss of D      -E log p_real(x) - sum_i E log p_i(G_i(z))
    loss of G_i    -E log p_real(G_i(z))             (saturating=True: E log(1 - p_real(G_i(z))))

To tell the generators apart D must push them to different parts of the data. With the score of a sample,

    score = logit_real - log sum_i exp(logit_i),   p_real = sigmoid(score)

this is the game of the GAN, in which each generator has the weight of the data, and beside it a cross-entropy: which of the
generators has made a fake. Samples are drawn from all generators alike.

Differs from the paper: the generators share one batch of fakes between them, instead of making one each, and their loss is
the mean over it, which is theirs divided by k. MAD-GAN-Sim, of the appendix, is left out.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
from keras import ops

from ..base.wiring import ANY_NUMBER, check_output
from ..data import Batch, Field
from ..data.checks import check_integer
from ..data.labels import Members
from ..losses import categorical_information_loss
from ..networks import dcgan_discriminator, dcgan_generator
from ..networks.mixtures import mixture
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MADGAN(DCGAN):
    """DCGAN of several generators, which the discriminator tells apart.

    `generate(members=2)` draws from the third generator.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        generators: their number k (4). They share their first layer, as in the paper for images of one kind; a network of
            one's own takes latents [, labels] and the index of the generator, such as `networks.mixtures.mixture` makes.
        width: channels of each generator at half the image size, and of D.
        **options: as in `DCGAN`.
    """

    _WHY = "the discriminator names the generator of a sample, and a real one has none"
    refused_options: ClassVar[dict[str, str]] = dict.fromkeys(
        ("label_smoothing", "fake_label_smoothing", "label_flipping"), _WHY
    )

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        generators: int = 4,
        width: int = 64,
        **options: Any,
    ) -> None:
        self.generators = check_integer(generators, "generators", 1)
        super().__init__(image_shape, latent_dim, width=width, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"generators": 2, **arguments})

    def default_generator(self) -> keras.Model:
        options = self.generator_options()
        members = [
            dcgan_generator(self.image_shape, self.latent_dim, name=f"generator_{i}", **options)
            for i in range(self.generators)
        ]
        return mixture(members, shared="base_relu")

    def default_discriminator(self) -> keras.Model:
        return dcgan_discriminator(self.image_shape, outputs=self.generators + 1, **self.discriminator_options())

    def inputs(self) -> dict[str, Field]:
        return {**super().inputs(), "members": Members(classes=self.generators)}

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "discriminator": (ANY_NUMBER,)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = super().judge(batch, training, by)
        logits = check_output("the logits of the discriminator", said["scores"], (self.generators + 1,))
        made, real = logits[:, :-1], logits[:, -1]
        return {**said, "scores": real - ops.logsumexp(made, axis=-1), "makers": made}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return ops.mean(ops.softplus(-real_scores)) + self.generators * ops.mean(ops.softplus(fake_scores))

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        makers = ops.one_hot(fake["members"], self.generators)
        return self.generators * categorical_information_loss(makers, of_fake["makers"])
