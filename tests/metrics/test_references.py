"""References are computed once, and never mistaken for one another."""

import os

import numpy as np
import pytest

from keras_gan_zoo.metrics import references as module
from keras_gan_zoo.metrics.features import feature_extractor
from keras_gan_zoo.metrics.frechet import Moments, frechet_distance
from keras_gan_zoo.metrics.references import content_hash, pack, reference, shipped_reference, unpacked
from tests.metrics.stub_extractors import Quarters, noise

IMAGES = noise(60, 0)


def test_a_reference_is_computed_once(tmp_path):
    first = reference(IMAGES, Quarters(), split="noise/test", cache=tmp_path)
    extractor = Quarters()
    again = reference(IMAGES, extractor, split="noise/test", cache=tmp_path)
    assert extractor.seen == 0
    assert frechet_distance(first.moments, again.moments) < 1e-9
    assert (again.n, again.split, again.source) == (60, "noise/test", first.source)
    renamed = reference(IMAGES, extractor, split="noise/other", cache=tmp_path)
    assert renamed.split == renamed.moments.source["split"] == "noise/other"


def test_features_are_kept_where_they_are_asked_for(tmp_path):
    reference(IMAGES, Quarters(), split="s", cache=tmp_path)
    extractor = Quarters()
    first = reference(IMAGES, extractor, split="s", keep=["features"], cache=tmp_path)
    assert extractor.seen == 60
    again = reference(IMAGES, extractor, split="s", keep=["features"], cache=tmp_path)
    assert extractor.seen == 60
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(again.features, Quarters().extract(IMAGES)[0])


DAMAGE = {
    "truncated moments": lambda moments, features: moments.write_bytes(moments.read_bytes()[:200]),
    "empty moments": lambda moments, features: moments.write_bytes(b""),
    "no moments": lambda moments, features: np.savez(moments, x=1),
    "moments of others": lambda moments, features: np.savez(moments, n=60, mean=[0.0, 1.0], covariance=np.eye(2)),
    "truncated features": lambda moments, features: features.write_bytes(features.read_bytes()[:200]),
    "empty features": lambda moments, features: features.write_bytes(b""),
    "fewer features": lambda moments, features: np.save(features, np.load(features)[:50]),
    "other features": lambda moments, features: np.save(features, np.load(features) + 1),
    "no numbers": lambda moments, features: np.save(features, np.load(features) * np.float32("nan")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_reference_is_computed_again(tmp_path, damage):
    first = reference(IMAGES, Quarters(), split="s", keep=["features"], cache=tmp_path)
    (moments,), (features,) = tmp_path.glob("*.npz"), tmp_path.glob("*.npy")
    DAMAGE[damage](moments, features)
    with pytest.warns(UserWarning, match="is not used .*; it is computed again"):
        again = reference(IMAGES, Quarters(), split="s", keep=["features"], cache=tmp_path)
    np.testing.assert_array_equal(first.features, again.features)
    assert frechet_distance(first.moments, again.moments) < 1e-9
    extractor = Quarters()
    reference(IMAGES, extractor, split="s", keep=["features"], cache=tmp_path)
    assert extractor.seen == 0


@pytest.mark.parametrize("change", ["images", "name", "sha256", "resizer", "dtype"])
def test_whatever_changes_the_features_makes_another_reference(tmp_path, change):
    reference(IMAGES, Quarters(), split="s", cache=tmp_path)
    extractor, images = Quarters(), IMAGES.copy()
    if change == "images":
        images[5, 3, 3] ^= 1
    else:
        setattr(extractor, change, "other")
    reference(images, extractor, split="s", cache=tmp_path)
    assert extractor.seen == 60


def test_functions_without_a_hash_leave_nothing_in_the_cache(tmp_path):
    extractor = feature_extractor(lambda x: x.reshape(len(x), -1)[:, :3].astype("float32"), name="mine", dimension=3)
    assert reference(IMAGES, extractor, split="s", cache=tmp_path).n == 60
    assert not list(tmp_path.iterdir())


def test_the_hash_sees_shape_and_type():
    assert content_hash(IMAGES) == content_hash(IMAGES[:, ::1])
    assert content_hash(IMAGES) != content_hash(IMAGES.reshape(60, 14, 56, 1))
    assert content_hash(IMAGES) != content_hash(IMAGES.view("int8"))


def test_an_interrupted_computation_leaves_nothing(tmp_path):
    class Failing(Quarters):
        def extract(self, images, batch_size=50):
            raise MemoryError

    with pytest.raises(MemoryError):
        reference(IMAGES, Failing(), split="s", keep=["features"], cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_loses_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="cannot be kept in .*file.below.*; it is computed anew each time"):
        sample = reference(IMAGES, Quarters(), split="s", keep=["features"], cache=tmp_path / "file" / "below")
    np.testing.assert_array_equal(sample.features, Quarters().extract(IMAGES)[0])
    reference(IMAGES, Quarters(), split="s", cache=tmp_path)
    (moments,) = tmp_path.glob("*.npz")
    moments.unlink()
    os.mkfifo(moments)
    with pytest.warns(UserWarning) as caught:
        assert reference(IMAGES, Quarters(), split="s", cache=tmp_path).n == 60
    assert [" is not used " in str(w.message) or " cannot be kept in " in str(w.message) for w in caught] == [True, True]


def test_packed_moments(tmp_path):
    rng = np.random.default_rng(1)
    moments = Moments.of(rng.normal(size=(500, 40)) * rng.uniform(0.1, 2, 40), {"extractor": "x"})
    pack(moments, tmp_path / "packed.npz")
    read = unpacked(tmp_path / "packed.npz")
    assert (read.n, read.source) == (500, {"extractor": "x"})
    np.testing.assert_allclose(read.covariance, moments.covariance, rtol=1e-6)
    np.testing.assert_allclose(read.mean, moments.mean, rtol=1e-6)
    assert frechet_distance(read, moments) < 1e-6 * np.trace(moments.covariance)


def test_shipped_references_are_for_their_extractor_only(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHIPPED", tmp_path)
    sample = reference(IMAGES, Quarters(), split="noise/test", cache=tmp_path / "cache")
    pack(sample.moments, tmp_path / "noise_test_none.npz")
    found = shipped_reference("noise/test", Quarters())
    assert found.n == 60 and found.split == "noise/test"
    assert frechet_distance(found.moments, sample.moments) < 1e-2
    assert shipped_reference("noise/train", Quarters()) is None
    other = Quarters()
    other.sha256 = "1" * 64
    assert shipped_reference("noise/test", other) is None


def test_the_shipped_references():
    files = sorted(module.SHIPPED.glob("*.npz"))
    assert {path.name for path in files} == {"mnist_test_tf1-bilinear.npz", "cifar10_test_tf1-bilinear.npz"}
    assert sum(path.stat().st_size for path in files) < 17_000_000
    read = {path.name.split("_")[0]: unpacked(path) for path in files}
    for name, moments in read.items():
        assert (moments.n, moments.dimension) == (10_000, 2048)
        assert moments.source["split"] == f"{name}/test" and moments.source["extractor"] == "inception-2015-12-05"
    # Digits are far from photographs, and each set is at itself.
    assert frechet_distance(read["mnist"], read["cifar10"]) > 200
    assert frechet_distance(read["mnist"], read["mnist"]) < 1e-3
