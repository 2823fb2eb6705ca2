"""Training by a recipe: what `keras-gan-zoo train` does.

A run is a folder:

    config.yaml              the recipe
    data.json                number and hash of the examples, with which alone it goes on
    checkpoint.weights.h5    the whole state after the last finished part
    log.csv                  losses
    samples/round_000500.png grids from fixed latents
    preset/                  the trained model, once the training has ended
    evaluations/             with `evaluate`: values in the course of the training, the best and the final state
    .lock                    while a process trains it: the number of that process

Stopped at any moment and started again, a run ends in bit-identical weights: the state of both optimizers, of the average,
of the random generators and of the game are in the checkpoint, and the order of the images is a function of seed and round.
On another backend it goes on from the same state, bit for bit, by rounds that are equal to rounding where they get equal
random numbers; but each backend draws its own, so the end is that of another seed.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .config import ConfigError, Recipe, read_recipe, write_recipe
from .devices import Strategy, training_devices
from .files import locked, writes, writing
from .presets import PRESET
from .run_recipes import CONFIG, DATA, LOCK, note_of, recipe_of_run, require_noted
from .untrusted import printable

if TYPE_CHECKING:
    from .base import Game

CHECKPOINT, LOG = "checkpoint.weights.h5", "log.csv"
FOLDERS = ("samples", "evaluations", "tensorboard")
REFERENCE_IMAGES = 10_000


def train(
    recipe: Recipe | str | Path,
    output: str | Path,
    *,
    resume: bool = False,
    dtype: str | None = None,
    tensorboard: bool = False,
    evaluate: int | None = None,
    console: Any = None,
    callbacks: Sequence[Any] = (),
    strategy: Strategy = "none",
    devices: int | None = None,
) -> Any:
    """Trains a model by its recipe.

    Args:
        recipe: a `Recipe`, or the path of one.
        output: the folder of the run.
        resume: goes on where the run in `output` was stopped; with more `training.rounds`, also where it has ended.
        dtype: overrides the recipe's, such as "float32".
        tensorboard: also writes TensorBoard logs (needs TensorFlow).
        evaluate: rounds from one FID of samples, and one look for a collapse, to the next; None for neither. The training
            itself is the same, bit for bit.
        console: `rich.console.Console` for the progress bar.
        callbacks: further Keras callbacks.
        strategy, devices: as in `keras_gan_zoo.devices.training_devices`. Of several processes the first alone writes; all
            of them read `output`.

    Returns:
        The trained model.

    Raises:
        ConfigError: an impossible recipe; with `resume`, another recipe or other data than those of the run.
        FileExistsError: `output` holds a run, and `resume` is not asked for.
        InUseError: another process trains in `output`.
    """
    with training_devices(strategy, devices):
        return _train(recipe, Path(output), resume, dtype, tensorboard, evaluate, console, callbacks)


def _train(recipe, output, resume, dtype, tensorboard, evaluate, console, callbacks):
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    recipe = recipe_of_run(recipe, output, resume, dtype, console)
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("TensorBoard logs need the package tensorboard, which is not installed: pip install tensorboard.")

    import keras

    from .base.agreement import require_agreement
    from .data import Images
    from .presets import built

    settings = recipe.training
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Without it, some kernels add in the order in which their threads happen to finish.
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(settings.seed)
    if recipe.data is None:
        raise ConfigError("The recipe has no data; add the key data with a source.")

    gan = built(recipe, dtype=settings.dtype, seed=settings.seed)
    sides = [min(field.shape[:2]) for field in gan.fields().values() if isinstance(field, Images)]
    if recipe.data.crop >= min(sides, default=1):
        raise ConfigError(f"data.crop must be below the sides of images, {sides}. Received: data.crop={recipe.data.crop}.")
    if recipe.data.flip and not sides:
        raise ConfigError(
            f"data.flip must be left out where there are no images. Received: data.flip=True, and {recipe.variant}, which "
            f"trains on {', '.join(gan.fields())}."
        )
    data = gan.schema.arrays(recipe.data.source, **recipe.data.reading)
    rows, needed = min(map(len, data.values())), settings.batch_size * gan.minibatches_per_round
    if needed > rows:
        raise ConfigError(
            f"A round of {gan.minibatches_per_round} x training.batch_size must be at most the number of examples. "
            f"Received: training.batch_size={settings.batch_size}, and {rows} of them in {recipe.data.name!r}."
        )
    if evaluate is not None and not (isinstance(gan.fields()[gan.sample], Images) and gan.generates):
        raise ConfigError(
            f"--evaluate must be left out where no images are made from noise. Received: {recipe.variant}, which makes "
            "others."
        )
    gan.refuse_devices(settings.batch_size)
    # All processes have looked at the folder before one of them writes there, and none ends before that one has.
    note = note_of(data)
    seen = hashlib.sha256(json.dumps(note).encode()).hexdigest()[:16]
    require_agreement(gan, recipe=recipe.digest, data=seen, checkpoint=_found(gan, output / CHECKPOINT))
    with writing(gan.rank == 0):
        _run(gan, data, note, recipe, output, resume, tensorboard, evaluate, console if writes() else None, callbacks)
    gan.exchange("The preset is written.")
    return gan


def _run(gan, data, note, recipe, output, resume, tensorboard, evaluate, console, callbacks):
    """Plays the rounds of a run that are left, and writes what it leaves."""
    from . import callbacks as c
    from .preset_files import require_replaceable
    from .preset_saving import save_to_preset

    checkpoint, settings = output / CHECKPOINT, recipe.training
    output.mkdir(parents=True, exist_ok=True)
    # What would be found only when it is written, which is after the training.
    require_replaceable(output / PRESET)
    require_noted(note, output / DATA)
    for names, right, kind in (((CHECKPOINT, LOG), Path.is_file, "file"), (FOLDERS, Path.is_dir, "folder")):
        for path in (output / name for name in names if os.path.lexists(output / name)):
            if not right(path):
                raise FileExistsError(f"{path} must be a {kind} of the run. Received: something else. Fix: move it away.")
    with locked(output / LOCK, f"The run in {output}"):
        # What a killed process was writing.
        for partial in list(output.rglob(".partial-*")) if writes() else ():
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        if not resume or recipe.digest != read_recipe(output / CONFIG).digest:
            with c.whole_file(output / CONFIG) as partial:
                write_recipe(recipe, partial)
        if not (output / DATA).exists():
            with c.whole_file(output / DATA) as partial:
                partial.write_text(json.dumps(note, indent=2) + "\n", "utf-8")
        if checkpoint.exists():
            _load_checkpoint(gan, checkpoint)
        watchers = [c.StopAtNaN(), c.CSVLog(output / LOG)]
        parts = settings.sample_rounds // settings.checkpoint_rounds
        watchers.append(c.SampleGrid(output / "samples", every=parts, data=data))
        if tensorboard and writes():
            from keras.callbacks import TensorBoard

            watchers.append(TensorBoard(output / "tensorboard"))
        if evaluate is not None:
            watchers += _judges(recipe, data[gan.sample], data.get("labels"), output, evaluate, console)
        # The checkpoint last, so that what belongs to a part is there once it is; a part that is repeated writes it again.
        _play(gan, data, recipe, [*watchers, *callbacks, c.Checkpoint(checkpoint)], console)
        save_to_preset(gan, output / PRESET, dtype=_preset_dtype(gan, console), recipe=recipe)
        c.save_preview(gan.preview(64, data), output / PRESET / "samples")
        if console:
            preset = printable(str(output / PRESET))
            said = f"{preset}: the trained model; keras_gan_zoo.load({preset!r}) loads it."
            console.print(said, markup=False, highlight=False, soft_wrap=True)


def _preset_dtype(gan, console):
    """Half the size where that holds all weights."""
    arrays = [array for name in gan.inference_names for array in gan.network(name).get_weights()]
    largest = max(float(np.abs(array).max(initial=0)) for array in arrays)
    if largest <= float(np.finfo("float16").max):
        return "float16"
    say = console.print if console else warnings.warn
    say(f"The preset is written in float32: a weight of {largest:.3g} is too large for float16.")
    return "float32"


def _play(gan, data, recipe, callbacks, console):
    """The rounds that are left."""
    from .callbacks import Progress, StopAtInterrupt
    from .callbacks.watching import rounds_played

    settings = recipe.training
    progress = Progress(settings.rounds, settings.batch_size * gan.minibatches_per_round, console)
    part = settings.checkpoint_rounds
    try:
        with StopAtInterrupt().listening() as stop:
            gan.fit(
                data,
                batch_size=settings.batch_size,
                epochs=settings.rounds // part,
                initial_epoch=rounds_played(gan) // part,
                steps_per_epoch=part,
                callbacks=[progress, *callbacks, stop],
                verbose=0,
                seed=settings.seed,
                flip=recipe.data.flip,
                crop=recipe.data.crop,
            )
    finally:
        progress.close()


def _judges(
    recipe: Recipe, images: np.ndarray, labels: np.ndarray | None, output: Path, every: int, console: Any
) -> list[Any]:
    """FID against the training images, and warnings of a collapse; seen by the data set's classifier where there is one."""
    from . import callbacks as c
    from .metrics import evaluate, feature_extractor, reference
    from .metrics.features import CLASSIFIERS

    source = recipe.data.source
    extractor = feature_extractor(source if source in CLASSIFIERS else "inception")
    # Not the first ones: a folder with class names has its images in the order of the classes.
    chosen = np.sort(np.random.default_rng(0).permutation(len(images))[:REFERENCE_IMAGES])
    split = f"{source}/{recipe.data.split or 'train'}, {len(chosen)} of {len(images)}"
    if console:
        # Inception takes a quarter of an hour for them on one core, in which nothing else would be said.
        console.print(f"{len(chosen):,} real images are looked at first, unless they were before.", highlight=False)
    # Kept, since a run that is stopped and goes on needs it anew.
    real = reference(images[chosen], extractor, split=split, progress=bool(console) and console.is_terminal)

    def measure(fakes):
        return evaluate(fakes, real, metrics=("fid",), extractor=extractor)

    classifier = extractor if source in CLASSIFIERS else None
    return [
        c.Evaluate(measure, every, folder=output / "evaluations", monitor="fid"),
        c.CollapseMonitor(images if labels is None else (images, labels), every, classifier=classifier),
    ]


def resumed(run: str | Path) -> "Game":
    """The model of a run in the state of its last checkpoint, with what a preset has not: all players and optimizers.

    Raises:
        ConfigError: no run, or a checkpoint that cannot be read.
    """
    from .presets import built

    run = Path(run)
    recipe = read_recipe(run)
    gan = built(recipe, dtype=recipe.training.dtype, seed=recipe.training.seed)
    _load_checkpoint(gan, run / CHECKPOINT)
    return gan


def _found(gan, path):
    """The round of a checkpoint, in words; it is loaded by all processes together, which must have the same one."""
    if gan.processes == 1 or not path.is_file():
        return "none"
    import h5py

    try:
        with h5py.File(path) as file:
            return f"one of round {file[f'vars/{gan.saved_as(gan.rounds)}'][()]}"
    except (OSError, KeyError) as error:
        return f"one that cannot be read ({str(error)[:200]})"


def _load_checkpoint(gan, path):
    try:
        gan.load_weights(path)
    except (OSError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise ConfigError(
            f"{path} must be a checkpoint of this run. Received: one that cannot be read ({error}). Fix: start the run anew."
        ) from error
