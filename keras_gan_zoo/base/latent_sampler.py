"""Samples from latents: drawn, given, truncated, and on the way from one to another."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import Batch, Field, Latents
from ..data.checks import check_integer, check_seed, refused
from ..interpolation import spherical
from .sampler import Sampler


class LatentSampler(Sampler):
    """A sampler whose generator takes all inputs in their order: latents and then the conditions.

    Args:
        latent_dim: number of latent variables.
        **options: as in `Game`.
    """

    option_names = ("latent_distribution",)

    def __init__(self, latent_dim: int, **options: Any) -> None:
        self.latent_dim = check_integer(latent_dim, "latent_dim", 1)
        super().__init__(**options)

    def inputs(self) -> dict[str, Field]:
        return {"latents": Latents((self.latent_dim,), distribution=self.options.latent_distribution), **self.conditions()}

    def make(self, batch: Batch, training: bool) -> Batch:
        values = [batch[name] for name in self.inputs()]
        return {self.sample: self.generator(values if len(values) > 1 else values[0], training=training)}

    def generate(
        self,
        n: int,
        *,
        seed: int | None = None,
        truncation: float = 1.0,
        class_probabilities: Any = None,
        batch_size: int = 256,
        dtype: str = "float32",
        **given: Any,
    ) -> np.ndarray:
        """Draws samples.

        Args:
            n, seed, batch_size, dtype: as in `Sampler.generate`.
            truncation: factor in (0, 1] of the latents that are drawn. 1 is what the model was trained on; less gives more
                typical and less varied samples.
            class_probabilities: how likely each class is where `labels` are not given, a number for each, or such as
                {"cat": 0.9, "dog": 0.1}; by default all are alike.
            **given: inputs by name, (n, ...) or one for all samples, such as `labels=3`, `labels="cat"` where classes have
                names, or `latents=gan.latents(n)`.

        Returns:
            NumPy array (n, ...).
        """
        if not isinstance(truncation, numbers.Real) or not 0 < truncation <= 1:
            raise refused("truncation", truncation, "in (0, 1]")
        fields = self.inputs()
        if class_probabilities is not None:
            if "labels" not in fields or given.get("labels") is not None:
                what = "of labels that are given" if "labels" in fields else f"by {type(self).__name__}, without classes"
                raise refused("class_probabilities", class_probabilities, f"left out {what}")
            fields["labels"] = fields["labels"].likely(class_probabilities)
        inputs, options = self.truncated(self._drawn(n, given, seed, fields), given, truncation)
        return self._made(inputs, seed, batch_size, dtype, **options)

    def truncated(
        self, inputs: dict[str, np.ndarray], given: dict[str, Any], truncation: float
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Returns the inputs under truncation, here with the latents that were drawn made smaller, and options of `make`."""
        for name, field in self.inputs().items():
            if isinstance(field, Latents) and given.get(name) is None:
                inputs[name] = inputs[name] * np.float32(truncation)
        return inputs, {}

    def latents(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draws latents (n, latent_dim) for `generate(latents=...)`: those of `generate(n, seed=seed)`."""
        return self.inputs()["latents"].random(np.random.default_rng(check_seed(seed)), self.check_count(n))

    def interpolate(
        self,
        start: int | np.ndarray,
        end: int | np.ndarray,
        steps: int,
        *,
        batch_size: int = 256,
        dtype: str = "float32",
        **given: Any,
    ) -> np.ndarray:
        """Makes samples along the great circle from one latent vector to another.

            z(t) = [sin((1 - t) w) start + sin(t w) end] / sin w,   w the angle between them

        Gaussian latents lie near a sphere; a straight line would leave it (Shoemake, 1985; White, 2016,
        https://arxiv.org/abs/1609.04468).

        Args:
            start, end: latent vectors (latent_dim,), or seeds, each of which stands for one vector.
            steps: number of samples, including the two ends; at least 2.
            batch_size, dtype: as in `generate`.
            **given: other inputs by name, one for all steps or one for each; those not given are drawn once, for all steps.

        Returns:
            NumPy array (steps, ...).
        """
        self.check_count(steps, "steps", 2)
        ends = [self._latent_vector(value, name) for value, name in ((start, "start"), (end, "end"))]
        latents = spherical(*ends, np.linspace(0.0, 1.0, steps)[:, None]).astype("float32")
        rest = self._drawn(1, {}, 0)
        rest = {name: value[0] for name, value in rest.items() if name != "latents"} | given
        return self._made(self._drawn(steps, {**rest, "latents": latents}, 0), 0, batch_size, dtype)

    def _latent_vector(self, value: int | Sequence[float] | np.ndarray, name: str) -> np.ndarray:
        if np.ndim(value) == 0:
            return self.latents(1, seed=check_integer(value, name, 0))[0]
        return self.inputs()["latents"].validate(np.asarray(value, "float32")[None], name)[0]
