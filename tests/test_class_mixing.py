"""Samples of several classes at once."""

import numpy as np
import pytest

from keras_gan_zoo import GAN, SNGAN, ImprovedGAN, InfoGAN, mix_classes
from keras_gan_zoo.data import InvalidData
from keras_gan_zoo.models import variant_class

CONDITIONAL = ("cgan", "acgan", "projection_gan", "matching_gan", "sngan", "r3gan", "sagan")


@pytest.fixture
def told():
    """A tiny model of a name, whose classes differ and whose averages differ from its weights."""

    def build(name, **arguments):
        gan = variant_class(name).tiny(num_classes=3, seed=0, ema_half_life=10, **arguments)
        rng = np.random.default_rng(0)
        for network in (gan.generator, gan.network("generator")):
            for weight in network.weights:
                if "variance" not in weight.path:
                    weight.assign(weight + rng.normal(0, 0.1, weight.shape))
        return gan

    return build


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_single_class_is_that_class_and_others_lie_between(name, told):
    gan = told(name)
    latents = gan.latents(1, seed=3)[0]
    path = mix_classes(gan, [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]], latents=latents)
    ends = gan.generate(2, latents=latents, labels=[0, 2])
    np.testing.assert_allclose(path[[0, 2]], ends, atol=1e-5)
    assert np.abs(path[1] - path[0]).max() > 1e-3 and np.abs(path[1] - path[2]).max() > 1e-3


def test_the_label_dim_form_mixes_its_learned_vectors(told):
    gan = told("cgan", label_dim=2)
    np.testing.assert_allclose(mix_classes(gan, np.eye(3), seed=1), gan.generate(3, labels=[0, 1, 2], seed=1), atol=1e-5)


def test_it_draws_and_rounds_as_generate_does(told):
    gan = told("cgan")
    rows = np.full((5, 3), 1 / 3)
    many = mix_classes(gan, rows, seed=2, dtype="uint8")
    np.testing.assert_array_equal(many, mix_classes(gan, rows, latents=gan.latents(5, seed=2), dtype="uint8", batch_size=2))
    assert many.dtype == np.uint8 and len(np.unique(many, axis=0)) == 5


@pytest.mark.parametrize(
    "weights", [[1, 0, 0], [[1, 0]], np.zeros((0, 3)), [[np.nan, 0, 1]]], ids=["row", "columns", "none", "nan"]
)
def test_weights_that_are_no_rows(weights, told):
    with pytest.raises(InvalidData, match=r"weights must be finite numbers \(n, 3\)"):
        mix_classes(told("cgan"), weights)


@pytest.mark.parametrize("shape", [(3, 8), (2, 7), (7,), (2, 8, 1)])
def test_latents_that_do_not_fit(shape, told):
    with pytest.raises(InvalidData, match="latents must"):
        mix_classes(told("cgan"), np.eye(3)[:2], latents=np.zeros(shape))


@pytest.mark.parametrize("gan", [GAN, InfoGAN, SNGAN])
def test_models_without_such_a_generator(gan):
    with pytest.raises(InvalidData, match=f"gan must be a model whose generator .* Received: gan='{gan.__name__}'"):
        mix_classes(gan.tiny(), [[1.0]])


def test_a_reference_batch_of_labels_does_not_mix():
    with pytest.raises(InvalidData, match="Received: gan='ImprovedGAN'"):
        mix_classes(ImprovedGAN.tiny(num_classes=3), np.eye(3))
