"""Samples between classes: a conditional generator that is told several classes at once, each with a weight."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from .data.checks import refused

if TYPE_CHECKING:
    from .base import LatentSampler


def mix_classes(
    gan: "LatentSampler",
    weights: Any,
    *,
    latents: np.ndarray | None = None,
    seed: int | None = None,
    batch_size: int = 256,
    dtype: str = "float32",
) -> np.ndarray:
    """Makes samples of mixed classes, such as those on the way from one class to another.

    A generator multiplies what it has learned of each class by a row that is 1 at the class of the sample and 0 elsewhere;
    here it gets a row of `weights` in its place (Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637, show such ways).

    Args:
        gan: a model with classes, whose generator takes latents and labels (`CGAN`, `ACGAN`, `ProjectionGAN`, or the family
            of `DCGAN` with `num_classes`), of the zoo's layers.
        weights: (n, num_classes), usually at least 0 and of sum 1 in each row. [[1, 0], [0.5, 0.5], [0, 1]] goes from one
            class to the other in three steps.
        latents: (n, latent_dim), or (latent_dim,) for all samples; by default they are drawn.
        seed, batch_size, dtype: as in `generate`.

    Returns:
        NumPy array (n, ...), as of `generate`.

    Raises:
        ValueError: a model whose generator takes something else, or weights that are not such rows.
    """
    fields = gan.inputs() if hasattr(gan, "inputs") else {}
    told_of = list(fields) == ["latents", "labels"] and len(gan.generator.inputs) == 2
    # Its reference batch has labels and no rows.
    if not told_of or any(hasattr(layer, "reference") for layer in gan.generator.layers):
        raise refused("gan", type(gan).__name__, "a model whose generator takes latents and labels")
    rows, classes = np.asarray(weights, "float32"), fields["labels"].classes
    if rows.ndim != 2 or rows.shape[1] != classes or not len(rows) or not np.isfinite(rows).all():
        raise refused("weights", weights, f"finite numbers (n, {classes}), with a column for each class")
    latents = gan.latents(len(rows), seed) if latents is None else np.asarray(latents, "float32")
    latents = fields["latents"].validate(latents[None] if latents.ndim == 1 else latents, "latents")
    if len(latents) not in (1, len(rows)):
        raise refused("latents", latents.shape, f"one vector for all of the {len(rows)} rows, or one for each")
    latents = np.broadcast_to(latents, (len(rows), gan.latent_dim))
    # The same layers, told rows.
    inputs = [keras.Input((gan.latent_dim,), name="latents"), keras.Input((classes,), name="labels")]
    told = keras.models.clone_model(gan.generator, inputs, clone_function=lambda layer: layer)

    def function(*values):
        return told(list(values), training=False)

    with gan.seeded(seed):
        return gan.finished(lambda: gan.mapped(function, latents, rows, batch_size=batch_size), dtype)
