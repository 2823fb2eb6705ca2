"""Volumetric networks of 3D-GAN (Wu et al., 2016, https://arxiv.org/abs/1610.07584).

They have kernels of 4 x 4 x 4 with stride 2 in place of DCGAN's squares. The generator starts from a map of 4 x 4 x 4 and
doubles it up to the side of the volumes, with half as many channels each time; the discriminator takes the same path down.
With sides of 64 and a width of 64 they are the paper's networks.
"""

import keras
from keras import initializers, layers

from ..layers import BatchNorm
from .dcgan import check_norm

BASE_SIDE = 4
NORMS = ("batch", None)


def _sides(side: int) -> list[int]:
    """Sides of the maps from the volume down to the base: 64, 32, 16, 8, 4."""
    if not isinstance(side, int) or side < 2 * BASE_SIDE or side & (side - 1):
        raise ValueError(
            f"side must be a power of two of at least {2 * BASE_SIDE}, such as 16, 32, or 64. Received: side={side!r}."
        )
    sides = [side]
    while sides[-1] > BASE_SIDE:
        sides.append(sides[-1] // 2)
    return sides


def _options(norm):
    # As in DCGAN: N(0, 0.02) relies on batch norm, which restores the scale and makes biases useless.
    if norm == "batch":
        return {"use_bias": False, "kernel_initializer": initializers.RandomNormal(0.0, 0.02)}
    return {"kernel_initializer": initializers.VarianceScaling(2.0, mode="fan_avg", distribution="uniform")}


def _normalized(x, norm, name):
    if norm is None:
        return x
    return BatchNorm(gamma_initializer=initializers.RandomNormal(1.0, 0.02), name=f"{name}_norm")(x)


def voxel_generator(
    side: int, latent_dim: int, *, width: int = 64, norm: str | None = "batch", name: str = "generator"
) -> keras.Model:
    """Latents -> map of 4 x 4 x 4 -> transposed convolutions of stride 2 -> sigmoid.

    Args:
        side: of the volumes; a power of two of at least 8.
        latent_dim: number of latent variables.
        width: channels of the map at half the side; they double with each map below.
        norm: "batch" or None, after each layer but the last.

    Returns:
        Model, latents (batch, latent_dim) -> occupancies (batch, side, side, side, 1) in [0, 1].
    """
    check_norm(norm, NORMS)
    sides, options = _sides(side), _options(norm)
    channels = width * 2 ** (len(sides) - 2)
    latents = keras.Input((latent_dim,), name="latents")
    # The paper's first layer, a transposed convolution of one voxel, is this product.
    x = layers.Dense(BASE_SIDE**3 * channels, name="base", **options)(latents)
    x = layers.Reshape((BASE_SIDE,) * 3 + (channels,), name="base_map")(x)
    x = layers.ReLU(name="base_relu")(_normalized(x, norm, "base"))
    for above in sides[-2:0:-1]:
        channels //= 2
        x = layers.Conv3DTranspose(channels, 4, 2, padding="same", name=f"up_{above}", **options)(x)
        x = layers.ReLU(name=f"up_{above}_relu")(_normalized(x, norm, f"up_{above}"))
    # The output layer stays in float32, so that reduced precision ends before the voxels.
    x = layers.Conv3DTranspose(1, 4, 2, padding="same", dtype="float32", name=f"up_{side}", **options)(x)
    return keras.Model(latents, layers.Activation("sigmoid", dtype="float32", name="sigmoid")(x), name=name)


def voxel_discriminator(
    side: int, *, width: int = 64, norm: str | None = "batch", leak: float = 0.2, name: str = "discriminator"
) -> keras.Model:
    """Volume -> convolutions of stride 2 -> map of 4 x 4 x 4 -> score.

    Args:
        side: of the volumes; a power of two of at least 8.
        width: channels of the first map; they double with each map below.
        norm: "batch" or None, after each layer but the first and the last.
        leak: negative slope of the LeakyReLU (0.2 in the paper).

    Returns:
        Model, occupancies (batch, side, side, side, 1) in [0, 1] -> scores (batch, 1).
    """
    check_norm(norm, NORMS)
    sides, options = _sides(side), _options(norm)
    voxels = x = keras.Input((side,) * 3 + (1,), name="voxels")
    for i, below in enumerate(sides[1:]):
        x = layers.Conv3D(width * 2**i, 4, 2, padding="same", name=f"down_{below}", **options)(x)
        x = x if i == 0 else _normalized(x, norm, f"down_{below}")
        x = layers.LeakyReLU(leak, name=f"down_{below}_relu")(x)
    # The paper's last layer, a convolution that leaves one voxel, is this product.
    score = layers.Dense(1, dtype="float32", name="score", **options)(layers.Flatten(name="flatten")(x))
    return keras.Model(voxels, score, name=name)
