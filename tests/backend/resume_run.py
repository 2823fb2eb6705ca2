"""Goes on with a run on the backend of the environment, and writes down what it finds and what becomes of it.

Run by `test_resume_elsewhere.py`: python resume_run.py RUN OUTPUT. Noise comes from integers in the first round.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from keras_gan_zoo.building import build, compile_by
from keras_gan_zoo.config import read_recipe
from keras_gan_zoo.training import CHECKPOINT, train
from tests.backend.play_rounds import Noise


def state(gan):
    """All that a checkpoint holds, in the order of the variables."""
    variables = [*gan.variables, *(variable for optimizer in gan.optimizers.values() for variable in optimizer.variables)]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def looked_at(run):
    """What the checkpoint of a run holds and what a round with equal noise makes of it, and the recipe."""
    recipe = read_recipe(run)
    gan = build(recipe, dtype=recipe.training.dtype, seed=recipe.training.seed)
    compile_by(gan, recipe)
    gan.load_weights(run / CHECKPOINT)
    found = {f"loaded_{i:03d}": array for i, array in enumerate(state(gan))}

    original = keras.random.normal, keras.random.uniform
    noise = Noise()
    keras.random.normal, keras.random.uniform = noise.normal, noise.uniform
    try:
        gan.compile(*gan.optimizers.values(), run_eagerly=True)
        images = np.random.default_rng(5).integers(0, 256, (8, *gan.image_shape), np.uint8)
        gan.train_on_batch(images)
    finally:
        keras.random.normal, keras.random.uniform = original
    found |= {f"played_{i:03d}": array for i, array in enumerate(state(gan))}
    found["drawn"] = keras.ops.convert_to_numpy(keras.random.normal((4,), seed=keras.random.SeedGenerator(7)))
    return found, recipe


def main():
    run, output = Path(sys.argv[1]), Path(sys.argv[2])
    found, recipe = looked_at(run)
    np.savez(output, **found, rounds=int(train(recipe, run, resume=True).rounds))


if __name__ == "__main__":
    main()
