"""Carries runs between machines, in files of at most 15 MB.

    python -m benchmarks pack dcgan_mnist --output parcels        runs/dcgan_mnist as parcels/dcgan_mnist.000.pack, ...
    python -m benchmarks unpack parcels                           back to runs/dcgan_mnist, where `train` goes on

A run is a tar archive under gzip, cut into parts; NAME.pack.json lists them with their sha256. Nothing of it is trusted:
parts that are missing, damaged or not listed, members that are neither files nor folders, and paths that leave the run are
refused, and a run is there whole or as it was before. Nor may a few bytes unpack to a full disk.
"""

import contextlib
import csv
import gzip
import hashlib
import json
import os
import re
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.cells import write_json
from benchmarks.training_queue import RUNS
from keras_gan_zoo.config import read_recipe
from keras_gan_zoo.files import locked, whole_file, whole_folder
from keras_gan_zoo.run_recipes import CONFIG, LOCK
from keras_gan_zoo.training import CHECKPOINT, LOG
from keras_gan_zoo.untrusted import SMALL, read_bounded, why_not_regular

PART_BYTES = 15_000_000
FORMAT = 1
MAX_MANIFEST_BYTES = 1_000_000
# What a run may unpack to: weights hardly compress, and a log or the zeros of a new optimizer do not make up for them.
MAX_RATIO = 20
# Part of a file's name, and so nothing that could lead elsewhere.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class PackError(ValueError):
    """Files that are no whole and undamaged run."""


def pack(
    names: Annotated[list[str], typer.Argument(help="Names of runs, finished or not.")],
    output: Annotated[Path, typer.Option(help="The folder of the parts.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = RUNS,
):
    """Writes runs as files of at most 15 MB, to go on with them on another machine."""
    for name in names:
        manifest = write_parts(runs / name, output)
        size = sum(part["bytes"] for part in manifest["parts"])
        typer.echo(f"{name}: round {manifest['round']:,}, {len(manifest['parts'])} parts, {size / 1e6:.1f} MB in {output}")


def unpack(
    folder: Annotated[Path, typer.Argument(help="The folder of the parts.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = RUNS,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also in place of a run that is further along, or of another recipe.")
    ] = False,
):
    """Puts packed runs back."""
    manifests = sorted(folder.glob("*.pack.json"))
    if not manifests:
        raise PackError(f"{folder} holds no NAME.pack.json. Fix: name the folder that `pack` wrote, with all its files.")
    for path in manifests:
        name = path.name.removesuffix(".pack.json")
        read_parts(folder, name, runs, overwrite)
        typer.echo(f"{runs / name}: round {round_of(runs / name):,}")


def write_parts(run: Path, output: Path, part_bytes: int = PART_BYTES) -> dict[str, Any]:
    """Packs one run, unless it is being trained; the content of its manifest."""
    if not (run / CONFIG).is_file() or not NAME.fullmatch(run.name):
        raise PackError(f"There is no run {run}. Fix: one of the folders of {run.parent}.")
    parts = []
    with contextlib.ExitStack() as stack:
        archive = stack.enter_context(tempfile.TemporaryFile())
        with locked(run / LOCK, f"The run in {run}"):
            # No times and no owners: the same run gives the same bytes.
            with gzip.GzipFile("", "wb", 6, archive, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
                for path in sorted(run.rglob("*")):
                    kept = not any(part == LOCK or part.startswith(".partial-") for part in path.relative_to(run).parts)
                    if kept and path.is_file() and not path.is_symlink():
                        tar.add(path, str(path.relative_to(run)), filter=_plain)
            content = {"format": FORMAT, "round": round_of(run), "recipe_sha256": read_recipe(run).digest}
        archive.seek(0)
        output.mkdir(parents=True, exist_ok=True)
        # Parts of two packings would fit no manifest.
        stack.enter_context(locked(output / f".{run.name}.lock", f"The packing of {run.name} in {output}"))
        # Only now, so that a run that cannot be packed keeps its parts of before.
        for old in (output / f"{run.name}.pack.json", *_parts(output, run.name)):
            old.unlink(missing_ok=True)
        while data := archive.read(part_bytes):
            with whole_file(_part(output, run.name, len(parts))) as partial:
                partial.write_bytes(data)
            parts.append({"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        # Last, so that there is no manifest of parts that are not there.
        manifest = {**content, "parts": parts}
        write_json(output / f"{run.name}.pack.json", manifest)
    return manifest


def read_parts(folder: Path, name: str, runs: Path, overwrite: bool = False) -> None:
    """Unpacks one run to runs/NAME, unless the run that is there would lose by it or is being trained."""
    target = runs / name
    if not NAME.fullmatch(name):
        raise PackError(f"{name!r} is no name of a run.")
    runs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        archive = stack.enter_context(tempfile.TemporaryFile())
        for data in _checked(folder, name):
            archive.write(data)
        archive.seek(0)
        if target.exists():
            if not (target / CONFIG).is_file():
                raise PackError(f"{target} is there and is no run; move it away.")
            # Held until the new run has taken its place.
            stack.enter_context(locked(target / LOCK, f"The run in {target}"))
        new = stack.enter_context(whole_folder(target))
        _extract(archive, new, name)
        if target.exists() and not overwrite:
            if read_recipe(target).digest != read_recipe(new).digest:
                raise PackError(f"{target} is a run of another recipe. Fix: move it away, or pass --overwrite.")
            if round_of(target) > round_of(new):
                raise PackError(
                    f"{target} is at round {round_of(target):,}, further along than the packed run, at {round_of(new):,}. "
                    "Fix: keep it, or pass --overwrite."
                )


def _extract(archive, folder, name):
    limit = max(SMALL, MAX_RATIO * archive.seek(0, os.SEEK_END))
    archive.seek(0)
    try:
        with tempfile.TemporaryFile() as unpacked, gzip.GzipFile(fileobj=archive) as packed:
            # Unpacked first, since what lies between the members, and their headers, may be what is large.
            while data := packed.read(2**20):
                unpacked.write(data)
                if unpacked.tell() > limit:
                    raise PackError(f"{name}: the archive unpacks to more than {limit:,} bytes, which is refused.")
            unpacked.seek(0)
            with tarfile.open(fileobj=unpacked, mode="r:") as tar:
                for member in tar:
                    # A sparse one is larger than what the archive has of it.
                    limit -= member.size
                    if limit < 0:
                        raise PackError(f"{name}: {member.name!r} is larger than what a run of these parts can hold.")
                    if not member.isreg() or Path(member.name).is_absolute() or ".." in Path(member.name).parts:
                        raise PackError(f"{name}: the archive holds {member.name!r}, which is no file of a run.")
                    tar.extract(member, folder, filter="data")
    except PackError:
        raise
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise PackError(f"{name}: the archive cannot be read ({error}).") from error
    if not (folder / CONFIG).is_file():
        raise PackError(f"{name}: the archive holds no {CONFIG}, so it is no run.")


def round_of(run: Path) -> int:
    """The round in which a run is: that of its last checkpoint, by its log; all of them where it has ended."""
    if (run / "preset" / "weights.json").is_file():
        return read_recipe(run).training.rounds
    if not (run / CHECKPOINT).is_file() or not (run / LOG).is_file():
        return 0
    with (run / LOG).open(newline="") as file:
        return max((int(row["round"]) for row in csv.DictReader(file)), default=0)


def _checked(folder, name):
    """The content of the parts, one after the other, each after its check."""
    try:
        manifest = json.loads(read_bounded(folder / f"{name}.pack.json", MAX_MANIFEST_BYTES))
        known, parts = manifest["format"], [(part["bytes"], part["sha256"]) for part in manifest["parts"]]
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise PackError(f"{folder / name}.pack.json cannot be read ({error}); pack the run again.") from error
    if known != FORMAT:
        raise PackError(f"{folder / name}.pack.json has format {known!r}; this version reads {FORMAT}.")
    paths = [_part(folder, name, number) for number in range(len(parts))]
    if foreign := sorted(_parts(folder, name) - set(paths)):
        raise PackError(f"{foreign[0]} is no part of {name}; it is of another packing. Fix: copy the parts anew.")
    if lost := [path for path in paths if not path.is_file()]:
        raise PackError(f"{lost[0]} is missing, and {len(lost) - 1} more. Fix: copy all {len(parts)} parts.")
    for path, (size, digest) in zip(paths, parts, strict=True):
        data = b"" if why_not_regular(path, PART_BYTES) else path.read_bytes()
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            raise PackError(
                f"{path} is damaged: its sha256 is not the one that {name}.pack.json states. Fix: copy it again."
            )
        yield data


def _part(folder, name, number):
    return folder / f"{name}.{number:03d}.pack"


def _parts(folder, name):
    """All parts of a name that lie there; a run may be called what another one's part begins with."""
    return {path for path in folder.glob("*.pack") if re.fullmatch(rf"{re.escape(name)}\.\d{{3,}}\.pack", path.name)}


def _plain(member):
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
