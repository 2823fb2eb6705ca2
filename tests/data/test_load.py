"""load_images from arrays, pairs and .npz files; conversions of size, channels and dtype; refused options."""

import sys

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.data import InvalidData, load_images


def uint8(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_uint8_is_shared_as_it_is():
    images = uint8(3, 6, 5, 3)
    data = load_images(images)
    assert np.shares_memory(data.images, images)
    assert (data.labels, data.class_names, data.skipped) == (None, None, ())


def test_gray_without_channel_axis():
    images = uint8(3, 6, 5)
    np.testing.assert_array_equal(load_images(images).images, images[..., None])
    with pytest.raises(InvalidData, match=r"one image or 6 gray ones.*images\[None\]"):
        load_images(uint8(6, 5, 3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("low", [-1, 0])
def test_every_uint8_value_survives_floats(dtype, low):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = images / 127.5 - 1 if low else images / 255
    data = load_images(floats.astype(dtype))
    assert data.images.dtype == np.uint8
    np.testing.assert_array_equal(data.images, images)


def test_halves_round_to_even():
    steps = np.array([0.5, 1.5, 2.5, 127.5]) / 255
    assert load_images(steps.reshape(1, 2, 2, 1)).images.ravel().tolist() == [0, 2, 2, 128]
    assert load_images(np.array([-1.0, 0.0, 0.0, 1.0]).reshape(1, 2, 2, 1)).images.ravel().tolist() == [
        0,
        128,
        128,
        255,
    ]


def test_labels_of_arrays():
    images, labels = uint8(3, 6, 5, 3), np.array([2, 0, 1])
    for data in (load_images((images, labels)), load_images((images, labels), labels=True)):
        assert data.labels.tolist() == [2, 0, 1]
    assert load_images(images, labels=labels).labels.tolist() == [2, 0, 1]
    assert load_images((images, labels), labels=False).labels is None
    with pytest.raises(InvalidData, match="labels must have one entry.* Received: 2 entries for 3 images"):
        load_images((images, labels[:2]))
    with pytest.raises(InvalidData, match="labels=True.*must have labels"):
        load_images(images, labels=True)


def test_channels_follow_pillow():
    rgba = uint8(4, 16, 16, 4)
    rgb = rgba[..., :3].copy()
    luma = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in rgb])[..., None]
    np.testing.assert_array_equal(load_images(rgb, channels=1).images, luma)
    np.testing.assert_array_equal(load_images(luma, channels=3).images, np.repeat(luma, 3, axis=3))
    np.testing.assert_array_equal(load_images(rgb, channels=4).images[..., :3], rgb)
    assert load_images(luma, channels=4).images[..., 3].min() == 255
    exact = rgb * (rgba[..., 3:] / 255) + 255 * (1 - rgba[..., 3:] / 255)
    assert np.abs(load_images(rgba, channels=3).images - exact).max() <= 0.5 + 1e-9


def test_transparent_becomes_white():
    assert load_images(np.zeros((1, 4, 4, 4), np.uint8), channels=1).images.min() == 255


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_size_covers_and_crops_the_center(channels):
    # Three vertical bands of 8 pixels; a square cut from the middle of 8x24 is the second band alone.
    images = np.full((2, 8, 24, channels), 255, np.uint8)
    for band, value in enumerate([10, 120, 240]):
        images[:, :, band * 8 : band * 8 + 8, : min(channels, 3)] = value
    square = load_images(images, size=8).images
    assert square.shape == (2, 8, 8, channels)
    assert (square[..., 0] == 120).all()
    tall = load_images(images, size=(4, 2)).images
    assert tall.shape == (2, 4, 2, channels)
    np.testing.assert_allclose(tall[..., 0], 120, atol=3)  # the filter is wider than the band here


def test_shrinking_is_antialiased():
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[None, ..., None]
    small = load_images(board, size=8).images
    assert 120 <= small.min() <= small.max() <= 135


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 2}, "channels=2"),
        ({"channels": 3.0}, "channels=3.0"),
        ({"size": 0}, "size=0"),
        ({"size": (4,)}, r"size=\(4,\)"),
        ({"size": True}, "size=True"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"on_error": "skip"}, "on_error must be left out, except for folders.*on_error='skip'"),
        ({"split": "test"}, "split must be left out, except for TFDS.*split='test'"),
        ({"split": None}, "split=None"),
        ({"data_dir": "x"}, "data_dir must be left out, except for TFDS.*data_dir='x'"),
    ],
)
def test_refused_options(options, words):
    with pytest.raises(InvalidData, match=words):
        load_images(uint8(2, 4, 4, 3), **options)


@pytest.mark.parametrize("source", [[1, 2], None, 3, (1, 2, 3)])
def test_refused_sources(source):
    with pytest.raises(InvalidData, match="source must be .*Received: "):
        load_images(source)


def test_npz(tmp_path):
    images, labels = uint8(4, 6, 5, 3), np.array([0, 1, 1, 0], np.uint8)
    np.savez(tmp_path / "both.npz", images=images, labels=labels)
    np.savez_compressed(tmp_path / "alone.npz", images=images)
    data = load_images(str(tmp_path / "both.npz"))
    np.testing.assert_array_equal(data.images, images)
    assert data.labels.tolist() == [0, 1, 1, 0]
    assert load_images(tmp_path / "alone.npz", size=3).images.shape == (4, 3, 3, 3)
    with pytest.raises(InvalidData, match="'x_test'.*Received: images"):
        load_images(tmp_path / "alone.npz", split="test")
    with pytest.raises(InvalidData, match="Received: labels of type ndarray"):
        load_images(tmp_path / "alone.npz", labels=labels)


def test_npz_of_keras(tmp_path):
    train, test = uint8(4, 6, 5), uint8(2, 6, 5)
    np.savez(tmp_path / "mnist.npz", x_train=train, y_train=np.arange(4), x_test=test, y_test=np.arange(2))
    np.testing.assert_array_equal(load_images(tmp_path / "mnist.npz").images[..., 0], train)
    data = load_images(tmp_path / "mnist.npz", split="test")
    np.testing.assert_array_equal(data.images[..., 0], test)
    assert data.labels.tolist() == [0, 1]


def test_damaged_npz(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, images=uint8(4, 6, 5, 3))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidData, match="images.npz.*truncated"):
        load_images(path)
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 0xFF
    path.write_bytes(middle)
    with pytest.raises(InvalidData, match="images.npz.*CRC"):
        load_images(path)
    with path.open("wb") as file:
        np.save(file, uint8(4, 6, 5, 3))
    with pytest.raises(InvalidData, match="not a zip archive"):
        load_images(path)


def test_npz_is_not_unpickled(tmp_path):
    objects = np.empty(2, object)
    objects[:] = [uint8(2, 2), uint8(3, 3)]
    np.savez(tmp_path / "objects.npz", images=objects)
    with pytest.raises(InvalidData, match="np.stack.*pickled objects are not loaded"):
        load_images(tmp_path / "objects.npz")


def test_npz_with_other_names(tmp_path):
    np.savez(tmp_path / "other.npz", pictures=uint8(2, 4, 4, 3))
    with pytest.raises(InvalidData, match="Received: pictures"):
        load_images(tmp_path / "other.npz")


def test_paths_that_lead_nowhere(tmp_path, monkeypatch):
    for source in ["./faces", "faces.npz", tmp_path / "faces"]:
        with pytest.raises(InvalidData, match="must be a file or folder that exists"):
            load_images(source)
    (tmp_path / "faces.txt").write_text("?")
    with pytest.raises(InvalidData, match="must be an .npz file, a .zip file, or a folder"):
        load_images(tmp_path / "faces.txt")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    with pytest.raises(InvalidData, match=r"either a path or a TFDS name.*both.*\./mnist"):
        load_images("mnist")
    with pytest.raises(InvalidData, match="must hold images"):
        load_images("./mnist")


# A folder of data sets ---------------------------------------------------------------------------------------------------


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """A folder of data sets by name, and an environment in which TFDS cannot be imported."""
    monkeypatch.setenv("KERAS_GAN_ZOO_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    return tmp_path


def test_a_name_is_read_from_the_folder_of_data_sets_by_its_split(data_folder):
    arrays = {"x_train": uint8(5, 6, 6, 1), "y_train": np.arange(5), "x_test": uint8(3, 6, 6, 1), "y_test": np.arange(3)}
    np.savez_compressed(data_folder / "mnist.npz", **arrays)
    data = load_images("mnist", labels=True)
    np.testing.assert_array_equal(data.images, arrays["x_train"])
    assert data.labels.tolist() == [0, 1, 2, 3, 4]
    assert load_images("mnist", split="test", size=3).images.shape == (3, 3, 3, 1)


@pytest.mark.parametrize(
    ("source", "file"),
    [("celeb_a_hq/256", "celeb_a_hq-256"), ("mnist:3.0.1", "mnist-3.0.1"), ("far/away/photos.zip", "photos")],
)
def test_names_with_signs_and_archives_that_are_not_there_have_a_file_too(data_folder, source, file):
    np.savez(data_folder / f"{file}.npz", images=uint8(2, 6, 6, 3))
    # Files that could not be read were passed over when it was written.
    assert load_images(source, on_error="skip" if source.endswith("zip") else "raise").images.shape == (2, 6, 6, 3)


def test_what_is_there_is_read_from_where_it_is(data_folder):
    np.savez(data_folder / "mine.npz", images=uint8(2, 6, 6, 3))
    (data_folder / "other").mkdir()
    np.savez(data_folder / "other" / "mine.npz", images=uint8(4, 6, 6, 3))
    assert len(load_images(str(data_folder / "other" / "mine.npz")).images) == 4


def test_a_data_set_that_the_folder_lacks_is_never_asked_of_tfds(data_folder):
    with pytest.raises(InvalidData, match="mnist.npz must exist, since KERAS_GAN_ZOO_DATA .*export-data mnist --output"):
        load_images("mnist")
