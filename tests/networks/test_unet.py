"""The U-Net of pix2pix: the paper's sizes, its skips, its dropout, and the sides that it takes."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.networks.unet import unet_generator


def parameters(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def images(shape, n=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def made(network, x, **options):
    return ops.convert_to_numpy(network(x, **options))


@pytest.fixture(scope="module")
def paper():
    keras.utils.set_random_seed(0)
    return unet_generator((256, 256, 3), 3)


def test_parameters_are_the_papers(paper):
    assert parameters(paper) == 54_413_955
    assert parameters(unet_generator((128, 128, 3), 3, norm="batch")) == 41_828_995


def test_layers_are_the_papers(paper):
    down = [layer for layer in paper.layers if isinstance(layer, layers.Conv2D) and "Transpose" not in type(layer).__name__]
    up = [layer for layer in paper.layers if isinstance(layer, layers.Conv2DTranspose)]
    assert [layer.filters for layer in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [layer.filters for layer in up] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert {(layer.kernel_size, layer.strides) for layer in down + up} == {((4, 4), (2, 2))}
    assert [layer.name for layer in down + up if layer.use_bias] == ["pixels"]
    normed = [layer.name.removesuffix("_norm") for layer in paper.layers if layer.name.endswith("_norm")]
    assert normed == [f"down_{i}" for i in range(2, 8)] + [f"up_{i}" for i in range(7, 0, -1)]
    dropped = [layer for layer in paper.layers if isinstance(layer, layers.Dropout)]
    assert [(layer.name, layer.rate) for layer in dropped] == [(f"up_{i}_dropout", 0.5) for i in (7, 6, 5)]
    # Dropout comes after the norm, and before the skip is joined.
    assert dropped[0].input._keras_history.operation.name == "up_7_norm"
    assert paper.get_layer("up_7_and_down_7").output.shape[1:] == (2, 2, 1024)
    assert paper.get_layer("down_8").output.shape[1:] == (1, 1, 512)
    assert {layer.negative_slope for layer in paper.layers if isinstance(layer, layers.LeakyReLU)} == {0.2}
    assert paper.layers[-1].activation is keras.activations.tanh


def test_weights_are_drawn_with_a_deviation_of_002(paper):
    for layer in paper.layers:
        if layer.name.endswith("_norm"):
            gamma = ops.convert_to_numpy(layer.gamma)
            assert gamma.mean() == pytest.approx(1.0, abs=4 * 0.02 / np.sqrt(gamma.size))
            assert layer.epsilon == 1e-5
        elif layer.trainable_variables:
            assert ops.convert_to_numpy(layer.kernel).std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("shape, channels", [((16, 16, 1), 3), ((64, 64, 3), 1), ((32, 64, 4), 4), ((4, 4, 3), 3)])
def test_powers_of_two_go_down_to_one_pixel(shape, channels):
    network = unet_generator(shape, channels, width=4)
    y = made(network, images(shape))
    assert y.shape == (2, *shape[:2], channels) and np.abs(y).max() <= 1
    depth = min(shape[:2]).bit_length() - 1
    bottleneck = network.get_layer(f"down_{depth}").output.shape[1:]
    assert min(bottleneck[:2]) == 1 and bottleneck[2] == 4 * min(2 ** (depth - 1), 8)


def test_fewer_halvings_leave_more_pixels():
    network = unet_generator((48, 80, 3), 3, width=4, depth=3)
    assert network.get_layer("down_3").output.shape[1:] == (6, 10, 16)
    assert made(network, images((48, 80, 3))).shape == (2, 48, 80, 3)


def cut(network, bottleneck=False, skips=False):
    """The network without what passes the bottleneck, or without what passes by it: the weights that read it are 0."""
    if bottleneck:
        kernel = network.get_layer("down_4").kernel
        kernel.assign(np.zeros(kernel.shape))
    for name in ("up_2", "up_1", "pixels") if skips else ():
        kernel = network.get_layer(name).kernel
        values = ops.convert_to_numpy(kernel).copy()
        # The channels of the decoder's own map come first.
        values[..., values.shape[-1] // 2 :] = 0.0
        kernel.assign(values)
    return network


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("skips", [False, True])
def test_what_the_images_share_passes_by_the_bottleneck(bottleneck, skips):
    keras.utils.set_random_seed(0)
    network = cut(unet_generator((16, 16, 3), 3, width=4, norm=None), bottleneck, skips)
    first, second = (made(network, images((16, 16, 3), 1, seed)) for seed in (0, 1))
    # Without both ways, it cannot know what it was given.
    assert np.abs(first - second).max() == 0.0 if bottleneck and skips else np.abs(first - second).max() > 1e-3


def test_without_dropout_or_in_inference_nothing_is_drawn():
    x = images((16, 16, 3))
    network = unet_generator((16, 16, 3), 3, width=4)
    np.testing.assert_array_equal(made(network, x, training=False), made(network, x, training=False))
    assert np.abs(made(network, x, training=True) - made(network, x, training=True)).max() > 1e-4
    network = unet_generator((16, 16, 3), 3, width=4, dropout=0.0)
    assert not any(isinstance(layer, layers.Dropout) for layer in network.layers)
    # Instance norm knows no training mode.
    np.testing.assert_array_equal(made(network, x, training=True), made(network, x, training=False))


def test_dropout_is_seeded_by_what_seeds_python():
    def seeds():
        keras.utils.set_random_seed(3)
        network = unet_generator((16, 16, 3), 3, width=4)
        return [layer.seed for layer in network.layers if isinstance(layer, layers.Dropout)]

    assert seeds() == seeds() and len(set(seeds())) == 3 and None not in seeds()


@pytest.mark.parametrize("norm", ["instance", "batch", None])
def test_only_batch_norm_in_training_lets_images_influence_each_other(norm):
    network = unet_generator((16, 16, 3), 3, width=4, norm=norm, dropout=0.0)
    x = images((16, 16, 3), 2)
    other = x.copy()
    other[1] *= -0.5
    for training in (True, False):
        change = np.abs(made(network, x, training=training)[0] - made(network, other, training=training)[0]).max()
        assert change > 1e-3 if norm == "batch" and training else change < 1e-6


def test_instance_norm_has_the_statistics_of_one_image():
    network = unet_generator((16, 16, 3), 3, width=4)
    x = images((16, 16, 3), 2)
    before, after = (
        ops.convert_to_numpy(keras.Model(network.inputs[0], network.get_layer(name).output)(x))
        for name in ("down_2", "down_2_norm")
    )
    gamma = ops.convert_to_numpy(network.get_layer("down_2_norm").gamma)
    mean, variance = before.mean(axis=(1, 2), keepdims=True), before.var(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(after, (before - mean) / np.sqrt(variance + 1e-5) * gamma, atol=1e-4)


def test_it_is_built_again_from_its_configuration():
    network = unet_generator((16, 16, 3), 3, width=4)
    copy = keras.Model.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    x = images((16, 16, 3))
    np.testing.assert_array_equal(made(copy, x), made(network, x))


@pytest.mark.parametrize(
    "shape, options, message",
    [
        (
            (48, 48, 3),
            {},
            "The sides of source_shape must be powers of 2 of at least 4, which can be halved down to one pixel. Received: "
            "source_shape=(48, 48, 3). Fix: sides such as (64, 64), or depth=4 for a larger bottleneck.",
        ),
        ((64, 96, 3), {}, "or depth=5"),
        ((50, 50, 3), {}, "such as (64, 64)."),
        ((2, 2, 3), {}, "Fix: sides such as (64, 64)."),
        ((64, 64, 3), {"depth": 7}, "depth must be an integer from 2 to 6 for source_shape=(64, 64, 3). Received: depth=7."),
        ((64, 64, 3), {"depth": 1}, "Received: depth=1."),
        ((64, 64, 3), {"depth": 2.0}, "Received: depth=2.0."),
        ((50, 50, 3), {"depth": 2}, "must be multiples of 4. Received: depth=2."),
        (
            (64, 64),
            {},
            "must be (height, width, channels), such as (256, 256, 3). Received: source_shape=(64, 64).",
        ),
        (64, {}, "Received: source_shape=64."),
        ((64, 64.0, 3), {}, "Received: source_shape=(64, 64.0, 3)."),
        ((64, 64, 3), {"norm": "layer"}, "norm must be 'instance', 'batch' or None. Received: norm='layer'."),
    ],
)
def test_what_is_not_possible_is_said(shape, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        unet_generator(shape, 3, **options)
