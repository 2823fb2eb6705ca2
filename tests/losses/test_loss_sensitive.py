"""The margin loss of the loss-sensitive GAN."""

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.losses.loss_sensitive import margin_loss

MARGINS, REAL, FAKE = [0.5, 1.0, 0.2, 0.8], [0.2, 0.9, 0.3, 0.1], [0.6, 1.0, 1.5, 0.4]  # losses, not scores


def scores(losses):
    return -ops.convert_to_tensor(losses)


def test_golden():
    found = float(margin_loss(scores(REAL), scores(FAKE), ops.convert_to_tensor(MARGINS)))
    assert found == pytest.approx(0.375, rel=1e-6)
    # With the first term of the paper, lambda = 2: E L(x) + 2 E [...].
    assert np.mean(REAL) + 2 * found == pytest.approx(1.125, rel=1e-6)
    single = [float(margin_loss(scores(REAL[i : i + 1]), scores(FAKE[i : i + 1]), MARGINS[i])) for i in range(4)]
    np.testing.assert_allclose(single, [0.1, 0.9, 0.0, 0.5], atol=1e-6)


def test_pairs_far_enough_apart_teach_nothing(differentiate):
    real, fake = (np.array(x, "float32") for x in ([0.0, -1.0], [-2.0, -3.0]))
    loss, gradients = differentiate(lambda r, f: margin_loss(r, f, ops.convert_to_tensor([1.0, 2.0])), real, fake)
    assert loss == 0.0
    np.testing.assert_array_equal(gradients[0], 0.0)
    loss, gradients = differentiate(lambda r, f: margin_loss(r, f, ops.convert_to_tensor([3.0, 1.0])), real, fake)
    assert loss == pytest.approx(0.5)
    np.testing.assert_allclose(gradients, [[-0.5, 0.0], [0.5, 0.0]])


def test_a_slope_of_one_is_the_wasserstein_loss_and_a_constant(differentiate):
    real, fake = -np.array(REAL, "float32"), -np.array(FAKE, "float32")
    loss, gradients = differentiate(lambda r, f: margin_loss(r, f, ops.convert_to_tensor(MARGINS), 1.0), real, fake)
    assert loss == pytest.approx(np.mean(MARGINS) + np.mean(REAL) - np.mean(FAKE), abs=1e-6)
    np.testing.assert_allclose(gradients, [[-0.25] * 4, [0.25] * 4], atol=1e-6)
    half, _ = differentiate(lambda r, f: margin_loss(r, f, ops.convert_to_tensor(MARGINS), 0.5), real, fake)
    assert half == pytest.approx((0.1 + 0.9 - 0.5 + 0.5) / 4, abs=1e-6)
