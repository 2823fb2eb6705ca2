"""Auxiliary classifier GAN (Odena et al., 2017, https://arxiv.org/abs/1610.09585).

The discriminator is not told the class of an image but finds it: beside its score it gives a logit for each class.

    L_S = E log D(x) + E log(1 - D(G(z, c)))                the source of an image
    L_C = E log P(c | x) + E log P(c | G(z, c))             its class
    loss of D    -L_S - w L_C
    loss of G    -E log D(G(z, c)) - w E log P(c | G(z, c))

A fake has the class of a real image of the same batch, so classes have the data's own frequencies; w = class_weight. The
discriminator classifies real images too, which is what `classify` returns and "accuracy" in the logs counts.

Differs from the paper: strided networks of DCGAN without dropout, where it has some; the label enters G beside the latents
as a one-hot vector; one model for all classes, where the paper has one for each ten of ImageNet.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..base.arguments import check_number
from ..base.classifying import Classifying
from ..base.wiring import check_output
from ..data import Batch
from ..networks import dcgan_discriminator
from .cgan import CGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ACGAN(Classifying, CGAN):
    """A conditional generator, and a discriminator that tells the class. It trains on (images, labels).

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        num_classes: number of classes; labels are integers in [0, num_classes).
        class_weight: w, the weight of the classes in both losses (1).
        **options: as in `CGAN`; a `discriminator` of your own takes images alone and gives 1 + num_classes numbers, the
            score and then the logits.
    """

    inference_names = ("generator", "discriminator")

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 64,
        *,
        num_classes: int = 10,
        class_weight: float = 1.0,
        **options: Any,
    ) -> None:
        self.class_weight = check_number(class_weight, "class_weight")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **options)

    def default_discriminator(self) -> keras.Model:
        options = {**self.discriminator_options(), "num_classes": None}
        return dcgan_discriminator(self.image_shape, outputs=1 + self.num_classes, **options)

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = super().judge(batch, training, by)["scores"]
        said = check_output("what the discriminator says of an image", said, (1 + self.num_classes,))
        return {"scores": said[:, 0], "logits": said[:, 1:]}

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        self.log_accuracy(real["labels"], of_real["logits"])
        return self.class_loss(real, of_real) + self.class_loss(fake, of_fake)

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.class_loss(fake, of_fake)

    def class_loss(self, batch: Batch, said: Batch) -> Any:
        """Returns -w E log P(c | x) of a batch, from all that D says of it; scalar."""
        entropy = ops.sparse_categorical_crossentropy(batch["labels"], said["logits"], from_logits=True)
        return self.class_weight * ops.mean(entropy)
