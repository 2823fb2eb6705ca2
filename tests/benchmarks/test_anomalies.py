"""Anomalies: the area under the ROC curve, and digits that no model has seen."""

import json

import numpy as np
import pytest
import typer

from benchmarks import kinds, left_out
from benchmarks.left_out import METHODS, Cell, auc


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 8, 30).astype(float), rng.integers(2, 10, 20).astype(float)
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    assert auc(low, high) == pytest.approx(pairs, rel=1e-12) and 0.5 < pairs < 1
    assert auc(np.zeros(3), np.ones(2)) == 1 and auc(np.ones(3), np.zeros(2)) == 0 and auc(np.ones(3), np.ones(2)) == 0.5


@pytest.mark.real_data("mnist")
def test_models_see_nine_digits_and_are_asked_about_the_tenth(monkeypatch):
    seen = []

    def trained(gan, name, images, rounds, seed):
        seen.append((name, rounds, images))
        return gan

    monkeypatch.setattr(left_out, "trained", trained)
    monkeypatch.setattr(left_out, "autoencoder", lambda images, rounds, seed: lambda tested: tested.mean(axis=(1, 2, 3)))
    found = left_out.measured(Cell(1, 5, 4, steps=2, n=8))
    assert [(name, rounds) for name, rounds, _ in seen] == [(left_out.PAIR, 5), (left_out.ENCODER, 4)]
    assert seen[0][2].shape == (60_000 - 6742, 28, 28, 1)  # 6,742 training images show a one
    assert found["auc"].keys() == METHODS.keys() and all(0 <= value <= 1 for value in found["auc"].values())
    assert found["auc"]["autoencoder"] < 0.3, "a one has less ink than the others"


def test_an_autoencoder_learns_what_it_sees(blobs):
    pytest.importorskip("tensorflow")
    lying, upright = (
        (np.pad(x, ((0, 0), (10, 10), (10, 10), (0, 0)), constant_values=-1)) for x in (blobs(600), blobs(40, True))
    )
    scores = left_out.autoencoder(lying, rounds=60, seed=0)
    untrained = left_out.autoencoder(lying, rounds=1, seed=0)
    assert scores(lying[:40]).mean() < untrained(lying[:40]).mean() / 4
    assert scores(upright).shape == (40,)


def test_a_card_shows_all_ten_digits_or_none(tmp_path):
    def write(digit, **settings):
        cell = {"digit": digit, "rounds": 5, "n": 8, **settings}
        found = {"cell": cell, "settings": {}, "auc": {method: (digit + i) / 20 for i, method in enumerate(METHODS)}}
        (tmp_path / f"digit{digit}.json").write_text(json.dumps(found))

    for digit in range(9):
        write(digit)
    assert left_out.measures(tmp_path) == []
    write(9, rounds=6)
    assert left_out.measures(tmp_path) == []
    write(9)
    measures = left_out.measures(tmp_path)
    assert len(measures) == 11 and measures[3].title == "AUC of 3 as the anomaly" and measures[3].value == 3 / 20
    assert measures[3].beside == {"by AnoGAN's search": 4 / 20, "by an autoencoder": 5 / 20}
    assert measures[-1].value == pytest.approx(np.mean(range(10)) / 20)


def test_a_digit_is_measured_again_if_a_recipe_has_changed(tmp_path, monkeypatch):
    played = []

    def measured(cell):
        played.append(cell.digit)
        return {"settings": left_out.settings(), "auc": dict.fromkeys(METHODS, 0.5)}

    def run():
        with pytest.raises(typer.Exit) as end:
            left_out.left_out("3,5", rounds=5, encoder_rounds=5, steps=2, n=8, folder=tmp_path)
        assert end.value.exit_code == 0

    monkeypatch.setattr(left_out, "measured", measured)
    run(), run()
    assert played == [3, 5]
    monkeypatch.setattr(left_out, "settings", lambda: {"another": "recipe"})
    run()
    assert played == [3, 5, 3, 5]


def test_a_digit_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="--digits must be of 0 to 9. Received: '3,10'"):
        left_out.left_out("3,10")


def test_the_card_of_f_ano_gan_has_each_digit_as_the_anomaly():
    record = kinds.found(left_out.ENCODER)
    told = {measure["title"]: measure for measure in record["measures"]}
    assert {f"AUC of {digit} as the anomaly" for digit in range(10)} < set(told)
    mean = told["AUC of a digit as the anomaly, mean of ten"]
    assert mean["value"] > 0.8 and mean["value"] > max(mean["beside"].values()) + 0.1
