"""Repeating the stored results of presets; on the command line too."""

import dataclasses
import json

import pytest

from keras_gan_zoo import cli_measuring, presets, verification
from keras_gan_zoo.metrics.records import Record
from keras_gan_zoo.preset_results import measure_preset
from keras_gan_zoo.preset_saving import save_to_preset
from keras_gan_zoo.verification import verify_preset

pytestmark = pytest.mark.filterwarnings("ignore:FID of")


@pytest.fixture
def measured(tmp_path):
    """A copy of a shipped preset whose stored results are measured on 300 images."""
    import shutil

    folder = tmp_path / "cgan"
    shutil.copytree(presets.find_preset("cgan_mnist"), folder)
    results = measure_preset(folder, n=300)
    text = json.dumps({key: record.to_dict() for key, record in results.items()})
    (folder / presets.RESULTS).write_text(text)
    return folder


def test_measure_and_verify(measured):
    stored = json.loads((measured / presets.RESULTS).read_text())
    assert set(stored) == {"rarest class", "label agreement"}
    assert stored["label agreement"]["value"] > 0.95 and stored["label agreement"]["n_fake"] == 300
    rows = verify_preset(measured)
    assert [row.result for row in rows] == list(stored) and all(row.passed for row in rows)
    assert [row.measured for row in rows] == [row.stored for row in rows]


def test_verify_sees_a_stored_number_that_cannot_be_repeated(measured, command):
    stored = json.loads((measured / presets.RESULTS).read_text())
    stored["label agreement"]["value"] -= 0.02
    (measured / presets.RESULTS).write_text(json.dumps(stored))
    assert [row.passed for row in verify_preset(measured)] == [True, False]
    code, out, _ = command("verify", measured, "--result", "label agreement")
    assert code == 1 and "FAILED" in out
    code, out, _ = command("verify", measured, "--result", "rarest class")
    assert code == 0 and "passed" in out


def test_verify_says_what_it_did_not_measure(measured, command, monkeypatch):
    stored = json.loads((measured / presets.RESULTS).read_text())
    fid = Record(value=5.0, metric="fid", **dict.fromkeys(("extractor", "extractor_sha256", "resizer", "dtype"), "x"),
                 n_real=10, n_fake=300, reference_split="mnist/test", seed=0)  # fmt: skip
    (measured / presets.RESULTS).write_text(json.dumps({"FID": fid.to_dict(), **stored}))

    def absent(*arguments):
        raise FileNotFoundError("no Inception weights here")

    monkeypatch.setattr(cli_measuring, "extractor_of", absent)
    code, out, err = command("verify", measured)
    assert code == 0 and "not measured" in out and "no Inception weights here" in err
    code, _, err = command("verify", measured, "--weights", "absent.npz")
    assert code == 1 and "no Inception weights here" in err


def test_verify_refuses_another_protocol(measured, monkeypatch):
    real = verification.measure_preset

    def other(*arguments, **options):
        return {key: dataclasses.replace(record, n_fake=9) for key, record in real(*arguments, **options).items()}

    monkeypatch.setattr(verification, "measure_preset", other)
    with pytest.raises(ValueError, match="n_fake: 9 and 300"):
        verify_preset(measured)


def test_verify_of_a_preset_without_results(small_gan, tmp_path, measured):
    save_to_preset(small_gan("dcgan"), tmp_path / "gan")
    with pytest.raises(presets.PresetError, match="to be verified"):
        verify_preset(tmp_path / "gan")
    with pytest.raises(presets.PresetError, match="results must be among"):
        verify_preset(measured, results=["FDI"])
