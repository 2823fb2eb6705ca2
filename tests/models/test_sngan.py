"""SNGAN: hinge, and a discriminator whose layers all have spectral norm 1, at its start and while it learns."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import SNGAN
from keras_gan_zoo.layers import SNConv2D, SNDense

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def small(**options):
    keras.utils.set_random_seed(0)
    return SNGAN((16, 16, 1), 4, width=8, seed=0, **options)


def spectral_layers(network):
    return [layer for layer in network.layers if isinstance(layer, (SNDense, SNConv2D))]


def largest_singular_values(network):
    """Of the kernels that the layers compute with; those of convolutions as (all other axes, output channels)."""
    kernels = [ops.convert_to_numpy(layer.kernel) for layer in spectral_layers(network)]
    return np.array([np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0] for kernel in kernels])


def test_hinge():
    gan = small()
    r, f = ops.convert_to_tensor(R), ops.convert_to_tensor(F)
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(1.4375, abs=1e-6)
    assert float(gan.generator_loss(f)) == pytest.approx(0.5625, abs=1e-6)


def test_pairs_beyond_the_margin_teach_the_discriminator_nothing(differentiate):
    gan = small()
    _, gradients = differentiate(gan.discriminator_loss, [1.5, 0.5], [-1.5, -0.5])
    np.testing.assert_allclose(gradients, [[0.0, -0.5], [0.0, 0.5]], atol=1e-6)


def test_defaults_are_the_papers():
    gan = small()
    assert gan.options.n_critic == 5 and gan.options.latent_distribution == "normal"
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
    slopes = {layer.negative_slope for layer in gan.discriminator.layers if isinstance(layer, layers.LeakyReLU)}
    assert slopes == {0.1}


@pytest.mark.parametrize("num_classes", [None, 3])
def test_every_layer_of_the_discriminator_is_spectral_and_none_of_the_generator(num_classes):
    gan = small(num_classes=num_classes)
    plain = (layers.Dense, layers.Conv2D, layers.Conv2DTranspose)
    assert all(layer in spectral_layers(gan.discriminator) for layer in gan.discriminator.layers if isinstance(layer, plain))
    assert len(spectral_layers(gan.discriminator)) == (3 if num_classes is None else 4)
    assert not spectral_layers(gan.generator)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in gan.discriminator.layers)


def test_the_largest_singular_values_stay_near_one_in_training():
    gan, rng, farthest = small(), np.random.default_rng(0), []
    for _ in range(40):
        gan.train_on_batch(rng.integers(0, 256, (80, 16, 16, 1), dtype=np.uint8))
        farthest.append(np.abs(largest_singular_values(gan.discriminator) - 1.0).max())
    # The estimate is one iteration a step, and runs behind where a step turns the direction of the largest value.
    assert np.median(farthest) < 0.05 and max(farthest) < 0.2


def test_scores_move_no_further_than_images():
    gan = small()
    x, y = (
        ops.convert_to_tensor(np.random.default_rng(i).uniform(-1, 1, (200, 16, 16, 1)).astype("float32")) for i in (0, 1)
    )
    moved = np.abs(ops.convert_to_numpy(gan.score({"images": x}, training=False) - gan.score({"images": y}, training=False)))
    far = np.sqrt(ops.convert_to_numpy(ops.sum(ops.square(x - y), axis=(1, 2, 3))))
    # A pixel lies in up to four windows of a kernel of 4 and a stride of 2, so that a layer may stretch by 2.
    assert (moved <= far * 2**2).all()
