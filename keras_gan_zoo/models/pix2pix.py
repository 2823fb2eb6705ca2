"""pix2pix (Isola et al., 2016, https://arxiv.org/abs/1611.07004).

From pairs of images (x, y), source and target, G learns to make y from x. D judges each patch of y beside x; an L1 term
takes care of everything larger than a patch. Means are over all images, patches, pixels, and channels.

    loss of D      1/2 E -log D(x, y) + 1/2 E -log(1 - D(x, G(x, z))) + m/2 E -log(1 - D(x', y)),   D = sigmoid(score)
    loss of G      E -log D(x, G(x, z)) + w E |y - G(x, z)|,   w = l1_weight

In the paper m = mismatch_weight is 0. Since translations fit their sources at least as well as real targets do, D may then
come to score right and wrong pairs alike. The last term, where x' is the source of another pair of the batch, makes D tell
them apart (Reed et al., 2016, https://arxiv.org/abs/1605.05396).

The noise z is only G's dropout, which stays on after training.

Differs from the paper: instance norm in place of batch norm, which the authors run with the statistics of the batch even
after training, so that it is the same for their batch of one image; G is judged by D after D's step, where the authors' code
uses D's scores from before it.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops

from ..base import Sampler, TwoPlayerGame
from ..base.arguments import check_number, check_shape, check_size
from ..base.wiring import layers_of
from ..data import Batch, Field, Images
from ..data.checks import check_integer, refused
from ..networks.patch import patch_discriminator
from ..networks.resnet_translator import resnet_translator
from ..networks.unet import unet_generator


@keras.saving.register_keras_serializable("keras_gan_zoo")
class Pix2Pix(Sampler, TwoPlayerGame):
    """Images from images, learned from pairs.

    The paper trains on facades with a batch of one image, `fit(sources, targets, batch_size=1)`, for 200 epochs of 400
    pairs, which are mirrored and moved: `flip=True, crop=15`.

    `translate(sources, seed=0)` draws from its seed what dropout leaves out: the same seed gives the same images on every
    call with the same `batch_size`, and another seed gives others. An exported generator has no dropout.

    Args:
        source_shape: (height, width, channels) of the source images.
        target_shape: shape of the target images, with the same height and width.
        network: "unet", the paper's generator, for sides that are powers of 2 (or see `depth`); or "resnet", CycleGAN's with
            dropout in its blocks, for sides that are multiples of 4.
        width: channels of the generator's first map (64 in the paper).
        depth: halvings of the U-Net; by default until a side is one pixel, as in the paper.
        dropout: share dropped in some layers of the generator (0.5 in the paper).
        dropout_at_test: whether dropout stays on after training (the paper); without it, translations are not random.
        discriminator_width: channels of the discriminator's first map; by default those of the generator.
        patch_layers: from 1 to 5, for patches with sides of 16, 34, 70 (the paper), 142, and 286 pixels.
        conditional_discriminator: whether the discriminator sees the source. The paper also tries one that does not.
        l1_weight: weight w of the mean absolute error (100).
        mismatch_weight: weight m of targets beside the source of another pair (0 in the paper), for batches of 2 or more.
        **options: as in `GAN`.
    """

    sample = "target"
    log_names = ("l1",)
    refused_options = {"top_k": "its scores are of patches, not of samples"}

    def __init__(
        self,
        source_shape: Sequence[int] = (256, 256, 3),
        target_shape: Sequence[int] = (256, 256, 3),
        *,
        network: str = "unet",
        width: int = 64,
        depth: int | None = None,
        dropout: float = 0.5,
        dropout_at_test: bool = True,
        discriminator_width: int | None = None,
        patch_layers: int = 3,
        conditional_discriminator: bool = True,
        l1_weight: float = 100.0,
        mismatch_weight: float = 0.0,
        **options: Any,
    ) -> None:
        self.source_shape = check_shape(source_shape, "source_shape")
        self.target_shape = check_shape(target_shape, "target_shape")
        if self.source_shape[:2] != self.target_shape[:2]:
            raise ValueError(
                "target_shape and source_shape must have the same height and width. Received: "
                f"target_shape={target_shape!r} and source_shape={source_shape!r}."
            )
        if network not in ("unet", "resnet"):
            raise refused("network", network, "'unet' or 'resnet'")
        if network == "resnet" and depth is not None:
            raise ValueError(
                f"depth must be left out unless network='unet'. Received: depth={depth!r} and network='resnet'."
            )
        if mismatch_weight and not conditional_discriminator:
            raise ValueError(
                "mismatch_weight must be 0 for a discriminator that does not see the source. Received: "
                f"mismatch_weight={mismatch_weight!r} and conditional_discriminator=False. Fix: leave one of them out."
            )
        self.network_kind, self.width, self.depth = network, check_integer(width, "width", 1), depth
        self.dropout, self.dropout_at_test = check_number(dropout, "dropout", 0, 1, below=True), dropout_at_test
        self.discriminator_width = check_size(discriminator_width, "discriminator_width")
        self.patch_layers = check_integer(patch_layers, "patch_layers", 1, 6)
        self.judges_conditions = conditional_discriminator
        self.l1_weight = check_number(l1_weight, "l1_weight")
        self.mismatch_weight = check_number(mismatch_weight, "mismatch_weight")
        super().__init__(**options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        shapes = {"source_shape": (16, 16, 1), "target_shape": (16, 16, 3)}
        return cls(**{**shapes, "width": 4, "patch_layers": 1, **arguments})

    def fields(self) -> dict[str, Field]:
        return {"source": Images(self.source_shape), "target": Images(self.target_shape)}

    def inputs(self) -> dict[str, Field]:
        return {"source": Images(self.source_shape)}

    def conditions(self) -> dict[str, Field]:
        return self.inputs()

    def default_generator(self) -> keras.Model:
        options = {"width": self.width, "dropout": self.dropout}
        if self.network_kind == "resnet":
            return resnet_translator(self.source_shape, self.target_shape[-1], **options)
        return unet_generator(self.source_shape, self.target_shape[-1], depth=self.depth, **options)

    def default_discriminator(self) -> keras.Model:
        shapes = [self.target_shape, self.source_shape] if self.judges_conditions else [self.target_shape]
        return patch_discriminator(shapes, width=self.discriminator_width or self.width, patch_layers=self.patch_layers)

    def discriminator_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        return super().discriminator_loss(real_scores, fake_scores) / 2

    def discriminator_extra(self, real: Batch, fake: Batch, of_real: Batch, of_fake: Batch) -> Any:
        if not self.mismatch_weight:
            return 0.0
        n = real["source"].shape[0]
        if n == 1:
            raise ValueError(
                "mismatch_weight must be 0 for minibatches of one pair, which hold no other source. Received: "
                f"mismatch_weight={self.mismatch_weight!r} and a minibatch of 1. Fix: a batch_size of 2 or more."
            )
        others = {**real, "source": ops.roll(real["source"], 1, axis=0)}
        loss = ops.mean(ops.softplus(self.judge(self.as_judged(others))["scores"]))
        # The last batch of a data set may hold a single pair, which would be taken for a wrong one.
        has_others = 1.0 if n else ops.cast(ops.shape(real["source"])[0] > 1, loss.dtype)
        return self.mismatch_weight / 2 * has_others * loss

    def l1(self, real: Batch, fake: Batch) -> Any:
        """Mean |y - G(x)|; scalar, which the logs show."""
        l1 = ops.mean(ops.abs(real["target"] - fake["target"]))
        self.log("l1", l1)
        return l1

    def generator_extra(self, real: Batch, fake: Batch, of_fake: Batch) -> Any:
        return self.l1_weight * self.l1(real, fake)

    def make(self, batch: Batch, training: bool) -> Batch:
        if training or not self.dropout_at_test:
            return {"target": self.generator(batch["source"], training=training)}
        # Dropout takes its numbers from the model's seed, which `translate` sets, and not from its layers' own seeds, which
        # belong to training. The scope drops what training mode writes; its weights are the current ones, maybe averages.
        generators = [getattr(layer, "seed_generator", None) for layer in layers_of(self.generator)]
        seeds = [(generator.state, self.seed_generator.next()) for generator in generators if generator is not None]
        with self.unwritten(self.generator, seeds):
            return {"target": self.generator(batch["source"], training=True)}
