"""Learning from few labels: the draw of labels, cells that go on, what is trained, and the table."""

import json

import numpy as np
import pytest
from rich.console import Console

from benchmarks import semi_supervised
from benchmarks.semi_supervised import METHODS, Cell, few_labels, numbers_of_labels


def cell_of(method, labels=100, draw=0, rounds=10):
    return Cell(method, labels, draw, rounds, 8)


def record_of(cell, errors):
    curve = [{"rounds": i + 1, "seconds": 1.0, "error": error} for i, error in enumerate(errors)]
    about = {"device": "cpu:0", "versions": {}, "commit": "a" * 40}
    return {"cell": vars(cell), **about, "settings": {"dtype": "float32"}, "curve": curve}


@pytest.fixture
def folder(tmp_path):
    for cell, errors in (
        (cell_of("supervised", 20), [0.9, 0.5]),
        (cell_of("bad_gan"), [0.5, 0.01]),
        (cell_of("bad_gan", draw=1), [0.5, 0.02]),
        (cell_of("bad_gan", draw=2), [0.001, 0.04]),
    ):
        cell.path(tmp_path).write_text(json.dumps(record_of(cell, errors)))
    return tmp_path


def test_as_many_labels_of_each_class_are_drawn():
    labels = np.random.default_rng(0).integers(0, 10, 3000)
    kept = few_labels(labels, 50, seed=1)
    assert kept.dtype == "int32" and np.bincount(kept[kept >= 0]).tolist() == [5] * 10
    np.testing.assert_array_equal(kept[kept >= 0], labels[kept >= 0])
    assert (few_labels(labels, 50, seed=2) != kept).any() and (few_labels(labels, 50, seed=1) == kept).all()
    assert numbers_of_labels("20,100") == [20, 100]
    with pytest.raises(ValueError, match="multiples of 10.*Received: 25"):
        numbers_of_labels("20,25")


def test_the_first_draw_is_of_all_numbers_of_labels(folder, monkeypatch, tmp_path):
    import typer

    seen = []
    monkeypatch.setattr(semi_supervised, "run", lambda cells, folder, console: seen.extend(cells))
    with pytest.raises(typer.Exit):
        semi_supervised.semi_supervised("supervised,bad_gan", "20,100", "3,4", 100, 8, tmp_path)
    assert [(cell.method, cell.labels, cell.draw) for cell in seen] == [
        ("supervised", 20, 3),
        ("bad_gan", 20, 3),
        ("supervised", 100, 3),
        ("bad_gan", 100, 3),
        ("supervised", 100, 4),
        ("bad_gan", 100, 4),
    ]


def test_only_what_is_missing_is_run_and_a_failure_is_told(folder, monkeypatch):
    ran = []

    def measured(cell):
        ran.append(cell)
        if len(ran) == 1:
            raise ValueError("it has diverged")
        return {"curve": [{"error": 0.5}]}

    monkeypatch.setattr(semi_supervised, "measured", measured)
    cells = [cell_of("bad_gan"), cell_of("bad_gan", rounds=20)]
    console = Console(quiet=True)
    assert semi_supervised.run(cells[:1], folder, console) == [] and ran == []
    assert semi_supervised.run(cells[1:], folder, console) == cells[1:]
    assert "it has diverged" in json.loads(cells[1].path(folder).read_text())["error"]
    assert semi_supervised.run(cells[1:], folder, console) == [] and len(ran) == 2


@pytest.fixture
def narrow(monkeypatch):
    """Lets classifiers have a few units."""
    from keras_gan_zoo.models import semi_supervised_gan

    few = semi_supervised_gan.noisy_classifier
    monkeypatch.setattr(
        semi_supervised_gan, "noisy_classifier", lambda *shape, **options: few(*shape, **options | {"width": 40})
    )


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_trained_and_classifies(method, narrow):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 28, 28, 1), dtype=np.uint8), np.arange(60) % 10
    images[np.arange(60), labels, labels] = 255
    make = semi_supervised.game if method in semi_supervised.GAMES else semi_supervised.classifier
    train_to, classify = make(cell_of(method), images, few_labels(labels, 20, 0), 1, "float32")
    before = classify(images)
    train_to(1)
    train_to(2)
    after = classify(images)
    assert before.shape == after.shape == (60, 10) and np.isfinite(after).all()
    assert (before != after).any()


def test_the_density_alone_is_what_the_paper_has_on_mnist(monkeypatch):
    made = {}

    class Made(Exception):
        pass

    def variant_class(name):
        def make(**arguments):
            made[name] = arguments
            raise Made

        return make

    monkeypatch.setattr("keras_gan_zoo.models.variant_class", variant_class)
    for method, weights in (("bad_gan", {"entropy_weight": 0.1, "pull_away_weight": 0.8}), ("bad_gan_density", {})):
        with pytest.raises(Made):
            semi_supervised.game(cell_of(method), None, None, 1, "float32")
        assert {key: value for key, value in made["bad_gan"].items() if key.endswith("_weight")} == weights


def test_guesses_count_after_a_while_and_not_for_labels_alone(narrow):
    """With labels alone, what is in the other images does not matter."""

    def trained(method, images):
        import keras

        keras.utils.set_random_seed(0)
        train_to, classify = semi_supervised.classifier(cell_of(method), images, labels, 1, "float32")
        for point in (1, 9):  # guesses do not count in the first
            train_to(point)
        return classify(images[:10])

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (600, 28, 28, 1), dtype=np.uint8)
    labels = np.where(np.arange(600) < 500, np.arange(600) % 10, -1).astype("int32")
    others = images.copy()
    others[500:] = 255 - others[500:]
    same = [np.abs(trained(m, images) - trained(m, others)).max() for m in ("supervised", "pseudo_labels")]
    assert same[0] == 0 and same[1] > 1e-4


def test_the_table_has_the_last_error_by_method_and_number_of_labels(folder):
    table = semi_supervised.semi_supervised_table(folder)
    assert "| labels alone | 50.00%, 1 draw |  |" in table
    assert "| `bad_gan` (entropy, pull-away term, and density) |  | 2.00% (1.00% to 4.00%), 3 draws |" in table
    assert "pseudo-labels" not in table and "10 steps of 8 images" in table
    assert "was not run yet" in semi_supervised.semi_supervised_table(folder / "nothing")
