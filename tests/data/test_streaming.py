"""stream=True: the images, the order, and the weights of memory, without all images in it."""

import tracemalloc
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.data import Images, InvalidData, Stream, Tokens, files, load_images, on_demand
from keras_gan_zoo.data.pairs import load_pairs
from keras_gan_zoo.models.gan import GAN

N = 70  # more than are looked at beforehand


def write(folder, n=N, side=8):
    rng = np.random.default_rng(0)
    for i in range(n):
        path = folder / "ab"[i % 2] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(path, compress_level=0)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def archive(folder):
    with zipfile.ZipFile(folder.parent / "photos.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))
    return folder.parent / "photos.zip"


@pytest.mark.parametrize("options", [{}, {"size": 6, "channels": 1, "labels": True}], ids=["as they are", "resized"])
@pytest.mark.parametrize("source", ["folder", "archive"])
def test_a_stream_has_the_images_and_labels_of_memory(request, source, options):
    source = request.getfixturevalue(source)
    kept, stream = (load_images(source, stream=s, **options) for s in (False, True))
    assert isinstance(stream.images, on_demand.ImagesInFiles) and stream.images.shape == kept.images.shape
    np.testing.assert_array_equal(stream.images[:], kept.images)
    assert stream.class_names == kept.class_names
    np.testing.assert_array_equal(*(np.array(data.labels) for data in (stream, kept)))


def test_an_archive_that_does_not_fit_into_memory_is_read_as_it_is_needed(archive, monkeypatch):
    kept = load_images(archive)
    monkeypatch.setattr(on_demand, "free_memory", lambda: 100)
    stream = load_images(archive)
    assert isinstance(stream.images, on_demand.ImagesInFiles)
    np.testing.assert_array_equal(stream.images[:], kept.images)


def test_few_files_are_opened_before_the_training(tmp_path, monkeypatch):
    folder, opened = write(tmp_path, 3 * N), []
    original = files._open
    monkeypatch.setattr(files, "_open", lambda path: opened.append(path) or original(path))
    images = load_images(folder, size=8, channels=3, stream=True).images
    assert 0 < len(opened) <= 64 and len(images) == 3 * N
    before = len(opened)
    images[np.array([5, 9])]
    assert len(opened) == before + 2


def test_memory_holds_the_batches_on_their_way(tmp_path):
    folder, size = write(tmp_path, 120, 64), 64 * 64 * 3
    fields, batch_size = {"images": Images((64, 64, 3))}, 4

    def peak(stream):
        tracemalloc.start()
        images = load_images(folder, size=64, channels=3, stream=stream).images
        batches = Stream({"images": images}, fields, batch_size=batch_size, length=30)
        for _ in on_demand.read_ahead(batches):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(False) > 120 * size
    assert peak(True) < 40 * size


def test_one_batch_is_read_ahead_and_errors_come_where_they_belong():
    read = []

    def batches():
        for i in range(4):
            if i == 3:
                raise InvalidData("broken")
            read.append(i)
            yield i

    ahead = on_demand.read_ahead(batches())
    assert next(ahead) == 0 and read in ([0], [0, 1])
    assert next(ahead) == 1 and next(ahead) == 2 and read == [0, 1, 2]
    with pytest.raises(InvalidData, match="broken"):
        next(ahead)
    assert list(on_demand.read_ahead(range(5))) == list(range(5))


def weights_of(data, **options):
    keras.utils.set_random_seed(0)
    gan = GAN((8, 8, 3), 2, width=4, seed=0)
    gan.fit(data, batch_size=16, verbose=0, **options)
    return gan.generator.get_weights()


@pytest.mark.parametrize("source", ["folder", "archive"])
def test_fit_gives_the_weights_of_memory(request, source):
    source, order = request.getfixturevalue(source), {"epochs": 2, "seed": 3, "flip": True, "crop": 1}
    kept, stream = (weights_of(load_images(source, stream=s), **order) for s in (False, True))
    for ours, theirs in zip(stream, kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = weights_of(load_images(source, stream=True), **{**order, "seed": 4})
    assert any((ours != theirs).any() for ours, theirs in zip(other, kept, strict=True))


def test_a_broken_file_is_named_when_it_is_found(tmp_path):
    folder = write(tmp_path)
    (folder / "b/001.png").write_bytes(b"no image")  # which is not among those that are looked at beforehand
    images = load_images(folder, size=8, channels=3, stream=True)
    with pytest.raises(InvalidData, match="b/001.png' must be an image that can be read .*Fix: repair it, or put it back"):
        weights_of(images)
    with pytest.raises(InvalidData, match="1 of 70 images that cannot be read:\n.*001.png.*\nFix: repair or remove them.$"):
        load_images(folder, stream=True)  # every header is read where the channels are not given
    (folder / "a/000.png").write_bytes(b"no image")
    with pytest.raises(InvalidData, match="a/000.png.*\nFix: repair or remove them.$"):
        load_images(folder, size=8, channels=3, stream=True)
    Image.new("RGB", (9, 8)).save(folder / "a/000.png")
    Image.new("RGB", (8, 9)).save(folder / "b/001.png")
    with pytest.raises(InvalidData, match="must have one size"):
        load_images(folder, channels=3, stream=True)


def test_pairs_are_those_of_memory(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(5):
        for folder, shape in (("halves", (8, 16, 3)), ("two/source", (8, 8)), ("two/target", (8, 8, 3))):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / folder / f"{i}.png")
    shapes = {"source": (6, 6, 1), "target": (8, 8, 3)}
    for source in ("halves", "two"):
        kept, stream = (load_pairs(tmp_path / source, shapes, stream=s) for s in (False, True))
        for name in shapes:
            assert isinstance(stream[name], on_demand.ImagesInFiles) and stream[name].shape == kept[name].shape
            np.testing.assert_array_equal(stream[name][:], kept[name])
    (tmp_path / "two/target/3.png").write_bytes(b"no image")
    with pytest.raises(InvalidData, match="target/3.png' must be an image that can be read"):
        stream["source"][3]
    with pytest.raises(InvalidData, match="on_error must be left out with stream=True"):
        load_pairs(tmp_path / "halves", shapes, stream=True, on_error="skip")
    np.savez(tmp_path / "pairs.npz", **kept)
    with pytest.raises(InvalidData, match="stream must be left out, except for folders and zips.*Fix: unpack"):
        load_pairs(tmp_path / "pairs.npz", shapes, stream=True)


def test_sources_that_cannot_be_read_in_pieces_are_refused(folder, tmp_path):
    array = np.full((3, 8, 8, 1), 9, np.uint8)
    np.savez(tmp_path / "images.npz", images=array)
    np.savez(tmp_path / "tokens.npz", tokens=np.zeros((3, 2), int))
    for source in (array, tmp_path / "images.npz"):
        with pytest.raises(
            InvalidData, match="stream must be left out, except for folders.*stream=True.*Fix: leave stream out"
        ):
            load_images(source, stream=True)
    with pytest.raises(InvalidData, match="on_error must be left out with stream=True.*Fix: remove .*, or leave stream out"):
        load_images(folder, stream=True, on_error="skip")
    with pytest.raises(InvalidData, match="stream must be True or False"):
        load_images(folder, stream="yes")
    tokens = Tokens((2,), vocabulary=3)
    with pytest.raises(InvalidData, match="stream must be left out for tokens.*Received: stream=True"):
        tokens.read(tmp_path / "tokens.npz", "tokens", {"tokens": tokens}, stream=True)
