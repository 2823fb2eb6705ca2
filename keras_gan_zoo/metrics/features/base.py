"""What all feature extractors have in common."""

import abc

import numpy as np

from keras_gan_zoo.backend import full_float32
from keras_gan_zoo.metrics.images import require_axes


class Extractor(abc.ABC):
    """A network that turns images into features, and perhaps into class logits."""

    name: str  # for records
    sha256: str  # of the weights, whatever file they came from
    resizer: str = "none"  # how images reach the network's input size; "none" where they must have it
    dtype: str = "float32"  # Keras dtype policy of the network
    dimension: int  # length of a feature vector
    classes: int | None = None  # number of logits; None where there are none

    @abc.abstractmethod
    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and logits of one batch of images that have been checked."""

    def check(self, images: np.ndarray) -> None:
        """Raises where the network does not take these images."""
        if images.dtype != np.uint8:
            raise TypeError(f"images must be uint8 in [0, 255]. Received: {images.dtype}. Fix: to_uint8(images) quantizes.")
        require_axes(images.shape)

    def extract(self, images: np.ndarray, batch_size: int = 50) -> tuple[np.ndarray, np.ndarray | None]:
        """Features, float32 (n, dimension), and logits, float32 (n, classes) or None, of images.

        Args:
            images: uint8 (n, height, width, 1 or 3) in [0, 255].
            batch_size: images per call of the network; changes speed and memory, the values only by rounding.

        Raises:
            TypeError: images are not uint8.
            ValueError: a shape that the network does not take.
        """
        images = np.asarray(images)
        self.check(images)
        features = np.empty((len(images), self.dimension), "float32")
        logits = None if self.classes is None else np.empty((len(images), self.classes), "float32")
        # TF32, the default of accelerators, moves features by more than the libraries that we compare with differ.
        with full_float32():
            for start in range(0, len(images), batch_size):
                part = slice(start, start + batch_size)
                features[part], values = self.forward(images[part])
                if logits is not None:
                    logits[part] = values
        return features, logits

    def features(self, images: np.ndarray, batch_size: int = 50) -> np.ndarray:
        """The first result of `extract`."""
        return self.extract(images, batch_size)[0]

    def probabilities(self, images: np.ndarray, batch_size: int = 50) -> np.ndarray:
        """Softmax of the logits: class probabilities (n, classes), rows summing to 1; a ValueError if it has none."""
        if self.classes is None:
            raise ValueError(f"The network must have class logits. Received: {self.name!r}. Fix: weights with their layer.")
        logits = self.extract(images, batch_size)[1]
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)
