"""Unrolled GAN: gradients through the steps ahead, the reduction to GAN, and modes that a look ahead keeps."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import DCGAN, UnrolledGAN
from keras_gan_zoo.backend import Trainer
from keras_gan_zoo.base.unrolling import unrolled
from tests.models.ring_games import coverage, on_points


def value(x):
    return ops.convert_to_numpy(x)


def images(n=8, shape=(2, 2, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


# The scalar game V = a g d - b / 2 d^2 of a number g against a number d. -----------------------------------------------


class Scalar(UnrolledGAN):
    a, b = 1.0, 2.0

    def discriminator_loss(self, real_scores, fake_scores):
        return -self.a * ops.mean(fake_scores)

    def penalty(self, real, fake, by="discriminator"):
        return self.b / 2 * ops.sum(ops.square(self.discriminator.trainable_variables[0]))


class Stopped(Scalar):
    """The steps ahead without what they owe to the generator."""

    def gradient(self, function, x):
        return [ops.stop_gradient(gradient) for gradient in super().gradient(function, x)]


def scalar_game(cls, steps):
    constant = keras.initializers.Constant
    generator = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Rescaling(0.0),
            layers.Dense(1, bias_initializer=constant(0.7)),
            layers.Reshape((1, 1, 1)),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [keras.Input((1, 1, 1)), layers.Flatten(), layers.Dense(1, use_bias=False, kernel_initializer=constant(-0.3))],
        name="discriminator",
    )
    gan = cls((1, 1, 1), 1, unrolled_steps=steps, generator=generator, discriminator=discriminator, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(
    ("cls", "steps", "expected"),
    [(Scalar, 5, 0.2802067814), (Stopped, 5, 0.1370080000), (Scalar, 0, -0.3)],
)
def test_golden_gradient_of_the_scalar_game(cls, steps, expected, n, gradients_of):
    gan, real = scalar_game(cls, steps), {"images": ops.zeros((n, 1, 1, 1))}
    bias = gan.generator.trainable_variables[-1]
    (gradient,) = gradients_of(lambda: gan.generator_objective(real, gan.fake_like(real)), [bias])
    assert gradient[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_round_takes_the_golden_step(run_eagerly):
    # The generator moves after D: from d = -0.3 - 0.1 dL/dd = -0.3 + 0.1 (0.7 + 0.6) = -0.17.
    gan = scalar_game(Scalar, 5)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
    keras.Model.train_on_batch(gan, np.zeros((4, 1, 1, 1), "float32"))
    kernel, bias = gan.discriminator.trainable_variables[0], gan.generator.trainable_variables[-1]
    assert float(value(kernel)[0, 0]) == pytest.approx(-0.17, rel=1e-6)
    q = 0.8**5
    ahead = -0.17 * q + 0.35 * (1 - q)
    gradient = ahead + (0.7 - 2 * ahead) * 0.5 * (1 - q)
    assert float(value(bias)[0]) == pytest.approx(0.7 - 0.1 * gradient, rel=1e-6)


# The gradient through two networks of tanh, against differences. -------------------------------------------------------

X, Z = (np.random.default_rng(i).normal(size=(5, 2)) for i in (0, 1))
# The JAX of these tests has float32 alone, and on torch some operations of Keras fall back to it.
IN_FULL = keras.backend.backend() == "tensorflow"
DTYPE, STEP, CLOSE = ("float64", 1e-6, 1e-5) if IN_FULL else ("float32", 1e-2, 2e-3)


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x), dtype=DTYPE)


def value_of_the_game(theta, weights):
    """Loss of a discriminator of 2-3-1 units on points that a generator of 2-2-2 units makes; 22 parameters."""
    g, (first, bias, second) = ops.reshape(theta, (2, 2, 2)), weights
    fake = ops.matmul(ops.tanh(ops.matmul(tensor(Z), g[0])), g[1])
    real, fake = (ops.matmul(ops.tanh(ops.matmul(x, first) + bias), second) for x in (tensor(X), fake))
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def optimizer_of(kind, variables):
    """One that has taken a step, so that it has moments."""
    optimizer = {
        "sgd": lambda: keras.optimizers.SGD(0.3),
        "momentum": lambda: keras.optimizers.SGD(0.3, momentum=0.9),
        "adam": lambda: keras.optimizers.Adam(0.1, beta_1=0.5),
    }[kind]()
    optimizer.build(variables)
    rng = np.random.default_rng(7)
    optimizer.apply([tensor(rng.normal(size=v.shape)) for v in variables], variables)
    return optimizer


@pytest.fixture(params=["sgd", "momentum", "adam"])
def toy(request):
    rng = np.random.default_rng(3)
    variables = [keras.Variable(rng.normal(size=shape), dtype=DTYPE) for shape in ((2, 3), (3,), (3, 1))]
    return rng.normal(size=8), variables, optimizer_of(request.param, variables)


def answered(theta, variables, optimizer, stopped=False):
    """-L at the weights that three steps of D lead to."""

    def gradient(weights):
        found = Trainer.gradient(None, lambda weights: value_of_the_game(theta, weights), weights)
        return [ops.stop_gradient(g) for g in found] if stopped else found

    return -value_of_the_game(theta, unrolled(optimizer, variables, gradient, 3))


def test_the_gradient_is_that_of_the_whole_answer(toy, differentiate):
    theta, variables, optimizer = toy
    _, (gradient,) = differentiate(lambda t: answered(t, variables, optimizer), theta, dtype=DTYPE)
    _, (without,) = differentiate(lambda t: answered(t, variables, optimizer, stopped=True), theta, dtype=DTYPE)
    differences = []
    for i in range(8):
        ends = [answered(tensor(theta + sign * STEP * np.eye(8)[i]), variables, optimizer) for sign in (1, -1)]
        differences.append(float(value(ends[0] - ends[1])) / (2 * STEP))
    scale = np.linalg.norm(differences)
    assert np.linalg.norm(gradient - differences) / scale < CLOSE
    assert np.linalg.norm(without - differences) / scale > 1e-2


def test_steps_are_those_of_the_optimizer_and_assign_nothing(toy):
    theta, variables, optimizer = toy
    state = [value(v).copy() for v in (*variables, *optimizer.variables)]

    def gradient(weights):
        return Trainer.gradient(None, lambda weights: value_of_the_game(tensor(theta), weights), weights)

    ahead = [value(ops.stop_gradient(w)) for w in unrolled(optimizer, variables, gradient, 3)]
    for a, b in zip(state, (*variables, *optimizer.variables), strict=True):
        np.testing.assert_array_equal(a, value(b))
    for _ in range(3):
        gradients = gradient([v.value for v in variables])
        optimizer.apply([ops.stop_gradient(g) for g in gradients], variables)
    for a, b in zip(ahead, variables, strict=True):
        np.testing.assert_allclose(a, value(b), rtol=1e-5, atol=1e-7)


# The model -------------------------------------------------------------------------------------------------------------


def trained(tiny_gan, round_of, cls, **options):
    gan = tiny_gan(cls, **options)
    logs = [gan.train_on_batch(*round_of(gan, seed=i), return_dict=True) for i in range(3)]
    return logs, gan.get_weights()


NOISE = {"instance_noise": 0.3, "instance_noise_images": 100, "label_flipping": 0.2}


@pytest.mark.parametrize("options", [{}, NOISE])
def test_without_steps_ahead_it_is_the_gan(options, tiny_gan, round_of):
    logs, weights = trained(tiny_gan, round_of, UnrolledGAN, unrolled_steps=0, saturating=False, **options)
    expected_logs, expected = trained(tiny_gan, round_of, DCGAN, **options)
    assert logs == expected_logs
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    ahead, _ = trained(tiny_gan, round_of, UnrolledGAN, unrolled_steps=2, saturating=False, **options)
    assert abs(ahead[0]["generator_loss"] - logs[0]["generator_loss"]) > 1e-6


def test_without_steps_ahead_the_minimax_form_is_that_of_the_gan(tiny_gan, round_of):
    _, weights = trained(tiny_gan, round_of, UnrolledGAN, unrolled_steps=0)
    _, expected = trained(tiny_gan, round_of, DCGAN, saturating=True)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_golden_losses(tiny_gan):
    gan = tiny_gan(UnrolledGAN, unrolled_steps=0)
    r, f = ops.convert_to_tensor([2.0, -1.0, 0.5, 3.0]), ops.convert_to_tensor([-1.5, 0.25, 1.0, -2.0])
    assert float(gan.discriminator_loss(r, f)) == pytest.approx(1.1075991077, rel=1e-6)
    real = {"images": ops.convert_to_tensor(images())}
    fake = gan.fake_like(real)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(-float(gan.discriminator_objective(real, fake)))


def test_the_generators_step_leaves_the_discriminator_and_its_optimizer(tiny_gan, take_step):
    gan = tiny_gan(UnrolledGAN)
    real = {"images": ops.convert_to_tensor(images())}
    discriminator, generator = gan.players()
    take_step(gan, discriminator, real)
    for player, other in ((generator, discriminator), (discriminator, generator)):
        still = [*other.variables, *gan.optimizers[other.name].variables]
        before, moving = [value(v).copy() for v in still], [value(v).copy() for v in player.variables]
        take_step(gan, player, real)
        for a, b in zip(before, still, strict=True):
            np.testing.assert_array_equal(a, value(b))
        assert all(np.abs(a - value(b)).max() > 1e-7 for a, b in zip(moving, player.variables, strict=True))


def test_a_conditional_one_looks_ahead_too(round_of):
    gan = UnrolledGAN((16, 16, 1), 4, width=4, unrolled_steps=1, num_classes=3, seed=0)
    gan.compile(run_eagerly=True)
    assert np.isfinite(list(gan.train_on_batch(*round_of(gan), return_dict=True).values())).all()
    assert gan.generate(2, labels=[0, 2]).shape == (2, 16, 16, 1)


def test_optimizers_without_a_formula_are_refused(tiny_gan):
    gan = tiny_gan(UnrolledGAN)
    with pytest.raises(ValueError, match="must be keras.optimizers.SGD or Adam.* Received: RMSprop"):
        gan.compile(keras.optimizers.RMSprop(1e-3))
    with pytest.raises(ValueError, match="plain steps.* Received: clipnorm=1.0"):
        gan.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0))
    gan.compile(generator_optimizer=keras.optimizers.RMSprop(1e-3))


# Eight Gaussians and the networks of the paper, whose D is weak: the minimax GAN hops between one or two of them. ---------


def nearest_modes(steps):
    keras.utils.set_random_seed(0)

    def dense(units, activation=None):
        return layers.Dense(units, activation, kernel_initializer=keras.initializers.Orthogonal(gain=0.8))

    generator = keras.Sequential([keras.Input((64,)), dense(128, "relu"), dense(128, "relu"), dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), layers.Rescaling(0.25), dense(128, "relu"), dense(1)])
    networks = {"generator": generator, "discriminator": discriminator}
    return coverage(on_points(UnrolledGAN)(latent_dim=64, unrolled_steps=steps, seed=0, **networks), 1000, 64).nearest20


def test_a_look_ahead_keeps_the_modes_that_the_gan_loses():
    assert nearest_modes(0) <= 3
    assert nearest_modes(5) == 8
