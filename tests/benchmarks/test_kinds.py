"""What is measured of presets that make no images from noise: of pairs and of volumes; and how a card shows it."""

import keras
import numpy as np
import pytest

from benchmarks import cards, kinds, pairs, quality, volumes
from keras_gan_zoo import Pix2Pix, presets, registry
from keras_gan_zoo.config import parse_recipe, write_recipe
from keras_gan_zoo.presets import list_presets
from keras_gan_zoo.training import CHECKPOINT, resumed, train

RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty zoo, an empty folder of records, and a folder to work in."""
    monkeypatch.setattr(registry, "_REGISTERED", {})
    monkeypatch.setattr(presets, "preset_root", lambda: tmp_path / "zoo")
    monkeypatch.setattr(kinds, "FOLDER", tmp_path / "kinds")
    for function in (kinds.write, kinds.found):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "kinds",))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def preset(root, name, settings):
    """The recipe of a preset, a run of it, and its weights."""
    training = {"rounds": 2, "batch_size": 2, "checkpoint_rounds": 1, "sample_rounds": 1, "dtype": "float32"}
    recipe = parse_recipe({**settings, "training": training}, name)
    run = root / "runs" / name
    train(recipe, run)
    folder = root / "zoo" / name
    folder.parent.mkdir(exist_ok=True)
    (run / "preset").rename(folder)
    write_recipe(recipe, folder / "config.yaml")
    return run


def test_volumes_are_held_against_the_data(root, capsys):
    data = (RNG.random((12, 16, 16, 16, 1)) < 0.2).astype("uint8")
    np.savez(root / "boxes.npz", voxels=data)
    model = {"side": 16, "latent_dim": 4, "width": 2}
    preset(root, "boxes", {"variant": "gan_3d", "model": model, "data": {"source": "boxes.npz"}})
    assert kinds.found("boxes") == {}
    (found,) = list_presets()
    assert cards.quality_text(found) == quality.NOT_MEASURABLE
    volumes.volumes("boxes", n=8, seed=3)
    measures = {m["title"]: m for m in kinds.found("boxes")["measures"]}
    assert measures["mean occupancy"]["beside"]["of the data"] == pytest.approx(data.mean())
    ratio = measures["mean occupancy, divided by the data's"]["value"]
    assert ratio == pytest.approx(measures["mean occupancy"]["value"] / data.mean())
    text = cards.quality_text(found)
    assert (
        "8 volumes of seed 3" in text
        and f"| mean occupancy, divided by the data's | {ratio:.4g} |" in text
        and "commit" in text
    )
    # A record is that of its weights.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "weights_of", lambda name: "others")
        assert cards.quality_text(found) == quality.NOT_MEASURABLE


def test_parts_and_overlaps_of_volumes():
    whole, halves, empty = np.zeros((3, 4, 4, 4, 1), bool)
    whole[:2, 0, 0] = True  # two voxels, by a face
    whole[2, 1, 1] = True  # and one more, by a corner
    halves[0, 0, 0] = halves[2, 2, 2] = True
    np.testing.assert_array_equal(volumes.largest_parts(np.stack([whole, halves, empty])), [1.0, 0.5, 0.0])
    found = volumes.overlaps(np.stack([whole, empty]), np.stack([whole, halves, empty]))
    np.testing.assert_allclose(found, [[1.0, 1 / 4, 0.0], [0.0, 0.0, 0.0]])


def test_translations_are_held_against_held_out_pairs_and_l1_alone(root, capsys):
    for split, n in (("train", 6), ("test", 5)):
        (root / "pairs" / split).mkdir(parents=True)
        for i in range(n):
            from PIL import Image

            Image.fromarray(RNG.integers(0, 256, (16, 32, 3), "uint8")).save(root / "pairs" / split / f"{i}.png")
    model = {"source_shape": [16, 16, 3], "target_shape": [16, 16, 3], "width": 4, "patch_layers": 1}
    optimizers = {name: {"learning_rate": 1e-3} for name in ("discriminator", "generator")}
    settings = {"variant": "pix2pix", "model": model, "data": {"source": "pairs"}, "optimizers": optimizers}
    run = preset(root, "walls", settings)
    pairs.pairs("walls", run)
    measures = {m["title"]: m["value"] for m in kinds.found("walls")["measures"]}
    assert 0 <= measures["right pairs preferred"] <= 1 and measures["L1"] > 0
    assert measures["mean difference of two seeds, gray levels"] > 0
    assert (root / "zoo" / "walls" / "samples.png").exists() and (run.with_name("walls_by_l1") / "rows.png").exists()
    # The second time its training is there.
    pairs.pairs("walls", run)
    assert {m["title"]: m["value"] for m in kinds.found("walls")["measures"]} == measures
    played = resumed(run)
    assert int(played.rounds) == 2 and int(played.optimizers["discriminator"].iterations) == 2
    (run / CHECKPOINT).unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        resumed(run)


def test_without_an_opponent_only_l1_moves_the_generator():
    alone = pairs.Pix2PixByL1.tiny(seed=0, dropout=0.0)
    data = {name: field.random(np.random.default_rng(1), 4) for name, field in alone.fields().items()}
    judge = [weight.copy() for weight in alone.discriminator.get_weights()]
    history = alone.fit(data, batch_size=4, epochs=30, verbose=0, seed=0).history
    for weight, kept in zip(alone.discriminator.get_weights(), judge, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert history["generator_loss"] == history["l1"] and history["l1"][-1] < history["l1"][0]
    assert set(alone.optimizers) == {"generator"}


class ByMean(Pix2Pix):
    """A discriminator that knows pairs whose images have the same mean."""

    def score(self, batch, training=True, by="discriminator"):
        means = [keras.ops.mean(batch[name], axis=(1, 2, 3)) for name in ("source", "target")]
        return -keras.ops.abs(means[0] - means[1])


def test_right_pairs_are_found_by_one_who_knows():
    n = 6
    data = {"target": np.full((n, 16, 16, 3), 40, "uint8") * np.arange(n, dtype="uint8")[:, None, None, None]}
    data["source"] = data["target"][..., :1]
    assert pairs.right_pairs(ByMean.tiny(), data) == 1.0
    wrong = {**data, "source": data["source"][::-1]}
    assert pairs.right_pairs(ByMean.tiny(), wrong) < 0.5


def test_errors_are_in_gray_levels():
    class Gray(Pix2Pix):
        def translate(self, source, *, seed):
            return np.zeros((len(source), 16, 16, 3), "float32")

    data = {"source": np.zeros((2, 16, 16, 1), "uint8"), "target": np.full((2, 16, 16, 3), 255, "uint8")}
    assert pairs.errors(Gray.tiny(), data) == pytest.approx(127.5)
    assert pairs.variety(Gray.tiny(), data) == 0.0
