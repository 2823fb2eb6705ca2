"""GAN with a matching-aware discriminator (Reed et al., 2016, https://arxiv.org/abs/1605.05396).

The discriminator is trained on three kinds of pairs: real images with their labels, generated ones with theirs, and real
images with wrong labels c' (GAN-CLS), which teach it that a good image of another class is no answer.

    loss of D    -E log D(x, c) - (1 - w) E log(1 - D(G(z, c), c)) - w E log(1 - D(x, c'))
    loss of G    -E log D(G(z, c), c)

c' is uniform among all classes but c, so that it is never right; w = wrong_weight. Where all is learned, D(x, c) is
1 / (1 + 1 - w) and not 1/2, as no wrong pair looks like it.

With `two_headed` realism and match are scored apart, as in StackGAN (Zhang et al., 2016, https://arxiv.org/abs/1612.03242):
R, which is not told the label, and M, which learns from real images alone.

    loss of D    -E log R(x) - E log(1 - R(G(z, c))) - E log M(x, c) - E log(1 - M(x, c'))
    loss of G    -E log R(G(z, c)) - E log M(G(z, c), c)

Differs from the paper: classes in place of texts, and so wrong labels that are drawn, where a text of another image may fit
as well; no interpolation between labels. In StackGAN's code M learns that generated pairs do not match, too, so that it is
no measure of match alone.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base.arguments import check_number, does_not_apply
from ..base.batches import per_sample
from ..data import Batch
from ..losses import minimax_discriminator_loss, non_saturating_generator_loss
from ..networks.conditional import two_headed_discriminator
from .cgan import CGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class MatchingGAN(CGAN):
    """A conditional GAN whose discriminator also sees real images with wrong labels. It trains on (images, labels).

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        num_classes: number of classes; labels are integers in [0, num_classes).
        wrong_weight: w in [0, 1] (0.5); 0 is `CGAN`. It is for one head alone.
        two_headed: whether realism and match are scored apart, by a discriminator that gives {"scores": ..., "match": ...}.
        **options: as in `CGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 64,
        *,
        num_classes: int = 10,
        wrong_weight: float = 0.5,
        two_headed: bool = False,
        **options: Any,
    ) -> None:
        self.wrong_weight, self.two_headed = check_number(wrong_weight, "wrong_weight", 0, 1), two_headed
        if two_headed and wrong_weight != 0.5:
            raise does_not_apply("wrong_weight", wrong_weight, type(self), "two heads score the wrong pairs apart")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **options)

    def default_discriminator(self) -> keras.Model:
        if self.two_headed:
            return two_headed_discriminator(self.image_shape, **self.discriminator_options())
        return super().default_discriminator()

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        return {name: per_sample(said) for name, said in super().judge(batch, training, by).items()}

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        if self.two_headed:
            return super().discriminator_loss(real_scores, fake_scores)
        return non_saturating_generator_loss(real_scores) + (1.0 - self.wrong_weight) * as_fake(fake_scores)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        of_wrong = self.judge(self.as_judged({**real, "labels": self.wrong_labels(real["labels"])}))
        if self.two_headed:
            return minimax_discriminator_loss(of_real["match"], of_wrong["match"])
        return self.wrong_weight * as_fake(of_wrong["scores"])

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.generator_loss(of_fake["match"]) if self.two_headed else 0.0

    def wrong_labels(self, labels: Any) -> Any:
        """Draws a label for each one, (batch,), uniformly among the other classes."""
        others = self.num_classes - 1
        shift = ops.cast(ops.floor(self.uniform(ops.shape(labels), 0.0, others)), "int32")
        return (labels + 1 + ops.minimum(shift, others - 1)) % self.num_classes


def as_fake(scores: Any) -> Any:
    """-E log(1 - D): the loss of judging samples that are to be refused."""
    return non_saturating_generator_loss(-scores)
