"""Tricks for images on and off: each is one change, the few images are the same, and the table says what was measured."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import keras_gan_zoo.data
from benchmarks import image_tricks
from benchmarks.image_tricks import TRICKS, Cell
from benchmarks.testbeds import picture


def cell_of(trick, seed=0):
    return Cell(trick, seed, 2, 4)


def about(gan):
    layers = [(type(layer).__name__, layer.get_config() | {"name": ""}) for layer in gan.discriminator.layers]
    return gan.options, gan.output_activation, gan.may_mix_samples(), gan.optimizers["generator"].beta_1, layers


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_a_change_that_can_be_played(name, round_of):
    plain, gan = image_tricks.built(cell_of("plain")), image_tricks.built(cell_of(name))
    gan.run_eagerly = True
    logs = gan.train_on_batch(*round_of(gan), return_dict=True)
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert (about(gan) != about(plain) or TRICKS[name].images < image_tricks.ALL) == (name != "plain")
    assert gan.generator.count_params() == plain.generator.count_params()


def test_one_batch_shares_its_statistics():
    """Batch norm of real and generated images together depends on both, and apart on their own alone."""
    rng = np.random.default_rng(0)
    real, fake, other = (rng.normal(size=(4, *image_tricks.IMAGE_SHAPE)).astype("float32") for _ in range(3))
    for name, expected in (("plain", True), ("one_batch", False)):
        gan = image_tricks.built(cell_of(name))
        scores = [gan.judge_pair({"images": real}, {"images": x})[0]["scores"] for x in (fake, 3 * other)]
        assert np.allclose(*(np.asarray(x) for x in scores), atol=1e-6) == expected


def test_few_images_are_the_same_for_all_seeds(tmp_path, monkeypatch):
    drawn = {}

    def look(gan, cell, sample):
        images, labels = sample(200, np.random.default_rng(cell.seed))
        assert images.shape == (200, 28, 28, 1) and labels.shape == (200,)
        drawn[cell.seed] = {image.tobytes() for image in images}

    rng = np.random.default_rng(0)
    data = SimpleNamespace(images=rng.integers(0, 256, (50, 28, 28, 1), "uint8"), labels=np.arange(50) % 10)
    monkeypatch.setattr(keras_gan_zoo.data, "load_images", lambda *args, **kwargs: data)
    monkeypatch.setattr(image_tricks, "train", look)
    monkeypatch.setattr(image_tricks, "MADE", 200)
    monkeypatch.setattr(image_tricks, "METRICS", {"fid": ("FID", ".2f")})
    monkeypatch.setitem(TRICKS, "plain", image_tricks.Trick("three images", images=3))
    cells = [cell_of("plain"), cell_of("plain", 1)]
    assert image_tricks.run(cells, tmp_path, Console(quiet=True)) == []
    assert drawn[0] == drawn[1] and len(drawn[0]) == 3
    record = json.loads(cells[0].path(tmp_path).read_text())
    assert set(record["metrics"]) == {"fid"} and record["settings"]["images"] == 3
    assert {"commit", "device", "versions", "seconds"} <= set(record)


def test_the_table_has_a_row_for_each_trick_and_the_picture_a_strip(tmp_path):
    sample = picture(np.zeros((16, 28, 28, 1), "uint8"), columns=16)
    for name, seed, fid in (("plain", 0, 24.0), ("plain", 1, 26.0), ("few_ada", 0, 9.5)):
        cell = cell_of(name, seed)
        found = {"metrics": {"fid": fid, "precision": 0.5, "recall": 0.25}, "samples": sample}
        record = {"cell": vars(cell), "device": "cpu:0", "versions": {}, "commit": "a" * 40, **found}
        cell.path(tmp_path).write_text(json.dumps(record))
    table = image_tricks.image_tricks_table(tmp_path)
    assert "| none: `DCGAN` | 60,000 | 0, 1 | 25.00 (24.00 to 26.00) | 0.500 | 0.250 |" in table
    assert f"| {TRICKS['few_ada'].title} | 100 | 0 | 9.50 | 0.500 | 0.250 |" in table and "image_tricks.png" in table
    strips = image_tricks.image_tricks_picture(tmp_path)
    assert strips.height == 2 * (28 + 8) and strips.width > 16 * 28


def test_nothing_measured_is_said(tmp_path):
    assert "were not run yet" in image_tricks.image_tricks_table(tmp_path)
    assert image_tricks.image_tricks_picture(tmp_path) is None
