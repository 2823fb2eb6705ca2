"""Measures the zoo, and writes what was measured into its documents.

    python -m benchmarks train --pending      presets: trained, published, measured, one after the other
    python -m benchmarks pause                what `train` runs on this machine stands still, until `resume`
    python -m benchmarks pack NAME...         runs as files of at most 15 MB; `unpack` puts them back
    python -m benchmarks export-data NAME...  data sets as .npz files, for `train --data-dir`
    python -m benchmarks publish RUN NAME     a finished run becomes the preset zoo_configs/NAME
    python -m benchmarks quality              presets: FID and more, for each seed and backend
    python -m benchmarks throughput           variants: speed, start-up time and memory, beside baselines
    python -m benchmarks testbeds             variants: modes and fidelity on data whose distribution is known
    python -m benchmarks tricks               tricks of training, on and off
    python -m benchmarks study                losses on equal networks, by FID and by the time to it
    python -m benchmarks semi-supervised      semi-supervised variants: test error from few labels
    python -m benchmarks pairs NAME RUN       presets from pairs: error and matching on held-out pairs
    python -m benchmarks volumes NAME         presets of volumes, beside their data
    python -m benchmarks anomalies NAME       presets that score anomalies, beside images of another kind
    python -m benchmarks left-out             f-AnoGAN, AnoGAN and an autoencoder: each digit as the anomaly
    python -m benchmarks sequences            SeqGAN on sequences whose distribution is known
    python -m benchmarks references SPLIT...  statistics of real images that are shipped
    python -m benchmarks features DIR SPLIT.. Inception features of data sets, for the peers
    python -m benchmarks precision            metrics: how far each step is from the peers'
    python -m benchmarks metrics-speed        metrics: how fast, beside the peers
    python -m benchmarks report               README.md, PRECISION.md, TESTBEDS.md, model cards and an HTML page

Each writes its records to benchmarks/results; `report` reads them.
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
