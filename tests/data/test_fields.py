"""Kinds of fields: what is kept, what networks see, what people see, and what is refused."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.data import Images, InvalidData, Labels, Latents, Points, Schema, Tokens, Volumes

FIELDS = {
    "images": Images((6, 5, 3)),
    "labels": Labels(classes=4),
    "some labels": Labels(classes=4, unknown=True),
    "latents": Latents((7,)),
    "uniform latents": Latents((7,), distribution="uniform"),
    "points": Points((2,)),
    "voxels": Volumes((8, 8, 8, 1)),
    "tokens": Tokens((5,), vocabulary=9),
}


@pytest.mark.parametrize("name", FIELDS)
def test_random_data_are_valid_and_are_kept_as_they_are(name):
    field = FIELDS[name]
    data = field.random(np.random.default_rng(0), 12)
    assert data.shape == (12, *field.shape) and data.dtype == field.dtype
    np.testing.assert_array_equal(field.validate(data, name), data)
    again = field.random(np.random.default_rng(0), 12)
    np.testing.assert_array_equal(again, data)
    assert not np.array_equal(field.random(np.random.default_rng(1), 12), data)


@pytest.mark.parametrize("name", FIELDS)
def test_what_networks_see_is_kept_data_again_and_can_be_shown(name):
    field = FIELDS[name]
    data = field.random(np.random.default_rng(0), 3)
    seen = ops.convert_to_numpy(field.preprocess(data))
    if field.output_range is not None:
        assert field.output_range[0] <= seen.min() < seen.max() <= field.output_range[1]
    np.testing.assert_array_equal(field.quantize(seen), data)
    shown = field.render(seen)
    assert len(shown) == 3
    assert all(isinstance(line, str) for line in shown) if isinstance(shown, list) else shown.dtype == np.uint8


class Drawing:
    """Stands for a game: even numbers between the limits."""

    def uniform(self, shape, low=-1.0, high=1.0):
        return ops.convert_to_tensor(np.linspace(low, high, int(np.prod(shape)), dtype="float32").reshape(shape))

    def normal(self, shape):
        return ops.zeros(shape)


def test_draws_of_a_round():
    assert ops.convert_to_numpy(Labels(classes=4).draw(Drawing(), 9)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3]
    assert not ops.convert_to_numpy(Latents((2,)).draw(Drawing(), 3)).any()
    assert ops.convert_to_numpy(Latents((2,), distribution="uniform").draw(Drawing(), 2)).min() == -1.0


@pytest.mark.parametrize(
    ("field", "data", "words"),
    [
        (
            Images((4, 4, 1)),
            np.zeros((2, 4, 5, 1), "uint8"),
            r"x must hold images of shape \(4, 4, 1\)\. .*\(4, 5, 1\)",
        ),
        (Images((4, 4, 1)), np.full((2, 4, 4, 1), np.nan, "float32"), "NaN or infinite"),
        (Labels(classes=3), [0, 3], "x must be less than 3. Received: the value 3"),
        (Labels(classes=3), [0.5], "must be integers"),
        (Labels(classes=3), [1, -1], "x must start at 0. Received: the value -1. Fix: keep those with x >= 0"),
        (Points((2,)), [[1e300, 0.0]], "x must be finite. Received: 1 of 2 values"),
        (Labels(classes=3), np.array([[1, 2], [0, 1], None], object)[:2], "x must be integers in"),
        (Labels(classes=3, unknown=True), [1, -2], "x must start at 0, or be -1 for no label. Received: the value -2"),
        (Points((2,)), np.zeros((3, 3)), r"x must have the shape \(n, 2\).*Received: shape \(3, 3\)"),
        (Points((2,)), np.array([[1.0, np.inf]]), "x must be finite. Received: 1 of 2 values"),
        (Points((2,)), np.array([["a", "b"]]), "x must be numbers. Received: dtype <U1"),
        (Points((2,)), np.zeros((0, 2)), "n of at least 1"),
        (Volumes((2, 2, 2, 1)), np.full((1, 2, 2, 2, 1), 0.5), r"x must be 0 .*Received: values in \[0.5, 0.5\]"),
        (Volumes((2, 2, 2, 1)), np.zeros((1, 2, 3, 2, 1)), r"must have the shape \(n, 2, 2, 2, 1\)"),
        (
            Tokens((3,), vocabulary=5),
            np.array([[0, 1, 5]]),
            r"tokens in \[0, 5\)\. .*tokens in \[0, 5\].*vocabulary=6",
        ),
        (Tokens((3,), vocabulary=5), np.array([[0, -1, 2]]), r"tokens in \[-1, 2\]"),
        (Tokens((3,), vocabulary=5), np.array([[0.0, 1.0, 2.0]]), "must be integers"),
    ],
)
def test_impossible_data_are_refused_by_name(field, data, words):
    with pytest.raises(InvalidData, match=words):
        field.validate(data, "x")


def test_volumes_of_any_numeric_type_become_bytes():
    for kind in (bool, "float64", "int64"):
        kept = Volumes((2, 2, 2, 1)).validate(np.ones((1, 2, 2, 2, 1), kind), "x")
        assert kept.dtype == np.uint8 and kept.all()


def test_arrays_are_read_from_an_npz_by_their_names(tmp_path):
    voxels = FIELDS["voxels"].random(np.random.default_rng(0), 3)
    np.savez(tmp_path / "data.npz", voxels=voxels, other=np.zeros(2))
    schema = Schema({"voxels": FIELDS["voxels"]}, "GAN3D")
    np.testing.assert_array_equal(schema.arrays(tmp_path / "data.npz")["voxels"], voxels)
    np.testing.assert_array_equal(schema.arrays(str(tmp_path / "data.npz"))["voxels"], voxels)
    np.savez(tmp_path / "wrong.npz", volumes=voxels)
    with pytest.raises(InvalidData, match="must hold an array named 'voxels'. Received: volumes. Fix: np.savez"):
        schema.arrays(tmp_path / "wrong.npz")
    with pytest.raises(InvalidData, match="source must be an .npz file .*voxels.* Received: source='nowhere.npz'"):
        schema.arrays("nowhere.npz")


def test_a_sample_is_known_unless_its_label_is_not():
    labels = np.array([2, -1, 0], "int32")
    np.testing.assert_array_equal(Labels(classes=3, unknown=True).is_known(labels), [True, False, True])
    np.testing.assert_array_equal(Points((2,)).is_known(np.zeros((2, 2), "float32")), [True, True])
