"""The residual translator: sizes, residual blocks that begin as what they are given, and mirrored borders."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers.reflection_padding import ReflectionPadding2D
from keras_gan_zoo.networks.resnet_translator import resnet_translator


def images(shape, n=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


@pytest.mark.parametrize("side, blocks, quoted", [(256, 9, 11_378_179), (128, 6, 7_837_699)])
def test_parameters_are_the_papers(side, blocks, quoted):
    network = resnet_translator((side, side, 3), 3)
    assert sum(layer.name.endswith("_sum") for layer in network.layers) == blocks
    # The figures that are quoted have a bias in each layer, which the norm after it takes away; here that has a scale and an
    # offset.
    normed = [layer.gamma.shape[0] for layer in network.layers if layer.name.endswith("_norm")]
    assert len(normed) == 5 + 2 * blocks
    assert network.count_params() - sum(normed) == quoted


def test_layers_are_the_papers():
    network = resnet_translator((32, 32, 1), 3, width=4, blocks=2)
    kernels = [layer for layer in network.layers if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose))]
    assert [(layer.filters, layer.kernel_size[0], layer.strides[0]) for layer in kernels] == [
        (4, 7, 1), (8, 3, 2), (16, 3, 2), (16, 3, 1), (16, 3, 1), (16, 3, 1), (16, 3, 1), (8, 3, 2), (4, 3, 2), (3, 7, 1),
    ]  # fmt: skip
    mirrors = [(layer.name, layer.padding) for layer in network.layers if isinstance(layer, ReflectionPadding2D)]
    blocks = [(f"block_{i}{part}_pad", 1) for i in (1, 2) for part in "ab"]
    assert mirrors == [("first_pad", 3), *blocks, ("pixels_pad", 3)]
    # No activation after the sum: the next block takes it as it is.
    assert network.get_layer("block_2a_pad").input._keras_history.operation.name == "block_1_sum"
    y = ops.convert_to_numpy(network(images((32, 32, 1))))
    assert y.shape == (2, 32, 32, 3) and np.abs(y).max() <= 1


def test_a_block_adds_to_what_it_is_given():
    network = resnet_translator((16, 16, 1), 1, width=2, blocks=1, norm=None)
    kernel, *_ = network.get_layer("block_1b").weights
    kernel.assign(np.zeros(kernel.shape))
    before, after = (
        keras.Model(network.inputs[0], network.get_layer(name).output)(images((16, 16, 1)))
        for name in ("down_2_relu", "block_1_sum")
    )
    np.testing.assert_array_equal(ops.convert_to_numpy(before), ops.convert_to_numpy(after))


def test_a_block_sees_no_border():
    # Of a constant map a convolution makes a constant one, unless zeros beyond the border tell where that is.
    network = resnet_translator((16, 16, 1), 1, width=2, blocks=1, norm=None)
    start = network.get_layer("block_1a_pad")
    x = keras.Input(start.input.shape[1:])
    y = network.get_layer("block_1b")(network.get_layer("block_1b_pad")(network.get_layer("block_1a")(start(x))))
    made = ops.convert_to_numpy(keras.Model(x, y)(np.ones((1, 4, 4, 8), "float32")))
    assert np.ptp(made, axis=(1, 2)).max() < 1e-6 and np.abs(made).max() > 1e-3


def test_reflection_padding_is_numpys():
    x = images((5, 4, 3))
    layer = ReflectionPadding2D(3)
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(y, np.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect"))
    assert layer.compute_output_shape((None, 5, 4, 3)) == (None, 11, 10, 3)
    assert ReflectionPadding2D.from_config(layer.get_config()).padding == 3


def test_dropout_is_inside_of_the_blocks():
    network = resnet_translator((16, 16, 1), 1, width=2, blocks=2, dropout=0.5)
    dropped = [layer for layer in network.layers if isinstance(layer, layers.Dropout)]
    assert [layer.name for layer in dropped] == ["block_1_dropout", "block_2_dropout"]
    assert all(layer.rate == 0.5 and layer.seed is not None for layer in dropped)
    assert not any(isinstance(layer, layers.Dropout) for layer in resnet_translator((16, 16, 1), 1, width=2).layers)


@pytest.mark.parametrize(
    "shape, options, message",
    [
        (
            (30, 32, 3),
            {},
            "must be multiples of 4, at least 8. Received: source_shape=(30, 32, 3).",
        ),
        ((4, 32, 3), {}, "at least 8. Received: source_shape=(4, 32, 3)."),
        (
            (32, 32),
            {},
            "must be (height, width, channels), such as (256, 256, 3). Received: source_shape=(32, 32).",
        ),
        ((32, 32, 3), {"blocks": -1}, "blocks must be an integer of at least 0, or None. Received: blocks=-1."),
        ((32, 32, 3), {"norm": "layer"}, "Received: norm='layer'."),
    ],
)
def test_what_is_not_possible_is_said(shape, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        resnet_translator(shape, 3, width=2, **options)
