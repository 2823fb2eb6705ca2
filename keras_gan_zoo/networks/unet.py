"""The U-Net of pix2pix (Isola et al., 2016, https://arxiv.org/abs/1611.07004), from an image to one of the same size.

An encoder halves the image down to one pixel, a decoder doubles it back, and each map of the decoder is joined with the
map of the encoder that has its size, so that what both images share, such as edges, need not pass through the bottleneck.
"""

from collections.abc import Sequence

import keras
from keras import layers

from ..layers.noise import Dropout
from .dcgan import check_norm
from .norms import NORMS, check_map_shape, initial_kernels, normalized

# Maps of the decoder, from the bottleneck up, that have dropout.
_DROPPED = 3


def _halvings(source_shape: Sequence[int], depth: int | None) -> int:
    """`depth`, or by default as many halvings as reduce the shorter side to one pixel; refuses other depths."""
    *sides, _ = check_map_shape(source_shape, "source_shape")
    possible = min((side & -side).bit_length() - 1 for side in sides)
    if depth is None:
        depth = min(sides).bit_length() - 1
        if depth != possible or depth < 2:
            other = f", or depth={possible} for a larger bottleneck" if possible >= 2 else ""
            raise ValueError(
                "The sides of source_shape must be powers of 2 of at least 4, which can be halved down to one pixel. "
                f"Received: source_shape={tuple(source_shape)!r}. Fix: sides such as (64, 64){other}."
            )
    if not isinstance(depth, int) or not 2 <= depth <= possible:
        shape = tuple(source_shape)
        must = f"depth must be an integer from 2 to {possible} for source_shape={shape!r}"
        if possible < 2:
            must = f"The sides of source_shape={shape!r} must be multiples of 4"
        raise ValueError(f"{must}. Received: depth={depth!r}.")
    return depth


def unet_generator(
    source_shape: Sequence[int],
    channels: int,
    *,
    width: int = 64,
    depth: int | None = None,
    norm: str | None = "instance",
    dropout: float = 0.5,
    name: str = "generator",
) -> keras.Model:
    """Image -> convolutions of stride 2 -> bottleneck -> transposed convolutions of stride 2 -> tanh.

    Args:
        source_shape: (height, width, channels) of the images that come in.
        channels: of the images that come out.
        width: channels of the first map (64 in the paper). They double with each map below, up to 8 times as many.
        depth: number of halvings; by default until the shorter side is one pixel, 8 for sides of 256 (the paper).
        norm: "instance", "batch", or None, after each convolution except the first, the one at the bottleneck, and the last.
        dropout: share dropped in the first three maps of the decoder (0.5 in the paper).

    Returns:
        Model, images (batch, height, width, source channels) -> images (batch, height, width, channels) in [-1, 1].
    """
    check_norm(norm, NORMS)
    depth = _halvings(source_shape, depth)
    # Only the last convolution has a bias, as in effect in the authors' code.
    options = {"use_bias": False, "padding": "same", "kernel_initializer": initial_kernels(norm)}
    widths = [width * min(2**level, 8) for level in range(depth)]
    images = x = keras.Input(source_shape, name="images")
    maps = []
    for level, features in enumerate(widths):
        stage = f"down_{level + 1}"
        if level:
            x = layers.LeakyReLU(0.2, name=f"{stage}_relu")(x)
        x = layers.Conv2D(features, 4, 2, name=stage, **options)(x)
        # The first map sees pixels; a map of one pixel would be normalized to nothing.
        x = normalized(x, norm if 0 < level < depth - 1 else None, stage)
        maps.append(x)
    for level in range(depth - 1, 0, -1):
        stage = f"up_{level}"
        x = layers.ReLU(name=f"{stage}_relu")(x)
        x = normalized(layers.Conv2DTranspose(widths[level - 1], 4, 2, name=stage, **options)(x), norm, stage)
        if dropout and level > depth - 1 - _DROPPED:
            x = Dropout(dropout, name=f"{stage}_dropout")(x)
        x = layers.Concatenate(name=f"{stage}_and_down_{level}")([x, maps[level - 1]])
    x = layers.ReLU(name="pixels_relu")(x)
    # The output layer stays in float32, so that reduced precision ends before the pixels.
    options |= {"use_bias": True, "dtype": "float32"}
    x = layers.Conv2DTranspose(channels, 4, 2, name="pixels", **options)(x)
    return keras.Model(images, layers.Activation("tanh", dtype="float32", name="tanh")(x), name=name)
