import json

import numpy as np
import pytest

from keras_gan_zoo.metrics import classifier
from keras_gan_zoo.metrics.classifier import Classifier, build, save, shifted, train


def drawn_digits():
    """A ring and an upright bar, drawn without any data set: a 0 and a 1 to any classifier of digits."""
    y, x = np.mgrid[:28, :28] - 13.5
    ring = np.abs(np.hypot(x / 0.75, y) - 8) < 1.5
    bar = (np.abs(x) < 1.5) & (np.abs(y) < 10)
    return (np.stack([ring, bar])[..., None] * 255).astype("uint8")


def patterns(n, seed):
    """Three classes of noisy images: bright at the top, at the bottom, everywhere."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 100, (n, 28, 28, 1))
    images[labels != 1, :10] += 120
    images[labels != 0, 18:] += 120
    return images.astype("uint8"), labels


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "small.npz"
    model = build(classes=4)
    save(model, path, {"dataset": "none"})
    return path, model


def test_has_the_layers_of_the_recipe():
    assert [w.shape for w in build().get_weights() if w.ndim > 1] == [
        (3, 3, 1, 32),
        (3, 3, 32, 32),
        (3, 3, 32, 64),
        (3, 3, 64, 64),
        (3 * 3 * 64, 128),
        (128, 10),
    ]


def test_a_saved_classifier_computes_what_the_model_did(untrained):
    path, model = untrained
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28, 1), dtype="uint8")
    judge = Classifier(path)
    features, found = judge.extract(images, batch_size=3)
    probabilities = judge.probabilities(images, batch_size=3)
    logits = np.asarray(model.predict(images.astype("float32"), verbose=0), "float64")
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert features.shape == (7, judge.dimension) == (7, 128)
    assert features.min() >= 0 and features.std() > 0
    assert expected.std(axis=0).max() > 1e-4
    np.testing.assert_allclose(probabilities, expected, atol=1e-3)
    np.testing.assert_allclose(found, logits, atol=5e-3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(judge.features(images, batch_size=3), features)


def test_floats_are_judged_as_the_images_that_they_stand_for(untrained):
    judge = Classifier(untrained[0])
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28, 1), dtype="uint8")
    np.testing.assert_array_equal(judge.probabilities((images / 127.5 - 1).astype("float32")), judge.probabilities(images))


def test_shifts_move_each_image_by_its_own_offset():
    images = np.zeros((500, 28, 28, 1), "uint8")
    images[:, 10, 15] = np.arange(500)[:, None] % 250 + 1
    moved = shifted(images, 2, np.random.default_rng(2))
    n, rows, columns, _ = np.nonzero(moved)
    np.testing.assert_array_equal(n, np.arange(500))
    np.testing.assert_array_equal(moved[n, rows, columns, 0], images[:, 10, 15, 0])
    assert {*zip(rows - 10, columns - 15, strict=True)} == {(i, j) for i in range(-2, 3) for j in range(-2, 3)}


RECIPE = {"batch_size": 16, "learning_rate": 3e-3, "shift": 1, "dtype": "float32", "seed": 5}


def test_training_learns():
    model = train(*patterns(192, seed=3), epochs=3, **RECIPE)
    unseen, truth = patterns(200, seed=4)
    accuracy = (model.predict(unseen.astype("float32"), verbose=0).argmax(axis=1) == truth).mean()
    assert accuracy > 0.9


def test_training_repeats_under_the_same_seed():
    one, two, other = (
        train(*patterns(32, seed=3), epochs=1, **{**RECIPE, "seed": seed}).get_weights() for seed in (5, 5, 6)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert np.abs(one[0] - other[0]).max() > 1e-2


def test_mirrored_images_are_trained_on_where_the_recipe_asks():
    images = np.zeros((400, 28, 28, 1), "uint8")
    images[:, :, :14] = 200
    mirrored = images[:, :, ::-1]
    both, labels = np.concatenate([images, mirrored]), np.repeat([0, 1], 400)
    plain, flipped = (
        train(both, labels, epochs=2, **{**RECIPE, "flip": flip}).predict(mirrored.astype("float32"), verbose=0)
        for flip in (False, True)
    )
    # Where half of them are mirrored, left and right cannot be told apart.
    assert np.abs(plain[:, 0] - plain[:, 1]).mean() > 3 * np.abs(flipped[:, 0] - flipped[:, 1]).mean()


@pytest.mark.parametrize(("name", "accuracy"), [("mnist", 0.993), ("fashion_mnist", 0.925)])
def test_shipped_classifiers(name, accuracy):
    judge = Classifier(name)
    assert judge.classes == 10
    assert (judge.notes["dataset"], judge.notes["sha256"]) == (name, judge.sha256)
    assert {"seed": 20, "flip": False, **judge.notes["recipe"]} == {**classifier.RECIPES[name], "seed": 20}
    assert accuracy <= judge.notes["test_accuracy"] < 1
    assert judge.path.stat().st_size < 300_000


def test_the_shipped_classifier_of_digits_knows_digits():
    probabilities = Classifier("mnist").probabilities(drawn_digits())
    assert probabilities[0, 0] > 0.9 and probabilities[1, 1] > 0.9


@pytest.mark.real_data("mnist", "fashion_mnist")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_accuracy_on_the_test_split(name):
    from keras_gan_zoo.data import load_images

    judge = Classifier(name)
    data = load_images(name, split="test", labels=True)
    accuracy = (judge.probabilities(data.images).argmax(axis=1) == data.labels).mean()
    assert accuracy == pytest.approx(judge.notes["test_accuracy"], abs=0.001)


def test_errors(untrained, tmp_path):
    path, _ = untrained
    judge = Classifier(path)
    with pytest.raises(FileNotFoundError, match="must be .*mnist"):
        Classifier("imagenet")
    with pytest.raises(ValueError, match="28, 28, 1"):
        judge.features(np.zeros((2, 28, 28), "uint8"))
    with pytest.raises(ValueError, match="must lie in"):
        judge.features(np.full((2, 28, 28, 1), 255.0))
    tampered = tmp_path / "small.npz"
    with np.load(path) as file:
        np.savez(tampered, **{key: file[key] + np.float16(0.01) for key in file.files})
    tampered.with_suffix(".json").write_text(path.with_suffix(".json").read_text())
    with pytest.raises(ValueError, match="sha256"):
        Classifier(tampered)


@pytest.mark.parametrize("content", [b"no archive", "object"])
def test_files_that_hold_no_weights_are_refused(tmp_path, content):
    path = tmp_path / "own.npz"
    if content == "object":
        np.savez(path, weights=np.array([{}], dtype=object))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"own\.npz must hold the weights of a classifier\. Received: "):
        Classifier(path)


def test_command_line_trains_saves_and_measures(tmp_path, monkeypatch):
    data = {"train": patterns(64, seed=6), "test": patterns(100, seed=7)}

    class FakeDatasets:
        @staticmethod
        def load(name, split, data_dir, batch_size):
            assert (name, data_dir, batch_size) == ("patterns", "somewhere", -1)
            return dict(zip(("image", "label"), data[split], strict=True))

    monkeypatch.setitem(__import__("sys").modules, "tensorflow_datasets", FakeDatasets)
    output = tmp_path / "patterns.npz"
    classifier.main(["patterns", "--output", str(output), "--data-dir", "somewhere", "--epochs", "1", "--dtype", "float32"])
    notes = json.loads(output.with_suffix(".json").read_text())
    accuracy = (Classifier(output).probabilities(data["test"][0]).argmax(axis=1) == data["test"][1]).mean()
    assert notes["test_accuracy"] == pytest.approx(accuracy)
    assert (notes["dataset"], notes["recipe"]["epochs"], notes["recipe"]["seed"]) == ("patterns", 1, 20)
