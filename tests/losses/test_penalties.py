"""Penalties on input gradients: goldens at several batch sizes, invariances, finite differences."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.backend import Trainer
from keras_gan_zoo.losses import gradient_penalty, zero_centered_penalty


def value(tensor):
    return ops.convert_to_numpy(tensor)


def linear_penalty(w, n, **options):
    """The penalty of the critic C(x) = w x at n points, through the zoo's own input gradient."""
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(n, 2)), "float32")
    return gradient_penalty(Trainer().gradient(lambda x: ops.sum(x * w, axis=1), x), **options)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("one_sided", [False, True])
def test_linear_critic_golden(n, one_sided, differentiate):
    # One norm over the whole batch would give (5 sqrt(n) - 1)^2: 81 instead of 16 at n = 4.
    penalty, (gradient,) = differentiate(lambda w: linear_penalty(w, n, one_sided=one_sided), [3.0, 4.0])
    assert penalty == pytest.approx(16.0, rel=1e-6)
    np.testing.assert_allclose(gradient, [4.8, 6.4], rtol=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_one_sided_penalty_spares_small_norms(n, differentiate):
    penalty, (gradient,) = differentiate(lambda w: linear_penalty(w, n), [0.3, 0.4])
    assert penalty == pytest.approx(0.25, rel=1e-6)
    np.testing.assert_allclose(gradient, [-0.6, -0.8], rtol=1e-6)
    penalty, (gradient,) = differentiate(lambda w: linear_penalty(w, n, one_sided=True), [0.3, 0.4])
    assert penalty == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


def test_the_target_is_an_argument():
    assert value(linear_penalty(ops.convert_to_tensor([3.0, 4.0]), 3, target=2.0)) == pytest.approx(9.0, rel=1e-6)


def test_quadratic_critic_golden(differentiate):
    points = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    matrix = np.diag([1.0, 2.0])

    def r1(matrix, points=points, gamma=10.0):
        x = ops.convert_to_tensor(points, "float32")
        gradient = Trainer().gradient(lambda x: ops.sum(x * ops.matmul(x, ops.transpose(matrix)), axis=1) / 2, x)
        return gamma * zero_centered_penalty(gradient)

    penalty, (gradient,) = differentiate(r1, matrix, dtype="float32")
    assert penalty == pytest.approx(50 / 3, rel=1e-6)
    # d/dA of gamma/2 E |S x|^2 with S = (A + A^T)/2 is gamma sym(S E[x x^T]).
    product = matrix @ (points.T @ points / 3)
    np.testing.assert_allclose(gradient, 10 * (product + product.T) / 2, rtol=1e-6)
    for i, squared_norm in enumerate([1, 4, 5]):
        single, _ = differentiate(lambda a, i=i: r1(a, points[i : i + 1]), matrix, dtype="float32")
        assert single == pytest.approx(5 * squared_norm, rel=1e-6)


@pytest.mark.parametrize("penalty", [gradient_penalty, zero_centered_penalty])
@pytest.mark.parametrize("n", [1, 4])
def test_norms_are_of_samples_over_all_their_axes(penalty, n):
    gradient = np.random.default_rng(1).normal(size=(n, 3, 2, 2)).astype("float32")
    squared = (gradient**2).reshape(n, -1).sum(axis=1)
    expected = np.mean((np.sqrt(squared) - 1) ** 2) if penalty is gradient_penalty else squared.mean() / 2
    assert value(penalty(gradient)) == pytest.approx(expected, rel=1e-6)
    assert value(penalty(np.concatenate([gradient, gradient]))) == pytest.approx(expected, rel=1e-6)
    assert value(penalty(gradient.reshape(n, -1))) == pytest.approx(expected, rel=1e-6)


def test_vanishing_input_gradients_give_no_nan(differentiate):
    penalty, (gradient,) = differentiate(gradient_penalty, np.zeros((4, 3, 3, 1)), dtype="float32")
    assert penalty == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(gradient, 0.0)
    penalty, (gradient,) = differentiate(zero_centered_penalty, np.zeros((4, 3, 3, 1)), dtype="float32")
    assert penalty == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.parametrize("penalty", [gradient_penalty, zero_centered_penalty])
def test_reduced_precision_is_summed_in_float32(penalty):
    # In bfloat16 the sum of 4,096 squares of 1 would stop growing at 256.
    gradient = ops.ones((2, 64, 64, 1), dtype="bfloat16")
    result = penalty(gradient)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    assert value(result) == pytest.approx(63.0**2 if penalty is gradient_penalty else 2048.0, rel=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras multiplies in float64 on TensorFlow only")
@pytest.mark.parametrize("penalty", [gradient_penalty, zero_centered_penalty])
def test_second_order_gradients_equal_finite_differences(penalty, differentiate):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4, 6))
    sizes = [(6, 5), (5,), (5,)]
    theta = rng.normal(size=sum(map(np.prod, sizes)))

    def penalized(theta, samplewise=True):
        w1, b1, w2 = (ops.reshape(part, size) for part, size in zip(ops.split(theta, [30, 35]), sizes, strict=True))
        points = ops.convert_to_tensor(x, "float64")
        gradient = Trainer().gradient(lambda x: ops.matmul(ops.tanh(ops.matmul(x, w1) + b1), w2), points)
        return penalty(gradient if samplewise else ops.reshape(gradient, (1, -1)))

    def at(theta):
        return float(value(penalized(ops.convert_to_tensor(theta, "float64"))))

    _, (gradient,) = differentiate(penalized, theta, dtype="float64")
    steps = 1e-6 * np.maximum(1.0, np.abs(theta))
    chosen = rng.choice(len(theta), 20, replace=False)
    differences = []
    for i in chosen:
        step = steps[i] * np.eye(len(theta))[i]
        differences.append((at(theta + step) - at(theta - step)) / (2 * steps[i]))
    scale = np.abs(differences).max()
    np.testing.assert_allclose(gradient[chosen], differences, atol=1e-6 * scale, rtol=1e-6)
    # The check has power: the norm of the whole batch, a known bug, has another gradient.
    _, (wrong,) = differentiate(lambda t: penalized(t, samplewise=False), theta, dtype="float64")
    assert np.abs(wrong[chosen] - differences).max() > 1e-2 * scale
