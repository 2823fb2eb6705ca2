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
        ((IMAGES,), r"CGAN must be trained on \(images, labels\)\. Received: data without labels\. Fix: pass y"),
        ((ImageData(IMAGES),), "Received: data without labels. Fix: pass y"),
        (({"labels": LABELS},), "Received: data without images. Fix: pass a dictionary"),
        ((None, LABELS), "Received: data without images. Fix: pass x"),
        ((np.ma.masked_equal(IMAGES, 7), LABELS), "must not have masked values. Received: [1-9].* of 96"),
        ((IMAGES, np.ma.masked_equal(LABELS, 1)), "must not have masked values. Received: 2 of 6"),
        (({"images": IMAGES, "labels": LABELS, "names": 1},), "Received: x with the field 'names'"),
        (({"image": IMAGES, "labels": LABELS, "images": IMAGES},), "each given once. Received: 'images' and 'image'. Fix"),
        (((IMAGES, LABELS), LABELS), "Received: labels in x, and others as y. Fix: leave one of them out"),
        (({"images": IMAGES, "labels": LABELS}, LABELS), "Received: labels in x, and others as y"),
        ((IMAGES, [[0], [1, 2]] * 3), "y must be one class for each sample"),
        (((IMAGES, LABELS, LABELS),), "Received: x, a tuple of length 3"),
        ((IMAGES, LABELS[:4]), "y must have one entry .*Received: 4 entries for 6 images"),
        ((IMAGES, LABELS + 1), "y must be less than 3. Received: the value 3"),
        (({"images": IMAGES, "labels": LABELS + 1},), "labels must be less than 3. Received: the value 3"),
    ):
        with pytest.raises(InvalidData, match=words):
            pairs.arrays(*given)
    with pytest.raises(InvalidData, match="GAN must be trained on images alone. Received: y of .* Fix: leave y out"):
        alone.arrays(IMAGES, LABELS)


def test_one_path_does_not_hold_several_tables(tmp_path):
    schema = Schema({"a": Images((4, 4, 1), table="a"), "b": Images((4, 4, 1), table="b")}, "CycleGAN")
    with pytest.raises(InvalidData, match=r"come from 2 sources. Received: .*pass a dictionary .*{'a': ..., 'b': ...}"):
        schema.arrays(tmp_path)
    arrays = schema.arrays({"a": IMAGES, "b": IMAGES[:2]})
    assert [len(array) for array in arrays.values()] == [6, 2]


def test_batches_are_read_as_arrays_are_and_their_shapes_known(pairs):
    batch = pairs.reader()((IMAGES, LABELS))
    for name, array in pairs.arrays(IMAGES, LABELS).items():
        np.testing.assert_array_equal(batch[name], array)
    for given, words in (
        ((IMAGES, LABELS + 9), "labels must be less than 3. Received: the value 11"),
        ((IMAGES, LABELS[:4]), "Received: 4 entries for 6"),
        ((IMAGES[:, :2, :2], LABELS), r"images must hold images of shape \(4, 4, 1\)\. Received: .* \(2, 2, 1\)"),
    ):
        with pytest.raises(InvalidData, match=words):
            pairs.reader()(given)
    assert pairs.signature(5) == {"images": ((5, 4, 4, 1), "uint8"), "labels": ((5,), "int32")}


def test_fields_are_found_by_their_names_in_the_singular(pairs, alone):
    arrays = pairs.arrays({"image": IMAGES, "label": LABELS})
    assert list(arrays) == ["images", "labels"]
    assert list(pairs.reader()({"label": LABELS, "image": IMAGES, "id": LABELS})) == ["images", "labels"]
    assert list(alone.reader()({"image": IMAGES, "label": LABELS})) == ["images"]
    with pytest.raises(InvalidData, match="GAN must be .* each given once. Received: 'images' and 'image'. Fix: leave one"):
        alone.reader()({"image": IMAGES, "images": IMAGES})


def test_the_range_of_floats_is_that_of_all_batches_of_a_source(alone):
    scaled = IMAGES / 127.5 - 1
    for floats in (scaled, IMAGES / 255):
        read = alone.reader()
        np.testing.assert_array_equal(np.concatenate([read(floats[i : i + 2])["images"] for i in (0, 2, 4)]), IMAGES)
    bright = np.maximum(scaled, 0.25)
    read = alone.reader()
    read(scaled)
    np.testing.assert_array_equal(read(bright)["images"], np.rint((bright + 1) * 127.5).astype("uint8"))
    read = alone.reader()
    read(bright)
    with pytest.raises(InvalidData, match=r"must keep one range. Received: values down to -\d.*uint8"):
        read(scaled)


def test_masks_of_bytes_are_refused_until_something_brighter_was_seen(alone):
    mask = (IMAGES > 127).astype("uint8")
    for reads in (alone.reader(), alone.arrays):
        with pytest.raises(InvalidData, match="Received: nothing but 0 and 1. Fix: .* 255"):
            reads(mask)
    read = alone.reader()
    assert not read(np.zeros_like(mask))["images"].any()
    read(IMAGES)
    np.testing.assert_array_equal(read(mask)["images"], mask)


def test_lists_are_no_arrays_of_tokens_with_holes():
    schema = Schema({"tokens": Tokens((3,), vocabulary=4)}, "SeqGAN")
    np.testing.assert_array_equal(schema.arrays([[0, 1, 2], [3, 3, 3]])["tokens"], [[0, 1, 2], [3, 3, 3]])
    with pytest.raises(InvalidData, match="tokens alone"):
        schema.arrays([[0, 1, 2]], [[0, 1, 2]])
