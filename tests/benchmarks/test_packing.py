"""Packed runs: what comes out is what went in, and nothing else is let in."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import packing
from benchmarks.packing import PackError, read_parts, round_of, write_parts
from keras_gan_zoo.files import InUseError, locked

RECIPE = {"variant": "dcgan", "model": {}, "data": {"source": "mnist"}, "training": {"rounds": 1000, "dtype": "float32"}}


def make(folder, rounds=500, finished=False, **training):
    """A run of several files, one of which does not compress."""
    recipe = {**RECIPE, "training": {**RECIPE["training"], **training}}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "checkpoint.weights.h5").write_bytes(b"".join(hashlib.sha256(bytes([i])).digest() for i in range(100)))
    (folder / "log.csv").write_text("round,loss\n" + "".join(f"{n},0.5\n" for n in range(100, rounds + 1, 100)))
    (folder / "samples").mkdir()
    (folder / "samples/round_000500.png").write_bytes(b"png")
    if finished:
        (folder / "preset").mkdir()
        (folder / "preset/weights.json").write_text("{}")
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def packed(tmp_path):
    """A folder of the parts of a run, 1,000 bytes each."""
    run = make(tmp_path / "there/tiny")
    (run / ".lock").write_text("1\n")
    (run / ".partial-checkpoint.weights.h5").write_text("half of it")
    write_parts(run, tmp_path / "parcels", part_bytes=1000)
    return tmp_path / "parcels"


def test_a_run_comes_out_as_it_went_in(packed, tmp_path):
    parts = sorted(packed.glob("*.pack"))
    assert [path.name for path in parts] == [f"tiny.{i:03d}.pack" for i in range(len(parts))] and len(parts) > 3
    assert all(path.stat().st_size == 1000 for path in parts[:-1]) and 0 < parts[-1].stat().st_size <= 1000
    read_parts(packed, "tiny", tmp_path / "here")
    expected = contents(tmp_path / "there/tiny")
    del expected[".partial-checkpoint.weights.h5"]
    assert contents(tmp_path / "here/tiny") == expected
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["tiny"]


def test_the_commands(tmp_path):
    for name, finished in (("one", False), ("two", True)):
        make(tmp_path / "there" / name, finished=finished)
    command.register(["pack", "unpack"])
    options = ["--output", str(tmp_path / "parcels"), "--runs", str(tmp_path / "there")]
    result = CliRunner().invoke(command.app, ["pack", "one", "two", *options])
    assert result.exit_code == 0 and "one: round 500, 1 parts" in result.output and "two: round 1,000" in result.output
    result = CliRunner().invoke(command.app, ["unpack", str(tmp_path / "parcels"), "--runs", str(tmp_path / "here")])
    assert result.exit_code == 0, result.exception
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert packing.PART_BYTES == 15_000_000
    result = CliRunner().invoke(command.app, ["unpack", str(tmp_path / "here")])
    assert isinstance(result.exception, PackError) and "holds no NAME.pack.json" in str(result.exception)


def parcel_of(folder, archive):
    """Parts of any archive, as whoever means harm would make them."""
    folder.mkdir()
    (folder / "bad.000.pack").write_bytes(archive)
    parts = [{"bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()}]
    (folder / "bad.pack.json").write_text(json.dumps({"format": 1, "round": 0, "parts": parts}))


@pytest.mark.parametrize("kind", ["a large member", "a sparse member", "zeros behind the end", "a large header"])
def test_a_few_bytes_do_not_unpack_to_a_full_disk(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(packing, "SMALL", 2**21)
    file, size = io.BytesIO(), 2**24
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("config.yaml")
        if kind == "a large member":
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
        elif kind == "a large header":
            member.pax_headers = {"comment": "a" * size}
            tar.addfile(member)
        else:
            tar.addfile(member)
    content = file.getvalue() + (bytes(size) if kind == "zeros behind the end" else b"")
    if kind == "a sparse member":
        header = tarfile.TarInfo("log.csv")
        header.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
        block[483:495] = b"%011o\0" % size
        block[148:156] = b"        "
        block[148:156] = b"%06o\0 " % sum(block)
        content = bytes(block) + bytes(1024)
    parcel_of(tmp_path / "parcels", gzip.compress(content))
    with pytest.raises(PackError, match="unpacks to more than|is larger than what a run"):
        read_parts(tmp_path / "parcels", "bad", tmp_path / "here")
    assert not list((tmp_path / "here").iterdir())


def test_parts_that_are_no_regular_files_of_their_size(packed, tmp_path):
    part = packed / "tiny.001.pack"
    part.unlink()
    with part.open("wb") as file:
        file.truncate(6 * 10**9)
    with pytest.raises(PackError, match="tiny.001.pack is damaged"):
        read_parts(packed, "tiny", tmp_path / "here")
    (packed / "tiny.pack.json").unlink()
    os.mkfifo(packed / "tiny.pack.json")
    with pytest.raises(PackError, match="tiny.pack.json cannot be read .it is not a regular file"):
        read_parts(packed, "tiny", tmp_path / "here")


def test_packing_again_leaves_no_part_of_before(packed, tmp_path):
    write_parts(tmp_path / "there/tiny", packed)
    assert [path.name for path in packed.iterdir() if path.suffix == ".pack"] == ["tiny.000.pack"]
    read_parts(packed, "tiny", tmp_path / "here")


def test_what_is_no_run_or_is_being_trained_is_not_packed(tmp_path):
    with pytest.raises(PackError, match="There is no run .*nowhere"):
        write_parts(tmp_path / "nowhere", tmp_path / "parcels")
    run = make(tmp_path / "run")
    with locked(run / ".lock", "it"), pytest.raises(InUseError, match="run is in use by process"):
        write_parts(run, tmp_path / "parcels")
    assert not (tmp_path / "parcels").exists() or not list((tmp_path / "parcels").iterdir())


def test_packing_that_fails_and_runs_of_a_longer_name_leave_the_parts_that_are_there(packed, tmp_path):
    before = contents(packed)
    with locked(tmp_path / "there/tiny/.lock", "it"), pytest.raises(InUseError):
        write_parts(tmp_path / "there/tiny", packed)
    assert contents(packed) == before
    write_parts(make(tmp_path / "there/tiny.2"), packed)
    write_parts(tmp_path / "there/tiny", packed)
    read_parts(packed, "tiny", tmp_path / "here")
    read_parts(packed, "tiny.2", tmp_path / "here")


def test_the_round_of_a_run(tmp_path):
    assert round_of(make(tmp_path / "half", rounds=300)) == 300
    assert round_of(make(tmp_path / "whole", finished=True)) == 1000
    (tmp_path / "half/checkpoint.weights.h5").unlink()
    assert round_of(tmp_path / "half") == 0


# What is refused ---------------------------------------------------------------------------------------------------------


def refused(packed, tmp_path, message, name="tiny"):
    """Nothing is left behind, and what was there is as it was."""
    before = contents(tmp_path / "here") if (tmp_path / "here").exists() else {}
    with pytest.raises(PackError, match=message):
        read_parts(packed, name, tmp_path / "here")
    assert contents(tmp_path / "here") == before
    assert [path.name for path in (tmp_path / "here").iterdir()] == (["tiny"] if before else [])


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tiny.001.pack").unlink(), "tiny.001.pack is missing, and 0 more. Fix: copy all"),
        (lambda folder: (folder / "tiny.001.pack").write_bytes(bytes(1000)), "tiny.001.pack is damaged: its sha256"),
        (lambda folder: (folder / "tiny.002.pack").write_bytes(b""), "tiny.002.pack is damaged"),
        (lambda folder: (folder / "tiny.099.pack").write_bytes(b"x"), "tiny.099.pack is no part of tiny"),
        (lambda folder: (folder / "tiny.pack.json").write_text("{"), "tiny.pack.json cannot be read"),
        (lambda folder: (folder / "tiny.pack.json").write_text("[]"), "tiny.pack.json cannot be read"),
        (lambda folder: (folder / "tiny.pack.json").write_text('{"format": 9, "parts": []}'), "has format 9; this version"),
        (lambda folder: (folder / "tiny.pack.json").write_text('{"format": 1, "parts": []}'), "tiny.000.pack is no part"),
    ],
    ids=["missing", "changed", "cut", "foreign", "no JSON", "a list", "format", "no parts"],
)
def test_parts_that_are_missing_damaged_or_foreign(packed, tmp_path, damage, message, there):
    if there:
        make(tmp_path / "here/tiny", rounds=100)
    damage(packed)
    refused(packed, tmp_path, message)


def parcel(folder, *members):
    """The parts of an archive of (name, content or a function of its member)."""
    folder.mkdir()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in (("config.yaml", yaml.safe_dump(RECIPE).encode()), *members):
            member = tarfile.TarInfo(name)
            if callable(content):
                content(member)
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    write_manifest(folder, file.getvalue())


def write_manifest(folder, data):
    (folder / "tiny.000.pack").write_bytes(data)
    parts = [{"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
    (folder / "tiny.pack.json").write_text(json.dumps({"format": 1, "parts": parts}))


def link(kind):
    def change(member):
        member.type, member.linkname = kind, "../../secret"

    return change


@pytest.mark.parametrize(
    "member",
    [
        ("../../outside", b"x"),
        ("/outside", b"x"),
        ("samples/../../outside", b"x"),
        ("link", link(tarfile.SYMTYPE)),
        ("link", link(tarfile.LNKTYPE)),
        ("pipe", link(tarfile.FIFOTYPE)),
        ("device", link(tarfile.CHRTYPE)),
    ],
    ids=["up", "absolute", "up from within", "symbolic link", "hard link", "pipe", "device"],
)
def test_what_is_no_file_of_a_run_is_refused(tmp_path, member):
    parcel(tmp_path / "parcels", member)
    refused(tmp_path / "parcels", tmp_path, f"holds {member[0]!r}, which is no file of a run")
    assert not list(tmp_path.rglob("outside"))


def test_other_archives_and_names_are_refused(tmp_path):
    (tmp_path / "parcels").mkdir()
    write_manifest(tmp_path / "parcels", b"no archive")
    refused(tmp_path / "parcels", tmp_path, "the archive cannot be read")
    file = io.BytesIO()
    tarfile.open(fileobj=file, mode="w:gz").close()
    write_manifest(tmp_path / "parcels", file.getvalue())
    refused(tmp_path / "parcels", tmp_path, "holds no config.yaml")
    with pytest.raises(PackError, match="is no name of a run"):
        read_parts(tmp_path / "parcels", "..", tmp_path / "here")


def test_a_run_that_is_further_along_or_of_another_recipe_is_kept_unless_told(packed, tmp_path):
    here = make(tmp_path / "here/tiny", rounds=600)
    refused(packed, tmp_path, "is at round 600, further along than the packed run, at 500.*--overwrite")
    read_parts(packed, "tiny", tmp_path / "here", overwrite=True)
    assert round_of(here) == 500
    shutil.rmtree(here)
    make(here, rounds=100, seed=3)
    refused(packed, tmp_path, "is a run of another recipe.*--overwrite")
    read_parts(packed, "tiny", tmp_path / "here", overwrite=True)
    shutil.rmtree(here)
    make(here, rounds=400)
    read_parts(packed, "tiny", tmp_path / "here")
    assert round_of(here) == 500 and not (here / ".lock").exists()


def test_a_run_that_is_being_trained_and_what_is_no_run_are_kept(packed, tmp_path):
    here = make(tmp_path / "here/tiny", rounds=100)
    with locked(here / ".lock", "it"), pytest.raises(InUseError, match="in use by process"):
        read_parts(packed, "tiny", tmp_path / "here", overwrite=True)
    (here / "config.yaml").unlink()
    with pytest.raises(PackError, match="is there and is no run; move it away"):
        read_parts(packed, "tiny", tmp_path / "here", overwrite=True)
    assert round_of(here) == 100
