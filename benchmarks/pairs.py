"""A model that translates, on pairs that it was not trained on.

    python -m benchmarks pairs pix2pix_facades RUN

RUN is the folder of the preset's training, which holds the discriminator; the pairs are the split "test" of the recipe's
data. Beside RUN, in RUN_by_l1, the same generator is trained by the same recipe with the L1 term alone, unless that run is
there. Then come the record that the preset's card shows, the card's picture of held-out pairs, and a picture with both
generators: RUN_by_l1/rows.png.

- L1: mean |y - G(x)| over pixels and channels, in gray levels of 255, with the shipped weights; dropout stays on, as in
  training, so the mean of three seeds.
- Right pairs preferred: of all comparisons of a held-out photo beside its own map and beside that of another one, the share
  in which the discriminator scores the first higher; 0.5 is chance.
"""

from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks import kinds
from keras_gan_zoo import Pix2Pix, register_variant
from keras_gan_zoo.config import Recipe, read_recipe
from keras_gan_zoo.presets import find_preset

SPLIT, SEEDS, SHOWN = "test", (0, 1, 2), 24
CONTROL = "pix2pix_by_l1"


class Pix2PixByL1(Pix2Pix):
    """The generator of pix2pix, trained without an opponent."""

    discriminator_names = ()
    frozen_names = ("discriminator",)

    def generator_objective(self, real, fake):
        return self.l1(real, fake)


def pairs(name: str, run: Path):
    """Measures a preset of pix2pix on held-out pairs, beside the same generator trained by L1 alone."""
    from keras_gan_zoo import load
    from keras_gan_zoo.callbacks import save_preview
    from keras_gan_zoo.run_recipes import CONFIG
    from keras_gan_zoo.training import resumed, train

    register_variant(CONTROL)(Pix2PixByL1)
    folder, recipe = find_preset(name), read_recipe(find_preset(name))
    played, shipped = resumed(run), load(name)
    by_l1 = run.with_name(f"{run.name}_by_l1")
    control = train(without_opponent(recipe), by_l1, resume=(by_l1 / CONFIG).exists())
    data = shipped.schema.arrays(recipe.data.source, **{**recipe.data.reading, "split": SPLIT})
    found, alone = (errors(gan, data) for gan in (shipped, control))
    preferred, drawn = right_pairs(played, data), variety(shipped, data)
    n = len(data["source"])
    kinds.write(
        name,
        f"{n} held-out pairs, split `{SPLIT}` of `{recipe.data.name}`. L1 is in gray levels of 255, a mean over seeds "
        f"{', '.join(map(str, SEEDS))} of the dropout; beside it stands the same generator, trained by the same recipe "
        "with the L1 term alone. Right pairs preferred: the share of comparisons in which the discriminator, which is not "
        "shipped, scores a photo higher beside its own map than beside another one's; chance is 0.5. "
        f"Measured by `python -m benchmarks pairs {name} RUN`.",
        [
            kinds.Measure("L1, divided by that of L1 alone", found / alone),
            kinds.Measure("L1", found, {"by L1 alone": alone}),
            kinds.Measure("right pairs preferred", preferred),
            kinds.Measure("mean difference of two seeds, gray levels", drawn),
        ],
    )
    shown = shipped.preview(SHOWN, data)
    save_preview(shown, folder / "samples")
    (title, output), *rest = [(key, value) for key, value in shown.items() if key != "source"]
    other = control.preview(SHOWN, data)["output"]
    save_preview({"source": shown["source"], title: output, "by L1 alone": other, **dict(rest)}, by_l1 / "rows")
    typer.echo(f"L1 {found:.2f}, by L1 alone {alone:.2f}, ratio {found / alone:.3f}; right pairs preferred {preferred:.4f}.")


def without_opponent(recipe: Recipe) -> Recipe:
    """The recipe of the same generator, trained by L1 alone."""
    optimizers = {name: value for name, value in recipe.optimizers.items() if name == "generator"}
    return recipe.model_copy(update={"variant": CONTROL, "optimizers": optimizers})


def errors(gan: Pix2Pix, data: dict[str, np.ndarray]) -> float:
    """Mean absolute error of translations in gray levels, over the seeds."""
    made = (gan.translate(data["source"], seed=seed) for seed in SEEDS)
    truth = data["target"].astype("float32") / 127.5 - 1.0
    return float(np.mean([np.abs(images - truth).mean() for images in made]) * 127.5)


def variety(gan: Pix2Pix, data: dict[str, np.ndarray]) -> float:
    """Mean absolute difference between the translations of two seeds, in gray levels."""
    first, second = (gan.translate(data["source"], seed=seed) for seed in SEEDS[:2])
    return float(np.abs(first - second).mean() * 127.5)


def right_pairs(gan: Pix2Pix, data: dict[str, np.ndarray]) -> float:
    """Share of all (i, j), i not j, with a higher score for target i beside source i than beside source j."""
    n = len(data["source"])
    source, target = np.meshgrid(np.arange(n), np.arange(n))

    def score(source: Any, target: Any) -> Any:
        fields = gan.fields()
        batch = {"source": fields["source"].preprocess(source), "target": fields["target"].preprocess(target)}
        return gan.score(batch, training=False)

    scores = gan.mapped(score, data["source"][source.ravel()], data["target"][target.ravel()])
    scores = scores.reshape(n, n, -1).mean(axis=-1)
    better = np.diag(scores)[:, None] > scores
    return float(better.sum() / (n * (n - 1)))
