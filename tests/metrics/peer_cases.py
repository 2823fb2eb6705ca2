"""Inputs that the peers and we are given: made by NumPy from seeds, so that neither has to store them."""

import numpy as np

# name -> (number of real features, number of fakes, dimension)
SETS = {"more_than_dimensions": (500, 400, 32), "wide": (300, 300, 128), "fewer_than_dimensions": (90, 120, 160)}
KERNEL = {"subsets": 20, "subset_size": 80, "seed": 2020}
NEIGHBOURS = 5
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


def logits() -> np.ndarray:
    """Class logits (1000, 20)."""
    rng = np.random.default_rng(7)
    return 3 * rng.normal(size=(1000, 20)) + np.linspace(-1, 1, 20)


def image(name: str) -> np.ndarray:
    """A uint8 image (height, width, 3), smooth with noise; grey in three equal channels for "digits"."""
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


def network_images() -> np.ndarray:
    """Images for the Inception network, uint8 (4, 32, 32, 3)."""
    rng = np.random.default_rng(11)
    blocks = rng.integers(0, 256, (4, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return np.clip(blocks + rng.normal(scale=12, size=blocks.shape), 0, 255).astype(np.uint8)
