import keras
import numpy as np
import pytest

from keras_gan_zoo.conversion import convert
from keras_gan_zoo.metrics import perceptual
from keras_gan_zoo.metrics.classifier import Classifier
from keras_gan_zoo.metrics.perceptual import (
    LPIPS,
    PerceptualDistance,
    perceptual_distance,
    perceptual_diversity,
)
from keras_gan_zoo.metrics.records import compare
from keras_gan_zoo.metrics.similarity import random_pairs


def images(n, size, channels, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, size, size, channels)).astype("float32")


def random_weights(backbone):
    """Arrays under torchvision's names, and the linear weights, scaled so that signals neither die nor grow."""
    rng = np.random.default_rng(0)
    plan, compared, *_ = perceptual.BACKBONES[backbone]
    arrays, number, convolutions, channels = {}, 0, 0, 3
    for step in plan:
        if len(step) == 2:
            number += 1
            continue
        filters, kernel = step[:2]
        scale = np.sqrt(2 / (channels * kernel**2))
        arrays[f"features.{number}.weight"] = rng.standard_normal((filters, channels, kernel, kernel), "float32") * scale
        arrays[f"features.{number}.bias"] = rng.standard_normal(filters, "float32") * 0.1
        if convolutions in compared:
            weight = rng.random((1, filters, 1, 1), "float32")
            arrays[f"lin{compared.index(convolutions)}.model.1.weight"] = weight
        number, convolutions, channels = number + 2, convolutions + 1, filters
    return {key: value.astype("float32") for key, value in arrays.items()}


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    path = tmp_path_factory.mktemp("lpips") / "alexnet.npz"
    np.savez(path, **random_weights("alexnet"))
    return path, LPIPS(path, "alexnet")


def reference(backbone, arrays, a, b):
    """LPIPS by PyTorch, with the networks in the layout of torchvision."""
    import torch
    from torch.nn import functional

    def maps(x):
        x = (torch.tensor(x).permute(0, 3, 1, 2) - torch.tensor([-0.030, -0.088, -0.188])[:, None, None]) / torch.tensor(
            [0.458, 0.448, 0.450]
        )[:, None, None]
        if backbone == "vgg16":
            pools, strides, paddings, taken = {4, 9, 16, 23}, {}, {}, {2, 7, 14, 21, 28}
        else:
            pools, strides, paddings, taken = {2, 5}, {0: 4}, {0: 2, 3: 2}, {0, 3, 6, 8, 10}
        result = []
        for i in range(31):
            if i in pools:
                x = functional.max_pool2d(x, 2 if backbone == "vgg16" else 3, 2)
            if f"features.{i}.weight" in arrays:
                weight, bias = (torch.tensor(arrays[f"features.{i}.{kind}"]) for kind in ("weight", "bias"))
                x = torch.relu(functional.conv2d(x, weight, bias, strides.get(i, 1), paddings.get(i, 1)))
                if i in taken:
                    result.append(x.double())
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in result]

    total = 0
    for i, (x, y) in enumerate(zip(maps(a), maps(b), strict=True)):
        total = total + functional.conv2d((x - y) ** 2, torch.tensor(arrays[f"lin{i}.model.1.weight"]).double()).mean(
            (1, 2, 3)
        )
    return total.numpy()


@pytest.mark.parametrize("backbone, size", [("vgg16", 40), ("alexnet", 64)])
def test_equals_the_formula_in_pytorch_with_its_files_converted(backbone, size, tmp_path):
    torch = pytest.importorskip("torch")
    arrays = random_weights(backbone)
    a, b = images(3, size, 3), images(3, size, 3, seed=1)
    b[0] = a[0] + 0.01
    expected = reference(backbone, arrays, a, np.clip(b, -1, 1))
    assert 0 < expected[0] < expected[1] / 3
    for name, linear in (("backbone.pth", False), ("linear.pth", True)):
        state = {key: torch.tensor(value) for key, value in arrays.items() if key.startswith("lin") == linear}
        # As the downloads are: before the zip format.
        torch.save(state, tmp_path / name, _use_new_zipfile_serialization=False)
        convert(tmp_path / name, (tmp_path / name).with_suffix(".npz"))
    distance = LPIPS([tmp_path / "backbone.npz", tmp_path / "linear.npz"], backbone)
    np.testing.assert_allclose(distance(a, np.clip(b, -1, 1)), expected, rtol=1e-4)
    assert distance.name == f"lpips-0.1-{backbone}" and len(distance.sha256) == 64


def test_is_a_symmetric_distance_for_any_batch_size(alexnet):
    _, distance = alexnet
    a, b = images(5, 32, 3), images(5, 32, 3, seed=1)
    assert (distance(a, a.copy()) == 0.0).all()
    values = distance(a, b)
    assert values.shape == (5,) and values.dtype == np.float64 and (values > 0.01).all()
    np.testing.assert_allclose(distance(b, a), values, rtol=1e-12)
    np.testing.assert_allclose(distance(a, b, batch_size=2), values, rtol=1e-5)


def test_uint8_is_the_same_as_its_floats_and_floats_are_not_quantized(alexnet):
    _, distance = alexnet
    a = np.random.default_rng(0).integers(0, 256, (2, 33, 40, 3), dtype=np.uint8)
    floats = a.astype("float32") / 127.5 - 1
    assert (distance(a, floats) == 0.0).all()
    assert (distance(floats * 0.99999, floats) > 0.0).all()


def test_gray_images_are_repeated(alexnet):
    _, distance = alexnet
    a, b = images(2, 32, 1), images(2, 32, 1, seed=1)
    np.testing.assert_array_equal(distance(a, b), distance(a.repeat(3, axis=3), b.repeat(3, axis=3)))


def test_one_layer_by_numpy():
    features = lambda x: [3.0 * x]  # noqa: E731
    distance = PerceptualDistance(features, "tripled", "abc")
    assert (distance.name, distance.sha256) == ("not-lpips:tripled", "abc")
    a, b = images(4, 6, 5), images(4, 6, 5, seed=1)
    u, v = (x.astype("float64") / np.linalg.norm(x.astype("float64"), axis=3, keepdims=True) for x in (a, b))
    np.testing.assert_allclose(distance(a, b), ((u - v) ** 2).sum(axis=3).mean(axis=(1, 2)), rtol=1e-6)
    # Normalized: a scale of the features does not count; layers are added.
    np.testing.assert_allclose(PerceptualDistance(lambda x: [x, 0.2 * x], "two")(a, b), 2 * distance(a, b), rtol=1e-6)
    # Where nothing is active there is no direction, and no difference.
    assert (PerceptualDistance(lambda x: [0.0 * x], "nothing")(a, b) == 0.0).all()


def test_of_a_keras_model_and_of_the_shipped_classifier():
    inputs = keras.Input((28, 28, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, activation="relu")(inputs))
    a, b = images(3, 28, 1), images(3, 28, 1, seed=1)
    distance = PerceptualDistance(model, "one convolution")
    assert (distance(a, b) > 0.01).all() and (distance(a, a) == 0.0).all()

    classifier = Classifier("mnist")
    distance = PerceptualDistance.of_classifier(classifier)
    assert distance.name == "not-lpips:mnist_classifier" and distance.sha256 == classifier.sha256
    y, x = np.mgrid[:28, :28] - 13.5
    ring, moved = ((np.abs(np.hypot((x - shift) / 0.75, y) - 8) < 1.5) * 2.0 - 1 for shift in (0, 1))
    bar = ((np.abs(x) < 1.5) & (np.abs(y) < 10)) * 2.0 - 1
    ring, moved, bar = (image[None, ..., None] for image in (ring, moved, bar))
    assert 0 < distance(ring, moved)[0] < distance(ring, bar)[0]
    assert (distance(((ring + 1) * 127.5).astype("uint8"), ring) == 0.0).all()


def test_diversity_is_the_mean_over_random_pairs():
    a = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1), dtype=np.uint8)
    distance = PerceptualDistance.of_classifier(Classifier("mnist"))
    result = perceptual_diversity(a, distance, pairs=30, pair_seed=4, seed=7)
    i, j = random_pairs(12, 30, np.random.default_rng(4))
    values = distance(a[i], a[j])
    assert result.value == pytest.approx(values.mean(), rel=1e-6)
    assert result.details["standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(30), rel=1e-4)
    assert (result.metric, result.extractor) == ("perceptual_diversity", "not-lpips:mnist_classifier")
    assert (result.extractor_sha256, result.n_fake, result.seed) == (distance.sha256, 12, 7)
    assert result.settings == {"pairs": 30, "pair_seed": 4, "within_classes": False}
    one = a[:1].repeat(12, axis=0)
    assert perceptual_diversity(one, distance, pairs=30).value == 0.0
    labels = np.arange(12) % 3
    within = perceptual_diversity(a[:3][labels], distance, pairs=5, labels=labels)
    assert within.details["per_class"] == {0: 0.0, 1: 0.0, 2: 0.0}
    with pytest.raises(ValueError, match="different protocols.*pairs"):
        compare(result, perceptual_diversity(a, distance, pairs=31))


def test_the_distance_of_restorations_is_a_record(alexnet):
    _, distance = alexnet
    real = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    restored = real[::-1]
    record = perceptual_distance(real, restored, distance)
    assert record.value == pytest.approx(distance(real, restored).mean(), rel=1e-12)
    assert (record.metric, record.extractor) == ("perceptual_distance", "lpips-0.1-alexnet")
    assert (record.n_real, record.n_fake) == (3, 3)
    assert perceptual_distance(real, real, distance).value == 0.0


def test_absent_and_wrong_weights_are_named(alexnet, tmp_path):
    path, _ = alexnet
    with pytest.raises(FileNotFoundError, match=r"vgg16-397923af\.pth and .*v0\.1/vgg\.pth"):
        LPIPS(tmp_path / "absent.npz")
    with pytest.raises(ValueError, match="vgg16 has 13"):
        LPIPS(path)
    with pytest.raises(ValueError, match="one of vgg16, alexnet"):
        LPIPS(path, "resnet")
    arrays = random_weights("alexnet")
    for change, words in [
        ({"lin3.model.1.weight": None}, "lin3.*Received: none"),
        ({"lin1.model.1.weight": -arrays["lin1.model.1.weight"]}, "0 or more"),
        ({"features.0.weight": arrays["features.0.weight"][:, :1]}, "shapes differ"),
    ]:
        changed = {key: value for key, value in {**arrays, **change}.items() if value is not None}
        np.savez(tmp_path / "changed.npz", **changed)
        with pytest.raises(ValueError, match=words):
            LPIPS(tmp_path / "changed.npz", "alexnet")


def test_bad_images_are_named(alexnet):
    _, distance = alexnet
    a = images(2, 32, 3)
    nan = a.copy()
    nan[0, 0, 0, 0] = np.nan
    for b, error, words in [
        (a * 255, ValueError, r"must lie in \[-1, 1\]"),
        (a / 2 + 0.5, ValueError, "as if they were meant as 0 to 1"),
        (nan, ValueError, "1 of 6144 values"),
        (a[:1], ValueError, "one shape"),
        (a[0], ValueError, "b must have the shape"),
        (a.astype("int32"), TypeError, "uint8"),
        (images(2, 30, 3), ValueError, "31 or more"),
        (images(2, 32, 2), ValueError, "1 or 3 channels"),
    ]:
        with pytest.raises(error, match=words):
            distance(a, b)
    with pytest.raises(ValueError, match="features of not-lpips:root must be finite"), np.errstate(invalid="ignore"):
        PerceptualDistance(lambda x: [np.sqrt(x)], "root")(a, a)
