"""ImageStream: the order is a function of (seed, index) alone, inside and outside of `fit`."""

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_gan_zoo.data import ImageStream, InvalidData

N, BATCH = 11, 3


def numbered(n=N):
    """Images whose every pixel is their number."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 5, 3)).copy()


def order(stream):
    return [batch[:, 0, 0, 0].tolist() for batch in stream]


def stream(**options):
    return ImageStream(numbered(), **({"batch_size": BATCH, "length": 10, "seed": 5} | options))


def test_epochs_are_permutations():
    batches = stream()
    assert batches.batches_per_epoch == 3
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
        assert batches[index][:, 0, 0, 0].tolist() == whole[index]
    assert order(pickle.loads(pickle.dumps(batches))) == whole
    far = stream(start=10**12, length=1)
    assert len(set(far[0][:, 0, 0, 0].tolist())) == BATCH


def test_labels_stay_with_their_images():
    batches = ImageStream(numbered(), np.arange(N), batch_size=BATCH, length=5)
    for images, labels in batches:
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
    plain = ImageStream(images, length=6, **options)
    flipped = ImageStream(images, length=6, flip=True, **options)
    counts = []
    for before, after in zip(plain, flipped, strict=True):
        mirrored = (after == before[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (mirrored | (after == before).all(axis=(1, 2, 3))).all()
        counts.append(int(mirrored.sum()))
    assert all(60 < count < 140 for count in counts)  # six standard deviations
    assert len(set(counts)) > 1
    resumed = ImageStream(images, length=2, start=4, flip=True, **options)
    np.testing.assert_array_equal(resumed[1], flipped[5])
    np.testing.assert_array_equal(images, kept)


def test_crops_move_an_image_by_at_most_so_many_pixels_along_each_axis():
    images = np.random.default_rng(0).integers(0, 256, (200, 7, 9, 3), np.uint8)
    options = {"batch_size": 200, "seed": 3}
    (before,), cropped = ImageStream(images, length=1, **options), ImageStream(images, length=2, crop=2, **options)
    mirrored = np.pad(before, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    seen = set()
    for i, image in enumerate(cropped[0]):
        moves = [(top, left) for top in range(5) for left in range(5) if (image == mirrored[i, top:, left:][:7, :9]).all()]
        assert len(moves) == 1
        seen |= set(moves)
    assert len(seen) == 25
    again = ImageStream(images, length=1, start=1, crop=2, **options)
    np.testing.assert_array_equal(again[0], cropped[1])
    assert cropped[0].flags.c_contiguous and cropped[0].dtype == np.uint8


def test_augment():
    def brighten(images, rng):
        images += rng.integers(1, 100, dtype=np.uint8)
        return images

    bright = stream(augment=brighten)
    added = [int((new - old).max()) for new, old in zip(bright, stream(), strict=True)]
    assert len(set(added)) > 3
    assert order(stream(augment=brighten, start=7, length=3)) == order(bright)[7:]
    with pytest.raises(InvalidData, match=r"augment returned float64 \(3, 4, 5, 3\)"):
        stream(augment=lambda images, rng: images / 255)[0]
    with pytest.raises(InvalidData, match="augment returned NoneType"):
        stream(augment=lambda images, rng: None)[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 12}, "batch_size=12 is more than the 11 images.*at most 11"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"length": 0}, "length=0"),
        ({"length": 2.5}, "length=2.5"),
        ({"start": -1}, "start=-1"),
        ({"seed": 2**32}, "seed=4294967296"),
        ({"flip": "yes"}, "flip='yes' must be True or False"),
        ({"crop": 4}, r"crop=4 must be an integer in \[0, 4\)"),
        ({"crop": -1}, "crop=-1"),
        ({"labels": np.arange(4)}, "4 entries for 11"),
    ],
)
def test_refused_options(options, words):
    with pytest.raises(InvalidData, match=words):
        stream(**options)


def test_floats_are_refused():
    with pytest.raises(InvalidData, match="float32; expected uint8.*load_images"):
        ImageStream(numbered().astype(np.float32) / 255, batch_size=2, length=1)


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
    model.fit(batches, shuffle=False, verbose=0, **options)
    return keras.ops.convert_to_numpy(recorder.seen).astype(int).tolist()


def labelled(**options):
    return ImageStream(numbered(), np.arange(N), **({"batch_size": BATCH, "length": 12, "seed": 5} | options))


def test_fit_reads_in_order():
    expected = order(stream(length=12))
    assert fitted_order(labelled(), 12) == expected
    if keras.backend.backend() != "torch":
        assert fitted_order(labelled(), 12, {"steps_per_execution": 4}) == expected


def test_fit_in_epochs_reads_straight_on():
    assert fitted_order(labelled(), 12, epochs=3, steps_per_epoch=4) == order(stream(length=12))


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
from test_image_stream import fitted_order, labelled, numbered, order, stream
assert load_images(numbered()).images.shape == (11, 4, 5, 3)
np.savez("images.npz", images=numbered())
assert load_images("images.npz").images.shape == (11, 4, 5, 3)
Image.new("RGB", (8, 8)).save("images/0.png")
assert load_images("images").images.shape == (1, 8, 8, 3)
try:
    load_images("mnits")
except InvalidData as error:
    assert all(words in str(error) for words in ("neither a file nor a folder", "pip install", "mnist")), error
else:
    raise AssertionError("TFDS was read without TensorFlow")
assert fitted_order(labelled(), 12) == order(stream(length=12))
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
