"""The residual translator of CycleGAN (Zhu et al., 2017, https://arxiv.org/abs/1703.10593), after Johnson et al. (2016).

Two halvings, residual blocks that keep the size, and two doublings. Where a kernel of stride 1 looks past the edge of the
image, it sees the mirror image.
"""

from collections.abc import Sequence

import keras
from keras import layers

from ..layers.noise import Dropout
from ..layers.reflection_padding import ReflectionPadding2D
from .dcgan import check_norm
from .norms import NORMS, check_map_shape, initial_kernels, normalized


def resnet_translator(
    source_shape: Sequence[int],
    channels: int,
    *,
    width: int = 64,
    blocks: int | None = None,
    norm: str | None = "instance",
    dropout: float = 0.0,
    name: str = "generator",
) -> keras.Model:
    """Image -> convolutions -> residual blocks -> transposed convolutions -> tanh.

    In the notation of the paper: c7s1-64, d128, d256, R256 for each block, u128, u64, c7s1-3.

    Args:
        source_shape: (height, width, channels) of the images that come in; both sides are multiples of 4.
        channels: of the images that come out.
        width: channels at full size (64 in the paper), which double with each halving.
        blocks: number of residual blocks; by default 6 for sides of up to 128 pixels, and 9 above (the paper).
        norm: "instance", "batch" or None, after each convolution but the last. CycleGAN has the first.
        dropout: share dropped inside each residual block; 0 for none (CycleGAN). The authors' pix2pix has 0.5.

    Returns:
        Model, images (batch, height, width, source channels) -> images (batch, height, width, channels) in [-1, 1].
    """
    check_norm(norm, NORMS)
    height, side, _ = check_map_shape(source_shape, "source_shape")
    if height % 4 or side % 4 or min(height, side) < 8:
        raise ValueError(
            f"The sides of source_shape must be multiples of 4, at least 8. Received: source_shape={tuple(source_shape)!r}."
        )
    blocks = (6 if max(height, side) <= 128 else 9) if blocks is None else blocks
    if not isinstance(blocks, int) or blocks < 0:
        raise ValueError(f"blocks must be an integer of at least 0, or None. Received: blocks={blocks!r}.")
    # A normalization has an offset of its own, and takes away that of the convolution before it.
    options = {"use_bias": norm is None, "kernel_initializer": initial_kernels(norm)}

    def convolved(x, kind, features, *arguments, stage, **more):
        x = normalized(kind(features, *arguments, name=stage, **options, **more)(x), norm, stage)
        return layers.ReLU(name=f"{stage}_relu")(x)

    def mirrored(x, padding, stage):
        return ReflectionPadding2D(padding, name=f"{stage}_pad")(x)

    images = keras.Input(source_shape, name="images")
    x = convolved(mirrored(images, 3, "first"), layers.Conv2D, width, 7, stage="first")
    for i in (1, 2):
        x = convolved(x, layers.Conv2D, width * 2**i, 3, 2, padding="same", stage=f"down_{i}")
    for i in range(1, blocks + 1):
        y = convolved(mirrored(x, 1, f"block_{i}a"), layers.Conv2D, width * 4, 3, stage=f"block_{i}a")
        if dropout:
            y = Dropout(dropout, name=f"block_{i}_dropout")(y)
        y = layers.Conv2D(width * 4, 3, name=f"block_{i}b", **options)(mirrored(y, 1, f"block_{i}b"))
        x = layers.Add(name=f"block_{i}_sum")([x, normalized(y, norm, f"block_{i}b")])
    for i in (2, 1):
        x = convolved(x, layers.Conv2DTranspose, width * 2 ** (i - 1), 3, 2, padding="same", stage=f"up_{i}")
    # The output layer stays in float32, so that reduced precision ends before the pixels.
    options |= {"use_bias": True, "dtype": "float32"}
    x = layers.Conv2D(channels, 7, name="pixels", **options)(mirrored(x, 3, "pixels"))
    return keras.Model(images, layers.Activation("tanh", dtype="float32", name="tanh")(x), name=name)
