import dataclasses
import json
import subprocess

import numpy as np
import pytest

from keras_gan_zoo.metrics import records
from keras_gan_zoo.metrics.frechet import Moments, frechet_distance
from keras_gan_zoo.metrics.records import (
    Record,
    class_histogram,
    frechet_inception_distance,
    label_agreement,
    moments,
    require_same_protocol,
)


class Means:
    """Extractor whose features are the channel means of the image halves."""

    name, sha256, resizer, dtype, dimension = "means", "0" * 64, "none", "float32", 4

    def features(self, images, batch_size=50):
        assert images.dtype == np.uint8
        halves = np.split(images.astype("float32"), 2, axis=1)
        return np.concatenate([half.mean(axis=(1, 2)) for half in halves], axis=1)


class Brightness:
    """Judge of three classes: dark, middling, bright; sure of it to 0.8."""

    name, sha256, resizer, dtype, classes = "brightness", "1" * 64, "none", "float32", 3

    def probabilities(self, images):
        return np.eye(3)[images[:, 0, 0, 0] // 86] * 0.7 + 0.1


def noise(n, seed, low=0):
    return np.random.default_rng(seed).integers(low, 256, (n, 6, 4, 2), dtype="uint8")


def shades(*values):
    return np.broadcast_to(np.array(values, "uint8")[:, None, None, None], (len(values), 28, 28, 1))


def test_distance_record_holds_the_distance_and_its_circumstances():
    extractor = Means()
    reference = moments(noise(700, 0), extractor, split="noise/test", batch_size=3)
    fake = noise(130, 1, low=50)
    record = frechet_inception_distance(fake, reference, extractor, seed=7, batch_size=4)
    expected = frechet_distance(Moments.of(extractor.features(noise(700, 0))), Moments.of(extractor.features(fake)))
    assert record.value == pytest.approx(expected, rel=1e-9)
    assert record.value > 100
    assert (record.metric, record.extractor, record.extractor_sha256) == (
        "frechet_inception_distance",
        "means",
        "0" * 64,
    )
    assert (record.n_real, record.n_fake, record.reference_split, record.seed) == (700, 130, "noise/test", 7)
    assert (record.resizer, record.dtype) == ("none", "float32")
    floats = frechet_inception_distance(fake / 127.5 - 1, reference, extractor)
    assert floats.value == record.value


def test_distance_refuses_a_reference_of_another_extractor():
    extractor = Means()
    features = extractor.features(noise(50, 0))
    for source in ({}, {**moments(noise(9, 0), extractor).source, "dtype": "mixed_bfloat16"}):
        with pytest.raises(ValueError, match="extractor"):
            frechet_inception_distance(noise(50, 1), Moments.of(features, source), extractor)


def test_moments_keep_their_source_through_a_file(tmp_path):
    extractor = Means()
    moments(noise(50, 0), extractor, split="noise/test").save(tmp_path / "reference.npz")
    record = frechet_inception_distance(noise(50, 0), Moments.load(tmp_path / "reference.npz"), extractor)
    assert record.reference_split == "noise/test"
    assert 0 <= record.value < 1e-9


def test_class_histogram():
    record = class_histogram(shades(0, 0, 0, 100, 255, 255), Brightness(), seed=3)
    assert record.value == pytest.approx((1 / 6 + 1 / 6 + 0) / 2)
    assert record.details["shares"] == pytest.approx([1 / 2, 1 / 6, 1 / 3])
    assert record.details["mean_confidence"] == pytest.approx(0.8)
    assert (record.n_fake, record.n_real, record.reference_split, record.seed) == (6, 0, "none", 3)
    assert class_histogram(shades(0, 0), Brightness()).value == pytest.approx(2 / 3)
    assert class_histogram(shades(0, 90, 200), Brightness()).value == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="no images"):
        class_histogram(shades(), Brightness())


def test_label_agreement():
    record = label_agreement(shades(0, 0, 200, 100), np.array([0, 1, 1, 1]), Brightness())
    assert record.value == 0.5
    assert record.details["per_class"] == [1.0, pytest.approx(1 / 3), None]
    for labels in (np.array([0]), np.array([0.0, 1.0])):
        with pytest.raises(ValueError, match="2 integer labels"):
            label_agreement(shades(0, 0), labels, Brightness())
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match="0 to 2"):
            label_agreement(shades(0, 0), np.array(labels), Brightness())


def test_a_record_survives_json():
    record = class_histogram(shades(0, 100), Brightness(), seed=[1, 2])
    plain = json.loads(json.dumps(record.to_dict()))
    assert Record(**plain) == record
    assert {"keras", "numpy", "scipy", "python", record.backend} <= set(plain["versions"])
    assert plain["device"] and plain["commit"]


def test_records_of_different_protocols_refuse_to_compare():
    record = class_histogram(shades(0, 100), Brightness(), seed=1)
    require_same_protocol(record, dataclasses.replace(record, seed=2, value=0.0, commit="other"))
    for change in ({"n_fake": 3}, {"dtype": "mixed_bfloat16"}, {"extractor_sha256": "2"}, {"reference_split": "x"}):
        with pytest.raises(ValueError, match=next(iter(change))):
            require_same_protocol(record, record, dataclasses.replace(record, **change))


def test_commit_names_the_checkout_and_its_changes(tmp_path, monkeypatch):
    def git(*words):
        options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *options, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    code = tmp_path / "records.py"
    code.write_text("")
    monkeypatch.setattr(records, "__file__", str(code))
    git("init", "-q")
    (tmp_path / "other.py").write_text("")
    git("add", "other.py")
    git("commit", "-q", "-m", "first")
    # A repository that does not track the file, such as one around a virtual environment, is not the package's.
    assert git("rev-parse", "HEAD").strip() not in records.commit.__wrapped__()
    git("add", "records.py")
    git("commit", "-q", "-m", "second")
    head = git("rev-parse", "HEAD").strip()
    assert records.commit.__wrapped__() == head
    code.write_text("changed")
    assert records.commit.__wrapped__() == f"{head}-dirty"
