"""Features of whole data sets: stopped and gone on with, they are those of one run."""

import numpy as np
import pytest

from benchmarks import data_set_features


class Means:
    sha256, resizer = "a" * 64, "none"

    def __init__(self, most=99):
        self.most = most

    def extract(self, images):
        self.most -= 1
        if self.most < 0:
            raise KeyboardInterrupt
        return images.mean(axis=(1, 2), dtype="float32"), None


def test_goes_on_after_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(data_set_features, "CHUNK", 10)
    monkeypatch.setattr(data_set_features, "FIRST", 12)
    images = np.random.default_rng(0).integers(0, 256, (35, 4, 4, 3), np.uint8)
    stem = tmp_path / "folder" / "digits_train"
    with pytest.raises(KeyboardInterrupt):
        data_set_features.features_of(images, Means(2), stem)
    assert not stem.with_suffix(".npy").exists()
    rest = Means(2)
    data_set_features.features_of(images, rest, stem)
    assert rest.most == 0
    np.testing.assert_array_equal(np.load(f"{stem}.npy"), Means().extract(images)[0])
    np.testing.assert_array_equal(np.load(f"{stem}_images.npy"), images[:12])
    # Chunks of another network are not taken.
    other = Means()
    other.sha256 = "b" * 64
    data_set_features.features_of(images, other, stem)
    assert other.most == 95
