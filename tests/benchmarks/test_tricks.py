"""Tricks on and off: each is one change, cells go on, and the table says what was measured."""

import json

import numpy as np
import pytest
from rich.console import Console

from benchmarks import tricks
from benchmarks.tricks import TRICKS, Cell


def cell_of(trick, seed=0, rounds=2):
    return Cell(trick, seed, rounds, 8)


def optimizers(gan):
    return {name: optimizer.get_config() | {"name": ""} for name, optimizer in gan.optimizers.items()}


def layers(gan):
    networks = gan.generator, gan.discriminator
    return [[(type(layer).__name__, layer.get_config() | {"name": ""}) for layer in network.layers] for network in networks]


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_a_change_that_can_be_played(name):
    plain, gan = tricks.built(cell_of("plain")), tricks.built(cell_of(name))
    gan.run_eagerly = True
    points, modes = tricks.POINT_BEDS[tricks.BED]().sample(8 * gan.minibatches_per_round, 0)
    data = {"points": points, "labels": modes}
    logs = gan.train_on_batch({field: data[field] for field in gan.fields()}, return_dict=True)
    assert np.isfinite([float(value) for value in logs.values()]).all()
    is_changed = (
        type(gan).__name__ != type(plain).__name__
        or gan.options != plain.options
        or optimizers(gan) != optimizers(plain)
        or layers(gan) != layers(plain)
        or TRICKS[name].rounds > 1
    )
    assert is_changed == (name != "plain")


def test_a_tanh_bounds_the_points_and_weight_norm_is_of_the_discriminator():
    latents = 100 * np.random.default_rng(0).normal(size=(200, 16)).astype("float32")
    largest = {name: np.abs(tricks.built(cell_of(name)).generator(latents)).max() for name in ("plain", "tanh")}
    assert 2.4 < largest["tanh"] <= 2.5 < largest["plain"]
    gan = tricks.built(cell_of("weight_norm"))
    linear = [
        [type(layer).__name__ for layer in network.layers if "Dense" in type(layer).__name__]
        for network in (gan.generator, gan.discriminator)
    ]
    assert linear == [["Dense"] * 3, ["WNDense"] * 3]


def test_rates_fall_to_zero_with_the_last_step_of_each_player():
    gan = tricks.built(cell_of("penalty_falling", rounds=10))
    for player, steps in (("discriminator", 50), ("generator", 10)):
        schedule = gan.optimizers[player]._learning_rate
        assert [float(schedule(step)) for step in (0, steps // 2, steps)] == pytest.approx([1e-3, 1e-3, 0.0])


def test_only_what_is_missing_is_run(tmp_path, monkeypatch):
    monkeypatch.setattr(tricks, "train", lambda gan, cell, sample: None)
    cells = [cell_of("plain"), cell_of("plain", 1)]
    assert tricks.run(cells[:1], tmp_path, Console(quiet=True)) == []
    record = json.loads(cells[0].path(tmp_path).read_text())
    assert {"nearest20", "high_quality"} <= set(record["coverage"]) and len(record["samples"]) == tricks.KEPT
    assert {"commit", "device", "versions", "seconds"} <= set(record)
    ran = []
    monkeypatch.setattr(tricks, "measured", lambda cell: ran.append(cell) or {"coverage": {}})
    tricks.run(cells, tmp_path, Console(quiet=True))
    assert ran == cells[1:]


def test_the_table_has_a_row_for_each_trick_and_the_picture_a_panel(tmp_path):
    coverage = {"modes": 3, "modes20": 1, "nearest20": 4, "high_quality": 0.25, "reverse_kl": None}
    for name, seed, nearest in (("plain", 0, 2), ("plain", 1, 4), ("packing", 0, 8)):
        cell = cell_of(name, seed)
        found = {"coverage": {**coverage, "nearest20": nearest}, "samples": [[0.0, 2.0], [1.0, 1.0]]}
        record = {"cell": vars(cell), "device": "cpu:0", "versions": {}, "commit": "a" * 40, **found}
        cell.path(tmp_path).write_text(json.dumps(record))
    table = tricks.tricks_table(tmp_path)
    assert "| none: the plain GAN | 0, 1 | 3 | 1 | 3 (2 to 4) | 25.0% | inf |" in table
    assert "| packs of samples: `PacGAN` | 0 | 3 | 1 | 8 | 25.0% | inf |" in table and "tricks.png" in table
    figure = tricks.tricks_picture(tmp_path)
    assert [panel.get_title() for panel in figure.axes][:3] == ["none:\nthe plain GAN", "packs of samples:\nPacGAN", ""]


def test_nothing_measured_is_said(tmp_path):
    assert "were not run yet" in tricks.tricks_table(tmp_path) and tricks.tricks_picture(tmp_path) is None
