"""Layers of style-based networks, against what they stand for written out in NumPy."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.layers.equalized import EqualizedConv2D, EqualizedDense, scaled_leaky_relu
from keras_gan_zoo.layers.minibatch_deviation import MinibatchDeviation
from keras_gan_zoo.layers.style import AveragedStyles, Blur, LearnedMap, ModulatedConv2D, PixelNoise


def array(x):
    return ops.convert_to_numpy(x)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def modulated(x, styles, **options):
    layer = ModulatedConv2D(5, 3, 1, **options)
    layer.build((x.shape, styles.shape))
    layer.bias.assign(normal(5, seed=3))
    return layer, array(layer([x, styles]))


@pytest.mark.parametrize("demodulates", [True, False])
def test_a_modulated_convolution_has_a_kernel_for_each_image(demodulates):
    x, styles = normal(3, 6, 4, 2), normal(3, 2, 7, seed=1)
    layer, y = modulated(x, styles, demodulates=demodulates)
    scales = array(layer.affine(styles[:, 1]))
    assert np.abs(scales - array(layer.affine(styles[:, 0]))).max() > 0.1
    for i in range(3):
        kernel = array(layer.kernel) / math.sqrt(3 * 3 * 2) * scales[i][None, None, :, None]
        if demodulates:
            kernel = kernel / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-8)
        expected = array(ops.conv(x[i : i + 1], kernel.astype("float32"), padding="same")) + array(layer.bias)
        np.testing.assert_allclose(y[i : i + 1], expected, rtol=1e-4, atol=1e-5)


def test_demodulated_outputs_keep_the_variance():
    x, styles = normal(2, 16, 16, 64), normal(2, 2, 7, seed=1)
    layer = ModulatedConv2D(256, 3, 0)
    y = array(layer([x, styles]))[:, 1:-1, 1:-1]
    assert y.std() == pytest.approx(1.0, abs=0.05)
    plain = ModulatedConv2D(256, 3, 0, demodulates=False)
    plain.build((x.shape, styles.shape))
    plain.set_weights(layer.get_weights())
    assert abs(array(plain([x, 3 * styles])).std() - 1.0) > 0.3


def test_it_climbs_as_zeros_between_the_pixels_do():
    x, styles = normal(2, 4, 3, 2), normal(2, 2, 7, seed=1)
    layer, y = modulated(x, styles, climbs=True, demodulates=False)
    assert y.shape == (2, 9, 7, 5) == layer.compute_output_shape([(2, 4, 3, 2), None])
    apart = np.zeros((2, 11, 9, 2), "float32")
    apart[:, 2:-1:2, 2:-1:2] = x * array(layer.affine(styles[:, 1]))[:, None, None, :]
    turned = array(layer.kernel)[::-1, ::-1] / math.sqrt(3 * 3 * 2)
    expected = array(ops.conv(apart, turned.copy(), padding="valid"))[:, :9, :7] + array(layer.bias)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_blur_is_the_filter_along_both_sides():
    x = normal(1, 6, 5, 2)
    taps = np.array([1, 3, 3, 1]) / 8
    padded = np.pad(x, ((0, 0), (2, 1), (1, 1), (0, 0)))
    layer = Blur(padding=((2, 1), (1, 1)), gain=4.0)
    y = array(layer(x))
    assert y.shape == (1, 6, 4, 2) == layer.compute_output_shape(x.shape)
    expected = 4 * sum(a * b * padded[:, i : i + 6, j : j + 4] for i, a in enumerate(taps) for j, b in enumerate(taps))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    # A map of one value keeps it, away from the borders.
    np.testing.assert_allclose(array(Blur()(np.ones((1, 8, 8, 1), "float32")))[:, 1:-1, 1:-1], 1.0, rtol=1e-6)


def test_noise_has_no_part_at_first_and_is_cut_in_order():
    x, noise = np.zeros((2, 3, 2, 4), "float32"), normal(2, 9)
    layer = PixelNoise(2)
    np.testing.assert_array_equal(array(layer([x, noise])), x)
    layer.strength.assign(0.5)
    expected = np.broadcast_to(0.5 * noise[:, 2:8].reshape(2, 3, 2, 1), x.shape)
    np.testing.assert_allclose(array(layer([x, noise])), expected, rtol=1e-6)


@pytest.mark.parametrize("lr_multiplier", [1.0, 0.01])
def test_equalized_layers_scale_what_they_train(lr_multiplier):
    keras.utils.set_random_seed(0)
    dense = EqualizedDense(200, lr_multiplier=lr_multiplier)
    x = normal(2, 50)
    dense.build(x.shape)
    dense._bias.assign(normal(200, seed=1))
    kernel, bias = dense.get_weights()
    assert kernel.std() * lr_multiplier == pytest.approx(1.0, abs=0.03)
    expected = x @ kernel * lr_multiplier / math.sqrt(50) + bias * lr_multiplier
    np.testing.assert_allclose(array(dense(x)), expected, rtol=1e-4, atol=1e-5)
    convolution = EqualizedConv2D(3, 3, padding="same", lr_multiplier=lr_multiplier)
    y = array(convolution(normal(1, 4, 4, 7)))
    plain = keras.layers.Conv2D(3, 3, padding="same")
    plain.build((1, 4, 4, 7))
    plain.set_weights([convolution.get_weights()[0] * lr_multiplier / math.sqrt(3 * 3 * 7), np.zeros(3, "float32")])
    np.testing.assert_allclose(array(plain(normal(1, 4, 4, 7))), y, rtol=1e-4, atol=1e-5)
    again = EqualizedDense.from_config(dense.get_config())
    assert again.lr_multiplier == lr_multiplier


def test_the_activation_keeps_the_mean_square():
    # E max(x, 0.2 x)^2 = (1 + 0.04) / 2 for x ~ N(0, 1).
    assert (array(scaled_leaky_relu(normal(100_000))) ** 2).mean() == pytest.approx(1.04, abs=0.02)


def test_the_deviation_of_a_minibatch():
    x = np.arange(16, dtype="float32").reshape(4, 2, 2, 1)
    y = array(MinibatchDeviation(4)(x))
    np.testing.assert_array_equal(y[..., :1], x)
    np.testing.assert_allclose(y[..., 1], math.sqrt(20), rtol=1e-6)
    # Two groups: the images 0 and 2, and the images 1 and 3.
    x[2] = x[0]
    y = array(MinibatchDeviation(2)(x))[:, 0, 0, 1]
    np.testing.assert_allclose(y, [1e-4, 4.0, 1e-4, 4.0], rtol=1e-5)
    # A group divides the batch: of 3 images it is all.
    assert array(MinibatchDeviation(2)(x[1:]))[0, 0, 0, 1] == pytest.approx(1e-4)
    assert array(MinibatchDeviation(4)(x[1:]))[0, 0, 0, 1] > 1


def test_styles_are_averaged_in_training_alone():
    layer = AveragedStyles(momentum=0.75)
    styles = normal(4, 3)
    np.testing.assert_array_equal(array(layer(styles)), styles)
    np.testing.assert_array_equal(array(layer.average), 0)
    np.testing.assert_array_equal(array(layer(styles, training=True)), styles)
    np.testing.assert_allclose(array(layer.average), styles.mean(axis=0) / 4, rtol=1e-5)
    center = array(layer.average)
    np.testing.assert_allclose(array(layer.truncated(styles, 0.5)), (styles + center) / 2, rtol=1e-5, atol=1e-6)


def test_a_learned_map_is_the_same_for_all():
    y = array(LearnedMap((2, 3, 4))(normal(5, 7)))
    assert y.shape == (5, 2, 3, 4) and (y == y[0]).all() and y.std() > 0.5
