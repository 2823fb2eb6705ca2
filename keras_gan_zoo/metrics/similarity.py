"""Similarity of images, pixel by pixel (PSNR) and by local statistics (SSIM, MS-SSIM), and the diversity of a set by it.

All of them take uint8 images in [0, 255] and compute in float64; L = 255 is the peak.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate1d

from keras_gan_zoo.data.checks import as_array, check_integer, refuse_masks
from keras_gan_zoo.metrics.checks import as_labels

PEAK = 255.0
WINDOW = 11
DEVIATION = 1.5
C1 = (0.01 * PEAK) ** 2
C2 = (0.03 * PEAK) ** 2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# Values in a block: some ten float64 arrays of it exist at a time, 80 MB.
BLOCK = 2**20


def checked_images(images: np.ndarray, name: str) -> np.ndarray:
    """The images as an array, if they are at least one uint8 image in [0, 255], (n, height, width, channels)."""
    images = np.asarray(as_array(images))
    if images.dtype != np.uint8:
        raise TypeError(
            f"{name} must be uint8 images in [0, 255]. Received: {images.dtype}. Fix: quantize them with "
            "keras_gan_zoo.metrics.to_uint8, which takes floats in [-1, 1]."
        )
    if images.ndim != 4 or not images.size:
        raise ValueError(f"{name} must have the shape (n, height, width, channels), no 0. Received: {images.shape}.")
    refuse_masks(int(images.max()), name)
    return images


def luma(images: np.ndarray) -> np.ndarray:
    """Luma of RGB images (n, height, width, 3) in [0, 255] by ITU-R BT.601, float64 (n, height, width, 1) in [16, 235].

        Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255

    as MATLAB's rgb2ycbcr has it, but not rounded, and as papers on super-resolution measure it.
    """
    return 16.0 + np.asarray(images, "float64") @ np.array([[65.481], [128.553], [24.966]]) / 255.0


def psnr(a: np.ndarray, b: np.ndarray, channel: str = "rgb", border: int = 0) -> np.ndarray:
    """Peak signal-to-noise ratio of each image of `a` against that of `b`, in dB. The peak is 255, for luma too.

        PSNR = 10 log10(255^2 / mean (a - b)^2)

    Values on RGB and on luma differ by 1 to 3 dB, and a border changes them too: never compare across those.

    Args:
        a, b: uint8 (n, height, width, channels), of one shape; `b` is a restoration of `a`, say.
        channel: "rgb" takes all channels as they are, of which there may be any number; "y" the luma of RGB images. Gray
            images have no "y": papers disagree on whether to compress their range to [16, 235].
        border: pixels cut off at each side; the scale factor, by the usage of super-resolution.

    Returns:
        float64 (n,); infinite for equal images.

    Raises:
        TypeError: images that are not uint8.
        ValueError: shapes that differ, an unknown channel, luma of other than three channels, a border that leaves nothing.
    """
    a, b = _pair(a, b, channel, border)
    with np.errstate(divide="ignore"):
        errors = _by_blocks(lambda x, y: np.square(x - y).mean(axis=(1, 2, 3)), a, b, channel, border)
        return 10.0 * np.log10(PEAK**2 / errors)


def ssim(a: np.ndarray, b: np.ndarray, channel: str = "rgb", border: int = 0) -> np.ndarray:
    """Structural similarity of each image of `a` to that of `b`; arguments and errors as for `psnr`.

        cs   = (2 s_ab + C_2) / (s_a^2 + s_b^2 + C_2)
        SSIM = mean of cs (2 m_a m_b + C_1) / (m_a^2 + m_b^2 + C_1),     C_1 = (0.01 L)^2,  C_2 = (0.03 L)^2,  L = 255

    with means m, variances s^2 and covariance s_ab under a Gaussian window of 11 x 11 pixels and deviation 1.5 at each
    position where it fits entirely; the mean runs over positions and channels, each channel by itself (Wang et al., 2004,
    https://doi.org/10.1109/TIP.2003.819861).

    Returns:
        float64 (n,) in [-1, 1]; 1 for equal images, exactly.

    Raises:
        ValueError: as `psnr`; also images with a side shorter than the window of 11 pixels, once the border is cut off.
    """
    a, b = _pair(a, b, channel, border)
    if min(a.shape[1:3]) - 2 * border < WINDOW:
        raise ValueError(
            f"SSIM needs {WINDOW} x {WINDOW} pixels. Received: {a.shape[1]} x {a.shape[2]}, border={border}. Fix: larger "
            "images, a smaller border, or ms_ssim, whose window shrinks."
        )
    return _by_blocks(lambda x, y: _ssim_and_cs(x, y)[0], a, b, channel, border)


def ms_ssim(a: np.ndarray, b: np.ndarray, levels: int | None = None) -> np.ndarray:
    """Multi-scale structural similarity of each image of `a` to that of `b`.

        MS-SSIM = prod over levels j < J of (mean cs_j)^(w_j) * SSIM_J^(w_J)

    with cs and SSIM as in `ssim`. Each level is the one before with 2 x 2 pixels averaged (an odd last row or column counts
    twice), and negative means count as 0 (Wang et al., 2003, https://doi.org/10.1109/ACSSC.2003.1292216).

    Args:
        a, b: uint8 (n, height, width, channels), of one shape, any number of channels.
        levels: J, 1 to 5. None takes as many as fit the full window: the largest J <= 5 with 11 * 2^(J - 1) <= the shorter
            side, so 5 from 176 pixels on, 4 from 88, 3 from 44, 2 from 22 (28 and 32 pixels among them), 1 below. Where a
            level is smaller than the window, because more are asked for or the image is small, the window shrinks to
            the size of the level and its deviation in proportion; levels=5 at 64 to 128 pixels repeats the measurements
            of Karras et al., 2018 (https://arxiv.org/abs/1710.10196). With 5 levels the weights are the published ones
            (whose sum is 1.0001); with fewer, the first J of them divided by their sum. Numbers of different levels do not
            compare.

    Returns:
        float64 (n,) in [0, 1]; 1 for equal images, exactly.

    Raises:
        TypeError: images that are not uint8.
        ValueError: shapes that differ, levels out of range, or a last level of a single pixel's width.
    """
    a, b = _pair(a, b)
    return _ms_ssims(a, b, _weights(a.shape[1:3], levels))


class Diversity(NamedTuple):
    """Mean of a measure over random pairs of images."""

    mean: float  # over the pairs, or over the classes' means
    standard_error: float  # taking the pairs as independent (they are nearly, while they are fewer than images)
    pairs: int  # in all
    per_class: dict[int, float] | None = None  # where labels were given


def ms_ssim_diversity(
    images: np.ndarray, pairs: int = 1000, labels: np.ndarray | None = None, seed: int = 0, levels: int | None = None
) -> Diversity:
    """Mean MS-SSIM of random pairs of distinct images (Odena et al., 2017, https://arxiv.org/abs/1610.09585).

    The lower, the more diverse. It says nothing about quality, and means something only beside the value of real images,
    within the same classes.

    Args:
        images: uint8 (n, height, width, channels).
        pairs: number of pairs, no pair twice; for each class where labels are given (100 in Odena et al.).
        labels: integers (n,). With them, pairs are of one class, and the mean is over the classes.
        seed: of the choice of pairs.
        levels: as for `ms_ssim`.

    Returns:
        Mean in [0, 1], its standard error, the number of pairs, and the means per class.

    Raises:
        TypeError: images that are not uint8.
        ValueError: as `ms_ssim`; also fewer different pairs than asked for, in all or in a class.
    """
    images = checked_images(images, "images")
    weights = _weights(images.shape[1:3], levels)
    return mean_over_pairs(images, lambda a, b: _ms_ssims(a, b, weights), pairs, labels, seed)


def mean_over_pairs(
    images: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    pairs: int,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> Diversity:
    """Mean and standard error of a measure over random pairs of distinct images.

    `measure` takes 500 pairs or fewer at a time, (m, ...), (m, ...) -> (m,). With labels, integers (n,), pairs are of one
    class, and there are `pairs` of each class.
    """
    check_integer(pairs, "pairs", 2)
    groups = {None: np.arange(len(images))}
    if labels is not None:
        labels = as_labels(labels, len(images))
        groups = {int(c): np.flatnonzero(labels == c) for c in np.unique(labels)}
    rng = np.random.default_rng(seed)
    means, variances = {}, []
    for label, members in groups.items():
        first, second = members[random_pairs(len(members), pairs, rng, "" if label is None else f" of class {label}")]
        values = np.concatenate(
            [measure(images[first[i : i + 500]], images[second[i : i + 500]]) for i in range(0, pairs, 500)]
        )
        means[label] = float(np.mean(values))
        variances.append(np.var(values, ddof=1) / pairs)
    error = float(np.sqrt(np.sum(variances)) / len(groups))
    return Diversity(float(np.mean(list(means.values()))), error, pairs * len(groups), means if labels is not None else None)


def random_pairs(n: int, pairs: int, rng: np.random.Generator, whose: str = "") -> np.ndarray:
    """`pairs` different pairs i != j of n images (`whose`), each unordered pair equally likely: integers (2, pairs)."""
    possible = n * (n - 1) // 2
    if pairs > possible:
        raise ValueError(
            f"pairs must be at most the {possible} different pairs of the {n} images{whose}. Received: pairs={pairs}. Fix: "
            "more images, or fewer pairs."
        )
    # Pairs j < i in their order (1, 0), (2, 0), (2, 1), (3, 0) ...: number k begins row i at i (i - 1) / 2.
    chosen = rng.choice(possible, pairs, replace=False)
    i = ((1.0 + np.sqrt(1.0 + 8.0 * chosen)) / 2.0).astype("int64")
    i -= i * (i - 1) // 2 > chosen
    return np.stack([i, chosen - i * (i - 1) // 2])


def _pair(a, b, channel="rgb", border=0):
    a, b = checked_images(a, "a"), checked_images(b, "b")
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape. Received: {a.shape} and {b.shape}.")
    if channel not in ("rgb", "y"):
        raise ValueError(f"channel must be 'rgb' or 'y'. Received: channel={channel!r}.")
    if channel == "y" and a.shape[3] != 3:
        raise ValueError(
            f"Images of channel='y' must have the 3 channels of its luma. Received: {a.shape[3]}. Fix: channel='rgb', which "
            "takes gray values as they are; or repeat gray images to 3 channels."
        )
    if not 0 <= 2 * border < min(a.shape[1:3]):
        raise ValueError(f"border must leave something of {a.shape[1]} x {a.shape[2]} pixels. Received: border={border}.")
    return a, b


def _by_blocks(measure, a, b, channel="rgb", border=0):
    """measure(float64 (m, height, width, channels), the same) -> (m,), for a few images at a time."""
    height, width = a.shape[1] - border, a.shape[2] - border

    def prepared(images):
        images = images[:, border:height, border:width]
        return luma(images) if channel == "y" else images.astype("float64")

    step = max(1, BLOCK // a[0].size)
    starts = range(0, len(a), step)
    return np.concatenate([measure(prepared(a[i : i + step]), prepared(b[i : i + step])) for i in starts])


def _ssim_and_cs(a, b):
    """Mean SSIM and mean cs (n,) of float64 images (n, height, width, channels)."""
    size = min(WINDOW, *a.shape[1:3])
    position = np.arange(size) - (size - 1) / 2
    window = np.exp(-0.5 * np.square(position / (DEVIATION * size / WINDOW)))
    window /= window.sum()

    def smooth(x):
        for axis in (1, 2):
            # Where the window fits: correlate1d centers it on its element size // 2.
            inside = [slice(None)] * 4
            inside[axis] = slice(size // 2, size // 2 + x.shape[axis] - size + 1)
            x = correlate1d(x, window, axis=axis, mode="constant")[tuple(inside)]
        return x

    mean_a, mean_b = smooth(a), smooth(b)
    product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    # For a = b both fractions have equal terms, and the values are 1 to the last bit.
    cs = (2.0 * (smooth(a * b) - product) + C2) / (smooth(a * a + b * b) - squares + C2)
    return (cs * (2.0 * product + C1) / (squares + C1)).mean(axis=(1, 2, 3)), cs.mean(axis=(1, 2, 3))


def _weights(size, levels):
    shortest = min(size)
    if levels is None:
        levels = 1 + sum(WINDOW * 2**halvings <= shortest for halvings in range(1, len(WEIGHTS)))
    if not 1 <= levels <= len(WEIGHTS):
        raise ValueError(f"levels must be 1 to {len(WEIGHTS)}. Received: levels={levels}.")
    if shortest <= 2 ** (levels - 1):
        raise ValueError(
            f"The last level must be 2 pixels wide or more. Received: levels={levels} of images of {size[0]} x {size[1]} "
            "pixels, one pixel wide at last. Fix: fewer levels, or larger images."
        )
    weights = np.array(WEIGHTS[:levels])
    return weights if levels == len(WEIGHTS) else weights / weights.sum()


def _ms_ssims(a, b, weights):
    def measure(x, y):
        result = np.ones(len(x))
        for level, weight in enumerate(weights, 1):
            similarity, cs = _ssim_and_cs(x, y)
            # A fractional power of a negative mean (an inverted image's) is NaN.
            result *= np.maximum(similarity if level == len(weights) else cs, 0.0) ** weight
            x, y = _halved(x), _halved(y)
        return result

    return _by_blocks(measure, a, b)


def _halved(images):
    images = np.pad(images, [(0, 0), *((0, side % 2) for side in images.shape[1:3]), (0, 0)], "edge")
    return (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2]) / 4.0
