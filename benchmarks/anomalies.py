"""An anomaly detector beside images of another kind than those that it was trained on.

    python -m benchmarks anomalies f_ano_gan_mnist

Writes the record that the preset's card shows: the area under the ROC curve by which its scores tell the test images of its
data from those of another data set, which is the probability that an image of the other one has the higher score.
"""

from typing import Annotated

import numpy as np
import typer

from benchmarks import kinds, left_out
from keras_gan_zoo.config import read_recipe
from keras_gan_zoo.presets import find_preset


def anomalies(
    name: str,
    others: Annotated[str, typer.Option(help="Name of a TFDS data set of images of the same shape.")] = "fashion_mnist",
    n: Annotated[int, typer.Option("-n", min=2, help="Test images of each.")] = 2000,
):
    """Measures a preset that scores anomalies."""
    from keras_gan_zoo import anomaly_scores, load

    recipe, gan = read_recipe(find_preset(name)), load(name)

    def scores(source):
        return np.asarray(anomaly_scores(gan, gan.schema.arrays(source, split="test")[gan.sample][:n]))

    own, strange = scores(recipe.data.source), scores(others)
    told = [
        kinds.Measure(f"AUC of {others} as the anomaly", left_out.auc(own, strange)),
        kinds.Measure("median score", np.median(own), {f"of {others}": np.median(strange)}),
    ]
    protocol = (
        f"The first {n:,} test images of `{recipe.data.name}` and of `{others}`, scored by `anomaly_scores`. AUC is the "
        f"area under the ROC curve, 0.5 by chance. Measured by `python -m benchmarks anomalies {name}`."
    )
    if name == left_out.ENCODER and (of_digits := left_out.measures()):
        told += of_digits
        protocol += " Of a digit: by shorter trainings on the other nine (`python -m benchmarks left-out`)."
    kinds.write(name, protocol, told)
    typer.echo("; ".join(f"{measure.title} {measure.value:.4g}" for measure in told))
