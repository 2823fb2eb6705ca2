"""load_pairs: halves of one image, files of one name in two places, arrays; and what cannot be a pair."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.data import Images, InvalidData, Schema
from keras_gan_zoo.data.convert import resize_images
from keras_gan_zoo.data.pairs import load_pairs

SHAPES = {"source": (8, 8, 1), "target": (8, 8, 3)}


def save(path, *colors, size=(8, 8)):
    """An image of as many upright stripes as there are colors, each of this size (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.concatenate([np.full((size[1], size[0], 3), color, np.uint8) for color in colors], axis=1)
    Image.fromarray(pixels).save(path)
    return path


def zipped(folder, archive):
    with zipfile.ZipFile(archive, "w") as members:
        for path in sorted(folder.rglob("*"), reverse=True):
            members.write(path, path.relative_to(folder).as_posix())
    return archive


def values(pairs):
    """Of each pair, the first value of the source and of the target."""
    return list(zip(*(array[:, 0, 0, 0].tolist() for array in pairs.values()), strict=True))


@pytest.fixture
def side_by_side(tmp_path):
    folder = tmp_path / "pairs"
    for i, name in enumerate(["b/1.png", "a/2.png", "a/1.png"]):
        save(folder / name, 10 * i, 100 + i)
    return folder


@pytest.fixture
def two_folders(tmp_path):
    for i, name in enumerate(["b", "a", "deep/c"]):
        save(tmp_path / f"two/source/{name}.png", i)
        save(tmp_path / f"two/target/{name}.bmp", 100 + i)
    return tmp_path / "two"


@pytest.mark.parametrize("pack", [False, True])
def test_halves_of_one_image(side_by_side, tmp_path, pack):
    source = zipped(side_by_side, tmp_path / "pairs.zip") if pack else side_by_side
    pairs = load_pairs(str(source), SHAPES)
    assert {name: (array.shape, array.dtype) for name, array in pairs.items()} == {
        "source": ((3, 8, 8, 1), np.uint8),
        "target": ((3, 8, 8, 3), np.uint8),
    }
    assert values(pairs) == [(20, 102), (10, 101), (0, 100)]
    assert values(load_pairs(source, SHAPES, direction="left_to_right")) == values(pairs)


def test_either_half_may_be_the_source(side_by_side):
    pairs = load_pairs(side_by_side, SHAPES, direction="right_to_left")
    assert list(pairs) == ["source", "target"]
    assert pairs["source"].shape == (3, 8, 8, 1) and pairs["target"].shape == (3, 8, 8, 3)
    assert pairs["source"][:, 0, 0, 0].tolist() == [102, 101, 100]
    assert pairs["target"][:, 0, 0, 0].tolist() == [20, 10, 0]


def test_each_half_is_resized_on_its_own(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pair.png")
    pairs = load_pairs(tmp_path, {"source": (8, 8, 3), "target": (16, 16, 3)})
    # Halves of 16 x 32, so that their middles are kept; nothing of one half runs into the other.
    np.testing.assert_array_equal(pairs["source"], resize_images(pixels[None, :, :32], (8, 8)))
    np.testing.assert_array_equal(pairs["target"], pixels[None, :, 40:56])
    save(tmp_path / "pair.png", (255, 0, 0), (0, 0, 255), size=(30, 30))
    pairs = load_pairs(tmp_path, {"source": (8, 8, 3), "target": (8, 8, 3)})
    assert (pairs["source"] == [255, 0, 0]).all() and (pairs["target"] == [0, 0, 255]).all()


@pytest.mark.parametrize("way", ["folders", "one folder", "zip"])
def test_files_of_one_name_in_two_places(two_folders, tmp_path, way):
    source = {
        "folders": {"target": two_folders / "target", "source": str(two_folders / "source")},
        "one folder": two_folders,
        "zip": zipped(two_folders, tmp_path / "two.zip"),
    }[way]
    pairs = load_pairs(source, SHAPES)
    assert pairs["source"].shape == (3, 8, 8, 1) and pairs["target"].shape == (3, 8, 8, 3)
    assert values(pairs) == [(1, 101), (0, 100), (2, 102)]


def test_partners_may_be_of_different_sizes(tmp_path):
    # The smaller one has rounded sides: 12 x 16 is not quite a quarter of 47 x 63.
    save(tmp_path / "source/1.png", 7, size=(12, 16))
    save(tmp_path / "target/1.png", 7, size=(47, 63))
    pairs = load_pairs(tmp_path, {"source": (8, 8, 3), "target": (32, 32, 3)})
    assert pairs["source"].shape == (1, 8, 8, 3) and pairs["target"].shape == (1, 32, 32, 3)


@pytest.mark.parametrize("side, other", [("source", "target"), ("target", "source")])
def test_the_first_without_a_partner_is_named(two_folders, side, other):
    save(two_folders / side / "ab.png", 0)
    save(two_folders / side / "z.png", 0)
    with pytest.raises(InvalidData) as error:
        load_pairs(two_folders, SHAPES)
    for part in (f"{side}/ab.png' without one", f"of 5 images of {side}, 2 have none among the 3 of {other}", "Fix: "):
        assert part in str(error.value)


def test_two_files_of_one_name_on_one_side_are_refused(two_folders):
    save(two_folders / "target/a.png", 0)
    with pytest.raises(InvalidData, match=r"target must have different names.*target/a\.bmp' and '.*target/a\.png'"):
        load_pairs(two_folders, SHAPES)


def test_partners_of_other_proportions_are_refused(two_folders):
    save(two_folders / "target/b.bmp", 0, size=(10, 8))
    with pytest.raises(InvalidData, match=r"source/b\.png' of 8x8 pixels and '.*b\.bmp' of 8x10 .*Fix: crop"):
        load_pairs(two_folders, SHAPES)


def test_odd_widths_have_no_halves(side_by_side):
    save(side_by_side / "a/15.png", 0, size=(15, 8))
    with pytest.raises(InvalidData, match=r"must have an even width.*a/15\.png', 15 pixels wide.*Fix: images of even width"):
        load_pairs(side_by_side, SHAPES)


def test_a_split_is_a_sub_folder(tmp_path):
    for split, value in (("train", 1), ("test", 2)):
        save(tmp_path / f"side/{split}/1.png", value, 100 + value)
        save(tmp_path / f"two/{split}/source/1.png", value)
        save(tmp_path / f"two/{split}/target/1.png", 100 + value)
        save(tmp_path / f"apart/source/{split}/1.png", value)
        save(tmp_path / f"apart/target/{split}/1.png", 100 + value)
    apart = {name: tmp_path / "apart" / name for name in SHAPES}
    for source in (tmp_path / "side", tmp_path / "two", apart, zipped(tmp_path / "side", tmp_path / "side.zip")):
        assert values(load_pairs(source, SHAPES)) == values(load_pairs(source, SHAPES, split="train")) == [(1, 101)]
        assert values(load_pairs(source, SHAPES, split="test")) == [(2, 102)]
        with pytest.raises(InvalidData, match="split='valid', .*sub-folders 'test', 'train'"):
            load_pairs(source, SHAPES, split="valid")
    with pytest.raises(InvalidData, match="split='test', .*sub-folders none"):
        load_pairs(tmp_path / "side/train", SHAPES, split="test")


def test_damaged_files_are_named_or_their_pairs_skipped(side_by_side, two_folders):
    (side_by_side / "a/2.png").write_text("not an image")
    (two_folders / "target/a.bmp").write_text("not an image")
    for source, name, count, kept in (
        (side_by_side, "a/2.png", 3, [(20, 102), (0, 100)]),
        (two_folders, "target/a.bmp", 6, [(0, 100), (2, 102)]),
    ):
        with pytest.raises(InvalidData, match=f"(?s)1 of {count} images.*{name}: not an image.*on_error='skip'"):
            load_pairs(source, SHAPES)
        assert values(load_pairs(source, SHAPES, on_error="skip")) == kept
    for path in side_by_side.rglob("*.png"):
        path.write_text("")
    with pytest.raises(InvalidData, match="3 of 3 images"):
        load_pairs(side_by_side, SHAPES, on_error="skip")


def test_arrays_of_an_npz(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8) for name in SHAPES}
    np.savez(tmp_path / "facades.npz", **arrays)
    pairs = load_pairs(tmp_path / "facades.npz", {"source": (16, 16, 3), "target": (8, 8, 3)})
    np.testing.assert_array_equal(pairs["source"], arrays["source"])
    np.testing.assert_array_equal(pairs["target"], resize_images(arrays["target"], (8, 8)))
    with pytest.raises(InvalidData, match="except for pairs side by side.*direction='right_to_left'"):
        load_pairs(tmp_path / "facades.npz", SHAPES, direction="right_to_left")
    with pytest.raises(InvalidData, match="except for folders and zips.*split='test'"):
        load_pairs(tmp_path / "facades.npz", SHAPES, split="test")
    with pytest.raises(InvalidData, match="source='facades', which does not exist"):
        load_pairs("facades", SHAPES)
    monkeypatch.setenv("KERAS_GAN_ZOO_DATA", str(tmp_path))
    np.testing.assert_array_equal(load_pairs("facades", SHAPES)["target"], pairs["target"])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"direction": "left"}, "direction must be 'left_to_right' or 'right_to_left'. Received: direction='left'"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip'. Received: on_error='ignore'"),
    ],
)
def test_impossible_options(side_by_side, options, message):
    with pytest.raises(InvalidData, match=message):
        load_pairs(side_by_side, SHAPES, **options)


def test_impossible_sources(side_by_side, two_folders, tmp_path):
    with pytest.raises(InvalidData, match="must be a folder, .zip, or .npz file.*a file of another kind"):
        load_pairs(side_by_side / "a/1.png", SHAPES)
    with pytest.raises(InvalidData, match="must hold images"):
        (tmp_path / "empty").mkdir()
        load_pairs(tmp_path / "empty", SHAPES)
    with pytest.raises(InvalidData, match="source must have the keys 'source', 'target'. Received: 'source', 'goal'"):
        load_pairs({"source": two_folders, "goal": two_folders}, SHAPES)
    with pytest.raises(InvalidData, match="direction='left_to_right', and two folders"):
        load_pairs(two_folders, SHAPES, direction="left_to_right")
    with pytest.raises(InvalidData, match="must hold two images for each example. Received: the fields a, b, c"):
        load_pairs(two_folders, dict.fromkeys("abc", (8, 8, 3)))


def test_fields_of_images_read_them(side_by_side):
    fields = {name: Images(shape) for name, shape in SHAPES.items()}
    pairs = Schema(fields, "a translator").arrays(str(side_by_side), direction="right_to_left")
    assert pairs["source"][:, 0, 0, 0].tolist() == [102, 101, 100]
