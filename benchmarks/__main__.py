"""Measures the zoo, and writes what was measured into its documents.

    python -m benchmarks publish RUN NAME     a finished run becomes the preset zoo_configs/NAME
    python -m benchmarks quality              presets: FID and more, for each seed and backend
    python -m benchmarks throughput           variants: speed, start-up time and memory, beside baselines
    python -m benchmarks testbeds             variants: modes and fidelity on data whose distribution is known
    python -m benchmarks references SPLIT...  statistics of real images that are shipped
    python -m benchmarks precision            metrics: how far each step is from the peers'
    python -m benchmarks report               README.md, PRECISION.md, TESTBEDS.md, model cards and an HTML page

Each writes its records to benchmarks/results; `report` reads them.
"""

import os
import sys
from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n")[0])


@app.command()
def publish(run: Path, name: str):
    """Copies the trained model of a run of `keras-gan-zoo train` to zoo_configs/NAME, and its curve to the results."""
    import shutil

    from benchmarks.page import CURVES
    from benchmarks.quality import weights_of
    from keras_gan_zoo.config import read_recipe
    from keras_gan_zoo.presets import CONFIG, RESULTS, WEIGHTS, WEIGHTS_INFO, find_preset, preset_root

    source, target = find_preset(run / "preset"), preset_root() / name
    if not (target / CONFIG).exists():
        raise ValueError(f"There is no {target / CONFIG}. Fix: write the recipe there, and train by it.")
    if read_recipe(target) != read_recipe(source):
        raise ValueError(f"{run} was trained by another recipe than {target / CONFIG}. Fix: train by that one.")
    if not (target / WEIGHTS_INFO).exists() or weights_of(target) != weights_of(source):
        # They are of other weights.
        for file in (target / RESULTS, CURVES / f"{name}.csv"):
            file.unlink(missing_ok=True)
        for file in (WEIGHTS, WEIGHTS_INFO):
            shutil.copyfile(source / file, target / file)
    curve = run / "evaluations" / "evaluations.csv"
    if curve.exists():
        CURVES.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(curve, CURVES / f"{name}.csv")


def register() -> None:
    """The commands that live in modules of their own."""
    from benchmarks.precision import precision
    from benchmarks.quality import quality
    from benchmarks.references import references
    from benchmarks.report import report
    from benchmarks.testbeds import testbeds
    from benchmarks.throughput import throughput

    for command in (quality, throughput, testbeds, references, precision, report):
        app.command()(command)


def main() -> None:
    """Entry point: errors that a user can mend become one line, not a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    register()
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
