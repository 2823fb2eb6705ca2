"""The commands that measure: keras-gan-zoo evaluate | verify."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .cli_options import Imports, extractor_of, sides_of
from .files import require_file, whole_file
from .terminal import err, fail, out, say


def evaluate(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="A preset's name or folder; or a folder, zip, or .npz of images. With --merge the files of all shards.",
        ),
    ],
    against: Annotated[str | None, typer.Option(help="Real images: TFDS name, folder, zip, or .npz.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of a TFDS data set or an .npz; test, if there is one.")] = None,
    metrics: Annotated[str, typer.Option(help="Names, separated by commas: fid,kid,precision,recall ...")] = "fid",
    extractor: Annotated[str, typer.Option(help="inception, mnist, or fashion_mnist.")] = "inception",
    weights: Annotated[Path | None, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")] = None,
    resizer: Annotated[str, typer.Option(help="For Inception: legacy (TF1 bilinear) or clean (antialiased).")] = "legacy",
    subset_size: Annotated[int | None, typer.Option(min=2, help="Images in a subset of kid; by default 1,000.")] = None,
    n: Annotated[
        int, typer.Option("-n", "--number", min=2, help="Images to generate; of files, all images are measured.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated images.")] = 0,
    size: Annotated[str | None, typer.Option(help="Size that real images are brought to, such as 64 or 48x32.")] = None,
    channels: Annotated[int | None, typer.Option(help="Channels that real images are brought to: 1 or 3.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for the statistics of real images.")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="See part I of N only, from 1/N to N/N, and write it to --output.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Print the records of all shards together.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="JSON file to write the records to, too; with --shard the .npz file of the shard.")
    ] = None,
    imports: Imports = None,
):
    """Measures a preset, or images from any program, against real ones, and prints the records."""
    from .evaluation import evaluate_source
    from .metrics.protocol import Protocol
    from .metrics.shards import Shard
    from .sharding import measure_shard, merge_shards

    if output:
        require_file(output, "--output")
    if merge:
        _refuse_beside_merge(context)
        _print_records(*merge_shards(sources), output)
        return
    if len(sources) > 1:
        fail(f"One source is measured at a time. Received: {', '.join(sources)}. Fix: add --merge, if these are shards.")
    if against is None:
        fail("--against must name the real images. Received: none. Fix: a TFDS name, folder, zip, or .npz.")
    if shard and not output:
        fail(f"--shard must go with --output, the .npz file of the shard. Received: --shard {shard} alone.")
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if subset_size and "kid" not in names:
        fail(f"--subset-size must be left out unless kid is measured. Received: --metrics {metrics}. Fix: add kid.")
    part = Shard.parse(shard) if shard else None
    measured = {
        "metrics": names,
        "settings": {"kid": {"subset_size": subset_size}} if subset_size else None,
        "extractor": extractor_of(extractor, weights, resizer),
        "progress": err.is_terminal,
    }
    images = {"split": split, "n": n, "seed": seed, "channels": channels, "cache": cache}
    images["size"] = sides_of(size) if size else None
    if part:
        seen = measure_shard(sources[0], against, part, output, Protocol.of(**measured), **images)
        say(out, f"{output}: shard {part}, {seen['fake']} images of {sources[0]} and {seen['real']} real ones.")
        return
    _print_records(*evaluate_source(sources[0], against, **measured, **images), output)


def _refuse_beside_merge(context):
    """The shards hold what was asked for, so anything else that is asked for would be ignored."""
    for name, parameter in ((parameter.name, parameter) for parameter in context.command.params):
        given = context.get_parameter_source(name).name == "COMMANDLINE"
        if given and name not in ("sources", "merge", "output", "imports"):
            fail(f"{parameter.opts[-1]} must be left out with --merge, since the shards hold it. Received: both.")


def _print_records(records, skipped, output):
    from .untrusted import printable

    text = json.dumps({name: record.to_dict() for name, record in records.items()}, indent=2)
    say(out, text)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(output) as partial:
            partial.write_text(text + "\n", "utf-8")
    if skipped:
        first = "; ".join(f"{printable(path)}: {printable(reason)}" for path, reason in skipped[:3])
        say(err, f"{len(skipped)} files could not be read and are not in these numbers ({first}).")


def verify(
    presets: Annotated[list[str] | None, typer.Argument(help="Names or folders; by default all with results.")] = None,
    results: Annotated[
        list[str] | None, typer.Option("--result", help='Only this result, such as "FID"; may be repeated.')
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of the Inception network: .npz or .safetensors.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for the statistics of real images.")] = None,
    imports: Imports = None,
):
    """Generates the images of presets again, measures them, and compares them with the stored results."""
    from .verification import verified_presets, verify_preset

    extractor, reason = None, "left out by --result"
    if not results or "FID" in results:
        try:
            extractor = extractor_of("inception", weights, "legacy")
        except OSError as error:
            if weights:
                raise
            reason = str(error)
    table = Table("preset", "result", "stored", "measured", "tolerance", "")
    rows = []
    for name in presets or verified_presets():
        rows += verify_preset(
            name, extractor, results=results, cache=cache, progress=err.is_terminal, why_no_extractor=reason
        )
    verdicts = {True: "[green]passed[/green]", False: "[red]FAILED[/red]", None: "not measured"}
    for row in rows:
        measured = "" if row.measured is None else f"{row.measured:.4f}"
        table.add_row(row.preset, row.result, f"{row.stored:.4f}", measured, f"{row.tolerance:.4f}", verdicts[row.passed])
    out.print(table)
    for reason in sorted({row.reason for row in rows if row.reason}):
        say(err, f"Not measured: {reason}")
    if any(row.passed is False for row in rows):
        raise typer.Exit(1)
