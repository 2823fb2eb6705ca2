"""StyleGAN2 at a small size (Karras et al., 2019, https://arxiv.org/abs/1912.04958).

A mapping network makes a style w of latents z, each convolution of the generator takes it, and noise n of each pixel adds
details. The game is that of 2014 with regularizers that are computed now and then, and count for the rounds between:

    loss of D    E softplus(-D(x)) + E softplus(D(G(z)))  +  K E |grad D(x)|^2 gamma / 2      every K-th round
    loss of G    E softplus(-D(G(z)))                     +  M p E (|J^T y| - a)^2            every M-th round

    J^T y = grad_w sum G(w) y / sqrt(height x width),   y ~ N(0, 1),   a <- a + 0.01 (E |J^T y| - a)

K = r1_interval, M = path_length_interval, p = path_length_weight; |J^T y| is the root of the mean over the layers of its
squared norm in each. Style mixing gives some images the style of other latents from a random layer on.

Differs from the paper: D takes its step first; the regularizers are added to the steps of their players, so that their
optimizers need no correction; path lengths and style mixing are off unless they are asked for, as in the authors' later
settings for CIFAR-10 (https://arxiv.org/abs/2006.06676), whose gamma and plain discriminator these are; a narrow network by
default; the borders of images that are summed, which are filtered by zeros around them, as in the authors' code.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree

from ..base.arguments import check_classes, check_number
from ..base.batches import batch_size_of
from ..data import Batch, Field, Noise
from ..data.checks import check_integer
from ..layers.style import AveragedStyles
from ..losses import zero_centered_penalty
from ..networks.dcgan import check_output_activation
from ..networks.stylegan2 import style_discriminator, style_generator, style_mapping
from .gan import GAN

# Share of the mean of path lengths that a step renews.
PATH_LENGTH_DECAY = 0.01


@keras.saving.register_keras_serializable("keras_gan_zoo")
class StyleGAN2(GAN):
    """Images by styles.

    `generate(noise=np.zeros(...))` fixes the noise, and `truncation` draws styles toward their average.

    Args:
        image_shape: (height, width, channels); any size of at least 5.
        latent_dim: number of latent variables, and size of a style (512 in the paper).
        width: channels at the image size, doubled at each half of it up to 8 times (32; the paper's networks of 256 x 256
            have 64 there).
        discriminator_width: the discriminator's width, where it differs from the generator's.
        mapping_depth: layers of the mapping network (2; 8 in the paper).
        group_size: images over which the discriminator takes a standard deviation (4).
        gamma: weight of R1 (0.01; it grows with the size of images, such as 10 at 1024 x 1024); 0 for none.
        r1_interval: rounds from one R1 to the next (16).
        path_length_weight: p (0 for none; 2 in the paper).
        path_length_interval: rounds from one path length to the next (4).
        style_mixing: share of images of two styles (0; 0.9 in the paper), in [0, 1].
        output_activation: None (the paper), or as in `DCGAN`.
        num_classes: as in `DCGAN`; the mapping takes the label, and the score is a projection on it, as in the later
            code of the authors (https://arxiv.org/abs/2006.06676).
        **options: `mapping`, and as in `GAN`.
    """

    network_names = ("mapping", *GAN.network_names)
    averaged_names = inference_names = ("mapping", "generator")
    refused_options = dict.fromkeys(("r1_gamma", "r1_share"), "gamma weighs its own R1, in the rounds of r1_interval")
    tiny_width = 4

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        latent_dim: int = 512,
        *,
        width: int = 32,
        mapping_depth: int = 2,
        group_size: int = 4,
        gamma: float = 0.01,
        r1_interval: int = 16,
        path_length_weight: float = 0.0,
        path_length_interval: int = 4,
        style_mixing: float = 0.0,
        output_activation: str | None = None,
        num_classes: int | None = None,
        **options: Any,
    ) -> None:
        self.num_classes = check_classes(num_classes)
        self.mapping_depth = check_integer(mapping_depth, "mapping_depth", 1)
        self.group_size = check_integer(group_size, "group_size", 1)
        self.gamma, self.r1_interval = check_number(gamma, "gamma"), check_integer(r1_interval, "r1_interval", 1)
        self.path_length_weight = check_number(path_length_weight, "path_length_weight")
        self.path_length_interval = check_integer(path_length_interval, "path_length_interval", 1)
        self.style_mixing = check_number(style_mixing, "style_mixing", 0.0, 1.0)
        self.output_activation = check_output_activation(output_activation)
        super().__init__(image_shape, latent_dim, width=width, **options)

    def default_mapping(self) -> keras.Model:
        return style_mapping(self.latent_dim, depth=self.mapping_depth, num_classes=self.num_classes)

    def default_generator(self) -> keras.Model:
        activation = self.output_activation
        return style_generator(self.image_shape, self.latent_dim, width=self.width, output_activation=activation)

    def default_discriminator(self) -> keras.Model:
        width = self.discriminator_width or self.width
        return style_discriminator(self.image_shape, width=width, group_size=self.group_size, num_classes=self.num_classes)

    def build_more(self) -> None:
        self.path_length = self.add_weight(name="path_length", shape=(), initializer="zeros", trainable=False)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        adam = {"learning_rate": 2.5e-3, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}
        return {name: keras.optimizers.Adam(**adam) for name in ("discriminator", "generator")}

    def players(self) -> tuple:
        discriminator, generator = super().players()
        return discriminator, generator._replace(networks=(self.mapping, self.generator))

    # Samples -----------------------------------------------------------------------------------------------------------

    def inputs(self) -> dict[str, Field]:
        return {**super().inputs(), "noise": Noise(self.generator.inputs[1].shape[1:])}

    def make(self, batch: Batch, training: bool, truncation: float = 1.0) -> Batch:
        styles = self.mapping(self.with_conditions("latents", batch), training=training)
        if truncation != 1:
            styles = self._averaging.truncated(styles, truncation)
        styles = self.in_layers(styles)
        if training and self.style_mixing:
            styles = self.mixed(styles, batch)
        return {self.sample: self.generator([styles, batch["noise"]], training=training)}

    def in_layers(self, styles: Any) -> Any:
        """Styles (batch, latent_dim) -> (batch, layers, latent_dim), the same for all layers."""
        return ops.repeat(styles[:, None], self.generator.inputs[0].shape[1], axis=1)

    def mixed(self, styles: Any, batch: Batch) -> Any:
        """Styles (batch, layers, latent_dim), some of which are those of other latents of the same class from a layer on."""
        n, count = styles.shape[:2]
        latents = super().inputs()["latents"].draw(self, n)
        others = self.mapping(self.with_conditions("latents", {**batch, "latents": latents}), training=True)
        others = self.in_layers(others)
        cut = 1.0 + ops.floor(self.uniform((n,), 0.0, 1.0) * (count - 1))
        cut = ops.where(self.uniform((n,), 0.0, 1.0) < self.style_mixing, cut, float(count))
        own = ops.arange(count, dtype="float32")[None] < cut[:, None]
        return ops.where(own[:, :, None], styles, others)

    @property
    def sampler(self) -> keras.Model:
        """[latents, labels if there are any, noise] -> images, with the weights that inference takes."""
        generator = self.network("generator")
        inputs = {name: keras.Input(field.shape, dtype=field.dtype, name=name) for name, field in self.inputs().items()}
        styles = self.network("mapping")(self.with_conditions("latents", inputs))
        styles = layers.RepeatVector(generator.inputs[0].shape[1])(styles)
        return keras.Model([*inputs.values()], generator([styles, inputs["noise"]]), name="sampler")

    @property
    def _averaging(self):
        found = [layer for layer in self.mapping.layers if isinstance(layer, AveragedStyles)]
        if not found:
            raise ValueError(
                "truncation needs a mapping that ends in keras_gan_zoo.layers.style.AveragedStyles; leave it out."
            )
        return found[-1]

    def truncated(
        self, inputs: dict[str, np.ndarray], given: dict[str, Any], truncation: float
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Truncation draws styles, and not latents, toward their average."""
        return inputs, {"truncation": truncation}

    # Regularizers ------------------------------------------------------------------------------------------------------

    @property
    def penalizes_slopes(self) -> bool:
        return bool(self.gamma) or super().penalizes_slopes

    def penalty(self, real: Batch, fake: Batch, by: str = "discriminator") -> Any:
        others = super().penalty(real, fake, by)
        if not self.gamma:
            return others

        def regularizer():
            return self.r1_interval * self.gamma * zero_centered_penalty(self.score_gradient(real, by))

        return others + self.if_due(self.r1_interval, regularizer, lambda: ops.zeros(()))

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        loss = super().generator_objective(real, fake)
        return loss + self.path_length_penalty(real) if self.path_length_weight else loss

    def path_length_penalty(self, real: Batch) -> Any:
        """p E (|J^T y| - a)^2 on half as many samples, of their own, in rounds in which it is due; moves a."""
        n = -(-batch_size_of(real) // 2)
        # Drawn in each round, as no branch may draw.
        inputs = {name: field.draw(self, n) for name, field in self.inputs().items()}
        directions = self.normal((n, *self.image_shape))

        def regularizer():
            styles = self.in_layers(self.mapping(self.with_conditions("latents", inputs), training=False))
            lengths = self.path_lengths(styles, inputs["noise"], directions)
            now = self.mean_over_replicas(ops.mean(lengths))
            mean = ops.stop_gradient(self.path_length + PATH_LENGTH_DECAY * (now - self.path_length))
            return self.path_length_interval * self.path_length_weight * ops.mean(ops.square(lengths - mean)), mean

        def nothing():
            return ops.zeros(()), ops.convert_to_tensor(self.path_length)

        penalty, mean = self.if_due(self.path_length_interval, regularizer, nothing)
        self.path_length.assign(mean)
        return penalty

    def path_lengths(self, styles: Any, noise: Any, directions: Any) -> Any:
        """|J^T y| of styles (batch, layers, latent_dim) in directions y (batch, height, width, channels): (batch,)."""
        scale = 1.0 / math.sqrt(math.prod(self.image_shape[:2]))

        def projected(styles):
            return scale * ops.sum(self.generator([styles, noise], training=False) * directions, axis=(1, 2, 3))

        slopes = self.gradient(projected, styles)
        # The root has an infinite slope at 0.
        return ops.sqrt(ops.mean(ops.sum(ops.square(slopes), axis=2), axis=1) + 1e-12)

    def if_due(self, interval: int, compute: Callable, otherwise: Callable) -> Any:
        """Returns compute() in rounds in which something is due, and else otherwise(), which has the same shapes."""
        if self.replicas == 1:
            return ops.cond(self.is_due(interval), compute, otherwise)
        # Devices cannot tell each other anything inside of a branch.
        return tree.map_structure(functools.partial(ops.where, self.is_due(interval)), compute(), otherwise())

    def is_due(self, interval: int) -> Any:
        """Whether this round is one of every so many."""
        return ops.equal(ops.mod(self.rounds, interval), 0)
