"""Files, folders and locks: whole or not at all, and held by one process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import keras_gan_zoo
from keras_gan_zoo.files import (
    InUseError,
    holder,
    locked,
    require_file,
    require_folder,
    whole_file,
    whole_folder,
    writing,
)

HOLDER = """
import sys
from keras_gan_zoo.files import locked

with locked(sys.argv[1], "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path):
    """A process that holds the lock tmp_path/lock until its input is closed or it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], env=environment, **pipes)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_one_process_holds_a_lock(another, tmp_path):
    assert holder(tmp_path / "lock") == another.pid
    with pytest.raises(InUseError, match=f"The run is in use by process {another.pid}; wait for it, or stop it first"):
        with locked(tmp_path / "lock", "The run"):
            pass
    another.communicate("")
    assert holder(tmp_path / "lock") is None and not (tmp_path / "lock").exists()
    with locked(tmp_path / "lock", "The run"):
        assert holder(tmp_path / "lock") == os.getpid()
    assert not (tmp_path / "lock").exists()


def test_the_lock_of_a_process_that_was_killed_is_taken_over(another, tmp_path):
    another.kill()
    another.wait()
    assert (tmp_path / "lock").read_text() == f"{another.pid}\n"
    assert holder(tmp_path / "lock") is None
    with locked(tmp_path / "lock", "The run"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path, there):
    if there:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "old").touch()
    with pytest.raises(ZeroDivisionError):
        with whole_folder(tmp_path / "folder") as new:
            (new / "file").touch()
            raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == (["folder", "old"] if there else [])
    with whole_folder(tmp_path / "folder") as new:
        (new / "file").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "file"]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("whole", [whole_file, whole_folder])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("12 requested and 3 written")])
def test_what_could_not_be_written_is_named(tmp_path, whole, error, there):
    """The system's error of a full disk names no file; and the one before is only kept where there is one."""
    path = tmp_path / "a"
    if there:
        path.touch() if whole is whole_file else path.mkdir()
    with pytest.raises(OSError) as caught, whole(path):
        raise error
    assert caught.value.errno == error.errno and f"{path} could not be written ({error.args[-1]})" in str(caught.value)
    assert ("the one before it is kept" in str(caught.value)) == there


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, whole_file(tmp_path / "a"):
        (tmp_path / "b").read_bytes()
    assert caught.value.filename == str(tmp_path / "b")
    with (
        pytest.raises(FileNotFoundError, match="nowhere/a could not be written"),
        whole_file(tmp_path / "nowhere/a") as partial,
    ):
        partial.touch()


@pytest.mark.parametrize("place", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_nothing_takes_the_place_of_something_else(tmp_path, whole, place):
    """As of the system's devices, which somebody who may do anything could replace."""
    if whole is whole_folder and place is os.mkdir:
        place = Path.touch
    place(tmp_path / "a")
    before = (tmp_path / "a").stat().st_mode
    with pytest.raises(OSError, match="path must be a .*Received: path='.*a'.* Fix: name another"), whole(tmp_path / "a"):
        pytest.fail("the work was done")
    assert [path.stat().st_mode for path in tmp_path.iterdir()] == [before]


def test_a_file_takes_the_place_of_a_link_and_leaves_its_target(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "a").symlink_to("target")
    with whole_file(tmp_path / "a") as partial:
        partial.write_text("new")
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "target").read_text() == "old"


def test_a_place_that_can_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for path in ("new/a", "file"):
        require_file(tmp_path / path, "path")
    require_folder(tmp_path / "new/a", "folder")
    for path, missing in (("file/a", "file"), ("file/b/a", "file")):
        with pytest.raises(OSError, match=f"path={path!r}, and {missing} is no folder to write to. Fix: name another"):
            monkeypatch.chdir(tmp_path)
            require_file(path, "path")
    with pytest.raises(OSError, match="folder must be a place.* folder='file', and file is no folder"):
        require_folder("file", "folder")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OSError, match="path='new/a', and . is no folder to write to"):
        require_file("new/a", "path")
    with writing(False):
        require_file("new/a", "path")


FORKING = """
import os, sys, time
from keras_gan_zoo.files import locked

with locked(sys.argv[1], "it"):
    if not os.fork():
        time.sleep(60)
    print("held", flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_child_of_a_killed_process_does_not_hold_its_lock(tmp_path):
    """As a worker that a data loader has forked, or a helper of a library."""
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    arguments = [sys.executable, "-c", FORKING, str(tmp_path / "lock")]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout.readline() == b"held\n"
        process.wait(10)
        # The child may have been forked a moment ago, and not have run since.
        end = time.monotonic() + 20
        while holder(tmp_path / "lock") is not None and time.monotonic() < end:
            time.sleep(0.02)
        assert holder(tmp_path / "lock") is None
        with locked(tmp_path / "lock", "it"):
            pass
    finally:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("place", ["link", "dangling", "pipe"])
def test_a_lock_is_a_file_of_its_own(tmp_path, place):
    """A link may lead to anything, which would be emptied; and a pipe may wait forever."""
    target, lock = tmp_path / "thesis.txt", tmp_path / "lock"
    target.write_text("years of work")
    os.mkfifo(lock) if place == "pipe" else lock.symlink_to("thesis.txt" if place == "link" else "nowhere")
    with pytest.raises(FileExistsError, match="lock must be a file of its own.*Fix: move it away"), locked(lock, "it"):
        pytest.fail("it is locked")
    if place != "dangling":
        with pytest.raises(FileExistsError, match="lock must be a file of its own"):
            holder(lock)
    assert target.read_text() == "years of work" and len(list(tmp_path.iterdir())) == 2


def test_who_looks_whether_a_lock_is_held_is_not_in_the_way(tmp_path):
    import fcntl
    from threading import Timer

    (tmp_path / "lock").touch()
    with open(tmp_path / "lock") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as `holder` does for a moment
        Timer(0.1, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        with locked(tmp_path / "lock", "it"):
            assert holder(tmp_path / "lock") == os.getpid()


def test_two_writers_of_one_folder(tmp_path):
    """Each time one of them is there, whole, and neither fails over what the other does."""
    from threading import Thread

    target, errors = tmp_path / "folder", []

    def write(letter):
        try:
            for _ in range(200):
                with whole_folder(target) as new:
                    (new / letter).touch()
                    (new / "too").touch()
        except Exception as error:
            errors.append(error)

    writers = [Thread(target=write, args=(letter,)) for letter in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not errors and len(list(target.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_is_taken_away_while_it_is_looked_at_is_a_place(tmp_path, monkeypatch):
    """Another writer does so for a moment, to put its own there."""
    there, seen = os.path.lexists, []

    def lexists(path):
        seen.append(path)
        return len(seen) == 1 or there(path)

    monkeypatch.setattr(os.path, "lexists", lexists)
    require_folder(tmp_path / "folder", "path")
    assert seen[0] == tmp_path / "folder" and not (tmp_path / "folder").exists()


def test_two_writers_of_one_file_do_not_share_a_partial_one(tmp_path):
    """The one that ends last is there, whole; neither takes away what the other is writing."""
    from threading import Barrier, Thread

    target, both, errors = tmp_path / "file.json", Barrier(2), []

    def write(text):
        try:
            with whole_file(target) as partial:
                both.wait(10)
                partial.write_text(text)
                both.wait(10)
        except Exception as error:
            errors.append(error)

    writers = [Thread(target=write, args=(letter * 1000,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not errors and target.read_text() in ("a" * 1000, "b" * 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]
