"""Data sets as .npz files: what is read from them is what the source holds."""

import zipfile

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks import __main__ as command
from keras_gan_zoo import data
from keras_gan_zoo.data import ImageData, InvalidData, load_images


def export(*arguments):
    command.register(["export-data"])
    result = CliRunner().invoke(command.app, ["export-data", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def sets(split):
    """What stands for TFDS: 6 x 6 images, other ones in each split."""
    rng = np.random.default_rng(len(split))
    return ImageData(rng.integers(0, 256, (len(split), 6, 6, 1), np.uint8), np.arange(len(split), dtype=np.int32))


def test_a_data_set_by_its_name_with_its_splits_and_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load_images", lambda source, *, labels, split, **options: sets(split))
    text = export("digits", "more/big", "--output", tmp_path / "data")
    assert "digits.npz: x_train (5, 6, 6, 1), y_train (5,), x_test (4, 6, 6, 1), y_test (4,)" in text.replace("\n", "")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["digits.npz", "more-big.npz"]
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_GAN_ZOO_DATA", str(tmp_path / "data"))
    for split in ("train", "test"):
        for name in ("digits", "more/big"):
            found = load_images(name, labels=True, split=split)
            np.testing.assert_array_equal(found.images, sets(split).images)
            np.testing.assert_array_equal(found.labels, sets(split).labels)
    with zipfile.ZipFile(tmp_path / "data/digits.npz") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}


@pytest.mark.parametrize("classes", [True, False])
def test_a_folder_and_a_zip_with_classes_and_without(tmp_path, monkeypatch, classes):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for i in range(4):
        path = folder / (f"class{i % 2}" if classes else "") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8)).save(path)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
    export(folder, tmp_path / "packed.zip", "--output", tmp_path / "data", "--size", 8, "--channels", 1)
    expected = load_images(folder, size=8, channels=1, labels=classes)
    # As on a machine that has the files alone.
    monkeypatch.chdir(tmp_path / "data")
    monkeypatch.setenv("KERAS_GAN_ZOO_DATA", str(tmp_path / "data"))
    for name in ("elsewhere/packed.zip", "photos"):
        found = load_images(name, labels=classes)
        np.testing.assert_array_equal(found.images, expected.images)
        assert (found.labels is None) == (not classes)
        if classes:
            np.testing.assert_array_equal(found.labels, expected.labels)


def test_what_cannot_be_read_is_an_error_and_leaves_no_file(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/broken.png").write_bytes(b"no picture")
    Image.new("L", (4, 4)).save(tmp_path / "photos/whole.png")
    with pytest.raises(InvalidData, match="broken.png"):
        export(tmp_path / "photos", "--output", tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []
    export(tmp_path / "photos", "--output", tmp_path / "data", "--skip-unreadable")
    assert load_images(str(tmp_path / "data/photos.npz")).images.shape == (1, 4, 4, 1)
