"""Sliced Wasserstein distance between the patches of two sets of images, see `sliced_wasserstein`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate1d

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import as_numbers
from keras_gan_zoo.metrics.similarity import BLOCK, checked_images

FILTER = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
SMALLEST = 16
PATCH = 7
# Directions for which the projections of all patches are held at once.
TOGETHER = 16


class SlicedWasserstein(NamedTuple):
    """Sliced Wasserstein distance, times 1000."""

    mean: float  # over the levels
    levels: dict[str, float]  # by "height x width", the finest first, such as {"32x32": 8.1, "16x16": 6.5}


def wasserstein_1d(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Exact Wasserstein distance W_1 of two sets of numbers, each number of a set weighing the same.

        W_1 = integral over q from 0 to 1 of |F_a^-1(q) - F_b^-1(q)|

    The quantile functions are steps. For sets of one size that is the mean difference of the sorted numbers; else the
    steps of both are merged, at positions that are exact integers. Sets are (..., n) and (..., m), distances float64 (...).
    """
    # Differences of small integers would wrap around, and those of float16 overflow.
    a, b = (x if x.dtype in ("f4", "f8") else x.astype("float64") for x in (as_numbers(a, "a"), as_numbers(b, "b")))
    if a.shape[:-1] != b.shape[:-1] or not a.size or not b.size:
        raise ValueError(f"a and b must agree in all axes but the last, none empty. Received: {a.shape}, {b.shape}.")
    a, b = np.sort(a, axis=-1), np.sort(b, axis=-1)
    # NaN sorts last.
    if not np.isfinite([a[..., 0], a[..., -1], b[..., 0], b[..., -1]]).all():
        raise ValueError("a and b must be finite. Received: NaN or infinity.")
    n, m = a.shape[-1], b.shape[-1]
    if n == m:
        return np.abs(a - b).mean(axis=-1, dtype="float64")
    # Quantile k / (n m) lies in step (k - 1) // m of a, and in step (k - 1) // n of b.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0) / (n * m)
    return np.abs(a[..., (ends - 1) // m] - b[..., (ends - 1) // n]).astype("float64") @ widths


def over_directions(a: np.ndarray, b: np.ndarray, directions: int, rng: np.random.Generator) -> float:
    """Mean of W_1(a . u, b . u) over random unit vectors u: the sliced Wasserstein distance of vectors, in their units."""
    vectors = rng.standard_normal((directions, a.shape[1]))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    blocks = [vectors[i : i + TOGETHER] for i in range(0, directions, TOGETHER)]
    return float(np.mean(np.concatenate([wasserstein_1d(block @ a.T, block @ b.T) for block in blocks])))


def reduced(images: np.ndarray) -> np.ndarray:
    """The next level of a Gaussian pyramid: float (n, height, width, channels), both sides halved."""
    return _filtered(images, 1.0)[:, ::2, ::2]


def expanded(images: np.ndarray) -> np.ndarray:
    """Images of twice the size: zeros between the pixels, and the filter times 4 over all."""
    n, height, width, channels = images.shape
    spread = np.zeros((n, 2 * height, 2 * width, channels), images.dtype)
    spread[:, ::2, ::2] = images
    return _filtered(spread, 2.0)


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes of the levels, the finest first: halved as long as both sides are even and both halves 16 or more."""
    sizes = [(height, width)]
    while all(side % 2 == 0 and side // 2 >= SMALLEST for side in sizes[-1]):
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def sliced_wasserstein(
    a: np.ndarray, b: np.ndarray, *, patches: int = 128, repeats: int = 4, directions: int = 128, seed: int = 0
) -> SlicedWasserstein:
    """Sliced Wasserstein distance between the patches of two sets of images, at each level of a Laplacian pyramid
    (Karras et al., 2018, https://arxiv.org/abs/1710.10196, whose numbers the defaults are).

        G_0 = image,  G_(j+1) = (filter * G_j) at every second pixel,  L_j = G_j - expand(G_(j+1)),  the last L_j = G_j

    with the binomial filter (1, 4, 6, 4, 1) / 16 in both directions and mirrored borders. Sides are halved as long as they
    are even and their halves 16 or more: 1024 x 1024 has the levels 1024, 512, ... 16; 28 x 28 has one. From each image and
    level come random patches of 7 x 7 pixels, a vector each. Over all patches of a set, each channel is shifted and scaled
    to mean 0 and variance 1. With unit vectors u in random directions,

        distance = 1000 * mean over u of W_1(patches of a . u, patches of b . u)

    where W_1 is the exact Wasserstein distance of numbers. Each set is normalized by itself, so a difference in brightness
    or contrast alone does not count. TF-GAN's function of this name normalizes each patch by itself, and uses other numbers
    of patches and directions; its values do not compare with these.

    The value has a floor that falls with the number of images: compare values of equal numbers only, and see
    `sliced_wasserstein_floor`. The paper has 8,192 images in either set.

    Time grows with n * patches * repeats * directions. Memory beside the images: 4 bytes for each value of all patches of
    one level (n * patches * 49 * channels) in both sets and of one level of the pyramids, and 128 * patches * n for the
    projections: for 8,192 RGB images each, 1.2 GB and 0.3 GB.

    Args:
        a, b: uint8 (n, height, width, channels) and (m, height, width, channels), both sides 7 or more.
        patches: of each image and level.
        repeats: how often directions are drawn.
        directions: drawn each time; the distance is the mean over repeats * directions of them.
        seed: of positions and directions. Image i of either set has its patches at the same places, so equal sets are at 0.

    Raises:
        TypeError: images that are not uint8.
        ValueError: images of different sizes or smaller than a patch; a level or channel that is constant over a set.
    """
    a, b = checked_images(a, "a"), checked_images(b, "b")
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(f"a and b must have images of one shape. Received: {a.shape[1:]} and {b.shape[1:]}.")
    if min(a.shape[1:3]) < PATCH:
        raise ValueError(f"Images must have {PATCH} x {PATCH} pixels or more. Received: {a.shape[1]} x {a.shape[2]}.")
    for name, value in (("patches", patches), ("repeats", repeats), ("directions", directions)):
        check_integer(value, name, 1)
    rng = np.random.default_rng(seed)
    sizes = level_sizes(*a.shape[1:3])
    by_level = [_patches_by_level(images, name, len(sizes), patches, seed) for images, name in ((a, "a"), (b, "b"))]
    levels = {}
    for height, width in sizes:
        # Not held by a name here, so that one level's patches are gone before the next level's are made.
        levels[f"{height}x{width}"] = 1000.0 * over_directions(*map(next, by_level), repeats * directions, rng)
    return SlicedWasserstein(float(np.mean(list(levels.values()))), levels)


def sliced_wasserstein_floor(images: np.ndarray, *, seed: int = 0, **settings: int) -> SlicedWasserstein:
    """Distance between two random halves of one set: what a perfect generator of n / 2 images would be measured at.

    Args:
        images: uint8 (n, height, width, channels), real ones; 2 or more. Of an odd number one is left out.
        seed: of the halves, and as for `sliced_wasserstein`, whose patches, repeats and directions the `settings` are.

    Raises:
        TypeError, ValueError: as `sliced_wasserstein`; also a single image.
    """
    images = checked_images(images, "images")
    half = len(images) // 2
    if not half:
        raise ValueError("images must be 2 or more, to have halves to compare. Received: a single image.")
    order = np.random.default_rng(seed).permutation(len(images))
    return sliced_wasserstein(images[order[:half]], images[order[half : 2 * half]], seed=seed, **settings)


def _filtered(images, gain):
    for axis in (1, 2):
        images = correlate1d(images, gain * FILTER, axis=axis, mode="mirror")
    return images


def _patches_by_level(images, name, levels, patches, seed) -> Iterator[np.ndarray]:
    """Normalized patches of all images, float32 (n * patches, channels * 49), level by level."""
    for level in range(levels):
        last = level == levels - 1
        # The next Gaussian level is all that is kept of the pyramid.
        n, height, width, channels = images.shape
        following = None if last else np.empty((n, height // 2, width // 2, channels), "f4")
        yield _normalized(_patches(images, following, patches, np.random.default_rng([seed, level])), name)
        images = following


def _patches(images, following, patches, rng):
    """Patches of one level (n * patches, channels, 7, 7). Fills `following`, if given, with the next Gaussian level."""
    n, height, width, channels = images.shape
    result = np.empty((n * patches, channels, PATCH, PATCH), "float32")
    step = max(1, BLOCK // images[0].size)
    for i in range(0, n, step):
        block = images[i : i + step].astype("float64")
        if following is not None:
            following[i : i + step] = smaller = reduced(block)
            block -= expanded(smaller)
        windows = np.lib.stride_tricks.sliding_window_view(block, (PATCH, PATCH), axis=(1, 2))
        which = np.arange(len(block)).repeat(patches)
        # All random numbers of an image in a row, so that blocks of any size draw the same.
        corner = rng.random((len(which), 2)) * (windows.shape[1], windows.shape[2])
        y, x = corner.astype("int64").T
        result[i * patches : (i + len(block)) * patches] = windows[which, y, x]
    return result


def _normalized(patches, name):
    """The patches with mean 0 and variance 1 in each channel, in place, flattened."""
    for channel in range(patches.shape[1]):
        values = patches[:, channel]
        values -= values.mean(dtype="float64").astype("float32")
        variance = np.einsum("nyx,nyx->", values, values, dtype="float64") / values.size
        # Rounding alone leaves less than this of a constant in 0 to 255.
        if variance < 1e-8:
            raise ValueError(
                f"{name} must vary at each level. Received: channel {channel} is constant at one of them. Fix: check the "
                "images; constant ones have no distance of this kind."
            )
        values /= np.sqrt(variance).astype("float32")
    return patches.reshape(len(patches), -1)
