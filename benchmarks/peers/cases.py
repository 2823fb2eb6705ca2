"""Inputs that the peers and we are given: made by NumPy from seeds, so that neither has to store them."""

import math
from pathlib import Path

import numpy as np

# name -> (number of real features, number of fakes, dimension)
SETS = {"more_than_dimensions": (500, 400, 32), "wide": (300, 300, 128), "fewer_than_dimensions": (90, 120, 160)}
KERNEL = {"subsets": 20, "subset_size": 80, "seed": 2020}
NEIGHBORS = 5
SPLITS = 10
SHAPES = {"digits": (28, 28), "small": (32, 32), "odd": (37, 53), "large": (400, 300)}
PLACES = 300  # of a resized image that are compared


def features(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Real and fake features, float64, with a spectrum that falls as that of Inception's does."""
    m, n, dimension = SETS[name]
    rng = np.random.default_rng(list(SETS).index(name))
    mixing = rng.normal(size=(dimension, dimension)) * np.arange(1, dimension + 1) ** -0.7
    real = np.maximum(rng.normal(size=(m, dimension)) @ mixing.T / 4 + 0.3, 0)
    fake = np.maximum(rng.normal(size=(n, dimension)) @ mixing.T / 4 + 0.4, 0)
    return real, fake


def ties() -> tuple[np.ndarray, np.ndarray]:
    """Real (80, 3) and fake (60, 3) features of small integers, whose distances are often equal to a radius, exactly."""
    rng = np.random.default_rng(17)
    return tuple(rng.integers(low, low + 4, (n, 3)).astype("float64") for low, n in ((0, 80), (2, 60)))


def logits() -> np.ndarray:
    """Class logits (1000, 20)."""
    rng = np.random.default_rng(7)
    return 3 * rng.normal(size=(1000, 20)) + np.linspace(-1, 1, 20)


def image(name: str) -> np.ndarray:
    """A uint8 image (height, width, 3), smooth with noise; gray in three equal channels for "digits"."""
    height, width = SHAPES[name]
    rng = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (3 + c)) * np.cos(y / (4 + c)) for c in range(3)], axis=-1)
    picture = np.clip(128 + 90 * waves + 30 * rng.normal(size=waves.shape), 0, 255).astype(np.uint8)
    return picture[..., :1].repeat(3, axis=-1) if name == "digits" else picture


def places() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and channels of the pixels of a 299 x 299 image that are compared."""
    rng = np.random.default_rng(9)
    return rng.integers(0, 299, PLACES), rng.integers(0, 299, PLACES), rng.integers(0, 3, PLACES)


def network_images() -> dict[str, np.ndarray]:
    """Images for the Inception network, uint8: "color" (4, 32, 32, 3), and "gray" (4, 28, 28, 1), strokes as of digits."""
    rng = np.random.default_rng(11)
    blocks = rng.integers(0, 256, (4, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    color = np.clip(blocks + rng.normal(scale=12, size=blocks.shape), 0, 255).astype(np.uint8)
    y, x = np.mgrid[:28, :28]
    gray = np.zeros((4, 28, 28))
    for picture in gray:
        place, step = rng.uniform(8, 20, 2), rng.normal(size=2)
        for _ in range(12):
            picture += np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 3)
            step = 0.8 * step + 0.6 * rng.normal(size=2)
            place = np.clip(place + step, 5, 23)
    return {"color": color, "gray": np.clip(255 * gray, 0, 255).astype(np.uint8)[..., None]}


def network_weights(shapes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """Random weights of the Inception network, under the keys of our .npz, logits included.

    Args:
        shapes: our name of each convolution -> shape of its kernel (out, in, height, width).
    """
    rng = np.random.default_rng(13)
    weights = {}
    for layer, shape in sorted(shapes.items()):
        # Signals keep their size through 48 layers; shifted statistics keep images apart.
        weights[f"{layer}.weight"] = rng.standard_normal(shape, "float32") * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        weights[f"{layer}.beta"] = rng.normal(scale=0.3, size=shape[0]).astype("float32")
        weights[f"{layer}.mean"] = rng.normal(scale=0.3, size=shape[0]).astype("float32")
        weights[f"{layer}.var"] = rng.uniform(0.5, 1.5, shape[0]).astype("float32")
    weights["logits.weight"] = rng.standard_normal((1008, 2048), "float32") * np.float32(0.05)
    return weights


def ladder(height: int, width: int, base_size: int) -> list[tuple[int, int]]:
    """Sizes from the image of a DCGAN down to its base: each side halved, rounding up."""
    sizes = [(height, width)]
    while max(sizes[-1]) > base_size:
        sizes.append(tuple(math.ceil(side / 2) for side in sizes[-1]))
    return sizes


# To be timed on ------------------------------------------------------------------------------------------------------------


def statistics(seed: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of 5,000 vectors whose spectrum falls as Inception's does."""
    rng = np.random.default_rng(seed)
    scales = np.sqrt(10 * np.arange(1, dimension + 1) ** -1.3)
    vectors = rng.normal(size=(5000, dimension)) * scales
    return vectors.mean(axis=0), np.cov(vectors, rowvar=False)


def two_manifolds(n: int, dimension: int) -> list[np.ndarray]:
    """Two sets of float32 features on a manifold of 50 dimensions, so that neighborhoods are not all alike."""
    directions, sets = np.random.default_rng(99).normal(size=(50, dimension)), []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        latent = rng.normal(size=(n, 50)) * np.arange(1, 51) ** -0.5
        sets.append(np.maximum(latent @ directions / 4 + 0.1 * rng.normal(size=(n, dimension)), 0).astype("float32"))
    return sets


def noise(n: int, shape: tuple[int, ...] = (32, 32, 3), seed: int = 0) -> np.ndarray:
    """n random images, uint8 (n, *shape)."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def write_pngs(folder: str | Path, n: int) -> None:
    """Writes n PNG files of 32 x 32 pixels."""
    from PIL import Image

    for i, picture in enumerate(noise(n)):
        Image.fromarray(picture).save(Path(folder) / f"{i:05}.png")
