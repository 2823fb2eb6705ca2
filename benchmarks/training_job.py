"""One job of the training queue, in a process of its own: python -m benchmarks.training_job REQUEST.

REQUEST is JSON: the task ("train" or "measure"), the name of the preset, its run, the folder of the data or null, where to
write how far it is, and the priority. How far it is, the sentences that it has for the user, and the error that ended it are
the content of that file.
"""

import json
import os
import statistics
import sys
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Any

from benchmarks import jobs
from benchmarks.cells import write_json

POINTS = 20  # of the curve
SECONDS = 5.0  # from one report to the next


def train(request: dict[str, Any], say: Any) -> None:
    """Trains a preset in its run, or goes on with that."""
    from benchmarks.quality import is_measurable
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.presets import find_preset
    from keras_gan_zoo.run_recipes import CONFIG
    from keras_gan_zoo.training import train as run

    recipe, output = read_recipe(find_preset(request["name"])), Path(request["run"])
    every = curve_rounds(recipe)
    if every is None and is_measurable(recipe.variant):
        say(note=f"{request['name']} has no curve: no network at hand sees {recipe.data.name}; --weights FILE names one.")
    run(recipe, output, resume=(output / CONFIG).exists(), evaluate=every, callbacks=[reporter(recipe, say)])


def curve_rounds(recipe: Any) -> int | None:
    """Rounds from one point of the FID curve to the next; None where nothing at hand can see the samples."""
    from benchmarks.quality import is_measurable
    from keras_gan_zoo.metrics.features import CLASSIFIERS
    from keras_gan_zoo.metrics.features.weight_files import weights_at_hand

    if not is_measurable(recipe.variant) or (recipe.data.source not in CLASSIFIERS and weights_at_hand() is None):
        return None
    return max(1, recipe.training.rounds // POINTS)


def measure(request: dict[str, Any], say: Any) -> None:
    """Measures a preset and writes its card."""
    import keras
    from rich.console import Console

    from benchmarks.publishing import measure as run
    from keras_gan_zoo.metrics.features.weight_files import weights_at_hand

    for note in run(request["name"], keras.backend.backend(), weights_at_hand(), Console()):
        say(note=note)


def reporter(recipe: Any, say: Any) -> Any:
    """A callback that says how far a training is."""
    import keras

    class Reporter(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.round, self.rates = int(self.model.rounds), deque(maxlen=12)
            self.images, self.last = recipe.training.batch_size * self.model.minibatches_per_round, None
            self.say()

        def on_train_batch_end(self, batch, logs=None):
            self.round += 1
            now = time.monotonic()
            if self.last is None:  # the first has built the graph
                self.last = self.round, now
            elif now - self.last[1] >= SECONDS:
                # The median of the last minute, in which a pause or an evaluation is one of several.
                self.rates.append((self.round - self.last[0]) * self.images / (now - self.last[1]))
                self.last = self.round, now
                self.say()

        def on_train_end(self, logs=None):
            self.say()

        def say(self):
            rate = statistics.median(self.rates) if self.rates else None
            say(round=self.round, rounds=recipe.training.rounds, images=self.images, images_per_second=rate)

    return Reporter()


class Status:
    """What a job says of itself, in a file that is always whole."""

    def __init__(self, path: str | Path) -> None:
        self.path, self.content = Path(path), {"notes": []}

    def __call__(self, note: str | None = None, **facts: Any) -> None:
        self.content |= facts
        if note:
            self.content["notes"].append(note)
        write_json(self.path, self.content, indent=None)


def main(request: dict[str, Any]) -> int:
    say = Status(request["status"])
    try:
        with jobs.job(request["nice"]):
            if request["data"]:
                from keras_gan_zoo.data.load import DATA_VARIABLE

                os.environ[DATA_VARIABLE] = request["data"]
            {"train": train, "measure": measure}[request["task"]](request, say)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        traceback.print_exc()
        say(error=str(error) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
