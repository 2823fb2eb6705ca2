"""LSGAN: the three labels, and gradients that do not vanish."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import LSGAN
from keras_gan_zoo.models.dcgan import DCGAN

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


@pytest.mark.parametrize(
    ("labels", "of_discriminator", "of_generator"),
    [
        ({}, 2.0703125, 1.9765625),
        ({"fake_label": -1.0, "real_label": 1.0, "target_label": 0.0}, 2.0078125, 0.9140625),
    ],
)
def test_codings(labels, of_discriminator, of_generator, tiny_gan):
    gan = tiny_gan(LSGAN, **labels)
    r, f = ops.convert_to_tensor(R), ops.convert_to_tensor(F)
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(of_discriminator, abs=1e-6)
    assert float(gan.generator_loss(f)) == pytest.approx(of_generator, abs=1e-6)
    config = gan.get_config()
    assert {key: config[key] for key in labels} == labels


def test_a_rejected_fake_still_has_a_gradient(tiny_gan, differentiate):
    _, (least_squares,) = differentiate(tiny_gan(LSGAN).generator_loss, [-10.0])
    _, (saturating,) = differentiate(tiny_gan(saturating=True).generator_loss, [-10.0])
    assert least_squares == pytest.approx([-11.0], abs=1e-5)
    assert np.abs(saturating) == pytest.approx([4.54e-5], rel=1e-2)


def test_it_is_a_dcgan_with_a_linear_score():
    gan = LSGAN((16, 16, 1), 4, width=4)
    assert isinstance(gan, DCGAN)
    assert gan.discriminator.layers[-1].activation.__name__ == "linear"
