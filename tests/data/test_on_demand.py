"""Folders that do not fit into memory: the same images in the same order, decoded when they are needed."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.callbacks import CollapseMonitor
from keras_gan_zoo.data import Images, InvalidData, Labels, Schema, Stream, load_images, on_demand
from keras_gan_zoo.models.gan import GAN


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(10):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (10, 8, 3), np.uint8)).save(path)
    (tmp_path / "photos/a/damaged.png").write_bytes(b"no image")
    return tmp_path / "photos"


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(on_demand, "free_memory", lambda: 100)


OPTIONS = {"size": 8, "channels": 1, "labels": True, "on_error": "skip"}


def test_the_same_images_in_the_same_order(folder, monkeypatch):
    kept = load_images(folder, **OPTIONS)
    monkeypatch.setattr(on_demand, "free_memory", lambda: 100)
    data = load_images(folder, **OPTIONS)
    assert isinstance(kept.images, np.ndarray) and isinstance(data.images, on_demand.ImagesInFiles)
    assert (data.images.shape, data.images.dtype, len(data.images)) == (kept.images.shape, kept.images.dtype, 10)
    assert data.skipped == kept.skipped and data.class_names == kept.class_names
    np.testing.assert_array_equal(data.labels, kept.labels)
    for index in (3, -1, slice(2, 7), np.array([5, 1, 1]), np.arange(10) > 6, slice(0, 0)):
        np.testing.assert_array_equal(data.images[index], kept.images[index])


def test_a_stream_and_fit_take_them(folder, little_memory):
    fields = {"images": Images((8, 8, 1)), "labels": Labels(classes=2)}
    arrays = Schema(fields, "CGAN").arrays(folder, on_error="skip")
    assert isinstance(arrays["images"], on_demand.ImagesInFiles)
    kept = {name: array[:] for name, array in arrays.items()}
    options = {"batch_size": 4, "length": 5, "seed": 3, "flip": True}
    for lazy, eager in zip(Stream(arrays, fields, **options), Stream(kept, fields, **options), strict=True):
        np.testing.assert_array_equal(lazy["images"], eager["images"])
        np.testing.assert_array_equal(lazy["labels"], eager["labels"])
    weights = []
    for images in (arrays["images"], kept["images"]):
        keras.utils.set_random_seed(0)
        gan = GAN((8, 8, 1), 2, width=4, seed=0)
        gan.fit(images, batch_size=4, epochs=2, verbose=0)
        weights.append(gan.generator.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_collapse_monitor_takes_them(folder, monkeypatch):
    for i in range(10, 20):
        Image.fromarray(np.full((10, 8, 3), 12 * i, np.uint8)).save(folder / f"a/{i}.png")
    kept = CollapseMonitor(load_images(folder, **OPTIONS), 1)
    monkeypatch.setattr(on_demand, "free_memory", lambda: 100)
    data = load_images(folder, **OPTIONS)
    assert isinstance(data.images, on_demand.ImagesInFiles)
    for monitor in (CollapseMonitor(data, 1), CollapseMonitor((data.images, data.labels), 1)):
        np.testing.assert_array_equal(monitor.real, kept.real)
        np.testing.assert_array_equal(monitor.labels, kept.labels)
    assert kept.real.shape == (20, 8, 8, 1) and -1 <= kept.real.min() < 0 < kept.real.max() <= 1


def test_what_cannot_be_is_named(folder, little_memory):
    images = load_images(folder, **OPTIONS).images
    (folder / "a/0.png").unlink()
    with pytest.raises(InvalidData, match="0.png' must be an image that can be read whenever .* Received: .*No such file"):
        images[:3]
    with pytest.raises(InvalidData, match=r"must hold images of shape \(9, 9, 1\)\. Received: .*\(8, 8, 1\)"):
        Images((9, 9, 1)).validate(images, "x")


def test_memory_is_told_where_linux_tells_it():
    free = on_demand.free_memory()
    assert free is None or 2**20 < free < 2**50
    if free is not None:
        assert on_demand.fits_in_memory(1, (8, 8, 3)) and not on_demand.fits_in_memory(free, (8, 8, 3))
