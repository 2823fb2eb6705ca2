"""Perceptual path length: how smoothly a generator turns latents into images."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.interpolation import linear, spherical
from keras_gan_zoo.metrics.perceptual import PerceptualDistance, check_distance
from keras_gan_zoo.metrics.records import Record, record_of

SPACES = {"lerp": linear, "slerp": spherical}


def perceptual_path_length(
    generate: Callable[[np.ndarray], Any],
    latents: Callable[[int, np.random.Generator], np.ndarray],
    distance: PerceptualDistance,
    *,
    epsilon: float = 1e-4,
    space: str = "lerp",
    pairs: int = 50_000,
    percentiles: tuple[float, float] = (1.0, 99.0),
    seed: int = 0,
    batch_size: int = 50,
) -> Record:
    """Perceptual path length: how far images move in a distance for a step between latents.

        mean of  d(G(z_0), G(interpolate(z_0, z_1, epsilon))) / epsilon^2

    over random z_0 and z_1, without the distances beyond the percentiles (Karras et al., 2019,
    https://arxiv.org/abs/1812.04948, and 2020, https://arxiv.org/abs/1912.04958, whose `ppl2_wend` it is with VGG16's LPIPS
    and latents of the space w). Images stay floats: in 8 bits a step of 1e-4 either vanishes or becomes a whole gray level,
    which has made 1147 of 31 (torch-fidelity's documentation of its precision).

    Args:
        generate: latents float64 (n, d) -> float images (n, height, width, channels) in [-1, 1], the same ones for the
            same latents.
        latents: (n, rng) -> latents (n, d). For the space w, samples mapped into it.
        distance: `LPIPS`, or a `PerceptualDistance`, with which the value compares with none of the papers.
        epsilon: the step, in (0, 1].
        space: "lerp" (w, and torch-fidelity's z) or "slerp" (on the sphere, as z in the paper of 2019).
        pairs: number of pairs; the default is the papers'.
        percentiles: lowest and highest percentile to keep, as in `between_percentiles`.
        seed: of the latents.
        batch_size: pairs per call of the generator.

    Returns:
        A record, its n_fake the number of pairs; `details` has "standard_deviation" over the pairs that the percentiles
        keep, and how many are "kept".

    Raises:
        TypeError: images that are not floats, or another distance.
        ValueError: arguments out of range, a generator that gives other images the second time, values that are not finite.
    """
    check_distance(distance)
    if space not in SPACES:
        raise ValueError(f"space must be one of {', '.join(SPACES)}. Received: space={space!r}.")
    check_integer(pairs, "pairs", 1), check_integer(batch_size, "batch_size", 1)
    if not 0.0 < epsilon <= 1.0:
        raise ValueError(f"epsilon must lie in (0, 1]. Received: epsilon={epsilon}.")
    rng = np.random.default_rng(seed)

    def images_of(z):
        images = keras.ops.convert_to_numpy(generate(z))
        if images.dtype.kind != "f":
            raise TypeError(f"generate must return float images. Received: {images.dtype}. Fix: leave quantization out.")
        if not np.isfinite(images).all():
            raise ValueError("generate must return finite images. Received: images that are NaN or infinite.")
        return images

    values = []
    for start in range(0, pairs, batch_size):
        n = min(batch_size, pairs - start)
        # float64: the step is a few units in the last place of float32.
        first, second = np.asarray(latents(n, rng), "float64"), np.asarray(latents(n, rng), "float64")
        a, b = images_of(first), images_of(SPACES[space](first, second, epsilon))
        if not start and not np.allclose(a, images_of(first), rtol=0.0, atol=1e-5):
            raise ValueError(
                "generate must give the same images for the same latents. Received: other images. Fix: fix its noise, and "
                "call it in inference."
            )
        values.append(np.asarray(distance(a, b), "float64"))
    values = np.concatenate(values) / epsilon**2
    if not np.isfinite(values).all():
        raise ValueError("distance must return finite values. Received: NaN or infinite values.")
    kept = between_percentiles(values, percentiles)
    settings = {"epsilon": epsilon, "space": space, "percentiles": list(percentiles)}
    details = {"standard_deviation": float(kept.std()), "kept": len(kept)}
    mean = float(kept.mean())
    return record_of(mean, "perceptual_path_length", distance, pairs, seed=seed, settings=settings, details=details)


def between_percentiles(values: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    """Those of the values that lie between two percentiles, these included.

    The lower one is the next value below its place in the order, the higher one the next above, as in the code of Karras
    et al.: few values are dropped, and none of fewer than 3.
    """
    low, high = percentiles
    if not 0.0 <= low < high <= 100.0:
        raise ValueError(f"percentiles must be 0 <= low < high <= 100. Received: percentiles={percentiles}.")
    least, most = np.percentile(values, low, method="lower"), np.percentile(values, high, method="higher")
    return values[(values >= least) & (values <= most)]
