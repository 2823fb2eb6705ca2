"""The command that writes the shipped statistics: what it writes is what `shipped_reference` reads."""

import numpy as np
import pytest

from benchmarks import references as command
from keras_gan_zoo.data import ImageData
from keras_gan_zoo.metrics import references
from keras_gan_zoo.metrics.frechet import Moments, frechet_distance


class Means:
    """An extractor of two features: the means of the two halves of an image."""

    name, sha256, resizer, dtype, dimension, classes = "means", "0" * 64, "half", "float32", 2, None

    def extract(self, images, batch_size=50):
        halves = images.reshape(len(images), 2, -1).mean(axis=2, dtype="float32")
        return halves, None


def test_what_is_written_is_what_is_shipped(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1), np.uint8)
    asked = []

    def load_images(name, split, labels, data_dir):
        asked.append((name, split, labels, data_dir))
        return ImageData(images)

    monkeypatch.setattr("keras_gan_zoo.data.load_images", load_images)
    command.write(["mnist/test"], Means(), "there", tmp_path / "cache", tmp_path / "shipped")
    assert asked == [("mnist", "test", False, "there")]
    found = references.unpacked(references.shipped_file("mnist/test", "half", tmp_path / "shipped"))
    expected = Moments.of(Means().extract(images)[0])
    assert (found.n, found.source["extractor"], found.source["split"]) == (60, "means", "mnist/test")
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-6)
    assert frechet_distance(found, expected) < 1e-4


def test_a_split_whose_shape_is_not_known_is_refused(tmp_path, monkeypatch):
    images = ImageData(np.zeros((3, 4, 4, 1), np.uint8))
    monkeypatch.setattr("keras_gan_zoo.data.load_images", lambda *arguments, **options: images)
    for split in ("mnist/test", "other/test"):
        with pytest.raises(ValueError, match=rf"SHAPES .*'{split}', whose images are \(4, 4, 1\)"):
            command.write([split], Means(), None, tmp_path / "cache", tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()


def test_a_name_without_a_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match="NAME/SPLIT, such as mnist/test. Received: 'mnist'"):
        command.write(["mnist"], Means(), None, tmp_path, tmp_path)
