"""A model of volumes beside the data it was trained on.

    python -m benchmarks volumes gan_3d_chairs

Writes the record that the preset's card shows. Volumes are binary: occupied where the model gives at least 0.5.

- Occupancy: share of occupied voxels.
- Largest part: share of the occupied voxels of a sample in its largest part, connected by faces, edges or corners.
- Overlap: intersection over union of the occupied voxels of two volumes. Of a sample with the training volume that is most
  like it: near 1 would be a copy. Of two samples with each other: higher than the data's would be a lack of variety.
"""

from typing import Annotated

import numpy as np
import typer
from scipy import ndimage

from benchmarks import kinds
from keras_gan_zoo.config import read_recipe
from keras_gan_zoo.presets import find_preset

WHOLE = 0.95


def volumes(
    name: str,
    n: Annotated[int, typer.Option("-n", min=2, help="Volumes to generate.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the volumes.")] = 0,
):
    """Measures a preset of volumes."""
    from keras_gan_zoo import load

    recipe, gan = read_recipe(find_preset(name)), load(name)
    real = gan.schema.arrays(recipe.data.source, **recipe.data.reading)[gan.sample] > 0
    made = gan.generate(n, seed=seed, dtype="uint8") > 0
    each_other, real_each_other = _others(overlaps(made, made)), _others(overlaps(real, real))
    nearest, real_nearest = overlaps(made, real).max(axis=1), real_each_other.max(axis=1)
    parts, real_parts = largest_parts(made), largest_parts(real)
    whole, real_whole = parts >= WHOLE, real_parts >= WHOLE
    told = [
        kinds.Measure("mean occupancy, divided by the data's", made.mean() / real.mean()),
        kinds.Measure("mean occupancy", made.mean(), {"of the data": real.mean()}),
        kinds.Measure("share of the largest part, mean", parts.mean(), {"of the data": real_parts.mean()}),
        kinds.Measure(f"samples of which {WHOLE:.0%} hang together", whole.mean(), {"of the data": real_whole.mean()}),
        kinds.Measure("overlap of two samples, mean", each_other.mean(), {"of the data": real_each_other.mean()}),
        kinds.Measure(
            "overlap with the nearest training volume, mean", nearest.mean(), {"of the data": real_nearest.mean()}
        ),
        kinds.Measure("the same, highest", nearest.max(), {"of the data": real_nearest.max()}),
    ]
    kinds.write(
        name,
        f"{n:,} volumes of seed {seed}, occupied from 0.5, beside the {len(real):,} of `{recipe.data.name}`. Parts hang "
        "together by faces, edges or corners; overlap is intersection over union. The nearest volume of the data is "
        f"another one than the volume itself. Measured by `python -m benchmarks volumes {name}`.",
        told,
    )
    typer.echo("; ".join(f"{measure.title} {measure.value:.4g}" for measure in told))


def largest_parts(volumes: np.ndarray) -> np.ndarray:
    """Of each volume (n, x, y, z, 1), the share of its occupied voxels in its largest part; 0 for an empty one."""
    shares = []
    for volume in volumes[..., 0]:
        labels, _ = ndimage.label(volume, np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel())[1:]
        shares.append(sizes.max() / sizes.sum() if sizes.size else 0.0)
    return np.array(shares)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each volume of `a` with each of `b`, (len(a), len(b)); 0 for two empty ones."""
    a, b = (x.reshape(len(x), -1).astype("float32") for x in (a, b))
    both = a @ b.T
    either = a.sum(axis=1)[:, None] + b.sum(axis=1) - both
    return both / np.maximum(either, 1.0)


def _others(square):
    """The overlaps of volumes with the others of their own set."""
    return square[~np.eye(len(square), dtype=bool)].reshape(len(square), -1)
