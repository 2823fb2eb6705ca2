"""The fields of an example put together: what is packed and unpacked, and what is refused."""

import numpy as np
import pytest

from keras_gan_zoo.data import ImageData, Images, InvalidData, Labels, Schema, Tokens

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], "int32")


@pytest.fixture
def pairs():
    return Schema({"images": Images((4, 4, 1)), "labels": Labels(classes=3)}, "CGAN")


@pytest.fixture
def alone():
    return Schema({"images": Images((4, 4, 1))}, "GAN")


@pytest.mark.parametrize(
    "given",
    [
        (IMAGES, LABELS),
        ((IMAGES, LABELS),),
        ({"labels": LABELS, "images": IMAGES},),
        (ImageData(IMAGES, LABELS),),
        (IMAGES, LABELS.tolist()),
    ],
)
def test_every_way_to_give_all_fields(given, pairs):
    arrays = pairs.arrays(*given)
    assert list(arrays) == ["images", "labels"]
    np.testing.assert_array_equal(arrays["images"], IMAGES)
    np.testing.assert_array_equal(arrays["labels"], LABELS)


def test_a_file_with_arrays_of_the_names(pairs, tmp_path):
    np.savez(tmp_path / "data.npz", images=IMAGES, labels=LABELS)
    np.testing.assert_array_equal(pairs.arrays(tmp_path / "data.npz")["labels"], LABELS)
    of_its_own = {"images": str(tmp_path / "data.npz"), "labels": LABELS}
    np.testing.assert_array_equal(pairs.arrays(of_its_own)["images"], IMAGES)


def test_what_is_missing_or_too_much_is_named(pairs, alone):
    for given, words in (
        ((IMAGES,), r"CGAN trains on \(images, labels\), but the data has no labels; pass y"),
        ((ImageData(IMAGES),), "has no labels; pass y"),
        (({"labels": LABELS},), "has no images; pass a dictionary"),
        (({"images": IMAGES, "labels": LABELS, "names": 1},), "x has the field 'names'"),
        (((IMAGES, LABELS, LABELS),), "x is a tuple of 3"),
        ((IMAGES, LABELS[:4]), "y has 4 entries for 6 images"),
        ((IMAGES, LABELS + 1), "y has the value 3; expected less than 3"),
        (({"images": IMAGES, "labels": LABELS + 1},), "labels has the value 3"),
    ):
        with pytest.raises(InvalidData, match=words):
            pairs.arrays(*given)
    with pytest.raises(InvalidData, match="y was given, but GAN trains on images alone; leave y out"):
        alone.arrays(IMAGES, LABELS)


def test_one_path_does_not_hold_several_tables(tmp_path):
    schema = Schema({"a": Images((4, 4, 1), table="a"), "b": Images((4, 4, 1), table="b")}, "CycleGAN")
    with pytest.raises(InvalidData, match=r"which come from 2 sources; pass a dictionary .*{'a': ..., 'b': ...}"):
        schema.arrays(tmp_path)
    arrays = schema.arrays({"a": IMAGES, "b": IMAGES[:2]})
    assert [len(array) for array in arrays.values()] == [6, 2]


def test_batches_are_checked_and_their_shapes_known(pairs):
    pairs.check_batch((IMAGES, LABELS))
    with pytest.raises(InvalidData, match="labels has the value 11"):
        pairs.check_batch((IMAGES, LABELS + 9))
    with pytest.raises(InvalidData, match=r"x holds images of shape \(4, 4, 1\); expected \(2, 2, 1\)"):
        Schema({"images": Images((2, 2, 1))}, "GAN").check_batch(IMAGES)
    assert pairs.signature(5) == {"images": ((5, 4, 4, 1), "uint8"), "labels": ((5,), "int32")}


def test_lists_are_no_arrays_of_tokens_with_holes():
    schema = Schema({"tokens": Tokens((3,), vocabulary=4)}, "SeqGAN")
    np.testing.assert_array_equal(schema.arrays([[0, 1, 2], [3, 3, 3]])["tokens"], [[0, 1, 2], [3, 3, 3]])
    with pytest.raises(InvalidData, match="tokens alone|x has"):
        schema.arrays([[0, 1, 2]], [[0, 1, 2]])
