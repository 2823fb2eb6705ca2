"""Images of a folder, batch by batch."""

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.data import InvalidData, load_images
from keras_gan_zoo.data.folder_batches import FolderBatches


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(7):
        Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


@pytest.mark.parametrize("batch_size", [1, 3, 7, 50])
def test_batches_are_the_images_of_the_folder_in_order(folder, batch_size):
    batches = list(FolderBatches(folder, batch_size))
    assert [len(b) for b in batches] == [len(b) for b in np.array_split(range(7), range(batch_size, 7, batch_size))]
    np.testing.assert_array_equal(np.concatenate(batches), load_images(folder).images)
    gray = np.concatenate(list(FolderBatches(folder, batch_size, channels=1)))
    np.testing.assert_array_equal(gray, load_images(folder, channels=1).images)


def test_it_can_be_read_twice(folder):
    batches = FolderBatches(folder, 4)
    np.testing.assert_array_equal(np.concatenate(list(batches)), np.concatenate(list(batches)))


def test_broken_images_are_passed_over_and_named(folder):
    (folder / "3.png").write_bytes(b"no image")
    (folder / "5.png").write_bytes((folder / "5.png").read_bytes()[:60])
    batches = FolderBatches(folder, 2)
    # However often it is read, each is counted once.
    assert sum(map(len, batches)) == sum(map(len, batches)) == 5
    assert sorted(path[-5:] for path, _ in batches.skipped) == ["3.png", "5.png"]
    assert batches.total == 7


def test_folders_that_give_no_number(folder, tmp_path_factory):
    with pytest.raises(InvalidData, match="must hold images"):
        FolderBatches(tmp_path_factory.mktemp("empty"))
    with pytest.raises(InvalidData, match="must be a folder that exists. Received: folder="):
        FolderBatches(folder / "0.png")
    Image.fromarray(np.zeros((8, 5, 3), np.uint8)).save(folder / "9.png")
    with pytest.raises(InvalidData, match="size"):
        FolderBatches(folder)
    for i in (*range(7), 9):
        (folder / f"{i}.png").write_bytes(b"")
    with pytest.raises(InvalidData, match="8 of 8"):
        FolderBatches(folder)


def test_a_portrait_among_landscapes_is_refused(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(folder / "8.jpg", exif=exif)
    with pytest.raises(InvalidData, match="size"):
        list(FolderBatches(folder, 3))


def test_the_shape_is_known_before_the_images_are_read(folder):
    assert FolderBatches(folder).image_shape == (6, 5, 3)
    assert FolderBatches(folder, channels=1).image_shape == (6, 5, 1)
    # As they are shown, not as they are stored.
    for path in folder.glob("*.png"):
        path.unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(folder / "8.jpg", exif=exif)
    assert FolderBatches(folder).image_shape == next(iter(FolderBatches(folder))).shape[1:] == (5, 6, 3)
