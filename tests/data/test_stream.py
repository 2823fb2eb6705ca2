"""Stream: the order is a function of (seed, index) alone, inside and outside of `fit`."""

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_gan_zoo.data import Images, InvalidData, Labels, Stream, Tokens

N, BATCH = 11, 3


def numbered(n=N):
    """Images whose every pixel is their number."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 5, 3)).copy()


def order(stream):
    return [numbers(batch) for batch in stream]


def numbers(batch):
    return batch["images"][:, 0, 0, 0].tolist()


def of_images(images, **options):
    return Stream({"images": images}, {"images": Images(images.shape[1:])}, **options)


def stream(**options):
    return of_images(numbered(), **({"batch_size": BATCH, "length": 10, "seed": 5} | options))


def test_epochs_are_permutations():
    batches = stream()
    assert len(batches) == batches.num_batches == 10
    expected = []
    for epoch in range(4):
        permutation = np.random.default_rng([5, epoch]).permutation(N)
        expected += permutation[:9].reshape(3, 3).tolist()
    assert order(batches) == expected[:10]
    assert order(stream(seed=6)) != order(batches)


def test_order_is_pinned():
    # Runs cannot be resumed across a NumPy that draws other permutations. This tells when that happens.
    assert order(stream(length=4)) == [[10, 7, 1], [3, 2, 4], [6, 0, 9], [5, 8, 7]]


def test_any_start_and_any_access_give_the_same():
    whole = order(stream())
    assert order(stream(start=4, length=6)) == whole[4:]
    batches = stream()
    for index in [9, 0, 5, 5, 2, 8]:
        assert numbers(batches[index]) == whole[index]
    assert order(pickle.loads(pickle.dumps(batches))) == whole
    far = stream(start=10**12, length=1)
    assert len(set(numbers(far[0]))) == BATCH


def test_labels_stay_with_their_images():
    for batch in labeled(length=5):
        images, labels = batch["images"], batch["labels"]
        assert images.dtype == np.uint8
        assert images.shape == (BATCH, 4, 5, 3)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def test_index_is_bounded():
    for index in (-1, 10):
        with pytest.raises(IndexError, match=r"\[0, 10\)"):
            stream()[index]


def test_flips_are_a_function_of_seed_and_index():
    images = np.random.default_rng(0).integers(0, 256, (400, 4, 5, 3), np.uint8)
    kept = images.copy()
    options = {"batch_size": 200, "seed": 3}
    plain = of_images(images, length=6, **options)
    flipped = of_images(images, length=6, flip=True, **options)
    counts = []
    for before, after in zip(plain, flipped, strict=True):
        before, after = before["images"], after["images"]
        mirrored = (after == before[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (mirrored | (after == before).all(axis=(1, 2, 3))).all()
        counts.append(int(mirrored.sum()))
    assert all(60 < count < 140 for count in counts)  # six standard deviations
    assert len(set(counts)) > 1
    resumed = of_images(images, length=2, start=4, flip=True, **options)
    np.testing.assert_array_equal(resumed[1]["images"], flipped[5]["images"])
    np.testing.assert_array_equal(images, kept)


def test_crops_move_an_image_by_at_most_so_many_pixels_along_each_axis():
    images = np.random.default_rng(0).integers(0, 256, (200, 7, 9, 3), np.uint8)
    options = {"batch_size": 200, "seed": 3}
    before = of_images(images, length=1, **options)[0]["images"]
    cropped = [batch["images"] for batch in of_images(images, length=2, crop=2, **options)]
    mirrored = np.pad(before, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    seen = set()
    for i, image in enumerate(cropped[0]):
        moves = [(top, left) for top in range(5) for left in range(5) if (image == mirrored[i, top:, left:][:7, :9]).all()]
        assert len(moves) == 1
        seen |= set(moves)
    assert len(seen) == 25
    again = of_images(images, length=1, start=1, crop=2, **options)
    np.testing.assert_array_equal(again[0]["images"], cropped[1])
    assert cropped[0].flags.c_contiguous and cropped[0].dtype == np.uint8


def pairs(first=(6, 4, 3), second=(6, 4, 1), n=40, table="data", m=None):
    """Two images whose pixels are their column and row, the number of the row of the table in a corner."""
    arrays, fields = {}, {}
    for name, shape, count in (("source", first, n), ("target", second, m or n)):
        ramp = np.arange(shape[0])[:, None] * 10 + np.arange(shape[1])
        arrays[name] = np.broadcast_to(ramp[None, ..., None], (count, *shape)).astype("uint8")
    fields = {"source": Images(first), "target": Images(second, table=table)}
    return arrays, fields


def test_flips_and_crops_are_one_draw_for_all_images_of_a_row():
    arrays, fields = pairs()
    for options in ({"flip": True}, {"crop": 2}, {"flip": True, "crop": 1}):
        batch = Stream(arrays, fields, batch_size=40, length=1, **options)[0]
        assert (batch["source"] != arrays["source"]).any()
        np.testing.assert_array_equal(batch["source"][..., :1], batch["target"])
    arrays, fields = pairs(table="other")
    batch = Stream(arrays, fields, batch_size=40, length=1, flip=True)[0]
    assert (batch["source"][..., :1] != batch["target"]).any()


def test_tables_have_orders_of_their_own_and_a_smaller_one_begins_anew():
    fields = {"a": Tokens((1,), vocabulary=20), "b": Tokens((1,), vocabulary=20, table="b")}
    arrays = {"a": np.arange(12, dtype="int32")[:, None], "b": np.arange(5, dtype="int32")[:, None]}
    batches = list(Stream(arrays, fields, batch_size=4, length=6, seed=1))
    a, b = (np.concatenate([batch[name][:, 0] for batch in batches]) for name in "ab")
    assert sorted(a[:12]) == sorted(a[12:]) == list(range(12)) and a[:12].tolist() != a[12:].tolist()
    assert all(len(set(part)) == 4 and max(part) < 5 for part in b.reshape(6, 4))
    alone = Stream({"a": arrays["a"]}, {"a": fields["a"]}, batch_size=4, length=6, seed=1)
    assert [batch["a"].tolist() for batch in alone] == [batch["a"].tolist() for batch in batches]


def test_what_cannot_be_moved_is_refused():
    arrays, fields = pairs(second=(12, 8, 1))
    with pytest.raises(InvalidData, match="crop must be 0 unless all images of a row have one size.*crop=1"):
        Stream(arrays, fields, batch_size=4, length=1, crop=1)
    tokens = {"tokens": np.zeros((8, 3), "int32")}
    with pytest.raises(InvalidData, match="flip=True and crop=0, for the fields tokens"):
        Stream(tokens, {"tokens": Tokens((3,), vocabulary=2)}, batch_size=4, length=1, flip=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 12}, "batch_size must be at most the number of images.*batch_size=12, and 11"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"length": 0}, "length=0"),
        ({"length": 2.5}, "length=2.5"),
        ({"start": -1}, "start=-1"),
        ({"seed": 2**32}, "seed=4294967296"),
        ({"flip": "yes"}, "flip must be True or False. Received: flip='yes'"),
        ({"crop": 4}, r"crop must be an integer in \[0, 4\)\. Received: crop=4"),
        ({"crop": -1}, "crop=-1"),
    ],
)
def test_refused_options(options, words):
    with pytest.raises(InvalidData, match=words):
        stream(**options)


class Recorder(keras.layers.Layer):
    """Keeps the numbers of the images that it was trained on, whatever the backend."""

    def __init__(self, length):
        super().__init__()
        self.seen = self.add_weight(shape=(length, BATCH), initializer="zeros", trainable=False)
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, images):
        numbers = keras.ops.reshape(keras.ops.cast(images[:, 0, 0, 0], "float32"), (1, BATCH))
        self.seen.assign(keras.ops.concatenate([self.seen[1:], numbers]))
        return keras.ops.mean(self.scale * keras.ops.cast(images, "float32"), axis=(1, 2, 3))


def fitted_order(batches, steps, compile_options=None, **options):
    recorder = Recorder(steps)
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, 4, 5, 3), dtype="uint8"), recorder])
    model.compile("sgd", "mse", **(compile_options or {}))
    model.fit(Pairs(batches), shuffle=False, verbose=0, **options)
    return keras.ops.convert_to_numpy(recorder.seen).astype(int).tolist()


def labeled(**options):
    arrays = {"images": numbered(), "labels": np.arange(N, dtype="int32")}
    fields = {"images": Images((4, 5, 3)), "labels": Labels(classes=N)}
    return Stream(arrays, fields, **({"batch_size": BATCH, "length": 12, "seed": 5} | options))


class Pairs(keras.utils.PyDataset):
    """A labeled stream as a plain Keras model takes it, which wants inputs and targets."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream

    def __len__(self):
        return len(self.stream)

    def __getitem__(self, index):
        return tuple(self.stream[index].values())


def test_fit_reads_in_order():
    expected = order(stream(length=12))
    assert fitted_order(labeled(), 12) == expected
    if keras.backend.backend() != "torch":
        assert fitted_order(labeled(), 12, {"steps_per_execution": 4}) == expected


def test_fit_in_epochs_reads_straight_on():
    assert fitted_order(labeled(), 12, epochs=3, steps_per_epoch=4) == order(stream(length=12))


def test_workers_are_refused():
    # With Keras 3.15's queue, `fit` on JAX and torch starts at the wrong item.
    batches = stream()
    batches.workers, batches.use_multiprocessing = 1, False
    with pytest.raises(InvalidData, match="workers=3"):
        batches.workers = 3
    with pytest.raises(InvalidData, match="use_multiprocessing=True"):
        batches.use_multiprocessing = True


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None
import numpy as np
from PIL import Image
from keras_gan_zoo.data import InvalidData, load_images
from test_stream import fitted_order, labeled, numbered, order, stream
assert load_images(numbered()).images.shape == (11, 4, 5, 3)
np.savez("images.npz", images=numbered())
assert load_images("images.npz").images.shape == (11, 4, 5, 3)
Image.new("RGB", (8, 8)).save("images/0.png")
assert load_images("images").images.shape == (1, 8, 8, 3)
try:
    load_images("mnits")
except InvalidData as error:
    assert all(words in str(error) for words in ("a file or folder that exists", "pip install", "mnist")), error
else:
    raise AssertionError("TFDS was read without TensorFlow")
assert fitted_order(labeled(), 12) == order(stream(length=12))
print("fine")
"""


def test_without_tensorflow(tmp_path):
    """Arrays, .npz and folders load, and `fit` keeps the order, on JAX and torch where TensorFlow is not installed."""
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here.parents[1]), str(here), os.environ.get("PYTHONPATH", "")])
    running = []
    for backend in ("jax", "torch"):
        if importlib.util.find_spec(backend) is not None:
            (tmp_path / backend / "images").mkdir(parents=True)
            environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": paths}
            command = [sys.executable, "-c", WITHOUT_TENSORFLOW]
            options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            running.append(subprocess.Popen(command, cwd=tmp_path / backend, env=environment, **options))
    if not running:
        pytest.skip("neither jax nor torch is installed")
    for stdout, stderr in [process.communicate() for process in running]:
        assert stdout.endswith("fine\n"), stderr


def half_labeled(known, n=N, **options):
    """A stream of numbered images, of which the first `known` have a label, 0."""
    labels = np.where(np.arange(n) < known, 0, -1).astype("int32")
    fields = {"images": Images((4, 5, 3)), "labels": Labels(classes=1, unknown=True)}
    arrays = {"images": numbered(n), "labels": labels}
    return Stream(arrays, fields, **({"batch_size": 4, "length": 12, "seed": 5} | options))


@pytest.mark.parametrize("known", [1, 4, 9])
def test_samples_with_and_without_a_label_take_turns(known):
    seen = {True: [], False: []}
    for batch in half_labeled(known):
        np.testing.assert_array_equal(batch["labels"] >= 0, [True, False, True, False])
        np.testing.assert_array_equal(batch["labels"] >= 0, batch["images"][:, 0, 0, 0] < known)
        for is_known, numbers_ in seen.items():
            numbers_ += batch["images"][:, 0, 0, 0][(batch["labels"] >= 0) == is_known].tolist()
    for is_known, expected in ((True, range(known)), (False, range(known, N))):
        epochs = [seen[is_known][i : i + len(expected)] for i in range(0, 24, len(expected))]
        assert all(sorted(epoch) == list(expected) for epoch in epochs if len(epoch) == len(expected))
        assert len(epochs) > 1 and (len(expected) < 4 or epochs[0] != epochs[1])


@pytest.mark.parametrize("size", [1, 3])
def test_odd_batches_begin_with_either_kind_in_turn(size):
    labels = np.concatenate([batch["labels"] for batch in half_labeled(4, batch_size=size)])
    np.testing.assert_array_equal(labels >= 0, np.arange(12 * size) % 2 == 0)


def test_the_turns_are_a_function_of_seed_and_index():
    whole = order(half_labeled(4))
    assert order(half_labeled(4, start=5, length=7)) == whole[5:]
    batches = half_labeled(4)
    assert [numbers(batches[i]) for i in (9, 0, 5)] == [whole[i] for i in (9, 0, 5)]
    assert order(half_labeled(4, seed=6)) != whole
    odd = half_labeled(4, batch_size=3)[0]["labels"]
    np.testing.assert_array_equal(odd >= 0, [True, False, True])


def test_labels_that_are_all_known_or_all_unknown_take_no_turns():
    expected = order(of_images(numbered(), batch_size=4, length=5, seed=5))
    assert order(half_labeled(N, length=5)) == order(half_labeled(0, length=5)) == expected
