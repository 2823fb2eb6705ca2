"""Self-attention against NumPy: the identity at its start, rows that sum to 1, and kernels of norm 1."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers.self_attention import SelfAttention


def maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(gamma=1.0, channels=16):
    keras.utils.set_random_seed(0)
    layer = SelfAttention()
    layer.build((None, None, None, channels))
    layer.gamma.assign(gamma)
    return layer


def expected(layer, x):
    """The layer in float64, by sums over places and keys."""
    kernel = {name: ops.convert_to_numpy(c.kernel)[0, 0].astype("float64") for name, c in layer.convolutions.items()}
    n, height, width, channels = x.shape
    places = x.astype("float64").reshape(n, -1, channels)

    def pooled(y):
        return y.reshape(n, height // 2, 2, width // 2, 2, -1).max(axis=(2, 4)).reshape(n, -1, y.shape[-1])

    queries, keys, values = places @ kernel["theta"], pooled(places @ kernel["phi"]), pooled(places @ kernel["g"])
    weights = np.exp(np.einsum("nqc,nkc->nqk", queries, keys))
    weights /= weights.sum(axis=2, keepdims=True)
    taken = np.einsum("nqk,nkc->nqc", weights, values) @ kernel["output"]
    return weights, (places + float(layer.gamma) * taken).reshape(x.shape)


@pytest.mark.parametrize("n", [1, 2])
def test_it_is_what_numpy_says(n):
    layer, x = built(0.7), maps(n, 4, 4, 16)
    weights, y = expected(layer, x)
    attention = ops.convert_to_numpy(layer.attention(ops.convert_to_tensor(x)))
    assert attention.shape == (n, 16, 4)
    np.testing.assert_allclose(attention, weights, atol=1e-5)
    np.testing.assert_allclose(attention.sum(axis=2), 1.0, rtol=1e-5)  # over keys, not over places
    assert np.abs(attention.sum(axis=1) - 4.0).max() > 0.1
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), y, atol=1e-5)
    assert np.abs(y - x).max() > 0.1


def test_it_begins_as_the_identity_which_gamma_alone_can_leave(gradients_of):
    layer, x = built(0.0), maps(2, 4, 4, 16)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), x)
    kernels = [convolution._kernel for convolution in layer.convolutions.values()]
    loss = lambda: ops.sum(ops.square(layer(x)))  # noqa: E731
    of_gamma, *of_kernels = gradients_of(loss, [layer.gamma, *kernels])
    assert abs(of_gamma) > 1e-2
    assert all(gradient is None or not gradient.any() for gradient in of_kernels)
    layer.gamma.assign(0.1)
    assert all(np.abs(gradient).max() > 1e-4 for gradient in gradients_of(loss, kernels))


def test_windows_may_change_places():
    layer, x = built(), maps(1, 4, 4, 16)
    windows = x.reshape(1, 2, 2, 2, 2, 16)
    moved = windows[:, ::-1, :, ::-1].reshape(x.shape)
    y = ops.convert_to_numpy(layer(x)).reshape(windows.shape)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(moved)), y[:, ::-1, :, ::-1].reshape(x.shape), atol=1e-5)


def test_samples_do_not_look_at_each_other():
    layer, x = built(), maps(3, 4, 4, 16)
    assert layer.mixes_samples is False
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x))[1:2], ops.convert_to_numpy(layer(x[1:2])), atol=1e-5)


def test_all_kernels_have_norm_one_and_follow_training():
    layer = built()
    assert list(layer.convolutions) == ["theta", "phi", "g", "output"]
    assert [c.filters for c in layer.convolutions.values()] == [2, 2, 8, 16]
    before = [ops.convert_to_numpy(c.v).copy() for c in layer.convolutions.values()]
    for convolution in layer.convolutions.values():
        convolution._kernel.assign(np.random.default_rng(0).normal(size=convolution._kernel.shape))
    for _ in range(200):
        layer(maps(1, 4, 4, 16), training=True)
    for convolution, v in zip(layer.convolutions.values(), before, strict=True):
        largest = np.linalg.svd(ops.convert_to_numpy(convolution.kernel)[0, 0], compute_uv=False)[0]
        assert largest == pytest.approx(1.0, abs=1e-3) and not convolution.use_bias
        assert not np.array_equal(v, ops.convert_to_numpy(convolution.v))


@pytest.mark.parametrize("shape", [(7, 5, 4), (1, 1, 3)])
def test_few_channels_and_odd_sides(shape):
    layer, x = built(channels=shape[-1]), maps(2, *shape)
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == x.shape == layer.compute_output_shape(x.shape) and np.abs(y - x).max() > 1e-3


def test_it_comes_back_from_a_file(tmp_path):
    x = keras.Input((4, 4, 16))
    model = keras.Model(x, SelfAttention(name="attention")(x))
    model.get_layer("attention").gamma.assign(0.5)
    model.save(tmp_path / "model.keras")
    again, data = keras.saving.load_model(tmp_path / "model.keras"), maps(2, 4, 4, 16)
    np.testing.assert_array_equal(ops.convert_to_numpy(again(data)), ops.convert_to_numpy(model(data)))
