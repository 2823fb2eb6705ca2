"""`evaluate --shard` and `--merge`: the numbers of one pass, from the files of several."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.preset_saving import save_to_preset

pytestmark = pytest.mark.filterwarnings("ignore:FID of")
COMMON = ("--extractor", "mnist", "--metrics", "fid,recall,inception_score")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(fakes, real): folders of 140 and 120 gray PNG files, one of each of which has no batch in a third shard."""
    folder = tmp_path_factory.mktemp("images")
    for name, n, seed in (("fakes", 140, 0), ("real", 90, 1)):
        (folder / name).mkdir()
        for i, image in enumerate(np.random.default_rng(seed).integers(0, 256, (n, 28, 28), np.uint8)):
            Image.fromarray(image).save(folder / name / f"{i:03}.png", compress_level=1)
    np.savez(folder / "real.npz", images=np.random.default_rng(1).integers(0, 256, (90, 28, 28, 1), np.uint8))
    return folder / "fakes", folder / "real", folder / "real.npz"


def shards(command, folder, count, *arguments):
    for i in range(1, count + 1):
        code, out, err = command("evaluate", *arguments, "--shard", f"{i}/{count}", "--output", folder / f"new/{i}.npz")
        assert code == 0 and f"shard {i}/{count}" in out, err
    return sorted((folder / "new").iterdir())


def values(text):
    return {name: (record["value"], record["n_fake"], record["n_real"], record["seed"]) for name, record in text.items()}


@pytest.mark.parametrize("source", ["folder", "preset"])
def test_three_shards_on_the_command_line_give_what_one_pass_gives(command, small_gan, folders, tmp_path, source):
    fakes, real, real_npz = folders
    arguments = (fakes, "--against", real, *COMMON, "--cache", tmp_path / "cache")
    if source == "preset":
        save_to_preset(small_gan("cgan", (28, 28, 1)), tmp_path / "gan")
        arguments = (tmp_path / "gan", "-n", 130, "--against", real_npz, *COMMON, "--cache", tmp_path / "cache")
    files = shards(command, tmp_path, 3, *arguments)
    code, out, err = command("evaluate", "--merge", *files, "--output", tmp_path / "records.json")
    assert code == 0, err
    merged = json.loads(out)
    assert merged == json.loads((tmp_path / "records.json").read_text())
    code, out, err = command("evaluate", *arguments)
    assert code == 0, err
    whole = json.loads(out)
    assert list(merged) == list(whole) == ["fid", "recall", "inception_score"]
    for name, record in whole.items():
        assert merged[name]["value"] == pytest.approx(record["value"], rel=1e-10)
        same = set(record) - {"value", "details"}
        assert {key: merged[name][key] for key in same} == {key: record[key] for key in same}


def test_shards_of_other_images_or_weights_of_the_same_name_do_not_merge(command, small_gan, folders, tmp_path):
    for i in (1, 2):
        save_to_preset(small_gan("dcgan", (28, 28, 1), seed=i), tmp_path / f"run_{i}" / "preset")
        (tmp_path / f"run_{i}" / "real").mkdir()
        for path in sorted(folders[1].iterdir())[i:90]:
            (tmp_path / f"run_{i}" / "real" / path.name).write_bytes(path.read_bytes())

    def measure(i, model, real):
        arguments = (
            tmp_path / f"run_{model}/preset",
            "-n",
            100,
            "--against",
            tmp_path / f"run_{real}/real",
            "--extractor",
            "mnist",
        )
        options = ("--shard", f"{i}/2", "--output", tmp_path / f"{i}.npz", "--cache", tmp_path / "cache")
        assert command("evaluate", *arguments, *options)[0] == 0

    measure(1, model=1, real=1)
    for other, what in (({"model": 2, "real": 1}, "fakes_sha256"), ({"model": 1, "real": 2}, "against_sha256")):
        measure(2, **other)
        code, _, err = command("evaluate", "--merge", tmp_path / "1.npz", tmp_path / "2.npz")
        assert code and "must be of one measurement" in err and what in err
    measure(2, model=1, real=1)
    assert command("evaluate", "--merge", tmp_path / "1.npz", tmp_path / "2.npz")[0] == 0


@pytest.mark.parametrize("told", [{}, {"metrics": 3}, {"metrics": {"fid": 3}}])
def test_shards_that_name_no_metrics_are_refused(told, monkeypatch):
    from keras_gan_zoo import sharding

    monkeypatch.setattr(sharding, "merged_shards", lambda paths: ({"skipped": [], **told}, None, None))
    with pytest.raises(ValueError, match="Shards must name metrics with their settings. Received: metrics="):
        sharding.merge_shards(["1.npz"])


def test_what_cannot_be_read_is_counted_once(command, folders, tmp_path):
    (tmp_path / "fakes").mkdir()
    for i, path in enumerate(sorted(folders[0].iterdir())[:110]):
        (tmp_path / "fakes" / path.name).write_bytes(b"broken" if i == 3 else path.read_bytes()[: 100 if i == 80 else None])
    arguments = (tmp_path / "fakes", "--against", folders[1], "--extractor", "mnist", "--cache", tmp_path / "cache")
    code, out, err = command("evaluate", "--merge", *shards(command, tmp_path, 2, *arguments))
    assert code == 0 and "2 files could not be read" in err and "003.png" in err and "080.png" in err
    assert json.loads(out)["fid"]["n_fake"] == 108


def test_the_shipped_reference_is_counted_once(command, folders, tmp_path, monkeypatch):
    from keras_gan_zoo.metrics import Protocol, Shard, references
    from keras_gan_zoo.metrics.frechet import Moments
    from keras_gan_zoo.metrics.samples import Sample

    shipped = Sample(5, {}, Moments(2))
    monkeypatch.setattr(references, "shipped_reference", lambda *_: shipped)
    from keras_gan_zoo.evaluation import reference_of

    found = [reference_of("mnist", "test", Protocol.of("fid"), shard=Shard(i, 2)) for i in (1, 2)]
    assert found == [shipped, None]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["FAKES", "--against", "REAL", "--shard", "1/3"], "--shard must go with --output"),
        (["FAKES", "--against", "REAL", "--shard", "4/3", "--output", "OUT"], "shard must be I/N"),
        (["FAKES", "--against", "REAL", "--shard", "1/4", "--output", "OUT"], "140 images. Fix: at most 3 shards"),
        (
            ["FAKES", "--against", "REAL", "--shard", "1/2", "--output", "OUT", "--metrics", "memorization"],
            "must not compare with a training set",
        ),
        (["FAKES"], "--against must name the real images"),
        (["FAKES", "REAL", "--against", "REAL"], "Fix: add --merge"),
        (["--merge", "REAL.npz", "--against", "REAL"], "--against must be left out with --merge"),
        (["--merge", "REAL.npz", "--metrics", "fid"], "--metrics must be left out with --merge"),
        (["--merge", "REAL.npz"], "real.npz must be a shard"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_mistakes_are_answered_in_words(command, folders, tmp_path, arguments, words):
    names = {"FAKES": folders[0], "REAL": folders[1], "REAL.npz": folders[2], "OUT": tmp_path / "out.npz"}
    extractor = [] if "--merge" in arguments else ["--extractor", "mnist", "--cache", tmp_path / "cache"]
    code, out, err = command("evaluate", *(names.get(a, a) for a in arguments), *extractor)
    assert code and not out and words in err and "Traceback" not in err
    assert not (tmp_path / "out.npz").exists()
