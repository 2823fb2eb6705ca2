"""Semi-supervised learning with a GAN (Salimans et al., 2016, https://arxiv.org/abs/1606.03498).

The discriminator tells K classes and generated samples apart, by K logits l: that of the class "generated" is fixed at 0.

    Z(x) = log sum_k exp l_k(x),   D = sigmoid(Z)
    loss of D    E (Z(x) - l_y(x)) - E log D(x') / 2 - E log(1 - D(G(z))) / 2
    loss of G    |E f(x') - E f(G(z))|^2 / number of features

x are the samples whose label y is known, x' those whose label is not, and f are D's features below the logits (feature
matching). So D learns from labeled samples which class is which, and from all others where its classes end.

A label of -1 says that the class is not known. Where both kinds are in the data, every other sample of each batch of `fit`
is a labeled one, as in the paper, which draws a batch of each: a hundred labels among 60,000 images would be met too seldom
otherwise. An epoch then passes over half of the others. Data that come in batches keep what is in them. A batch of labeled
samples alone, as of data without any -1, takes all of them for x' too.

Differs from the paper: the rates of Bad GAN (Dai et al., 2017, https://arxiv.org/abs/1705.09783), whose long memory of
gradients keeps the players in balance, where with 0.003 for both D has won within a thousand rounds here; Adam's epsilon of
1e-4, which is the authors' 1e-8 under the root; G answers D on the batch of D's step instead of a fresh one; the default has
no average of D's weights (`ema_half_life` asks for one, without the authors' start from 0).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops, tree

from ..base.arguments import check_number
from ..base.classifying import Classifying
from ..base.wiring import ANY_NUMBER, check_output, check_outputs
from ..data import Batch, Field, Images, Labels
from ..data.checks import check_integer
from ..layers.weight_norm import initialize_by_data
from ..losses.features import feature_matching_loss
from ..losses.semi_supervised import mean_over, supervised_loss, unsupervised_loss
from ..networks.semi_supervised import noisy_classifier, softplus_generator
from .gan import GAN

# Samples on which the scales of the discriminator's layers are chosen.
_FIRST = 500
_OWN_LOSS = "its losses are those of K + 1 classes and of feature matching"


@keras.saving.register_keras_serializable("keras_gan_zoo")
class SemiSupervisedGAN(Classifying, GAN):
    """A classifier that learns from few labels and many samples without one, against a generator that matches its features.

    It trains on (images, labels), labels being integers in [0, num_classes) or -1; `classify(images)` tells the classes, and
    the logs have the accuracy on the labeled ones.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (100), U(-1, 1).
        num_classes: number of classes K.
        width: units of the generator's layers (500).
        discriminator_width: units of the discriminator's first layer (twice those of the generator).
        image_noise: standard deviation of the noise on what D sees, which are images in [0, 1] (0.3).
        noise: that of the noise on the units of each of D's layers (0.5).
        **options: as in `GAN`. A discriminator of your own gives [logits (batch, num_classes), features (batch, n)].
    """

    inference_names = averaged_names = ("generator", "discriminator")
    refused_options: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "label_smoothing",
            "fake_label_smoothing",
            "label_flipping",
            "lecam_weight",
            "lecam_decay",
            "consistency_weight",
            "fake_consistency_weight",
            "ada_target",
            "saturating",
            "top_k",
        ),
        _OWN_LOSS,
    )

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 100,
        *,
        num_classes: int = 10,
        width: int = 500,
        image_noise: float = 0.3,
        noise: float = 0.5,
        latent_distribution: str = "uniform",
        **options: Any,
    ) -> None:
        self.num_classes = check_integer(num_classes, "num_classes", 2)
        self.image_noise, self.noise = check_number(image_noise, "image_noise"), check_number(noise, "noise")
        super().__init__(image_shape, latent_dim, width=width, latent_distribution=latent_distribution, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        # Without noise: Keras draws other numbers on each backend, and compiled by XLA.
        return super().tiny(**{"num_classes": 3, "width": 8, "image_noise": 0.0, "noise": 0.0, **arguments})

    def fields(self) -> dict[str, Field]:
        labels = Labels(classes=self.num_classes, names=self.class_names, unknown=True)
        return {self.sample: Images(self.image_shape), "labels": labels}

    def conditions(self) -> dict[str, Field]:
        return {}

    def default_generator(self) -> keras.Model:
        return softplus_generator(self.image_shape, self.latent_dim, width=self.width)

    def default_discriminator(self) -> keras.Model:
        width, noise = self.discriminator_width or 2 * self.width, (self.image_noise, self.noise)
        return noisy_classifier(self.image_shape, self.num_classes, width=width, noise=noise)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        rates = {"discriminator": (3e-3, 0.5), "generator": (1e-3, 0.0)}
        return {name: keras.optimizers.Adam(rate, beta_1, 0.9999, 1e-4) for name, (rate, beta_1) in rates.items()}

    def adapt(self, data: dict[str, np.ndarray]) -> None:
        """Chooses the scales of the discriminator's weight-normalized layers."""
        samples = self.fields()[self.sample].preprocess(np.asarray(data[self.sample][:_FIRST]))
        initialize_by_data(self.discriminator, samples)
        self.network("discriminator").set_weights(self.discriminator.get_weights())

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {**super().reaches(), "discriminator": (ANY_NUMBER,)}

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = getattr(self, by)(batch[self.sample], training=training)
        logits, features = check_outputs(f"the {by}", said, "logits", "features")
        check_output(f"the logits of the {by}", logits, (self.num_classes,))
        return {"scores": ops.logsumexp(logits, axis=-1), "logits": logits, "features": features}

    def judging_loss(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        # Means are over the samples with a label, or without one, of the global batch.
        of_real, of_fake = (tree.map_structure(self.whole, said) for said in self.judge_pair(real, fake, by))
        labels = self.whole(real["labels"])
        self.log_accuracy(labels, of_real["logits"])
        of_classes = supervised_loss(of_real["logits"], labels)
        of_scores = unsupervised_loss(of_real["scores"], of_fake["scores"], self.without_label(real))
        return of_classes + of_scores + self.penalty(real, fake, by) + self.discriminator_extra(real, fake, of_real, of_fake)

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        # In two calls: no gradient goes through the real ones.
        of_real, of_fake = (self.judge(self.as_judged(batch)) for batch in (real, fake))
        mean = mean_over(self.whole(of_real["features"]), self.without_label(real))
        matching = feature_matching_loss(mean[None], self.whole(of_fake["features"])) / mean.shape[0]
        return matching + self.generator_extra(real, fake, of_fake)

    def without_label(self, real: Batch) -> Any:
        """Which samples of the global batch count as those without a label, (n,): all of them if each one has one."""
        unknown = self.whole(real["labels"]) < 0
        return ops.logical_or(unknown, ops.logical_not(ops.any(unknown)))
