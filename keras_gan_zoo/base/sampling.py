"""Images from a trained generator."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ..data.checks import check_labels
from ..interpolation import spherical


class Sampling:
    """What a GAN offers to those who want its images; mixed into `Base`."""

    @property
    def sampler(self) -> keras.Model:
        """The generator to sample from: the average of its weights where one is kept, else the generator itself."""
        return self.generator if self.average_generator is None else self.average_generator

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Generator inputs -> images (batch, height, width, channels) in [-1, 1]."""
        return self.sampler(inputs, training=training)

    def generate(
        self,
        n: int,
        labels: int | Sequence[int] | np.ndarray | None = None,
        seed: int | None = None,
        truncation: float = 1.0,
        batch_size: int = 256,
        dtype: str = "float32",
    ) -> np.ndarray:
        """Draws images.

        Args:
            n: number of images.
            labels: for conditional models: a label for all images, or (n,) integers in [0, num_classes); by default they
                are drawn uniformly.
            seed: integer; the same seed gives the same images, on every call and in every process. None draws afresh.
            truncation: in (0, 1]; the latents are scaled by it. 1 is what the model was trained on; less gives more
                typical and less varied images.
            batch_size: images in one pass through the generator.
            dtype: "float32" for values in [-1, 1], "uint8" for 0 to 255.

        Returns:
            NumPy array (n, height, width, channels).
        """
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"n={n!r} is not possible; pass the number of images, an integer of at least 1.")
        if not 0 < truncation <= 1:
            raise ValueError(f"truncation={truncation!r} is not possible; it must be in (0, 1].")
        if dtype not in ("float32", "uint8"):
            raise ValueError(f"dtype={dtype!r} is not possible; pass 'float32' or 'uint8'.")
        return self.decode(self.latents(n, labels, seed, truncation), batch_size, dtype)

    def interpolate(
        self,
        start: int | np.ndarray,
        end: int | np.ndarray,
        steps: int,
        labels: int | Sequence[int] | np.ndarray | None = None,
        batch_size: int = 256,
        dtype: str = "float32",
    ) -> np.ndarray:
        """Images along the great circle from one latent vector to another.

            z(t) = [sin((1 - t) w) start + sin(t w) end] / sin w,   w the angle between them

        Gaussian latents lie near a sphere; a straight line would leave it (Shoemake, 1985; White, 2016,
        https://arxiv.org/abs/1609.04468).

        Args:
            start, end: latent vectors (latent_dim,), or seeds, each of which names one vector.
            steps: number of images, the two ends among them; at least 2.
            labels: for conditional models: one label, or one for each step.
            batch_size, dtype: as in `generate`.

        Returns:
            NumPy array (steps, height, width, channels).
        """
        if steps < 2:
            raise ValueError(f"steps={steps!r} is not possible; an interpolation has at least its two ends.")
        ends = [self._latent_vector(value, name) for value, name in ((start, "start"), (end, "end"))]
        latents = spherical(*ends, np.linspace(0.0, 1.0, steps)[:, None]).astype("float32")
        return self.decode(self.with_labels(latents, labels, np.random.default_rng(0)), batch_size, dtype)

    def latents(
        self,
        n: int,
        labels: int | Sequence[int] | np.ndarray | None = None,
        seed: int | None = None,
        truncation: float = 1.0,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Generator inputs for n images, as NumPy arrays: latents (n, latent_dim), with labels (n,) if conditional."""
        rng = np.random.default_rng(seed)
        return self.with_labels(self.noise(rng, n) * np.float32(truncation), labels, rng)

    def noise(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Latents (n, latent_dim) from a NumPy generator, which draws the same numbers on every backend."""
        if self.options.latent_distribution == "uniform":
            return rng.uniform(-1.0, 1.0, (n, self.latent_dim)).astype("float32")
        return rng.standard_normal((n, self.latent_dim), dtype="float32")

    def with_labels(
        self, latents: np.ndarray, labels: int | Sequence[int] | np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Adds the labels of a conditional model to its latents; refuses labels for any other."""
        if self.num_classes is None:
            if labels is not None:
                raise ValueError(
                    f"labels={labels!r} was given, but {type(self).__name__} is not conditional; leave labels out."
                )
            return latents
        n = len(latents)
        labels = rng.integers(0, self.num_classes, n) if labels is None else np.asarray(labels)
        labels = np.broadcast_to(labels, (n,)) if labels.ndim == 0 else labels
        return self.conditioned(latents, check_labels(labels, self.num_classes, n))

    def conditioned(self, latents: np.ndarray, labels: np.ndarray) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Generator inputs from latents (n, ...) and labels (n,), where labels there are."""
        return latents, labels

    def decode(
        self, inputs: np.ndarray | tuple[np.ndarray, ...], batch_size: int = 256, dtype: str = "float32"
    ) -> np.ndarray:
        """Images of generator inputs: latents (n, latent_dim), or a tuple of them and labels (n,)."""
        parts = inputs if isinstance(inputs, tuple) else (inputs,)
        images = []
        for i in range(0, len(parts[0]), batch_size):
            batch = [ops.convert_to_tensor(part[i : i + batch_size]) for part in parts]
            images.append(ops.convert_to_numpy(self(batch if len(batch) > 1 else batch[0], training=False)))
        images = np.clip(np.concatenate(images).astype("float32"), -1.0, 1.0)
        return to_uint8(images) if dtype == "uint8" else images

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **options: Any) -> None:
        """Writes the sampling generator for use without this library.

        Args:
            filepath: the folder or file to write.
            format: "tf_saved_model", "onnx" or "litert", as `keras.Model.export` has them.
            **options: of `keras.Model.export`.
        """
        options.setdefault("verbose", False)
        # Keras's ONNX exporter takes a model that was called.
        self.decode(self.latents(1, seed=0))
        self.sampler.export(filepath, format=format, **options)

    def _latent_vector(self, value, name):
        if isinstance(value, (int, np.integer)):
            return self.noise(np.random.default_rng(value), 1)[0]
        vector = np.asarray(value, "float32")
        expected = self.noise(np.random.default_rng(0), 1).shape[1:]
        if vector.shape != expected:
            raise ValueError(f"{name} has the shape {vector.shape}; pass a latent vector of shape {expected} or a seed.")
        return vector


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] -> 0 to 255, rounded to the nearest."""
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype("uint8")
