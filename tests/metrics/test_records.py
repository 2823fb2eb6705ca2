import dataclasses
import json
import subprocess

import numpy as np
import pytest

from keras_gan_zoo import provenance
from keras_gan_zoo.metrics.records import Record, class_histogram, compare, label_agreement


class Brightness:
    """Judge of three classes: dark, middling, bright; sure of it to 0.8."""

    name, sha256, resizer, dtype, classes = "brightness", "1" * 64, "none", "float32", 3

    def probabilities(self, images):
        return np.eye(3)[images[:, 0, 0, 0] // 86] * 0.7 + 0.1


def shades(*values):
    return np.broadcast_to(np.array(values, "uint8")[:, None, None, None], (len(values), 28, 28, 1))


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
        with pytest.raises(ValueError, match="labels must be 2 integers"):
            label_agreement(shades(0, 0), labels, Brightness())
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match="0 to 2"):
            label_agreement(shades(0, 0), np.array(labels), Brightness())


def test_a_record_survives_json():
    record = class_histogram(shades(0, 100), Brightness(), seed=[1, 2])
    plain = json.loads(json.dumps(record.to_dict()))
    assert Record.from_dict(plain) == record
    assert Record.from_dict({**plain, "digits": 3}) == record
    assert {"keras", "numpy", "scipy", "python", record.backend} <= set(plain["versions"])
    assert plain["device"] and plain["commit"]


def test_records_of_one_protocol_compare():
    a = dataclasses.replace(class_histogram(shades(0, 100), Brightness(), seed=1), value=0.5)
    assert compare(a, dataclasses.replace(a, seed=2, value=0.75, commit="other", device="gpu")) == -0.25


@pytest.mark.parametrize(
    "change",
    [
        {"n_fake": 3},
        {"n_real": 9},
        {"dtype": "mixed_bfloat16"},
        {"extractor": "x"},
        {"extractor_sha256": "2"},
        {"resizer": "pil-bicubic"},
        {"reference_split": "x/train"},
        {"metric": "kid"},
        {"settings": {"k": 5}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_records_of_different_protocols_refuse_to_compare(change):
    record = class_histogram(shades(0, 100), Brightness(), seed=1)
    name, value = next(iter(change.items()))
    with pytest.raises(ValueError, match=f"{name}: .* and {value!r}"):
        compare(record, dataclasses.replace(record, **change))


def test_commit_names_the_checkout_and_its_changes(tmp_path, monkeypatch):
    def git(*words):
        options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *options, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    code = tmp_path / "records.py"
    code.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(code))
    git("init", "-q")
    (tmp_path / "other.py").write_text("")
    git("add", "other.py")
    git("commit", "-q", "-m", "first")
    # A repository that does not track the file, such as one around a virtual environment, is not the package's.
    assert git("rev-parse", "HEAD").strip() not in provenance.commit.__wrapped__()
    git("add", "records.py")
    git("commit", "-q", "-m", "second")
    head = git("rev-parse", "HEAD").strip()
    assert provenance.commit.__wrapped__() == head
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    for written in ("benchmarks/results/cell.json", "README.md", "benchmarks/TESTBEDS.md"):
        (tmp_path / written).write_text("measured")
    assert provenance.commit.__wrapped__() == head
    (tmp_path / "benchmarks" / "new.py").write_text("")
    assert provenance.commit.__wrapped__() == f"{head}-dirty"
    (tmp_path / "benchmarks" / "new.py").unlink()
    code.write_text("changed")
    assert provenance.commit.__wrapped__() == f"{head}-dirty"
