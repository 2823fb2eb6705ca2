"""The PatchGAN of pix2pix (Isola et al., 2016, https://arxiv.org/abs/1611.07004): a score for each patch of an image.

A patch is what one score sees: with 1 to 5 layers of stride 2, it has sides of 16, 34, 70, 142 or 286 pixels. With instance
norm, a score also depends on the mean and the variance that the maps have over the whole image.
"""

from collections.abc import Sequence

import keras
from keras import layers

from .dcgan import check_norm
from .norms import NORMS, check_map_shape, initial_kernels, normalized


def patch_discriminator(
    shapes: Sequence[Sequence[int]],
    *,
    width: int = 64,
    patch_layers: int = 3,
    norm: str | None = "instance",
    leak: float = 0.2,
    name: str = "discriminator",
) -> keras.Model:
    """Image, joined with the images that are its conditions -> convolutions -> a score for each patch.

    Args:
        shapes: (height, width, channels) of the image that is judged, and of each image that is a condition.
        width: channels of the first map (64 in the paper). They double with each map below, up to 8 times as many.
        patch_layers: layers of stride 2, 1 to 5; two of stride 1 follow. 3 is the paper's: patches of 70 x 70.
        norm: "instance", "batch" or None, after each layer but the first and the last.
        leak: negative slope of the LeakyReLU (0.2 in the paper).

    Returns:
        Model, images (batch, height, width, channels) or a list of them -> scores (batch, rows, columns, 1). Each side has
        side / 2^patch_layers - 2 scores: 30 for images of 256 with 3 layers.
    """
    check_norm(norm, NORMS)
    if not isinstance(patch_layers, int) or not 1 <= patch_layers <= 5:
        raise ValueError(f"patch_layers must be an integer from 1 to 5. Received: patch_layers={patch_layers!r}.")
    shapes = [check_map_shape(shape, f"shapes[{i}]") for i, shape in enumerate(shapes)]
    sizes = [shape[:2] for shape in shapes]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"Images that are judged together must have one size. Received: shapes={shapes!r}. Fix: the same height and "
            "width for all."
        )
    if min(sizes[0]) < (least := 3 * 2**patch_layers):
        raise ValueError(
            f"The sides of the images must be at least {least} for patch_layers={patch_layers!r}, or no score is left. "
            f"Received: images of {sizes[0]}. Fix: fewer patch_layers, or larger images."
        )
    inputs = [keras.Input(shape, name="images" if i == 0 else f"condition_{i}") for i, shape in enumerate(shapes)]
    x = layers.Concatenate(name="images_and_conditions")(inputs) if len(inputs) > 1 else inputs[0]
    for level in range(patch_layers + 1):
        stage = f"down_{level + 1}" if level < patch_layers else "local"
        # Without a normalization, which has an offset of its own, a layer has a bias.
        normed = norm if level else None
        x = _padded(x, width * min(2**level, 8), 2 if level < patch_layers else 1, stage, norm, use_bias=normed is None)
        x = layers.LeakyReLU(leak, name=f"{stage}_relu")(normalized(x, normed, stage))
    scores = _padded(x, 1, 1, "score", norm, dtype="float32")
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], scores, name=name)


def _padded(x, features, stride, stage, norm, **options):
    # One pixel on each side: at stride 1, padding="same" would pad three, and keep the size of the map.
    x = layers.ZeroPadding2D(1, name=f"{stage}_pad")(x)
    return layers.Conv2D(features, 4, stride, kernel_initializer=initial_kernels(norm), name=stage, **options)(x)
