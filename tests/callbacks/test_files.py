"""Files are whole or absent: checkpoints, sample grids and the log."""

import errno
import os
import resource
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.callbacks import Checkpoint, CSVLog, SampleGrid, save_grid, save_preview, whole_file
from keras_gan_zoo.data import Images, Tokens


def following(callback, model, **parameters):
    callback.set_model(model)
    callback.set_params(parameters)
    return callback


# whole_file --------------------------------------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as partial:
        assert partial.parent == path.parent and partial.suffix == ".txt" and partial != path
        partial.write_text("new, first half")
        assert path.read_text() == "old"
        partial.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_was_not_finished_is_taken_away(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path) as partial:
        partial.write_text("new, first half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


# Checkpoint --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gan(small_gan):
    gan = small_gan("gan", (8, 8, 1))
    gan.compile()
    return gan


def values(gan):
    return [keras.ops.convert_to_numpy(variable) for variable in (*gan.variables, *gan.optimizer.variables)]


def test_a_checkpoint_holds_the_whole_state(gan, small_gan, tmp_path):
    rng = np.random.default_rng(0)
    for variable in (*gan.variables, *gan.optimizer.variables):
        kind = str(variable.dtype)
        new = rng.random(variable.shape) if kind == "float32" else rng.integers(1, 99, variable.shape)
        variable.assign(new.astype(kind))
    path = tmp_path / "new folder" / "c.weights.h5"
    following(Checkpoint(path), gan).on_epoch_end(0)
    assert [file.name for file in path.parent.iterdir()] == ["c.weights.h5"]
    other = small_gan("gan", (8, 8, 1))
    other.compile()
    other.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(values(gan), values(other), strict=True))


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(gan, tmp_path, monkeypatch):
    path = tmp_path / "c.weights.h5"
    callback = following(Checkpoint(path), gan)
    callback.on_epoch_end(0)
    before = path.read_bytes()

    def save(partial):
        partial.write_bytes(before[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gan, "save_weights", save)
    with pytest.raises(
        OSError, match="c.weights.h5 could not be written.*No space left.*the one before it is kept"
    ) as caught:
        callback.on_epoch_end(1)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.97])
def test_a_disk_that_is_really_full(gan, tmp_path, monkeypatch, share):
    """HDF5 is not asked: where one of its own writes fails, it may take the process with it (h5py 3.14)."""
    path = tmp_path / "c.weights.h5"
    callback = following(Checkpoint(path), gan)
    callback.on_epoch_end(0)
    before = path.read_bytes()
    monkeypatch.setattr(gan, "save_weights", lambda partial: pytest.fail("HDF5 began to write"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(before)), limits[1]))
    try:
        callback.on_epoch_end(1)
        error = None
    except OSError as caught:
        error = caught
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.errno == errno.EFBIG and "the one before it is kept" in str(error)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


# CSVLog ------------------------------------------------------------------------------------------------------------------


def logged(path, model, rounds, loss=0.5):
    callback = following(CSVLog(path), model)
    callback.on_train_begin()
    for model.rounds in rounds:
        callback.on_epoch_end(0, {"discriminator_loss": loss, "generator_loss": np.float32(1 / 3)})
    return path.read_text().splitlines()


def test_the_log_has_one_line_for_each_epoch(tmp_path):
    assert logged(tmp_path / "log.csv", SimpleNamespace(rounds=0), [5, 10]) == [
        "round,discriminator_loss,generator_loss",
        "5,0.5,0.333333",
        "10,0.5,0.333333",
    ]


def test_lines_past_the_round_of_the_model_are_written_anew(tmp_path):
    """The run was killed after round 15 was logged, and goes on from the checkpoint of round 10."""
    path = tmp_path / "log.csv"
    logged(path, SimpleNamespace(rounds=0), [5, 10, 15], loss=1.0)
    lines = logged(path, SimpleNamespace(rounds=10), [15, 20], loss=2.0)
    assert [line.split(",")[:2] for line in lines[1:]] == [["5", "1"], ["10", "1"], ["15", "2"], ["20", "2"]]


@pytest.mark.parametrize("damage", [os.mkfifo, lambda path: path.open("wb").truncate(10**9)])
def test_a_log_that_never_ends_is_not_read(tmp_path, damage):
    damage(tmp_path / "log.csv")
    with pytest.raises(
        (OSError, ValueError), match="path must be a file|log.csv must be a log of CSVLog.*at most 100,000,000"
    ):
        logged(tmp_path / "log.csv", SimpleNamespace(rounds=0), [5])


# Places ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Checkpoint("m.h5"), "path must end in .weights.h5. Received: path='m.h5'. Fix: m.weights.h5"),
        (lambda: SampleGrid("samples", n=0), "n=0"),
        (lambda: SampleGrid("samples", every=0), "every=0"),
        (lambda: SampleGrid("samples", seed=-1), "seed=-1"),
    ],
)
def test_impossible_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Checkpoint("a_file/m.weights.h5"),
            "path must be a place .*path='a_file/m.weights.h5', and a_file is no fold",
        ),
        (lambda: Checkpoint("a_folder/m.weights.h5"), "path must be a file. Received: path='a_folder/m.weights.h5'"),
        (lambda: CSVLog("a_file/log.csv"), "path must be a place .*path='a_file/log.csv', and a_file is no folder"),
        (lambda: SampleGrid("a_file"), "folder must be a place .*folder='a_file', and a_file is no folder"),
    ],
)
def test_places_are_looked_at_before_the_training(tmp_path, monkeypatch, make, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").touch()
    (tmp_path / "a_folder/m.weights.h5").mkdir(parents=True)
    with pytest.raises(OSError, match=words):
        following(make(), SimpleNamespace(rounds=0)).on_train_begin()


def test_a_log_may_lie_in_a_new_folder(tmp_path):
    assert len(logged(tmp_path / "new" / "below" / "log.csv", SimpleNamespace(rounds=0), [5])) == 2


# Sample grids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (64, 8, 8)])
@pytest.mark.parametrize("shape", [(40, 64, 3), (64, 33, 1), (70, 7, 4)])
def test_images_lie_row_by_row(tmp_path, n, columns, rows, shape):
    height, width, channels = shape
    images = np.random.default_rng(0).integers(1, 256, (n, *shape), dtype=np.uint8)
    save_grid(images, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        pixels = np.asarray(picture).reshape(rows * height, columns * width, channels)
    for i in range(rows * columns):
        row, column = divmod(i, columns)
        tile = pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        np.testing.assert_array_equal(tile, images[i] if i < n else np.zeros(shape))


@pytest.mark.parametrize(
    ("side", "given", "scale"), [(28, None, 2), (16, None, 4), (64, None, 1), (80, None, 1), (28, 3, 3)]
)
def test_small_images_are_enlarged_to_whole_pixels(tmp_path, side, given, scale):
    images = np.random.default_rng(0).integers(0, 256, (4, side, side, 1), dtype=np.uint8)
    save_grid(images, tmp_path / "grid.png", scale=given)
    with Image.open(tmp_path / "grid.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (2 * side * scale,) * 2
    flat = images[..., 0].reshape(2, 2, side, side).swapaxes(1, 2).reshape(2 * side, 2 * side)
    np.testing.assert_array_equal(pixels, flat.repeat(scale, axis=0).repeat(scale, axis=1))


class Recorder:
    """Stands for a model: remembers what it was asked for."""

    def __init__(self):
        self.rounds, self.asked = 0, []

    def preview(self, n, data, seed):
        self.asked.append((n, data, seed))
        return {"images": (Images((4, 4, 1)), np.zeros((n, 4, 4, 1), "float32"))}


@pytest.mark.parametrize(("n", "labels"), [(16, [0] * 6 + [1] * 5 + [2] * 5), (3, [0, 1, 2]), (2, [0, 1])])
def test_all_classes_are_shown_in_order(small_gan, n, labels):
    gan = small_gan("cgan", num_classes=3)
    field, samples = gan.preview(n, seed=2)["images"]
    np.testing.assert_array_equal(samples, gan.generate(n, labels=labels, seed=2))
    np.testing.assert_array_equal(field.render(samples), gan.generate(n, labels=labels, seed=2, dtype="uint8"))


def test_cases_of_several_pictures_stand_side_by_side(tmp_path):
    gray, color = np.full((3, 4, 4, 1), -1.0), np.stack([np.full((8, 8, 3), value) for value in (-1.0, 0.0, 1.0)])
    written = save_preview({"input": (Images((4, 4, 1)), gray), "output": (Images((8, 8, 3)), color)}, tmp_path / "a.png")
    assert written == tmp_path / "a.png"
    pixels = np.asarray(Image.open(written))
    scale = pixels.shape[0] // 24
    assert pixels.shape == (24 * scale, 16 * scale, 3)
    assert [pixels[8 * scale * i, -1, 0] for i in range(3)] == [0, 128, 255] and not pixels[:, : 8 * scale].any()


def test_text_is_written_as_lines(tmp_path):
    written = save_preview({"tokens": (Tokens((3,), vocabulary=9), np.array([[1, 2, 3], [4, 5, 6]]))}, tmp_path / "round_5")
    assert written == tmp_path / "round_5.txt" and written.read_text() == "1 2 3\n4 5 6\n"


def test_a_grid_of_floats_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="images must be uint8. Received: dtype float32.*dtype='uint8'"):
        save_grid(np.zeros((4, 8, 8, 1), "float32"), tmp_path / "grid.png")
    assert not list(tmp_path.iterdir())


def test_a_grid_is_written_every_nth_epoch_and_at_the_end(tmp_path):
    gan = Recorder()
    callback = following(SampleGrid(tmp_path / "samples", every=2, n=9, seed=4, data={"images": 1}), gan, epochs=5)
    for epoch in range(5):
        gan.rounds = 100 * (epoch + 1)
        callback.on_epoch_end(epoch)
    names = [path.name for path in sorted((tmp_path / "samples").iterdir())]
    assert names == ["round_000200.png", "round_000400.png", "round_000500.png"]
    assert gan.asked == [(9, {"images": 1}, 4)] * 3
