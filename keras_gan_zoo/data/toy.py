"""Data with a known distribution, to see which of its modes a generator covers.

    points, modes = ring().sample(256, rng)

The ring of eight Gaussians and the grid of 25 have several scalings in the literature, so a result has to name its variant.
Angles are 2 pi i / 8 for i = 0 to 7: some published code includes both ends of the circle, which turns two of the eight
modes into one.
"""

import dataclasses

import numpy as np

from keras_gan_zoo.data.checks import refused

RINGS = {
    # name: (radius, standard deviation, divisor of all coordinates)
    "ring_unrolled": (2.0, 0.02, 1.0),  # Metz et al., 2016, https://arxiv.org/abs/1611.02163
    "ring_iwgt": (2.0, 0.02, 1.414),  # Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028 (authors' gan_toy.py)
    "ring_veegan": (1.0, 0.01, 1.0),  # Srivastava et al., 2017, https://arxiv.org/abs/1705.07761; PacGAN
}
GRIDS = {
    "grid": (2.0, 0.05, 1.0),  # spacing, standard deviation, divisor; VEEGAN, PacGAN (https://arxiv.org/abs/1712.04086)
    "grid_iwgt": (2.0, 0.05, 2.828),
}


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Equally likely Gaussians of one isotropic standard deviation.

    Attributes:
        name: name of the variant.
        means: (modes, dimension).
        sigma: standard deviation in each direction.
    """

    name: str
    means: np.ndarray
    sigma: float

    def sample(self, n: int, rng: np.random.Generator | int) -> tuple[np.ndarray, np.ndarray]:
        """Draws n points, float32 (n, dimension), and returns them with the mode of each, int32 (n,)."""
        rng = np.random.default_rng(rng)
        modes = rng.integers(0, len(self.means), n)
        points = self.means[modes] + self.sigma * rng.standard_normal((n, self.means.shape[1]))
        return points.astype("float32"), modes.astype("int32")


@dataclasses.dataclass(frozen=True)
class SwissRoll:
    """A rolled curve with noise: (t cos t, t sin t) + noise N(0, I), all / scale, with t = 1.5 pi (1 + 2 u), u ~ U(0, 1).

    Attributes:
        noise: standard deviation before the division (0.25).
        scale: divisor (7.5).
    """

    name: str = "swiss_roll"
    noise: float = 0.25
    scale: float = 7.5

    def curve(self, u: np.ndarray) -> np.ndarray:
        """Returns points without noise, (n, 2), for u in [0, 1], (n,)."""
        t = 1.5 * np.pi * (1 + 2 * np.asarray(u))
        return np.stack([t * np.cos(t), t * np.sin(t)], axis=-1) / self.scale

    @property
    def sigma(self) -> float:
        """The standard deviation of the noise in the data's own units."""
        return self.noise / self.scale

    def sample(self, n: int, rng: np.random.Generator | int) -> tuple[np.ndarray, np.ndarray]:
        """Draws n points, float32 (n, 2), and returns them with their places u on the curve, float32 (n,)."""
        rng = np.random.default_rng(rng)
        u = rng.uniform(size=n)
        points = self.curve(u) + self.sigma * rng.standard_normal((n, 2))
        return points.astype("float32"), u.astype("float32")


def ring(variant: str = "ring_unrolled") -> GaussianMixture:
    """Eight Gaussians on a circle; see `RINGS` for the variants."""
    radius, sigma, divisor = _known(RINGS, variant)
    angles = 2 * np.pi * np.arange(8) / 8
    means = radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return GaussianMixture(variant, means / divisor, sigma / divisor)


def grid(variant: str = "grid") -> GaussianMixture:
    """25 Gaussians on a 5 x 5 grid; see `GRIDS` for the variants."""
    spacing, sigma, divisor = _known(GRIDS, variant)
    steps = spacing * np.arange(-2, 3)
    means = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return GaussianMixture(variant, means / divisor, sigma / divisor)


def stacked_mnist(
    images: np.ndarray, labels: np.ndarray, n: int, rng: np.random.Generator | int
) -> tuple[np.ndarray, np.ndarray]:
    """Three random digits in the three channels of an image: 1,000 modes (Metz et al., 2016; VEEGAN; PacGAN).

    Args:
        images: digits, uint8 (m, height, width, 1).
        labels: integers 0 to 9 (m,).
        n: number of images.
        rng: generator of random numbers, or its seed.

    Returns:
        uint8 (n, height, width, 3), and modes 100 d_red + 10 d_green + d_blue, int32 (n,).

    Raises:
        ValueError: the images have another shape, or the labels are not theirs.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or images.shape[3] != 1 or labels.shape != images.shape[:1]:
        raise ValueError(
            "images must have the shape (m, height, width, 1), and labels (m,). Received: shapes "
            f"{images.shape} and {labels.shape}. Fix: images[..., None] for digits without a channel axis."
        )
    chosen = np.random.default_rng(rng).integers(0, len(images), (n, 3))
    stacked = np.moveaxis(images[chosen][..., 0], 1, -1)
    return stacked, (labels[chosen] @ [100, 10, 1]).astype("int32")


def _known(variants, name):
    if name not in variants:
        raise refused("variant", name, f"one of {', '.join(map(repr, variants))}")
    return variants[name]
