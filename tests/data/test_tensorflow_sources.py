"""load_images from TFDS and tf.data. The TFDS set here is a tiny one, prepared in a temporary folder."""

import logging

import numpy as np
import pytest

from keras_gan_zoo.data import InvalidData, load_images
from keras_gan_zoo.data.on_demand import ImagesInFiles
from keras_gan_zoo.data.tfds_records import record_starts

tf = pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")


def uint8(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class TinyShapes(tfds.core.GeneratorBasedBuilder):
    """Five 6x5 images ("plain"), or five of growing size ("mixed"); image i is filled with 10 i."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = (tfds.core.BuilderConfig(name="plain"), tfds.core.BuilderConfig(name="mixed"))

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(6, 5, 3) if self.builder_config.name == "plain" else (None, None, 3)),
            "label": tfds.features.ClassLabel(names=["round", "square"]),
            "note": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples()}

    def _generate_examples(self):
        for i in range(5):
            grown = i if self.builder_config.name == "mixed" else 0
            image = np.full((6 + grown, 5 + grown, 3), 10 * i, np.uint8)
            yield i, {"image": image, "label": i % 2, "note": "words"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for config in ("plain", "mixed"):
        TinyShapes(config=config, data_dir=folder).download_and_prepare()
    return folder


def test_tfds(folder, monkeypatch):
    data = load_images("tiny_shapes/plain:1.0.0", labels=True, data_dir=folder)
    assert data.images.shape == (5, 6, 5, 3)
    assert data.images.dtype == np.uint8
    assert data.labels.dtype == np.int32
    assert data.class_names == ("round", "square")
    assert sorted(data.images[:, 0, 0, 0].tolist()) == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(data.images[:, 0, 0, 0] // 10 % 2, data.labels)
    again = load_images("tiny_shapes/plain", data_dir=folder)
    np.testing.assert_array_equal(again.images, data.images)
    assert (again.labels, again.class_names) == (None, None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    part = load_images("tiny_shapes/plain", split="test[:3]", size=(4, 3), channels=1)
    assert part.images.shape == (3, 4, 3, 1)


def test_tfds_of_mixed_sizes(folder):
    with pytest.raises(InvalidData, match="must have one size.*size=8"):
        load_images("tiny_shapes/mixed", data_dir=folder)
    data = load_images("tiny_shapes/mixed", data_dir=folder, size=4, labels=True)
    assert data.images.shape == (5, 4, 4, 3)
    np.testing.assert_array_equal(data.images[:, 0, 0, 0] // 10 % 2, data.labels)


def same(stream, kept):
    np.testing.assert_array_equal(stream.images[:], kept.images)
    assert isinstance(stream.images, ImagesInFiles) and stream.class_names == kept.class_names
    assert (stream.labels is None) == (kept.labels is None) and stream.images.shape == kept.images.shape
    if kept.labels is not None:
        np.testing.assert_array_equal(stream.labels, kept.labels)
        assert stream.labels.dtype == np.int32


def test_a_stream_of_tfds_has_the_images_and_the_order_of_memory(folder, tmp_path):
    # Several files, of which TFDS reads blocks in turn.
    config = tfds.download.DownloadConfig(num_shards=3)
    TinyShapes(config="plain", data_dir=tmp_path).download_and_prepare(download_config=config)
    for options in (
        {"labels": True},
        {"split": "train[1:4]"},
        {"split": "train+test", "labels": True, "size": 4, "channels": 1},
    ):
        for data_dir in (folder, tmp_path):
            same(*(load_images("tiny_shapes/plain", data_dir=data_dir, stream=s, **options) for s in (True, False)))
    mixed = load_images("tiny_shapes/mixed", size=8, labels=True, data_dir=folder)
    same(load_images("tiny_shapes/mixed", size=8, labels=True, data_dir=folder, stream=True), mixed)
    images = load_images("tiny_shapes/mixed", data_dir=folder, stream=True).images
    with pytest.raises(InvalidData, match="record at byte .* must be an image .* Received: its size is"):
        images[:]


def test_records_that_cannot_be_read_one_by_one_are_named(tmp_path, monkeypatch):
    TinyShapes(config="plain", data_dir=tmp_path).download_and_prepare()
    (path,) = tmp_path.rglob("*train.tfrecord*")
    images, whole = load_images("tiny_shapes/plain", data_dir=tmp_path, stream=True).images, path.read_bytes()
    start = int(record_starts(path)[3])
    at = whole.index(b"PNG", start)
    path.write_bytes(whole[:at] + b"\0\0\0" + whole[at + 3 :])
    np.testing.assert_array_equal(images[:1], images[:1])
    with pytest.raises(InvalidData, match=f"{path.name}, record at byte {start}' must be an image that can be read"):
        images[:]
    path.write_bytes(whole[:-7])
    with pytest.raises(InvalidData, match=f"{path.name}' must be a whole .tfrecord file"):
        load_images("tiny_shapes/plain", data_dir=tmp_path, stream=True)
    kind = property(lambda _: tfds.core.FileFormat.RIEGELI)
    monkeypatch.setattr(tfds.core.DatasetInfo, "file_format", kind)
    with pytest.raises(InvalidData, match="prepared as .tfrecord files.*Received: riegeli.*or leave stream out"):
        load_images("tiny_shapes/plain", data_dir=tmp_path, stream=True)


def test_tfds_split(folder):
    with pytest.raises(InvalidData, match="must be a split .*train.*split='valid'"):
        load_images("tiny_shapes/plain", split="valid", data_dir=folder)


@pytest.mark.parametrize(
    ("name", "closest"), [("mnits", "mnist"), ("cifra10", "cifar10"), ("fashionmnist", "fashion_mnist")]
)
def test_unknown_name(name, closest):
    with pytest.raises(InvalidData, match=f"must be a file or folder that exists, or a TFDS name .*{closest}"):
        load_images(name)


def test_unknown_version(folder):
    with pytest.raises(InvalidData, match="configuration that TFDS has. Received: source='mnist:99.0.0'"):
        load_images("mnist:99.0.0", data_dir=folder)


def test_download_that_fails(tmp_path, monkeypatch, caplog):
    def download_and_prepare(self):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download_and_prepare)
    with caplog.at_level(logging.WARNING), pytest.raises(InvalidData) as error:
        load_images("mnist", data_dir=tmp_path)
    for word in ["must be prepared", str(tmp_path), "no network", "TFDS_DATA_DIR", "download_and_prepare"]:
        assert word in str(error.value)
    assert "downloading" in caplog.text


def test_tf_data():
    images, labels = uint8(7, 6, 5, 3), np.arange(7) % 3
    plain = tf.data.Dataset.from_tensor_slices(images)
    pairs = tf.data.Dataset.from_tensor_slices((images, labels))
    for dataset in (plain, plain.batch(3)):
        np.testing.assert_array_equal(load_images(dataset).images, images)
    for dataset in (pairs, pairs.batch(3)):
        data = load_images(dataset)
        np.testing.assert_array_equal(data.images, images)
        np.testing.assert_array_equal(data.labels, labels)
        assert load_images(dataset, labels=False).labels is None
    with pytest.raises(InvalidData, match="labels=True"):
        load_images(plain, labels=True)


def test_tf_data_of_gray_and_floats():
    images = uint8(7, 6, 5)
    dataset = tf.data.Dataset.from_tensor_slices(images)
    for source in (dataset, dataset.batch(3), dataset.batch(3).map(lambda x: tf.cast(x, tf.float32) / 127.5 - 1)):
        np.testing.assert_array_equal(load_images(source).images, images[..., None])


def test_tf_data_of_mixed_sizes():
    def dataset(dtype):
        def images():
            for side in (8, 12, 20):
                yield np.full((side, side + 2, 3), 0, dtype)

        return tf.data.Dataset.from_generator(images, output_signature=tf.TensorSpec((None, None, 3), dtype))

    assert load_images(dataset(np.uint8), size=4).images.shape == (3, 4, 4, 3)
    with pytest.raises(InvalidData, match="must have one size.*size=8"):
        load_images(dataset(np.uint8))
    with pytest.raises(InvalidData, match="must be uint8 if they have several sizes"):
        load_images(dataset(np.float32), size=4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dataset: dataset.repeat(), "infinite.*take"),
        (lambda dataset: dataset.take(0), "empty"),
        (lambda dataset: dataset.map(lambda image: {"image": image}), "must hold images"),
        (lambda dataset: dataset.batch(2).batch(2), "must hold images"),
    ],
)
def test_refused_tf_data(change, words):
    with pytest.raises(InvalidData, match=words):
        load_images(change(tf.data.Dataset.from_tensor_slices(uint8(4, 6, 5, 3))))


def test_tensors_are_taken_as_arrays():
    images = uint8(2, 4, 4, 3)
    np.testing.assert_array_equal(load_images(tf.constant(images)).images, images)
    np.testing.assert_array_equal(load_images(tf.constant(images / 255)).images, images)
    np.testing.assert_array_equal(load_images((tf.constant(images), tf.constant([0, 1]))).labels, [0, 1])


@pytest.mark.real_data("mnist")
def test_mnist():
    data = load_images("mnist", labels=True)
    assert data.images.shape == (60_000, 28, 28, 1)
    assert data.class_names == tuple("0123456789")
    counts = np.bincount(data.labels).tolist()
    assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
