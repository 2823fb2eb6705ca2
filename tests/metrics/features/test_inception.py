import numpy as np
import pytest

from keras_gan_zoo.metrics.features.inception import InceptionFeatures
from keras_gan_zoo.metrics.features.weight_files import LOGITS


class Reference:
    """The network once more, in NumPy, channels first, batch norm apart; draws its random weights as it goes."""

    def __init__(self, width=3, seed=0):
        self.width = width
        self.rng = np.random.default_rng(seed)
        self.weights = {}

    def conv(self, x, name, height, width, stride=1, same=True):
        if f"{name}.weight" not in self.weights:
            # Larger than Glorot, so that differences between the images survive 48 layers.
            kernel = self.rng.normal(size=(self.width, x.shape[1], height, width))
            self.weights[f"{name}.weight"] = kernel * np.sqrt(3 / kernel[0].size)
            self.weights[f"{name}.beta"] = self.rng.normal(size=self.width) * 0.3
            self.weights[f"{name}.mean"] = self.rng.normal(size=self.width) * 0.3
            self.weights[f"{name}.var"] = self.rng.uniform(0.05, 1.5, self.width)
        if same:
            rows, columns = height // 2, width // 2
            x = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))[:, :, ::stride, ::stride]
        y = np.einsum("nchwij,ocij->nohw", windows, self.weights[f"{name}.weight"], optimize=True)
        mean, var, beta = (self.weights[f"{name}.{k}"][:, None, None] for k in ("mean", "var", "beta"))
        return np.maximum((y - mean) / np.sqrt(var + 1e-3) + beta, 0.0)

    def max_pool(self, x, stride, same=False):
        if same:
            x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        return windows[:, :, ::stride, ::stride].max(axis=(4, 5))

    def mean_pool(self, x):
        x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan)
        return np.nanmean(np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3)), axis=(4, 5))

    def __call__(self, x):
        c = self.conv
        x = c(x, "conv", 3, 3, 2, False)
        x = c(x, "conv_1", 3, 3, 1, False)
        x = c(x, "conv_2", 3, 3)
        x = self.max_pool(x, 2)
        x = c(x, "conv_3", 1, 1)
        x = c(x, "conv_4", 3, 3, 1, False)
        x = self.max_pool(x, 2)
        assert x.shape[2:] == (35, 35)
        for b in ("mixed", "mixed_1", "mixed_2"):
            one = c(x, f"{b}.conv", 1, 1)
            five = c(c(x, f"{b}.tower.conv", 1, 1), f"{b}.tower.conv_1", 5, 5)
            three = c(x, f"{b}.tower_1.conv", 1, 1)
            three = c(c(three, f"{b}.tower_1.conv_1", 3, 3), f"{b}.tower_1.conv_2", 3, 3)
            pooled = c(self.mean_pool(x), f"{b}.tower_2.conv", 1, 1)
            x = np.concatenate([one, five, three, pooled], axis=1)
        one = c(x, "mixed_3.conv", 3, 3, 2, False)
        two = c(c(x, "mixed_3.tower.conv", 1, 1), "mixed_3.tower.conv_1", 3, 3)
        two = c(two, "mixed_3.tower.conv_2", 3, 3, 2, False)
        x = np.concatenate([one, two, self.max_pool(x, 2)], axis=1)
        assert x.shape[2:] == (17, 17)
        for b in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):
            one = c(x, f"{b}.conv", 1, 1)
            two = c(c(x, f"{b}.tower.conv", 1, 1), f"{b}.tower.conv_1", 1, 7)
            two = c(two, f"{b}.tower.conv_2", 7, 1)
            four = c(c(x, f"{b}.tower_1.conv", 1, 1), f"{b}.tower_1.conv_1", 7, 1)
            four = c(c(four, f"{b}.tower_1.conv_2", 1, 7), f"{b}.tower_1.conv_3", 7, 1)
            four = c(four, f"{b}.tower_1.conv_4", 1, 7)
            pooled = c(self.mean_pool(x), f"{b}.tower_2.conv", 1, 1)
            x = np.concatenate([one, two, four, pooled], axis=1)
        one = c(c(x, "mixed_8.tower.conv", 1, 1), "mixed_8.tower.conv_1", 3, 3, 2, False)
        two = c(c(x, "mixed_8.tower_1.conv", 1, 1), "mixed_8.tower_1.conv_1", 1, 7)
        two = c(c(two, "mixed_8.tower_1.conv_2", 7, 1), "mixed_8.tower_1.conv_3", 3, 3, 2, False)
        x = np.concatenate([one, two, self.max_pool(x, 2)], axis=1)
        assert x.shape[2:] == (8, 8)
        for b in ("mixed_9", "mixed_10"):
            one = c(x, f"{b}.conv", 1, 1)
            two = c(x, f"{b}.tower_conv", 1, 1)
            three = c(c(x, f"{b}.tower_1_conv", 1, 1), f"{b}.tower_1_conv_1", 3, 3)
            pooled = self.mean_pool(x) if b == "mixed_9" else self.max_pool(x, 1, same=True)
            branches = [
                one,
                c(two, f"{b}.tower_mixed_conv", 1, 3),
                c(two, f"{b}.tower_mixed_conv_1", 3, 1),
                c(three, f"{b}.tower_1_mixed_conv", 1, 3),
                c(three, f"{b}.tower_1_mixed_conv_1", 3, 1),
                c(pooled, f"{b}.tower_2_conv", 1, 1),
            ]
            x = np.concatenate(branches, axis=1)
        return x.mean(axis=(2, 3))


def resized(images):
    """Legacy resizing to 299 in float64, pixel by pixel from the definition."""

    def matrix(size):
        rows = np.zeros((299, size))
        for target in range(299):
            source = target * size / 299
            low = int(source)
            rows[target, low] += 1 - (source - low)
            rows[target, min(low + 1, size - 1)] += source - low
        return rows

    return np.einsum("yh,nhwc,xw->nyxc", matrix(images.shape[1]), images.astype("float64"), matrix(images.shape[2]))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A file of random weights, images of an odd size, and what the reference makes of them."""
    images = np.random.default_rng(1).integers(0, 256, (3, 20, 28, 3), dtype="uint8")
    images[1] //= 4
    reference = Reference()
    expected = reference(((resized(images) - 128) / 128).transpose(0, 3, 1, 2))
    path = tmp_path_factory.mktemp("inception") / "inception.npz"
    np.savez(path, **{key: value.astype("float32") for key, value in reference.weights.items()})
    return path, images, expected, InceptionFeatures(path)


def test_matches_an_independent_network(case):
    _, images, expected, extractor = case
    assert len(extractor.trunk.weights) == 2 * 94
    assert extractor.dimension == expected.shape[1]
    features = extractor.features(images)
    assert features.dtype == "float32"
    # Dead random features would agree with anything.
    assert (expected.std(axis=0) > 1e-3).mean() > 0.5
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_batches_do_not_matter(case):
    _, images, _, extractor = case
    one_by_one = extractor.features(images, batch_size=1)
    np.testing.assert_allclose(one_by_one, extractor.features(images, batch_size=2), rtol=1e-4, atol=1e-5)
    assert extractor.features(images[:0]).shape == (0, extractor.dimension)


def test_gray_is_repeated_to_three_channels(case):
    _, images, _, extractor = case
    gray = images[..., :1]
    np.testing.assert_allclose(
        extractor.features(gray), extractor.features(np.repeat(gray, 3, axis=-1)), rtol=1e-4, atol=1e-5
    )


def test_bfloat16_is_close_and_named(case):
    path, images, expected, extractor = case
    rough = InceptionFeatures(path, dtype="mixed_bfloat16")
    assert (rough.dtype, extractor.dtype) == ("mixed_bfloat16", "float32")
    for one, dtype in ((rough, "bfloat16"), (extractor, "float32")):
        assert one.trunk.get_layer("mixed_5_conv").compute_dtype == dtype
    error = np.abs(rough.features(images) - expected).mean() / expected.mean()
    assert 1e-5 < error < 0.1


def test_each_resizer_has_its_name_and_its_own_features(case):
    path, images, _, extractor = case
    clean = InceptionFeatures(path, resizer="clean")
    assert (extractor.resizer, clean.resizer) == ("tf1-bilinear", "pil-bicubic")
    assert np.abs(clean.features(images) - extractor.features(images)).max() > 1e-3
    with pytest.raises(ValueError, match="legacy, clean.*resizer='pil'"):
        InceptionFeatures(path, resizer="pil")


def test_logits_where_the_file_has_them(case, tmp_path):
    path, images, _, extractor = case
    assert extractor.classes is None and extractor.extract(images)[1] is None
    with pytest.raises(ValueError, match="must have class logits"):
        extractor.probabilities(images)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    matrix = np.random.default_rng(3).normal(size=(11, extractor.dimension)).astype("float32")
    np.savez(tmp_path / "with_logits.npz", **arrays, **{LOGITS: matrix})
    judge = InceptionFeatures(tmp_path / "with_logits.npz")
    features, logits = judge.extract(images, batch_size=2)
    assert judge.classes == 11 and judge.sha256 == extractor.sha256
    np.testing.assert_allclose(logits, features @ matrix.T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(judge.probabilities(images).sum(axis=1), 1, rtol=1e-6)


def test_the_hash_is_that_of_the_weights_not_of_the_file(case, tmp_path):
    path, _, _, extractor = case
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez_compressed(tmp_path / "again.npz", **dict(reversed(arrays.items())))
    assert InceptionFeatures(tmp_path / "again.npz").sha256 == extractor.sha256
    arrays["mixed_5.conv.beta"] = arrays["mixed_5.conv.beta"] + np.float32(1e-6)
    np.savez(tmp_path / "other.npz", **arrays)
    assert InceptionFeatures(tmp_path / "other.npz").sha256 != extractor.sha256


def test_errors(case, tmp_path):
    path, images, _, extractor = case
    with pytest.raises(FileNotFoundError, match="KERAS_GAN_ZOO_INCEPTION"):
        InceptionFeatures(tmp_path / "none.npz")
    with np.load(path) as file:
        np.savez(tmp_path / "partial.npz", **{k: file[k] for k in file.files if k != "mixed_5.conv.beta"})
    with pytest.raises(ValueError, match="mixed_5.conv.beta"):
        InceptionFeatures(tmp_path / "partial.npz")
    with pytest.raises(TypeError, match="float32"):
        extractor.features(images.astype("float32"))
    for wrong in (images[0], images[..., :2], images[:, :0]):
        with pytest.raises(ValueError, match="1 or 3"):
            extractor.features(wrong)
