"""An extractor that tests understand, and images for it."""

import numpy as np


class Quarters:
    """Extractor whose features are the means of the four quarters of an image; it counts the images that it saw."""

    name, sha256, resizer, dtype, dimension, classes = "quarters", "0" * 64, "none", "float32", 4, 3

    def __init__(self):
        self.seen = 0

    def extract(self, images, batch_size=50):
        assert images.dtype == np.uint8
        self.seen += len(images)
        n, height, width, _ = images.shape
        parts = images.astype("float32").reshape(n, 2, height // 2, 2, width // 2, -1)
        features = parts.mean(axis=(2, 4, 5)).reshape(n, 4)
        return features, features[:, :3] / 10


def noise(n, seed, low=0, side=28):
    return np.random.default_rng(seed).integers(low, 256, (n, side, side, 1), dtype="uint8")
