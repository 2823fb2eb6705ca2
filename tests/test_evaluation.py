"""Measuring presets and folders of images; on the command line too."""

import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo import evaluation
from keras_gan_zoo.evaluation import evaluate_source
from keras_gan_zoo.metrics.features import feature_extractor
from keras_gan_zoo.metrics.protocol import Protocol
from keras_gan_zoo.metrics.references import SHIPPED, unpacked
from keras_gan_zoo.preset_saving import save_to_preset

pytestmark = pytest.mark.filterwarnings("ignore:FID of")


@pytest.fixture(scope="module")
def judge():
    return feature_extractor("mnist")


def digits(n, seed, shape=(28, 28)):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape, 1), np.uint8)


@pytest.fixture
def folders(tmp_path):
    """(fakes, real): folders of 40 and 50 gray PNG files."""
    for name, n, seed in (("fakes", 40, 0), ("real", 50, 1)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(digits(n, seed)):
            Image.fromarray(image[..., 0]).save(tmp_path / name / f"{i:03}.png")
    return tmp_path / "fakes", tmp_path / "real"


def test_a_folder_of_images_is_measured_like_the_array(folders, judge, tmp_path):
    fakes, real = folders
    records, skipped = evaluate_source(fakes, real, metrics=("fid", "recall"), extractor=judge, cache=tmp_path / "cache")
    from keras_gan_zoo.metrics.measuring import evaluate

    expected = evaluate(digits(40, 0), digits(50, 1), metrics=("fid", "recall"), extractor=judge)
    assert not skipped
    for name in records:
        assert records[name].value == pytest.approx(expected[name].value, rel=1e-9)
    assert (records["fid"].n_fake, records["fid"].n_real, records["fid"].reference_split) == (40, 50, "real")


def test_a_broken_image_is_counted_and_left_out(folders, judge, tmp_path):
    fakes, real = folders
    (fakes / "007.png").write_bytes(b"broken")
    records, skipped = evaluate_source(fakes, real, extractor=judge, cache=tmp_path / "cache")
    assert records["fid"].n_fake == 39
    assert [path[-7:] for path, _ in skipped] == ["007.png"]
    # Real images have to be all there: the reference is what is compared against.
    (real / "004.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match="1 of 50 real images"):
        evaluate_source(fakes, real, extractor=judge, cache=tmp_path / "cache")


def test_sizes_that_differ_are_refused_with_the_fix(small_gan, folders, judge, tmp_path):
    save_to_preset(small_gan("dcgan", (28, 28, 1)), tmp_path / "gan")
    np.savez(tmp_path / "real.npz", images=digits(50, 0, (32, 32)))
    with pytest.raises(ValueError, match="28 x 28 x 1, those of .* 32 x 32 x 1.*--size 28x28 --channels 1"):
        evaluate_source(tmp_path / "gan", tmp_path / "real.npz", n=20, split="train", extractor=judge)
    records, _ = evaluate_source(
        tmp_path / "gan", tmp_path / "real.npz", n=20, split="train", size=28, channels=1, extractor=judge, cache=tmp_path
    )
    assert records["fid"].reference_split == "real.npz/train at size 28, channels 1" and records["fid"].seed == 0


def test_more_images_than_memory_holds_are_refused_at_once(small_gan, tmp_path):
    save_to_preset(small_gan("cgan", (28, 28, 1)), tmp_path / "gan")
    with pytest.raises(ValueError, match="fit in memory. Received: n=1,000,000,000,000"):
        evaluate_source(tmp_path / "gan", tmp_path / "absent.npz", n=10**12)


def test_folders_of_other_sizes_are_refused_too(folders, judge, tmp_path):
    fakes, _ = folders
    (tmp_path / "large").mkdir()
    for i in range(3):
        Image.fromarray(digits(1, i, (40, 40))[0, ..., 0]).save(tmp_path / "large" / f"{i}.png")
    for a, b in ((fakes, tmp_path / "large"), (tmp_path / "large", fakes)):
        with pytest.raises(ValueError, match="(28 x 28 x 1.*40 x 40 x 1|40 x 40 x 1.*28 x 28 x 1)"):
            evaluate_source(a, b, extractor=judge, cache=tmp_path / "cache")


class Shipped:
    """Has the description of the extractor behind the shipped references, and no network."""

    name, resizer, dtype, dimension, classes = "inception-2015-12-05", "tf1-bilinear", "float32", 2048, None

    def __init__(self):
        self.sha256 = unpacked(SHIPPED / "mnist_test_tf1-bilinear.npz").source["extractor_sha256"]

    def extract(self, images, batch_size=50):
        return np.random.default_rng(len(images)).normal(size=(len(images), 2048)).astype("float32"), None


def test_the_shipped_reference_is_for_the_name_and_never_for_a_path(folders, tmp_path, monkeypatch):
    named = evaluation.reference_of("mnist", "test", Protocol.of("fid", extractor=Shipped()))
    assert (named.n, named.split, named.image_shape) == (10_000, "mnist/test", (28, 28, 1))
    (tmp_path / "mnist").mkdir()
    for i in range(3):
        Image.fromarray(digits(1, i)[0, ..., 0]).save(tmp_path / "mnist" / f"{i}.png")
    protocol = Protocol.of("fid", extractor=Shipped())
    own = evaluation.reference_of(tmp_path / "mnist", None, protocol, cache=tmp_path / "cache")
    assert (own.n, own.split) == (3, "mnist")
    with pytest.raises(ValueError, match="28 x 28 x 1, those of cifar10 are 32 x 32 x 3"):
        evaluation.reference_of("cifar10", "test", protocol, fake_shape=(28, 28, 1))


def test_alpha_is_composited_over_white(tmp_path, judge):
    for name, mode in (("alpha", "RGBA"), ("plain", "RGB")):
        (tmp_path / name).mkdir()
        for i in range(4):
            pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), np.uint8)
            alpha = np.full((6, 6, 1), 255, np.uint8)
            picture = np.concatenate([pixels, alpha], axis=2) if mode == "RGBA" else pixels
            Image.fromarray(picture).save(tmp_path / name / f"{i}.png")
    extractor = feature_extractor(
        lambda x: x.reshape(len(x), -1)[:, :3].astype("float32"), name="x", dimension=3, sha256="1"
    )
    records, _ = evaluate_source(tmp_path / "alpha", tmp_path / "plain", extractor=extractor, cache=tmp_path / "cache")
    assert records["fid"].value < 1e-6


def test_an_unknown_metric_is_refused_before_anything_is_computed(folders):
    class Never:
        def extract(self, *arguments):
            raise AssertionError("the network ran")

    with pytest.raises(ValueError, match="'fdi'"):
        evaluate_source(*folders, metrics=("fid", "fdi"), extractor=Never())


@pytest.mark.parametrize("source", ["real", "real.zip"])
def test_a_split_of_what_has_none_is_refused(folders, judge, tmp_path, source):
    fakes, real = folders
    against = real
    if source == "real.zip":
        against = tmp_path / source
        with zipfile.ZipFile(against, "w") as archive:
            for path in real.iterdir():
                archive.write(path, path.name)
    with pytest.raises(ValueError, match=r"split must be one of a data set or an \.npz\. Received: split='test'"):
        evaluate_source(fakes, against, split="test", extractor=judge)


def test_archives_are_measured_like_folders(folders, judge, tmp_path):
    fakes, real = folders
    with zipfile.ZipFile(tmp_path / "fakes.zip", "w") as archive:
        for path in sorted(fakes.iterdir()):
            archive.write(path, path.name)
        archive.writestr("broken.png", b"broken")
    np.savez(tmp_path / "fakes.npz", images=digits(40, 0))
    np.savez(tmp_path / "split.npz", x_train=digits(9, 5), y_train=np.zeros(9, int), x_test=digits(50, 1))
    expected, _ = evaluate_source(fakes, real, extractor=judge, cache=tmp_path / "cache")
    for source, against, split in (
        ("fakes.zip", "real", "real"),
        ("fakes.npz", "split.npz", "split.npz/test"),
        ("split.npz", "fakes.npz", "fakes.npz/train"),
    ):
        records, skipped = evaluate_source(tmp_path / source, tmp_path / against, extractor=judge, cache=tmp_path / "cache")
        assert records["fid"].value == pytest.approx(expected["fid"].value, rel=1e-9), source
        assert records["fid"].reference_split == split and records["fid"].seed is None
        assert [path[-10:] for path, _ in skipped] == (["broken.png"] if source == "fakes.zip" else [])


def test_a_name_that_is_a_preset_or_data_set_and_a_folder_is_taken_for_neither(folders, judge, tmp_path, monkeypatch):
    fakes, real = folders
    monkeypatch.chdir(tmp_path)
    fakes.rename("dcgan_mnist")
    real.rename("mnist")
    with pytest.raises(ValueError, match="'dcgan_mnist', the name of a preset.*'./dcgan_mnist'"):
        evaluate_source("dcgan_mnist", "./mnist", extractor=judge)
    with pytest.raises(ValueError, match="'mnist', the name of a TFDS data set.*'./mnist'"):
        evaluate_source("./dcgan_mnist", "mnist", extractor=judge)
    records, _ = evaluate_source("./dcgan_mnist", "./mnist", extractor="mnist", metrics="fid", cache=tmp_path / "cache")
    assert (records["fid"].n_fake, records["fid"].n_real) == (40, 50)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"metrics": "kid"}, "Received: 40 fake"), ({"metrics": ["fid"], "n": 0}, "n=0"), ({"batch_size": 0}, "batch_size=0")],
)
def test_numbers_that_cannot_be_are_refused_before_the_network_runs(folders, tmp_path, options, words):
    class Never:
        def extract(self, *arguments):
            raise AssertionError("the network ran")

    with pytest.raises(ValueError, match=words):
        evaluate_source(*folders, **{"extractor": Never(), **options})
    few = {"metrics": "kid", "settings": {"kid": {"subset_size": 45}}}
    np.savez(tmp_path / "many.npz", images=digits(60, 0))
    np.savez(tmp_path / "few.npz", images=digits(44, 0))
    for real in (folders[0], tmp_path / "few.npz"):
        with pytest.raises(ValueError, match="Received: 4[04] real"):
            evaluate_source(tmp_path / "many.npz", real, extractor=Never(), **few)


def test_kid_of_few_images_on_the_command_line(command, folders, tmp_path):
    arguments = ("evaluate", *folders[:1], "--against", folders[1], "--extractor", "mnist", "--cache", tmp_path / "cache")
    code, out, err = command(*arguments, "--metrics", "kid", "--subset-size", 30)
    assert code == 0, err
    assert json.loads(out)["kid"]["settings"]["subset_size"] == 30
    code, _, err = command(*arguments, "--subset-size", 30)
    assert code == 2 and "--subset-size must be left out unless kid is measured" in err
    code, out, err = command(*arguments, "--output", tmp_path)
    assert code == 1 and not out and f"--output must be a file. Received: --output='{tmp_path}', which is a folder" in err
    code, out, err = command(*arguments, "--metrics", " ,")
    assert code == 1 and not out and "metrics must name one at least. Received: none. Fix: fid, " in err
    os.mkfifo(tmp_path / "pipe")
    code, out, err = command("evaluate", "--merge", "nothing.npz", "--output", tmp_path / "pipe")
    assert code == 1 and not out and "pipe', which is a folder, device, pipe, or the like. Fix: name another one." in err


def test_names_of_files_cannot_write_to_the_terminal(command, folders, tmp_path):
    (folders[0] / "a\x1b[2J\nError: b.png").write_bytes(b"broken")
    code, _, err = command(
        "evaluate", folders[0], "--against", folders[1], "--extractor", "mnist", "--cache", tmp_path / "cache"
    )
    assert code == 0 and r"a\x1b[2J\nError: b.png: not an image" in err and "\x1b" not in err


def test_evaluate_on_the_command_line(command, folders, tmp_path):
    fakes, real = folders
    (fakes / "007.png").write_bytes(b"broken")
    arguments = ("evaluate", fakes, "--against", real, "--extractor", "mnist", "--cache", tmp_path / "cache")
    code, out, err = command(*arguments, "--metrics", "fid,precision", "--output", tmp_path / "new" / "records.json")
    assert code == 0, err
    assert "1 files could not be read" in err and "007.png" in err
    records = json.loads(out)
    assert records == json.loads((tmp_path / "new" / "records.json").read_text())
    assert set(records) == {"fid", "precision"} and records["fid"]["extractor"] == "mnist_classifier"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "--against", "REAL"), "nothing"),
        (("FAKES", "--against", "REAL", "--metrics", "fdi"), "'fdi'"),
        (("FAKES", "--against", "REAL", "--metrics", "kid"), "subset_size"),
        (("FAKES", "--against", "REAL", "--extractor", "lenet"), "'lenet'"),
        (("FAKES", "--against", "REAL", "--weights", "x.npz"), "--weights"),
        (("EMPTY", "--against", "REAL"), "must hold images"),
        (("MIXED", "--against", "REAL"), "size"),
        (("FAKES", "--against", "no/such/folder"), "must be a file or folder that exists"),
        (("FAKES", "--against", "REAL", "--size", "0"), "--size 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_evaluate_answers_mistakes_in_words(command, folders, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for side in (20, 28):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "mixed" / f"{side}.png")
    names = {"FAKES": folders[0], "REAL": folders[1], "EMPTY": tmp_path / "empty", "MIXED": tmp_path / "mixed"}
    arguments = [names.get(a, a) for a in arguments]
    extractor = [] if {"--extractor", "--weights"} & set(arguments) else ["--extractor", "mnist"]
    code, out, err = command(
        "evaluate", *arguments, *extractor, "--cache", tmp_path / "cache", "--output", tmp_path / "r.json"
    )
    assert code and not out
    assert message in err and "Traceback" not in err
    assert not (tmp_path / "r.json").exists()
