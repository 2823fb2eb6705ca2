"""The study of losses: equal networks, cells that go on, the choice of settings, and the table of what was measured."""

import dataclasses
import json
import time

import numpy as np
import pytest
from rich.console import Console

from benchmarks import study, study_tables
from benchmarks.study import LOSSES, Cell


def cell_of(loss, setting=0, seed=0, data="mnist"):
    return Cell(data, loss, setting, seed, 100, 8)


def record_of(loss, fids, setting=0, seed=0, **more):
    curve = [{"rounds": 10 * (i + 1), "seconds": 2.0 * (i + 1), "fid": fid} for i, fid in enumerate(fids)]
    settings = {
        **dataclasses.asdict(LOSSES[loss].settings[setting]),
        "dtype": "float32",
        "images_seen": 800,
        "extractor": "0" * 64,
    }
    about = {"device": "cpu:0", "versions": {}, "commit": "a" * 40}
    samples = study.picture(np.full((32, 28, 28, 1), 10 * seed, "uint8"), columns=16)
    cell = vars(cell_of(loss, setting, seed))
    return {"cell": dict(cell), **about, "settings": settings, "curve": curve, "samples": samples, **more}


@pytest.fixture
def folder(tmp_path):
    """Two losses: the second setting of the one is the better one, and was taken on."""
    for record in (
        record_of("lsgan", [50.0, 30.0], 0),
        record_of("lsgan", [40.0, 8.0], 1, fid={"value": 7.25}),
        record_of("lsgan", [60.0, 12.0], 1, seed=1),
        record_of("wgan", [90.0, 80.0], 0),
    ):
        cell = Cell(**record["cell"])
        cell.path(tmp_path).write_text(json.dumps(record))
    return tmp_path


def test_all_losses_but_one_have_equal_networks():
    shapes = {}
    for loss in LOSSES:
        gan = study.built(cell_of(loss), "float32")
        networks = (gan.generator, gan.discriminator)
        # A norm of the discriminator has vectors, and takes the place of biases.
        shapes[loss] = [[w.shape for w in n.trainable_weights if len(w.shape) > 1] for n in networks]
        assert [o.learning_rate is not None for o in gan.optimizers.values()] == [True, True]
    own = shapes.pop("began")
    assert all(found == shapes["minimax"] for found in shapes.values()) and own != shapes["minimax"]
    saturating = study.built(cell_of("minimax"), "float32"), study.built(cell_of("non_saturating"), "float32")
    assert [gan.options.saturating for gan in saturating] == [True, False]


def test_the_optimizers_and_the_norm_are_those_of_the_setting():
    for setting, (rate, normed) in enumerate([(1e-3, True), (1e-3, False)]):
        gan = study.built(cell_of("lsgan", setting), "float32")
        assert [float(o.learning_rate) for o in gan.optimizers.values()] == pytest.approx([rate, rate])
        assert len({id(o) for o in gan.optimizers.values()}) == 2
        assert any("norm" in layer.name for layer in gan.discriminator.layers) == normed
    # The one keeps its rates, the other lets them fall to 0 over the study's rounds.
    for setting, left in enumerate((1.0, 0.5)):
        optimizers = study.built(cell_of("began", setting), "float32").optimizers
        for name, rate in (("discriminator", 2e-4), ("generator", 2e-3)):
            assert float(optimizers[name].learning_rate) == pytest.approx(rate)
            optimizers[name].iterations.assign(study.ROUNDS // 2)
            assert float(optimizers[name].learning_rate) == pytest.approx(left * rate)


@pytest.mark.parametrize("device", ["", "NVIDIA H200"])
def test_other_work_on_the_processor_takes_no_time_of_a_training(device, monkeypatch):
    monkeypatch.setattr("keras_gan_zoo.backend.accelerator", lambda: device)
    clock = study.training_clock()
    start = clock()
    time.sleep(0.2)  # in which this process computes nothing
    assert (clock() - start < 0.1) == (not device)


def test_the_better_setting_of_seed_0_is_taken_on(folder):
    assert study.best_setting(folder, "mnist", "lsgan") == 1
    with pytest.raises(ValueError, match="Seed 0 decides which setting of 'dragan'"):
        study.best_setting(folder, "mnist", "dragan")


def test_inception_sees_the_settings_that_the_table_shows(folder):
    cells = [cell_of("lsgan", 0), cell_of("lsgan", 1), cell_of("lsgan", 1, 1), cell_of("wgan"), cell_of("wgan", 1)]
    assert [study.is_shown(cell, folder) for cell in cells] == [False, True, True, True, False]


def test_only_what_is_missing_is_run(folder, monkeypatch):
    ran = []
    monkeypatch.setattr(study, "measured", lambda cell, *_: ran.append(cell) or {"curve": [{"fid": 1.0}]})
    cells = [cell_of("lsgan", 1), cell_of("lsgan", 1, 1), cell_of("wgan"), cell_of("wgan", 1)]
    assert study.run(cells, folder, None, Console(quiet=True)) == [] and ran == cells[3:]
    # One of another setting than its number stands for now counts as nothing.
    changed = dataclasses.replace(LOSSES["lsgan"], settings=(*LOSSES["lsgan"].settings[:1], study.Setting(study.adam(3e-4))))
    with monkeypatch.context() as patch:
        patch.setitem(LOSSES, "lsgan", changed)
        assert study.best_setting(folder, "mnist", "lsgan") == 0
        assert not cells[0].is_held_by(json.loads(cells[0].path(folder).read_text()))
    ran.clear()
    # With the weights of the Inception network, those are missing whose FID by it is not known.
    study.run(cells[:2], folder, folder / "inception.npz", Console(quiet=True))
    assert ran == cells[1:2]


@pytest.mark.real_data("mnist")
def test_a_generator_that_was_kept_is_judged_without_another_training(tmp_path, monkeypatch):
    """As it was at the end of the training, and with the commit of that."""
    cell, seen = Cell("mnist", "lsgan", 0, 0, 10, 4), []
    monkeypatch.setattr(study, "IMAGES", 40)
    monkeypatch.setattr(study, "inception_fid", lambda cell, folder, dtype, weights: {"value": 7.0})
    assert study.run([cell], tmp_path, None, Console(quiet=True)) == []
    first = json.loads(cell.path(tmp_path).read_text())
    cell.path(tmp_path).write_text(json.dumps({**first, "commit": "then"}))
    gan = study.built(cell, first["settings"]["dtype"])
    gan.generator.load_weights(cell.generator_path(tmp_path))
    assert study.picture(gan.generate(40, seed=0, dtype="uint8")[:32], columns=16) == first["samples"]
    monkeypatch.setattr(study, "trained", lambda cell, folder: seen.append(cell))
    assert study.run([cell], tmp_path, tmp_path / "inception.npz", Console(quiet=True)) == [] and not seen
    then = json.loads(cell.path(tmp_path).read_text())
    assert then == {**first, "fid": {"value": 7.0}, "commit": "then"}


def test_a_cell_that_fails_says_why_and_is_tried_again(tmp_path, monkeypatch):
    def failing(cell, *_):
        raise ValueError("it has diverged")

    monkeypatch.setattr(study, "measured", failing)
    cell = cell_of("minimax")
    assert study.run([cell], tmp_path, None, Console(quiet=True)) == [cell]
    assert "it has diverged" in json.loads(cell.path(tmp_path).read_text())["error"]
    monkeypatch.setattr(study, "measured", lambda cell, *_: {"curve": [{"fid": 1.0}]})
    assert study.run([cell], tmp_path, None, Console(quiet=True)) == []


def test_the_table_has_median_range_and_the_time_to_a_level(folder):
    table = study_tables.study_table(folder)
    row = next(line for line in table.splitlines() if line.startswith("| LSGAN"))
    assert "| 0, 1 | 800 | 10.00 (8.00 to 12.00) | 7.25, seed 0 |" in row and "Adam 0.001 (0.5, 0.99)" in row
    # Below 20 at the second point of both; below 10 once.
    assert row.endswith("| 4 | never (4 to never) | Adam 0.001 (0.5, 0.99), batch: 30.00 |")
    for setting, told in enumerate(("Adam 0.0002 (0.5, 0.999); G: Adam 0.002", "Adam 0.0002 falling to 0 (0.5, 0.999); G:")):
        began = record_of("began", [50.0, 30.0 - setting], setting)
        Cell(**began["cell"]).path(folder).write_text(json.dumps(began))
        assert f"| {told} " in study_tables.study_table(folder)
    assert next(line for line in table.splitlines() if line.startswith("| WGAN ")).endswith("| never | never |  |")
    assert "study_mnist.png" in table and "fashion_mnist" not in table
    picture = study_tables.study_picture("mnist", folder)
    assert picture.size == (150 + 16 * 28, 3 * (2 * 28 + 8))
    assert study_tables.study_picture("fashion_mnist", folder) is None


def test_nothing_measured_is_said(tmp_path):
    assert "was not run yet" in study_tables.study_table(tmp_path)
