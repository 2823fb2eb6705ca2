"""Relativistic losses: goldens, and that only differences of scores count."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.relativistic import FUNCTIONS, relativistic_loss

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def value(x):
    return float(ops.convert_to_numpy(x))


@pytest.mark.parametrize(
    ("function", "average", "of_discriminator", "of_generator"),
    [
        ("standard", False, 0.6281179581, 2.3156179581),
        ("standard", True, 0.3035878259, 1.9910878259),
        # By hand, of differences 3.5, -1.25, -0.5, and 5: (6.25 + 5.0625 + 2.25 + 16) / 4, and so on.
        ("least_squares", False, 7.390625, 14.140625),
        ("least_squares", True, 2.376953125, 9.126953125),
        ("hinge", False, 0.9375, 2.75),
        ("hinge", True, 0.3046875, 2.6875),
    ],
)
def test_goldens(function, average, of_discriminator, of_generator):
    r, f = ops.convert_to_tensor(R), ops.convert_to_tensor(F)
    assert value(relativistic_loss(r, f, function, average)) == pytest.approx(of_discriminator, rel=1e-6)
    assert value(relativistic_loss(f, r, function, average)) == pytest.approx(of_generator, rel=1e-6)


@pytest.mark.parametrize(("function", "expected"), [("least_squares", 2.25), ("hinge", 0.0), ("standard", 0.0788897343)])
def test_a_pair_alone_is_its_own_average(function, expected):
    r, f = ops.convert_to_tensor([2.0]), ops.convert_to_tensor([-0.5])
    for average in (False, True):
        assert value(relativistic_loss(r, f, function, average)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_differences_count(function, average, differentiate):
    loss, (real, fake) = differentiate(lambda r, f: relativistic_loss(r, f, function, average), R, F)
    shifted, _ = differentiate(lambda r, f: relativistic_loss(r + 7.0, f + 7.0, function, average), R, F)
    assert shifted == pytest.approx(loss, abs=1e-5)
    assert real.sum() + fake.sum() == pytest.approx(0.0, abs=1e-6)
    assert np.abs(real).max() > 1e-2  # the means are differentiated too, and nothing else would sum to 0
