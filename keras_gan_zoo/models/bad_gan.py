"""Semi-supervised learning with a bad GAN (Dai et al., 2017, https://arxiv.org/abs/1705.09783).

A generator that matches the data teaches a classifier nothing: the borders of the classes are where there are no data. So G
is to be bad, and to fill the space between the classes, in which D then finds none of them. The game is that of
`SemiSupervisedGAN`, with

    loss of D    + entropy_weight E H(softmax l(x'))                      unlabeled samples have one class
    loss of G    + pull_away_weight PT(f(G(z)))                           generated ones are unlike each other
                 + density_weight E max(0, log p(G(z)) - log p_0)         and lie where few data are

PT is the mean of cos^2 of the angles between features, of all pairs of a batch (EBGAN), which stands for the entropy of G. p
is a density of the data, and p_0 that which a tenth of the data falls short of.

Differs from the paper: p is a kernel density, of Gaussians around `references` samples that `adapt` chooses before the first
round, whose variance is that of a sample around the nearest of these; the paper trains a PixelCNN++ for it, and uses it in a
tenth of the late steps. The defaults are those of MNIST, where the paper has the density alone; on SVHN it has 0.1 as
entropy_weight and 0.8 as pull_away_weight. The other bound of the entropy of G, by an encoder, is left out. The epsilon of
Adam is that of `SemiSupervisedGAN`.
"""

import math
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from ..base.arguments import check_number
from ..data import Batch, InvalidData
from ..data.checks import check_integer
from ..losses.energy import pulling_away_term
from ..losses.semi_supervised import conditional_entropy, kernel_log_density, squared_distances
from .semi_supervised_gan import SemiSupervisedGAN

# Of the data, that falls short of the density up to which generated samples are let alone.
_SHARE = 0.1
# Variance of what an 8-bit value stands for, in [-1, 1]: no density can be narrower.
_OF_ROUNDING = (2 / 255) ** 2 / 12


@keras.saving.register_keras_serializable("keras_gan_zoo")
class BadGAN(SemiSupervisedGAN):
    """A classifier that learns from few labels, against a generator of what lies between the classes.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables (100), U(-1, 1).
        entropy_weight: weight of the entropy of the classes of unlabeled samples (0, as in the paper on MNIST).
        pull_away_weight: weight of the pull-away term (0, as there).
        density_weight: weight of the density of generated samples (1e-4).
        references: samples that the density is made of.
        **options: as in `SemiSupervisedGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 100,
        *,
        entropy_weight: float = 0.0,
        pull_away_weight: float = 0.0,
        density_weight: float = 1e-4,
        references: int = 1000,
        **options: Any,
    ) -> None:
        self.entropy_weight = check_number(entropy_weight, "entropy_weight")
        self.pull_away_weight = check_number(pull_away_weight, "pull_away_weight")
        self.density_weight = check_number(density_weight, "density_weight")
        self.references = check_integer(references, "references", 1)
        super().__init__(image_shape, latent_dim, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"references": 6, "entropy_weight": 0.1, "pull_away_weight": 0.8, **arguments})

    def build_more(self) -> None:
        options = {"trainable": False, "dtype": "float32"}
        shape = (self.references, *self.fields()[self.sample].shape)
        self.reference_samples = self.add_weight(name="reference_samples", shape=shape, initializer="zeros", **options)
        self.kernel_variance = self.add_weight(name="kernel_variance", shape=(), initializer="ones", **options)
        self.low_density = self.add_weight(name="low_density", shape=(), initializer="zeros", **options)

    def adapt(self, data: dict[str, np.ndarray]) -> None:
        """Chooses the scales of the discriminator's layers, and the density of the data."""
        rng = np.random.default_rng(0)
        rows = rng.permutation(len(data[self.sample]))[: 2 * self.references]
        # Each once: one that is repeated would be its own neighbor.
        drawn = np.unique(np.asarray(data[self.sample][rows]), axis=0)
        if len(drawn) < 2:
            raise InvalidData(
                f"BadGAN estimates the density of its data, which must hold different {self.sample}. Received: the same "
                "one alone in what it looks at before its first round. Fix: all data as arrays, or larger first batches."
            )
        super().adapt(data)
        samples = ops.convert_to_numpy(self.fields()[self.sample].preprocess(rng.permutation(drawn)))
        chosen, others = np.array_split(samples, 2)
        self.reference_samples.assign(np.resize(chosen, self.reference_samples.shape))
        nearest = ops.convert_to_numpy(squared_distances(others, self.reference_samples)).min(axis=1)
        self.kernel_variance.assign(max(nearest.mean() / math.prod(chosen.shape[1:]), _OF_ROUNDING))
        self.low_density.assign(np.quantile(ops.convert_to_numpy(self.log_density(others)), _SHARE))

    def log_density(self, samples: Any) -> Any:
        """log p of samples, (batch,), up to a constant."""
        return kernel_log_density(samples, self.reference_samples, self.kernel_variance)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        return self.entropy_weight * conditional_entropy(of_real["logits"], self.without_label(real))

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        too_dense = ops.mean(ops.relu(self.log_density(fake[self.sample]) - self.low_density))
        return self.pull_away_weight * pulling_away_term(self.whole(of_fake["features"])) + self.density_weight * too_dense
