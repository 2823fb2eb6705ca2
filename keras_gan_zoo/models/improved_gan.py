"""Improved techniques for training GANs (Salimans et al., 2016, https://arxiv.org/abs/1606.03498).

A toolbox; each tool has an argument of its own.

    minibatch discrimination   D scores (h(x_i), o(x_i)),   o(x_i)_b = sum_j!=i exp(-|M_ib - M_jb|_1),   M_i = h(x_i) T
    historical averaging       + w |theta - mean of theta over the steps so far|^2 in the loss of each player
    virtual batch norm         G normalizes each sample by a fixed reference batch and by itself
    feature matching           loss of G: |E h(x) - E h(G(z))|^2, in place of the adversarial one

h are the features below D's score, and w = `history_weight`. D sees by o that samples are alike, and so that G has
collapsed. The reference batch is chosen by `adapt`, before the first round. One-sided label smoothing is the option
`label_smoothing`, which every game here has.

Differs from the paper: the networks of DCGAN, without the weight normalization and the noise of its D; a sample is not its
own neighbor in o (as in the authors' code); T begins as N(0, 1 / features). Its semi-supervised game is another one.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from ..base.arguments import check_number, does_not_apply
from ..base.batches import per_sample
from ..base.wiring import check_outputs, layers_of
from ..data import Batch
from ..data.checks import check_integer
from ..layers.minibatch_discrimination import MinibatchDiscrimination
from ..layers.virtual_batch_norm import Reference, virtually_normalized
from ..losses.features import feature_matching_loss
from ..networks.features import with_features
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class ImprovedGAN(DCGAN):
    """DCGAN with the tools against collapse and oscillation of 2016.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        minibatch_kernels: numbers o that D gets of each sample's neighbors (100, the authors' for CIFAR-10); 0 for none.
        minibatch_dims: numbers in each row of M (5).
        history_weight: weight w of historical averaging; 0 for none. The paper does not say its own.
        reference_size: samples in the reference batch of virtual batch norm; 0 for batch norm in G.
        feature_matching: whether G matches the means of D's features, and has no other loss.
        discriminator_norm: None; or "batch", "layer", "spectral".
        **options: as in `DCGAN`.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 100,
        *,
        minibatch_kernels: int = 100,
        minibatch_dims: int = 5,
        history_weight: float = 1e-3,
        reference_size: int = 64,
        feature_matching: bool = False,
        discriminator_norm: str | None = None,
        **options: Any,
    ) -> None:
        self.minibatch_kernels = check_integer(minibatch_kernels, "minibatch_kernels", 0)
        self.minibatch_dims = check_integer(minibatch_dims, "minibatch_dims", 1)
        self.history_weight = check_number(history_weight, "history_weight")
        self.reference_size = check_integer(reference_size, "reference_size", 0)
        self.feature_matching = feature_matching
        super().__init__(image_shape, latent_dim, discriminator_norm=discriminator_norm, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"minibatch_kernels": 4, "minibatch_dims": 3, "reference_size": 6, **arguments})

    def default_generator(self) -> keras.Model:
        generator = super().default_generator()
        return virtually_normalized(generator, self.reference_size) if self.reference_size else generator

    def default_discriminator(self) -> keras.Model:
        layer = None
        if self.minibatch_kernels:
            layer = MinibatchDiscrimination(self.minibatch_kernels, self.minibatch_dims, dtype="float32", name="minibatch")
        return with_features(super().default_discriminator(), layer)

    def check(self) -> None:
        super().check()
        if self.feature_matching and self.options.saturating:
            raise does_not_apply("saturating", True, type(self), "with feature_matching its generator has no other loss")

    def build_more(self) -> None:
        self.adapt({})
        options = {"initializer": "zeros", "trainable": False, "dtype": "float32"}
        names = ("discriminator", "generator") if self.history_weight else ()
        self.past_steps = {name: self.add_weight(name=f"{name}_steps", shape=(), **options) for name in names}
        self.past_means = {
            name: [
                self.add_weight(name=f"{name}_mean_{i}", shape=variable.shape, **options)
                for i, variable in enumerate(getattr(self, name).trainable_variables)
            ]
            for name in names
        }

    def adapt(self, data: dict[str, np.ndarray]) -> None:
        """Chooses the reference batch: latents, and labels as frequent as in the data, if there are any.

        One that was chosen by data before, as that of a generator which was trained, stays.
        """
        # A stream of its own: what networks make of the reference itself is never judged, and gets worse as they train, so
        # no seed of `generate` may draw it.
        rng, drawn, references = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(1,))), {}, {}
        for name, field in self.inputs().items():
            values = drawn[f"{name}_reference"] = field.random(rng, max(self.reference_size, 1))
            if name in data:
                values = np.asarray(data[name])[rng.integers(0, len(data[name]), self.reference_size)]
            references[f"{name}_reference"] = values
        for layer in (*layers_of(self.generator), *layers_of(self.network("generator"))):
            if isinstance(layer, Reference):
                held = ops.convert_to_numpy(layer.reference)
                # Zeros are those of a new layer, and the others those of a new model.
                if not held.any() or np.array_equal(held, drawn[layer.name]):
                    layer.reference.assign(references[layer.name])

    def judge(self, batch: Batch, training: bool = True, by: str = "discriminator") -> Batch:
        said = getattr(self, by)(self.with_conditions(self.sample, batch), training=training)
        scores, features = check_outputs(f"the {by}", said, "scores", "features")
        return {"scores": per_sample(scores), "features": features}

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        if not self.feature_matching:
            return super().generator_objective(real, fake)
        of_real, of_fake = self.judge_pair(real, fake)
        matching = feature_matching_loss(self.whole(of_real["features"]), self.whole(of_fake["features"]))
        return matching + self.generator_extra(real, fake, of_fake)

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        return self.drift("discriminator")

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.drift("generator")

    def drift(self, name: str) -> Any:
        """w |theta - mean|^2 of a network's weights, whose mean over all steps takes in the present one."""
        if not self.history_weight:
            return 0.0
        self.past_steps[name].assign(self.past_steps[name] + 1.0)
        squares = 0.0
        for variable, mean in zip(getattr(self, name).trainable_variables, self.past_means[name], strict=True):
            now = ops.convert_to_tensor(variable)
            mean.assign(mean + (ops.stop_gradient(now) - mean) / self.past_steps[name])
            squares = squares + ops.sum(ops.square(now - mean))
        return self.history_weight * squares
