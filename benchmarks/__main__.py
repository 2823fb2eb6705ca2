"""Measures the zoo, and writes what was measured into its documents.

`python -m benchmarks --help` lists the commands. Each writes its records to benchmarks/results, and `report` reads them.
"""

import importlib
import os
import sys
from collections.abc import Iterable

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n")[0])


# Command -> the module of benchmarks that it is in.
COMMANDS = {
    "train": "training_queue",
    "pause": "training_queue",
    "resume": "training_queue",
    "pack": "packing",
    "unpack": "packing",
    "export-data": "export_data",
    "publish": "publishing",
    "quality": "quality",
    "throughput": "throughput",
    "testbeds": "testbeds",
    "tricks": "tricks",
    "image-tricks": "image_tricks",
    "study": "study",
    "semi-supervised": "semi_supervised",
    "pairs": "pairs",
    "volumes": "volumes",
    "anomalies": "anomalies",
    "left-out": "left_out",
    "sequences": "seq_gan_oracle",
    "references": "references",
    "features": "data_set_features",
    "precision": "precision",
    "metrics-speed": "metrics_speed",
    "sharing": "sharing",
    "report": "report",
}


@app.callback()
def commands():
    """With it, one command alone is still called by its name."""


def register(names: Iterable[str] = COMMANDS) -> None:
    """Imports commands, which live in modules of their own."""
    for name in names:
        module = importlib.import_module(f"benchmarks.{COMMANDS[name]}")
        app.command(name)(getattr(module, name.replace("-", "_")))


def main() -> None:
    """Entry point: errors that a user can mend become one line, not a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # The command that is called alone: others import what it can do without, such as TensorFlow.
    called = sys.argv[1:2]
    register(called if called and called[0] in COMMANDS else COMMANDS)
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
