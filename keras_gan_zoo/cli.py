"""The command line: keras-gan-zoo list | sample | translate | anomaly | train | evaluate | verify.

No framework is imported before a command needs one, so that `list` and `--help` answer at once.
"""

import importlib.metadata
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from .cli_measuring import evaluate, verify
from .cli_options import Imports, class_of, recipe_for
from .devices import Strategy
from .files import require_ending, require_file
from .terminal import err, fail, out, say, say_error

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n")[0])


def _say_version(wanted: bool) -> None:
    if wanted:
        say(out, f"keras_gan_zoo {importlib.metadata.version('keras_gan_zoo')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version, and end.")
    ] = False,
):
    pass


@app.command("list")
def list_command(pattern: Annotated[str, typer.Argument(help='Names to list, such as "*mnist*".')] = "*"):
    """Shows the presets, one on a line: data, size, the first measured result, and the license of the data."""
    from .presets import list_presets

    presets = list_presets(pattern)
    if not presets:
        fail(f"The pattern must match a preset. Received: {pattern!r}. Fix: `keras-gan-zoo list` shows all names.")
    # A preset has the name of its variant, which would only take the room of the rest.
    rows = [("preset", "data", "weights", "measured", "license of the data")]
    for preset in presets:
        size = f"{preset.bytes / 1e6:.1f} MB" if preset.bytes else "none"
        rows.append(
            (
                preset.name,
                preset.data.removesuffix(".npz").removesuffix(".zip"),
                size,
                summary(preset.results),
                preset.license,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        # The license comes last, since a narrow screen cuts off the end of a line; the model card has all of it.
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        cut = {"no_wrap": True, "overflow": "ellipsis"} if out.is_terminal else {"soft_wrap": True}
        out.print(Text(line, style="bold" if row is rows[0] else ""), **cut)


@app.command()
def sample(
    preset: Annotated[str, typer.Argument(help="A preset's name, or a folder that holds one.")],
    output: Annotated[Path, typer.Option(help="The PNG file to write, or .txt for text.")] = Path("samples.png"),
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Number of samples.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    label: Annotated[
        str | None, typer.Option(help="For conditional models: class of all images, by number or name.")
    ] = None,
    truncation: Annotated[float, typer.Option(help="In (0, 1]; less is more typical and less varied.")] = 1.0,
    imports: Imports = None,
):
    """Writes generated samples: a grid of images, or lines of text."""
    from .callbacks import save_preview
    from .presets import load

    require_file(output, "--output")
    require_ending(output, "--output", ".png", ".txt")
    gan = load(preset)
    if not gan.generates:
        fail(
            f"`sample` takes a preset that makes samples from noise. Received: {preset}, which makes them from "
            f"{', '.join(gan.inputs())}. Fix: keras-gan-zoo translate {preset} INPUT --output OUTPUT."
        )
    given = gan.in_order(n) if label is None else {"labels": class_of(label, gan)}
    if truncation != 1:
        given["truncation"] = truncation
    samples = gan.generate(n, seed=seed, **given)
    output.parent.mkdir(parents=True, exist_ok=True)
    written = save_preview({gan.sample: (gan.fields()[gan.sample], samples)}, output)
    made = {"tokens": "sequences", "voxels": "volumes"}.get(gan.sample, gan.sample)
    say(out, f"{written}: {n} {made} of {preset}, seed {seed}.")


@app.command()
def translate(
    preset: Annotated[str, typer.Argument(help="A preset's name, or a folder that holds one.")],
    source: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    output: Annotated[Path, typer.Option(help="The PNG file to write; for a folder, the folder.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    imports: Imports = None,
):
    """Translates images, and writes the results."""
    from .presets import load
    from .translation import translate_files

    written = translate_files(load(preset), source, output, seed=seed)
    say(out, f"{output}: {written} image{'s' if written > 1 else ''} of {preset}, seed {seed}.")


@app.command()
def anomaly(
    preset: Annotated[str, typer.Argument(help="A preset's name, or a folder that holds one.")],
    folder: Annotated[Path, typer.Argument(help="A folder of images.")],
    output: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("anomalies.png"),
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Images to show, the most anomalous first.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Of the search for latents, where the model has no encoder.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents from which a search starts.")] = 0,
    label: Annotated[
        str | None, typer.Option(help="For conditional models: class of all images, by number or name.")
    ] = None,
    imports: Imports = None,
):
    """Scores images by how badly the model makes them, and shows the worst beside their reconstructions."""
    from .anomaly import score_folder
    from .presets import load

    gan = load(preset)
    if label is None and gan.in_order(1) and not hasattr(gan, "anomaly_scores"):
        fail(f"--label must name the class of the images. Received: no --label, and {preset}, a model of classes.")
    given = {} if label is None else {"labels": class_of(label, gan)}
    rows = score_folder(gan, folder, output, n=n, steps=steps, seed=seed, **given)
    say(out, "\n".join(["score       image", *(f"{score:<10.5g}  {name}" for name, score in rows)]))
    say(err, f"{output}: the {min(n, len(rows))} most anomalous of {len(rows)} images, and what {preset} makes of them.")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe (folder, config.yaml, or preset), or a variant's name.")],
    output: Annotated[Path | None, typer.Option(help="Folder of the run; by default runs/NAME.")] = None,
    data: Annotated[str | None, typer.Option(help="For a variant: folder, zip, .npz or TFDS name.")] = None,
    size: Annotated[str | None, typer.Option(help="For a variant: image size, such as 64 or 48x32.")] = None,
    channels: Annotated[int | None, typer.Option(help="For a variant: 1 (gray), 3 (RGB, the default), or 4 (RGBA).")] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="For a variant: pass over images that cannot be read.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help="For a variant: mirror half of the images left to right.")] = False,
    crop: Annotated[
        int | None, typer.Option(min=0, help="For a variant: move images at random, by at most so many pixels.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="For a variant: length of the training.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="For a variant: images in a gradient step.")] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Read images of a folder, zip or TFDS as they are needed, not all at once.")
    ] = False,
    dtype: Annotated[str | None, typer.Option(help="float32 or mixed_bfloat16, in place of the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard logs.")] = False,
    evaluate: Annotated[
        int | None, typer.Option(min=1, help="Measure FID, and look for a collapse, every so many rounds.")
    ] = None,
    strategy: Annotated[
        Strategy, typer.Option(help="Who shares each batch: devices of this machine, or processes of several.")
    ] = "none",
    devices: Annotated[int | None, typer.Option(min=1, help="With --strategy mirrored: their number.")] = None,
    imports: Imports = None,
):
    """Trains by a recipe, or a variant on your own images."""
    from .config import read_recipe
    from .presets import CONFIG, preset_root
    from .registry import variants
    from .training import train as run

    if dtype not in (None, "float32", "mixed_bfloat16"):
        fail(f"--dtype must be float32 or mixed_bfloat16. Received: --dtype {dtype}.")
    given = skip_unreadable or flip or any(value is not None for value in (data, size, channels, crop, rounds, batch_size))
    built_in = preset_root() / Path(recipe).name
    if not Path(recipe).exists() and recipe == built_in.name and (built_in / CONFIG).is_file():
        recipe = str(built_in)
    if Path(recipe).exists():
        if recipe in variants() and (given or not (Path(recipe) / "config.yaml").is_file()):
            fail(
                f"A variant must not have the name of a file or folder here. Received: {recipe!r}, which is both. Fix: "
                f"'./{recipe}' for a recipe that is here; for the variant, another working directory, or another name for "
                "what is here."
            )
        if given:
            fail(
                "--data, --size, --channels, --skip-unreadable, --flip, --crop, --rounds, and --batch-size must be left out "
                f"unless a variant is named. Received: the recipe {recipe}. Fix: write them into the recipe."
            )
        settings = read_recipe(recipe)
        name = Path(recipe).resolve().name if Path(recipe).is_dir() else Path(recipe).resolve().parent.name
    else:
        images = {"source": data, "flip": flip, "crop": crop or 0, **({"on_error": "skip"} if skip_unreadable else {})}
        settings = recipe_for(recipe, images, size, channels or 3, rounds, batch_size)
        name = recipe
    settings = settings.streamed() if stream else settings
    output = output or Path("runs") / name
    try:
        shared = {"strategy": strategy, "devices": devices}
        run(settings, output, resume=resume, dtype=dtype, tensorboard=tensorboard, evaluate=evaluate, console=out, **shared)
    except KeyboardInterrupt:
        began = (output / "config.yaml").exists()
        rest = f"To continue, add --resume to the command; {output} holds the run." if began else "Nothing was written."
        say(err, f"Stopped. {rest}")
        raise typer.Exit(130) from None


app.command()(evaluate)
app.command()(verify)


def summary(results) -> str:
    """The first result of a preset, such as "FID 8.1", or an empty string if there is none."""
    return next((f"{name} {record['value']:.{record.get('digits', 2)}f}" for name, record in results.items()), "")


def main() -> None:
    """Runs the command line: errors that a user can fix become one line, not a traceback."""
    from .startup import without_notes

    # A stop by a scheduler or a shell tells how to continue, as Ctrl+C does, even if the shell ignores SIGINT.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with without_notes():
            # Errors stay: 2 leaves out everything else.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
            app()
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        say_error(str(error))
        sys.exit(1)
