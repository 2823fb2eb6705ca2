"""The volumetric networks: parameter counts, shapes, initial weights, batch norm."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import BatchNorm
from keras_gan_zoo.networks.voxels import voxel_discriminator, voxel_generator

KERNELS = (layers.Dense, layers.Conv3D, layers.Conv3DTranspose)


def latents(n=3, dim=8, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, dim)).astype("float32")


def volumes(n=3, side=16, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (n, side, side, side, 1)).astype("float32")


def kernels_of(network):
    return [layer.kernel for layer in network.layers if isinstance(layer, KERNELS)]


def normalized(network):
    return [layer.name.removesuffix("_norm") for layer in network.layers if isinstance(layer, BatchNorm)]


def maps_of(network, kind):
    return [layer.output.shape[1:] for layer in network.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def paper():
    keras.utils.set_random_seed(0)
    return voxel_generator(64, 200), voxel_discriminator(64)


def test_the_papers_networks_have_the_papers_weights(paper):
    generator, discriminator = paper
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels_of(generator)) == 17_567_744
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels_of(discriminator)) == 11_046_912
    for network in paper:
        assert not any(layer.use_bias for layer in network.layers if isinstance(layer, KERNELS))
    # Beside the kernels there are gamma and beta of the normalized maps.
    assert sum(int(np.prod(v.shape)) for v in generator.trainable_variables) == 17_567_744 + 2 * (512 + 256 + 128 + 64)
    assert sum(int(np.prod(v.shape)) for v in discriminator.trainable_variables) == 11_046_912 + 2 * (128 + 256 + 512)


def test_channels_double_at_each_halving(paper):
    generator, discriminator = paper
    assert generator.get_layer("base_map").output.shape[1:] == (4, 4, 4, 512)
    up = maps_of(generator, layers.Conv3DTranspose)
    assert up == [(8, 8, 8, 256), (16, 16, 16, 128), (32, 32, 32, 64), (64, 64, 64, 1)]
    down = maps_of(discriminator, layers.Conv3D)
    assert down == [(32, 32, 32, 64), (16, 16, 16, 128), (8, 8, 8, 256), (4, 4, 4, 512)]


def test_batch_norm_is_everywhere_but_at_voxels_and_score(paper):
    generator, discriminator = paper
    assert normalized(generator) == ["base", "up_8", "up_16", "up_32"]
    assert normalized(discriminator) == ["down_16", "down_8", "down_4"]


def test_activations(paper):
    generator, discriminator = paper
    assert [layer.negative_slope for layer in discriminator.layers if isinstance(layer, layers.LeakyReLU)] == [0.2] * 4
    assert sum(isinstance(layer, layers.ReLU) for layer in generator.layers) == 4
    assert generator.layers[-1].activation is keras.activations.sigmoid
    assert discriminator.layers[-1].activation is keras.activations.linear


def test_initial_weights_are_drawn_with_a_deviation_of_002(paper):
    for network in paper:
        for kernel in map(ops.convert_to_numpy, kernels_of(network)):
            assert kernel.std() == pytest.approx(0.02, rel=max(0.03, 4 / np.sqrt(2 * kernel.size)))
            assert abs(kernel.mean()) < 4 * 0.02 / np.sqrt(kernel.size)
        for layer in network.layers:
            if isinstance(layer, BatchNorm):
                gamma = ops.convert_to_numpy(layer.gamma)
                assert gamma.mean() == pytest.approx(1.0, abs=4 * 0.02 / np.sqrt(gamma.size))
                assert gamma.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * gamma.size))


@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("side", [8, 16, 32])
def test_smaller_sides_follow_the_same_rule(side, norm):
    generator = voxel_generator(side, 8, width=2, norm=norm)
    discriminator = voxel_discriminator(side, width=2, norm=norm)
    levels = {8: [2], 16: [4, 2], 32: [8, 4, 2]}[side]
    assert [shape[-1] for shape in maps_of(generator, layers.Conv3DTranspose)] == [*levels[1:], 1]
    assert generator.get_layer("base_map").output.shape[1:] == (4, 4, 4, levels[0])
    assert [shape[-1] for shape in maps_of(discriminator, layers.Conv3D)] == levels[::-1]
    generator.set_weights([100.0 * weight for weight in generator.get_weights()])
    made = ops.convert_to_numpy(generator(latents()))
    assert made.shape == (3, side, side, side, 1) and made.dtype == np.float32
    assert made.min() >= 0.0 and made.max() <= 1.0 and made.std() > 0.1
    assert discriminator(made).shape == (3, 1)
    for network in (generator, discriminator):
        assert {layer.use_bias for layer in network.layers if isinstance(layer, KERNELS)} == {norm is None}
    if norm:
        assert (len(normalized(generator)), len(normalized(discriminator))) == (len(levels), len(levels) - 1)
    else:
        assert not normalized(generator) and not normalized(discriminator)


@pytest.mark.parametrize("norm", ["batch", None])
def test_only_batch_norm_in_training_lets_samples_influence_each_other(norm):
    keras.utils.set_random_seed(0)
    networks = voxel_generator(16, 8, width=2, norm=norm), voxel_discriminator(16, width=2, norm=norm)
    for network, first in zip(networks, (latents(), volumes()), strict=True):
        second = first.copy()
        second[2] = 1.0 - second[2]
        for training in (True, False):
            change = ops.convert_to_numpy(network(first, training=training)[0] - network(second, training=training)[0])
            assert np.abs(change).max() > 1e-6 if norm and training else np.abs(change).max() < 1e-7


def test_batch_norm_takes_its_moments_over_samples_and_voxels():
    generator = voxel_generator(16, 8, width=2)
    inner = keras.Model(generator.inputs[0], [generator.get_layer(name).output for name in ("up_8", "up_8_norm")])
    before, after = map(ops.convert_to_numpy, inner(latents(), training=True))
    layer = generator.get_layer("up_8_norm")
    axes = (0, 1, 2, 3)
    gamma = ops.convert_to_numpy(layer.gamma)
    expected = gamma * (before - before.mean(axes)) / np.sqrt(before.var(axes) + layer.epsilon)
    np.testing.assert_allclose(after, expected, atol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_mean), 0.1 * before.mean(axes), atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_variance), 0.9 + 0.1 * before.var(axes), atol=1e-6)


def test_reduced_precision_ends_before_voxels_and_score():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator, discriminator = voxel_generator(16, 8, width=2), voxel_discriminator(16, width=2)
    finally:
        keras.config.set_dtype_policy(before)
    assert generator.get_layer("up_8").compute_dtype == "bfloat16"
    assert generator.get_layer("up_16").compute_dtype == generator.layers[-1].compute_dtype == "float32"
    assert discriminator.get_layer("down_4").compute_dtype == "bfloat16"
    assert discriminator.get_layer("score").compute_dtype == "float32"


@pytest.mark.parametrize("side", [0, 4, 12, 30, 33, -16, 32.0, "32"])
def test_sides_that_cannot_be_halved_to_the_base_are_refused(side):
    for build in (lambda: voxel_generator(side, 8), lambda: voxel_discriminator(side)):
        with pytest.raises(ValueError, match=f"side must be a power of two of at least 8.*Received: side={side!r}"):
            build()


def test_an_unknown_norm_is_refused():
    for build in (lambda: voxel_generator(16, 8, norm="layer"), lambda: voxel_discriminator(16, norm="spectral")):
        with pytest.raises(ValueError, match="'batch' or None"):
            build()
