"""The same images train alike, and are refused alike, whatever source they come from."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.data import InvalidData
from keras_gan_zoo.models.gan import GAN

SHAPE = (8, 8, 1)


def numbered(n):
    return np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, *SHAPE)).copy()


class Batches(keras.utils.PyDataset):
    def __init__(self, data, wrap=lambda batch: batch):
        super().__init__()
        self.data, self.wrap, self.epochs_ended = data, wrap, 0

    def __len__(self):
        return len(self.data) // 4

    def __getitem__(self, index):
        return self.wrap(self.data[4 * index : 4 * index + 4])

    def on_epoch_end(self):
        self.epochs_ended += 1


def loader(data, **options):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(data)), **options)


def tf_data(data):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(data)


def of_unknown_rank(data):
    tf = pytest.importorskip("tensorflow")
    indices = tf.data.Dataset.range(len(data))
    return indices.map(lambda i: tf.numpy_function(lambda i: data[i], [i], data.dtype))


# Name -> whether it is passed over in its own order, and what makes it of an array.
IN_ORDER = {
    "tf.data": lambda data: tf_data(data).batch(4),
    "single examples": tf_data,
    "of unknown rank": of_unknown_rank,
    "batches of unknown rank": lambda data: of_unknown_rank(data).batch(4),
    "dictionaries": lambda data: tf_data({"image": data, "label": np.zeros(len(data))}).batch(4),
    "PyDataset": Batches,
    "PyDataset of dictionaries": lambda data: Batches(data, lambda batch: {"images": batch}),
    "generator": lambda data: (data[i : i + 4] for i in range(0, len(data), 4)),
    "generator of examples": iter,
    "DataLoader": lambda data: loader(data, batch_size=4),
    "DataLoader of examples": lambda data: loader(data, batch_size=None),
}


def tensor_of(kind):
    module = {"tf": "tensorflow", "torch": "torch", "jax": "jax"}.get(kind)
    module = pytest.importorskip(module) if module else None
    makers = {
        "tf": lambda data: module.constant(data),
        "torch": lambda data: module.from_numpy(data),
        "jax": lambda data: module.numpy.asarray(data),
        "keras": ops.convert_to_tensor,
    }
    return makers[kind]


@pytest.mark.parametrize("n_critic", [1, 2])
@pytest.mark.parametrize("name", IN_ORDER)
def test_floats_and_bytes_train_alike(name, n_critic, listening):
    images = numbered(24) * 10
    expected = [[10 * i for i in range(start, start + 4)] for start in range(0, 24, 4)]
    ranges = (images, (images / 255).astype("float32"), (images / 127.5 - 1).astype("float32"))
    for data in ranges if n_critic == 1 else ranges[1:2]:
        gan = listening(n_critic=n_critic)
        gan.fit(IN_ORDER[name](data), batch_size=4, verbose=0)
        assert gan.seen == expected


@pytest.mark.parametrize("kind", ["tf", "torch", "jax", "keras"])
def test_tensors_are_arrays(kind, listening, conditional):
    tensor = tensor_of(kind)
    for n_critic in (1, 2):
        runs = []
        for given in (numbered(16), tensor(numbered(16))):
            gan = listening(n_critic=n_critic)
            gan.fit(given, batch_size=4, epochs=2, verbose=0)
            runs.append(gan.seen)
        assert runs[0] == runs[1] and sorted(sum(runs[0][:4], [])) == list(range(16))
    conditional.fit(tensor(numbered(6)), tensor(np.arange(6, dtype="int32") % 3), batch_size=3, verbose=0)
    conditional.fit({"images": tensor(numbered(6)), "labels": tensor(np.arange(6) % 3)}, batch_size=3, verbose=0)
    assert sorted(sum(conditional.seen[:2], [])) == [(i, i % 3) for i in range(6)]


BAD = {
    "0 to 255": ((numbered(24) * 10).astype("float32"), r"must be floats in .*Received: values in \[.*uint8"),
    "NaN": (np.where(np.arange(24)[:, None, None, None] == 17, np.nan, numbered(24) / 255).astype("float32"), "NaN"),
    "masks": ((numbered(24) % 2), "nothing but 0 and 1"),
    "shape": (np.zeros((24, 6, 6, 1), "uint8"), r"\(8, 8, 1\)"),
    "type": (numbered(24).astype("int32"), "Received: dtype int32"),
}


@pytest.mark.parametrize(
    ("name", "bad"),
    [(name, "NaN") for name in (*IN_ORDER, "keras tensor")]
    + [(name, bad) for name in ("array", "tf.data", "PyDataset", "DataLoader", "train_on_batch") for bad in BAD],
)
def test_what_is_refused_of_an_array_is_refused_of_every_source(name, bad, listening):
    data, words = BAD[bad]
    gan = listening()
    with pytest.raises(InvalidData, match=words):
        if name == "train_on_batch":
            for i in range(0, 24, 4):
                gan.train_on_batch(data[i : i + 4])
        else:
            whole = {"array": lambda data: data, "keras tensor": ops.convert_to_tensor}
            gan.fit({**IN_ORDER, **whole}[name](data), batch_size=4, verbose=0)
    # The batches before the one that is bad.
    assert len(gan.seen) <= 4


@pytest.mark.parametrize("name", ["tf.data", "generator", "PyDataset", "train_on_batch"])
def test_labels_are_checked_in_every_batch(name, conditional):
    images, labels = numbered(20), np.arange(20) % 3
    labels[13] = 17
    pairs = [(images[i : i + 4], labels[i : i + 4]) for i in range(0, 20, 4)]
    makers = {
        "tf.data": lambda: tf_data((images, labels)).batch(4),
        "generator": lambda: iter(pairs),
        "PyDataset": lambda: Batches(np.arange(20), lambda i: (images[i], labels[i])),
    }
    with pytest.raises(InvalidData, match="labels must be less than 10. Received: the value 17"):
        if name == "train_on_batch":
            for pair in pairs:
                conditional.train_on_batch(*pair)
        else:
            conditional.fit(makers[name](), verbose=0)
    assert len(conditional.seen) == 3


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about the graphs of TensorFlow")
def test_the_error_of_compiled_training_is_that_of_the_data():
    gan = GAN(SHAPE, 3, width=4, seed=0)
    with pytest.raises(InvalidData, match="NaN"):
        gan.fit(IN_ORDER["single examples"](BAD["NaN"][0]), batch_size=4, verbose=0)
    assert int(ops.convert_to_numpy(gan.rounds)) == 4
    gan.fit(numbered(8), batch_size=4, verbose=0)
    assert int(ops.convert_to_numpy(gan.rounds)) == 6


def test_train_on_batch_takes_the_ranges_of_fit(listening):
    images = numbered(4) * 10
    for data in (images, images / 255, images / 127.5 - 1, ops.convert_to_tensor(images)):
        gan = listening()
        gan.train_on_batch(data)
        assert gan.seen == [[0, 10, 20, 30]]


@pytest.mark.parametrize("name", [*IN_ORDER, "array"])
@pytest.mark.parametrize("n_critic", [1, 3])
def test_too_little_for_one_round_is_refused_and_not_skipped(name, n_critic, listening):
    makers = {**IN_ORDER, "array": lambda data: data}
    gan = listening(n_critic=n_critic)
    one_batch = "examples" not in name and name not in ("array", "of unknown rank")
    few = numbered(8 if n_critic > 1 else 0 if one_batch else 3)
    with pytest.raises(InvalidData, match="Received: (.*8 of 8 |.*8|.*3|an empty|a PyDataset of length 0)|not be empty"):
        gan.fit(makers[name](few), batch_size=4, verbose=0)
    assert gan.seen == []


def test_the_largest_batch_is_named(listening):
    with pytest.raises(InvalidData, match="3 x batch_size .* batch_size=64, so 192 of 100 .* batch_size of at most 33"):
        listening(n_critic=3).fit(numbered(100), batch_size=64)
    gan = listening(n_critic=3)
    gan.fit(numbered(100), batch_size=33, verbose=0)
    assert [len(step) for step in gan.seen] == [33] * 3


def test_what_ends_after_one_pass_is_refused_for_several_epochs(listening):
    gan = listening()
    with pytest.raises(ValueError, match="Received: a generator, .* epochs=2"):
        gan.fit(IN_ORDER["generator"](numbered(8)), epochs=2, verbose=0)
    gan.fit(IN_ORDER["generator"](numbered(16)), epochs=2, steps_per_epoch=2, verbose=0)
    assert gan.seen == [list(range(i, i + 4)) for i in range(0, 16, 4)]


@pytest.mark.parametrize("name", ["tf.data", "single examples", "DataLoader", "PyDataset", "of unknown rank"])
@pytest.mark.parametrize("n_critic", [1, 2])
def test_several_epochs_are_several_passes(name, n_critic, listening):
    gan = listening(n_critic=n_critic)
    source = IN_ORDER[name](numbered(16))
    gan.fit(source, batch_size=4, epochs=3, verbose=0)
    assert gan.seen == 3 * [list(range(i, i + 4)) for i in range(0, 16, 4)]
    if name == "PyDataset":
        assert source.epochs_ended >= 3


def test_batches_of_several_sizes_are_no_rounds(listening):
    sizes = [4, 4, 4, 3, 4, 4]
    with pytest.raises(InvalidData, match="one size where a round takes 2. Received: batches of 4, 3 examples"):
        listening(n_critic=2).fit((numbered(n) for n in sizes), verbose=0)


# The order of images is a function of the rounds that have been played --------------------------------------------------


def test_several_fits_see_what_one_sees(listening):
    whole = listening()
    whole.fit(numbered(20), batch_size=8, epochs=6, verbose=0)
    parts = listening()
    for _ in range(2):
        parts.fit(numbered(20), batch_size=8, verbose=0)
    parts.fit(numbered(20), batch_size=8, epochs=4, initial_epoch=2, verbose=0)
    parts.fit(numbered(20), batch_size=8, steps_per_epoch=1, epochs=4, verbose=0)
    assert parts.seen == whole.seen
    assert sorted(set(sum(parts.seen, []))) == list(range(20))


def test_weights_that_are_loaded_bring_the_order_along(listening, tmp_path):
    whole, first, second = listening(), listening(), listening()
    whole.fit(numbered(20), batch_size=8, epochs=3, verbose=0)
    first.fit(numbered(20), batch_size=8, epochs=1, verbose=0)
    first.save_weights(tmp_path / "gan.weights.h5")
    second.load_weights(tmp_path / "gan.weights.h5")
    second.fit(numbered(20), batch_size=8, epochs=2, verbose=0)
    assert first.seen + second.seen == whole.seen


class StopsAfter(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_backup_and_restore_goes_on_in_the_order(listening, tmp_path):
    whole = listening()
    whole.fit(numbered(20), batch_size=8, epochs=4, verbose=0)
    options = {"batch_size": 8, "verbose": 0}
    stopped, again = listening(), listening()
    with pytest.raises(KeyboardInterrupt):
        callbacks = [keras.callbacks.BackupAndRestore(tmp_path / "backup"), StopsAfter(2)]
        stopped.fit(numbered(20), epochs=4, callbacks=callbacks, **options)
    again.fit(numbered(20), epochs=4, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")], **options)
    assert stopped.seen + again.seen == whole.seen
    for ours, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # What was restored then does not shorten another training.
    again.seen.clear()
    again.fit(numbered(20), epochs=1, **options)
    assert len(again.seen) == 2
