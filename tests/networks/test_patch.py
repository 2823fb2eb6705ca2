"""The PatchGAN: how far a score sees, how many there are, and which sizes leave none."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.networks.patch import patch_discriminator


def parameters(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def positive(network):
    """The network with positive weights throughout, so that nothing cancels."""
    network.set_weights([np.abs(weight) + 1e-3 for weight in network.get_weights()])
    return network


def field(network, row, column, differentiate):
    """(first row, last row, first column, last column) of the pixels that one score depends on."""
    shape = (1, *network.input_shape[1:])
    _, (gradient,) = differentiate(lambda x: network(x)[0, row, column, 0], np.ones(shape, "float32"))
    rows, columns = (np.flatnonzero(np.abs(gradient).sum(axis=axes)) for axes in ((0, 2, 3), (0, 1, 3)))
    return rows[0], rows[-1], columns[0], columns[-1]


def changed(network, layer, **options):
    """The network with other options of a layer."""
    config = network.get_config()
    for entry in config["layers"]:
        if entry["name"] == layer:
            entry["config"].update(options)
    return keras.Model.from_config(config)


def test_a_score_sees_70_pixels(differentiate):
    network = positive(patch_discriminator([(256, 256, 1)], width=2, norm=None))
    assert network.output_shape[1:] == (30, 30, 1)
    assert field(network, 15, 15, differentiate) == (97, 166, 97, 166)
    assert field(network, 15, 12, differentiate) == (97, 166, 73, 142)


@pytest.mark.parametrize("patch_layers, side", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_sides_of_patches(patch_layers, side, differentiate):
    network = positive(patch_discriminator([(192, 192, 1)], width=1, patch_layers=patch_layers, norm=None))
    middle = network.output_shape[1] // 2
    first, last, *_ = field(network, middle, middle, differentiate)
    assert last - first + 1 == side


def test_other_layers_see_otherwise(differentiate):
    # The mistakes of the specification, each seen by the two tests above.
    network = patch_discriminator([(256, 256, 1)], width=1, norm=None)
    same = changed(changed(network, "local_pad", padding=((1, 2), (1, 2))), "score_pad", padding=((1, 2), (1, 2)))
    assert same.output_shape[1] == 32
    first, last, *_ = field(positive(changed(network, "local", strides=(2, 2))), 8, 8, differentiate)
    assert last - first + 1 == 94
    small = network
    for name in ("down_1", "down_2", "down_3", "local", "score"):
        small = changed(small, name, kernel_size=(3, 3))
    first, last, *_ = field(positive(small), 15, 15, differentiate)
    assert last - first + 1 < 70


@pytest.mark.parametrize("side, scores", [(256, 30), (128, 14), (64, 6), (24, 1)])
def test_how_many_scores(side, scores):
    assert patch_discriminator([(side, side, 3)], width=1).output_shape == (None, scores, scores, 1)


def test_parameters_are_the_papers():
    for norm in ("instance", "batch"):
        network = patch_discriminator([(256, 256, 3), (256, 256, 3)], norm=norm)
        assert parameters(network) == 2_768_705
    # CycleGAN's, which is quoted with biases in place of the scale and the offset of a norm.
    channels = 128 + 256 + 512
    assert parameters(patch_discriminator([(256, 256, 3)])) - channels == 2_764_737


def test_layers_are_the_papers():
    network = patch_discriminator([(64, 64, 3)])
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [64, 128, 256, 512, 1]
    assert [layer.strides[0] for layer in convolutions] == [2, 2, 2, 1, 1]
    assert [layer.use_bias for layer in convolutions] == [True, False, False, False, True]
    normed = [layer.name for layer in network.layers if layer.name.endswith("_norm")]
    assert normed == ["down_2_norm", "down_3_norm", "local_norm"]
    assert {layer.negative_slope for layer in network.layers if isinstance(layer, layers.LeakyReLU)} == {0.2}
    wide = patch_discriminator([(96, 96, 3)], patch_layers=5, width=2)
    assert [layer.filters for layer in wide.layers if isinstance(layer, layers.Conv2D)] == [2, 4, 8, 16, 16, 16, 1]


def test_weights_are_drawn_with_a_deviation_of_002():
    keras.utils.set_random_seed(0)
    for layer in patch_discriminator([(64, 64, 3)], width=32).layers:
        if isinstance(layer, layers.Conv2D):
            assert ops.convert_to_numpy(layer.kernel).std() == pytest.approx(0.02, rel=0.1)


def test_conditions_come_after_the_image():
    keras.utils.set_random_seed(0)
    network = patch_discriminator([(24, 32, 3), (24, 32, 1)], width=2, patch_layers=1)
    rng = np.random.default_rng(0)
    image, condition, other = (rng.normal(size=(2, 24, 32, c)).astype("float32") for c in (3, 1, 1))
    scores = ops.convert_to_numpy(network([image, condition]))
    assert scores.shape == (2, 10, 14, 1)
    assert np.abs(scores - ops.convert_to_numpy(network([image, other]))).max() > 1e-3


@pytest.mark.parametrize(
    "shapes, options, message",
    [
        ([(64, 64, 3)], {"patch_layers": 0}, "patch_layers must be an integer from 1 to 5. Received: patch_layers=0."),
        ([(64, 64, 3)], {"patch_layers": 6}, "Received: patch_layers=6."),
        ([(64, 64, 3)], {"patch_layers": 2.0}, "Received: patch_layers=2.0."),
        (
            [(64, 16, 3)],
            {},
            "The sides of the images must be at least 24 for patch_layers=3, or no score is left. Received: images of "
            "(64, 16). Fix: fewer patch_layers, or larger images.",
        ),
        ([(64, 64, 3), (32, 32, 3)], {}, "Images that are judged together must have one size. Received: shapes="),
        (
            [(64, 64, 3), (64, 64)],
            {},
            "shapes[1] must be (height, width, channels), such as (256, 256, 3).",
        ),
        ([(64, 64, 3)], {"norm": "spectral"}, "norm must be 'instance', 'batch' or None. Received: norm='spectral'."),
    ],
)
def test_what_is_not_possible_is_said(shapes, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        patch_discriminator(shapes, width=1, **options)
