"""The strided convolutional networks: parameter counts, shapes, initial weights, batch norm."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import SNConv2D, SNConv2DTranspose, SNDense
from keras_gan_zoo.networks import dcgan_discriminator, dcgan_generator
from keras_gan_zoo.networks.dcgan import ladder

SPECTRAL = (SNDense, SNConv2D, SNConv2DTranspose)
NORMS = (layers.BatchNormalization, layers.LayerNormalization)


def trainable_parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def latents(n=4, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype("float32")


def normalized_layers(model, kind):
    """Names of the layers whose outputs a normalization of this kind takes in."""
    names = [layer.name for layer in model.layers if isinstance(layer, kind)]
    return [name.removesuffix("_norm") for name in names]


@pytest.fixture(scope="module")
def paper():
    keras.utils.set_random_seed(0)
    return dcgan_generator((64, 64, 3), 100), dcgan_discriminator((64, 64, 3))


def test_parameters_of_the_64x64_reference(paper):
    generator, discriminator = paper
    assert trainable_parameters(generator) == 3_576_704
    assert trainable_parameters(discriminator) == 2_765_568
    for network in paper:
        assert not any(layer.use_bias for layer in network.layers if hasattr(layer, "use_bias"))


def test_channels_double_at_each_halving(paper):
    generator, discriminator = paper
    down = [layer.output.shape[1:] for layer in discriminator.layers if isinstance(layer, layers.Conv2D)]
    assert down == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]
    up = [layer.output.shape[1:] for layer in generator.layers if isinstance(layer, layers.Conv2DTranspose)]
    assert up == [(8, 8, 256), (16, 16, 128), (32, 32, 64), (64, 64, 3)]
    assert generator.get_layer("base_map").output.shape[1:] == (4, 4, 512)


def test_initial_weights_are_drawn_with_a_deviation_of_002(paper):
    for network in paper:
        for layer in network.layers:
            if isinstance(layer, layers.BatchNormalization):
                gamma = ops.convert_to_numpy(layer.gamma)
                assert gamma.mean() == pytest.approx(1.0, abs=4 * 0.02 / np.sqrt(gamma.size))
                assert gamma.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * gamma.size))
                np.testing.assert_array_equal(ops.convert_to_numpy(layer.beta), 0.0)
            elif layer.trainable_variables:
                kernel = ops.convert_to_numpy(layer.kernel)
                assert kernel.std() == pytest.approx(0.02, rel=max(0.03, 4 / np.sqrt(2 * kernel.size)))
                assert abs(kernel.mean()) < 4 * 0.02 / np.sqrt(kernel.size)


def test_batch_norm_is_everywhere_but_at_pixels_and_score(paper):
    generator, discriminator = paper
    batch = layers.BatchNormalization
    assert normalized_layers(generator, batch) == ["base", "up_8x8", "up_16x16", "up_32x32"]
    assert normalized_layers(discriminator, batch) == ["down_16x16", "down_8x8", "down_4x4"]
    for network in paper:
        for layer in network.layers:
            if isinstance(layer, batch):
                assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


def test_activations(paper):
    generator, discriminator = paper
    assert all(layer.negative_slope == 0.2 for layer in discriminator.layers if isinstance(layer, layers.LeakyReLU))
    assert sum(isinstance(layer, layers.LeakyReLU) for layer in discriminator.layers) == 4
    assert sum(isinstance(layer, layers.ReLU) for layer in generator.layers) == 4
    assert generator.layers[-1].activation is keras.activations.tanh
    assert discriminator.layers[-1].activation is keras.activations.linear


def test_a_hard_tanh_reaches_black_and_white():
    soft, hard = (
        dcgan_generator((16, 16, 1), 8, width=4, norm=None, output_activation=name) for name in ("tanh", "hard_tanh")
    )
    hard.set_weights(soft.get_weights())
    of_soft, of_hard = (ops.convert_to_numpy(generator(4 * latents())) for generator in (soft, hard))
    np.testing.assert_allclose(of_hard, np.clip(np.arctanh(of_soft), -1, 1), atol=1e-5)
    assert {of_hard.min(), of_hard.max()} == {-1.0, 1.0} and np.abs(of_soft).max() < 1
    with pytest.raises(
        ValueError, match="output_activation must be 'tanh', 'hard_tanh' or None. Received: output_activation='relu'."
    ):
        dcgan_generator((16, 16, 1), 8, output_activation="relu")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(28, 28), (48, 48), (96, 96), (48, 32), (27, 13), (8, 8)])
def test_any_size_and_channels(size, channels):
    shape = (*size, channels)
    generator = dcgan_generator(shape, 8, width=4)
    discriminator = dcgan_discriminator(shape, width=4)
    images = generator(latents())
    assert images.shape == (4, *shape)
    assert np.abs(ops.convert_to_numpy(images)).max() <= 1.0
    assert discriminator(images).shape == (4, 1)


@pytest.mark.parametrize("kernel_size", [4, 5])
@pytest.mark.parametrize("norm", ["batch", "layer", "spectral", None])
def test_options_build_and_stay_in_range(norm, kernel_size):
    options = {"width": 4, "norm": norm, "kernel_size": kernel_size, "hidden": 6}
    generator = dcgan_generator((14, 14, 1), 8, **options)
    discriminator = dcgan_discriminator((14, 14, 1), **options)
    generator.set_weights([10.0 * weight for weight in generator.get_weights()])
    images = ops.convert_to_numpy(generator(latents()))
    assert images.shape == (4, 14, 14, 1) and np.abs(images).max() <= 1.0
    assert discriminator(images).shape == (4, 1)
    for network in (generator, discriminator):
        kinds = [kind for kind in NORMS if normalized_layers(network, kind)]
        assert kinds == {"batch": [NORMS[0]], "layer": [NORMS[1]]}.get(norm, [])
        kernels = [layer for layer in network.layers if hasattr(layer, "use_bias")]
        assert all(isinstance(layer, SPECTRAL) == (norm == "spectral") for layer in kernels)
        biased = [layer.use_bias for layer in network.layers if hasattr(layer, "use_bias")]
        assert all(biased) if norm != "batch" else not any(biased)


def test_the_ladder_halves_and_rounds_up():
    assert ladder((28, 28, 1), 7) == [(28, 28), (14, 14), (7, 7)]
    assert ladder((28, 28, 1), 4) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert ladder((48, 20, 3), 7) == [(48, 20), (24, 10), (12, 5), (6, 3)]
    deep = dcgan_generator((28, 28, 1), 8, width=4, base_size=4)
    assert deep.get_layer("base_map").output.shape[1:] == (4, 4, 16)
    assert deep.get_layer("up_7x7_crop").output.shape[1:] == (7, 7, 8)


@pytest.mark.parametrize("norm", ["batch", None])
def test_only_batch_norm_in_training_lets_samples_influence_each_other(norm):
    keras.utils.set_random_seed(0)
    generator = dcgan_generator((16, 16, 1), 8, width=4, norm=norm)
    discriminator = dcgan_discriminator((16, 16, 1), width=4, norm=norm)
    images = np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 1)).astype("float32")
    for network, first in ((generator, latents()), (discriminator, images)):
        second = first.copy()
        second[3] *= -3.0
        for training in (True, False):
            change = network(first, training=training)[0] - network(second, training=training)[0]
            change = np.abs(ops.convert_to_numpy(change)).max()
            assert change > 1e-5 if norm == "batch" and training else change < 1e-7


def test_without_normalization_kernels_keep_the_scale():
    keras.utils.set_random_seed(0)
    discriminator = dcgan_discriminator((32, 32, 1), width=16, norm=None)
    x = np.random.default_rng(2).normal(size=(8, 32, 32, 1)).astype("float32")
    features = keras.Model(discriminator.inputs[0], discriminator.get_layer("flatten").output)(x)
    assert 0.1 < ops.convert_to_numpy(features).std() < 10.0


def test_classes_add_a_label_input():
    generator = dcgan_generator((16, 16, 1), 8, width=4, num_classes=5)
    discriminator = dcgan_discriminator((16, 16, 1), width=4, num_classes=5, norm=None)
    labels = ops.convert_to_tensor(np.array([0, 1, 4, 2], "int32"))
    images = generator([ops.convert_to_tensor(latents()), labels])
    assert images.shape == (4, 16, 16, 1)
    assert discriminator([images, labels]).shape == (4, 1)
    assert discriminator.get_layer("map_and_label").output.shape[1:] == (4, 4, 8 + 5)


def test_images_that_could_not_be_halved_are_refused():
    for build in (lambda: dcgan_generator((7, 7, 1), 8), lambda: dcgan_discriminator((4, 28, 1), base_size=28)):
        with pytest.raises(ValueError, match="One side of image_shape must exceed"):
            build()


def test_an_unknown_norm_is_refused():
    for build in (
        lambda: dcgan_generator((16, 16, 1), 8, norm="group"),
        lambda: dcgan_discriminator((16, 16, 1), norm="bn"),
    ):
        with pytest.raises(ValueError, match="'batch', 'layer', 'spectral' or None"):
            build()
