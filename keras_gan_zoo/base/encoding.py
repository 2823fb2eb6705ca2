"""The way back from samples to latents, for games that have an encoder."""

from typing import Any

import numpy as np


class Encoding:
    """Verbs of games with an "encoder", a network from samples to latents; mixed in before a `LatentSampler`."""

    def encoded(self, samples: Any, training: bool = False) -> Any:
        """The latents of samples, as networks see them."""
        return self.encoder(samples, training=training)

    def encode(self, samples: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
        """The latents of samples.

        Args:
            samples: (n, ...), as the data for `fit`.
            batch_size: samples in one pass through the encoder.

        Returns:
            NumPy array (n, latent_dim), such as `generate(n, latents=...)` takes.
        """
        field = self.fields()[self.sample]
        arrays = field.validate(samples, self.sample)
        return self.mapped(lambda x: self.encoded(field.preprocess(x)), arrays, batch_size=batch_size)

    def reconstruct(self, samples: np.ndarray, **options: Any) -> np.ndarray:
        """Samples again from their latents.

        Args:
            samples: (n, ...), as the data for `fit`.
            **options: of `generate`; a conditional model needs its conditions, such as `labels`.

        Returns:
            NumPy array (n, ...), in [-1, 1] for images; with `dtype="uint8"` as data are kept.
        """
        if missing := [name for name in self.conditions() if options.get(name) is None]:
            raise TypeError(
                f"reconstruct takes the {missing[0]} of the {self.sample}. Received: no {missing[0]}. Fix: pass "
                f"{missing[0]}=...."
            )
        codes = self.encode(samples)
        return self.generate(len(codes), latents=codes, **options)
