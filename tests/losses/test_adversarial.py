"""Adversarial losses against golden values (NumPy float64) and closed forms."""

import math

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import losses

R4, F4 = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]
R3, F3 = [2.0, -1.0, 0.5], [-1.5, 0.3, 4.0]

PEARSON = {"real_label": 1.0, "fake_label": -1.0}
GOLDEN = [
    (losses.minimax_discriminator_loss, (R4, F4), {}, 1.1075991077),
    (losses.minimax_discriminator_loss, (R3, F3), {}, 2.329395044370),
    (losses.minimax_generator_loss, (F4,), {}, -0.6168855991),
    (losses.minimax_generator_loss, (F3,), {}, -1.691306150123),
    (losses.non_saturating_generator_loss, (F4,), {}, 1.1793855991),
    (losses.non_saturating_generator_loss, (F3,), {}, 0.757972816790),
    (losses.least_squares_discriminator_loss, (R4, F4), {}, 2.0703125),
    (losses.least_squares_discriminator_loss, (R4, F4), PEARSON, 2.0078125),
    (losses.least_squares_discriminator_loss, (R3, F3), {}, 3.931666666667),
    (losses.least_squares_generator_loss, (F4,), {}, 1.9765625),
    (losses.least_squares_generator_loss, (F4,), {"target_label": 0.0}, 0.9140625),
    (losses.least_squares_generator_loss, (F3,), {}, 2.623333333333),
    (losses.hinge_discriminator_loss, (R4, F4), {}, 1.4375),
    (losses.hinge_discriminator_loss, (R3, F3), {}, 2.933333333333),
    (losses.wasserstein_discriminator_loss, (R4, F4), {}, -1.6875),
    (losses.wasserstein_generator_loss, (F4,), {}, 0.5625),
    (losses.wasserstein_generator_loss, (F3,), {}, -0.933333333333),
]
TWO_SIDED = [
    losses.minimax_discriminator_loss,
    losses.hinge_discriminator_loss,
    losses.least_squares_discriminator_loss,
    losses.wasserstein_discriminator_loss,
]
ONE_SIDED = [
    losses.minimax_generator_loss,
    losses.non_saturating_generator_loss,
    losses.least_squares_generator_loss,
    losses.wasserstein_generator_loss,
]


def value(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.mark.parametrize(("loss", "scores", "options", "expected"), GOLDEN)
def test_golden_value_at_any_rank(loss, scores, options, expected):
    for shape in [(-1,), (-1, 1), (1, -1, 1)]:
        tensors = [ops.convert_to_tensor(np.reshape(s, shape), "float32") for s in scores]
        result = value(loss(*tensors, **options))
        assert result.shape == ()
        assert result == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_unequal_numbers_of_real_and_fake_scores_are_averaged_on_their_own():
    loss = value(losses.minimax_discriminator_loss(ops.convert_to_tensor(R4), ops.convert_to_tensor(F3)))
    assert loss == pytest.approx(np.mean(np.logaddexp(0, -np.array(R4))) + 1.691306150123, abs=1e-6)


def test_equilibrium():
    zero = ops.zeros((5,))
    assert value(losses.minimax_discriminator_loss(zero, zero)) == pytest.approx(2 * math.log(2), abs=1e-6)
    assert value(losses.non_saturating_generator_loss(zero)) == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("loss", TWO_SIDED + ONE_SIDED)
def test_extreme_scores_give_finite_values_and_gradients(loss, dtype, differentiate):
    scores = [[-200.0, 200.0, -40.0, 0.0]] * (2 if loss in TWO_SIDED else 1)
    result, gradients = differentiate(loss, *scores, dtype=dtype)
    assert np.isfinite(result)
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0.05


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("bfloat16", 0.01)])
def test_only_the_saturating_loss_vanishes_where_the_fake_is_rejected(dtype, tolerance, differentiate):
    loss, (gradient,) = differentiate(losses.non_saturating_generator_loss, [-40.0], dtype=dtype)
    assert loss == pytest.approx(40.0, rel=tolerance)
    assert gradient == pytest.approx([-1.0], abs=tolerance)
    _, (gradient,) = differentiate(losses.minimax_generator_loss, [-40.0], dtype=dtype)
    assert np.abs(gradient) < 1e-15
    _, (gradient,) = differentiate(losses.minimax_generator_loss, [-10.0])
    assert gradient == pytest.approx([-4.5398e-5], rel=1e-3)
    _, (gradient,) = differentiate(losses.least_squares_generator_loss, [-10.0])
    assert gradient == pytest.approx([-11.0], abs=1e-5)


def test_least_squares_gradient_is_the_distance_to_the_target(differentiate):
    for target in (1.0, 0.0):
        _, (gradient,) = differentiate(lambda f, c=target: losses.least_squares_generator_loss(f, c), F4)
        np.testing.assert_allclose(gradient, (np.array(F4) - target) / len(F4), atol=1e-7)


# Three points, of probability (.5, .3, .2) under the data and (.1, .3, .6) under the model, as batches of ten.
DATA, MODEL = np.repeat([0, 1, 2], [5, 3, 2]), np.repeat([0, 1, 2], [1, 3, 6])
P_DATA, P_MODEL = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])


def minimax_optimum():
    d = P_DATA / (P_DATA + P_MODEL)
    value = P_DATA @ np.log(d) + P_MODEL @ np.log(1 - d)
    return losses.minimax_discriminator_loss, np.log(P_DATA / P_MODEL), -value


def least_squares_optimum(a, b):
    c = (b * P_DATA + a * P_MODEL) / (P_DATA + P_MODEL)
    value = (P_DATA @ (c - b) ** 2 + P_MODEL @ (c - a) ** 2) / 2
    return lambda r, f: losses.least_squares_discriminator_loss(r, f, real_label=b, fake_label=a), c, value


@pytest.mark.parametrize("optimum", [minimax_optimum(), least_squares_optimum(0.0, 1.0), least_squares_optimum(-1.0, 1.0)])
def test_the_optimal_table_of_scores_is_that_of_the_theory(optimum, differentiate):
    # The loss is convex in the table, so a vanishing gradient marks the optimum.
    loss, best, lowest = optimum

    def of_table(table):
        return loss(ops.take(table, DATA), ops.take(table, MODEL))

    result, (gradient,) = differentiate(of_table, best, dtype="float32")
    assert result == pytest.approx(lowest, abs=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    for i in range(3):
        for step in (-0.1, 0.1):
            moved = best + step * np.eye(3)[i]
            result, (gradient,) = differentiate(of_table, moved, dtype="float32")
            assert result > lowest + 1e-4
            assert gradient[i] * step > 5e-4
