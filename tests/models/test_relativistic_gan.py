"""Relativistic GANs: both players hold samples of the two kinds against each other."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import GAN, RelativisticGAN
from keras_gan_zoo.losses.relativistic import FUNCTIONS, relativistic_loss

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def batch(n, seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2, 2, 1))
    return {"images": ops.convert_to_tensor(x.astype("float32"))}


def small(tiny_gan, cls=RelativisticGAN, **options):
    return tiny_gan(cls, **options)


def test_defaults_are_those_of_the_docstring():
    gan = RelativisticGAN((16, 16, 1), 4, width=4)
    assert (gan.function, gan.average, gan.discriminator_norm) == ("standard", True, "spectral")
    assert any("SN" in type(layer).__name__ for layer in gan.discriminator.layers)
    assert not gan.may_mix_samples()


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("function", "average"), [*itertools.product(FUNCTIONS, (False, True))])
def test_objectives_are_each_others_with_the_two_kinds_exchanged(function, average, n, tiny_gan):
    gan = small(tiny_gan, function=function, average=average)
    real, other = batch(n), batch(n, seed=1)
    of_discriminator = float(gan.discriminator_objective(real, other))
    assert float(gan.generator_objective(other, real)) == pytest.approx(of_discriminator, rel=1e-6)
    weights, bias = gan.discriminator.get_weights()
    r, f = (ops.convert_to_numpy(x["images"]).reshape(n, -1) @ weights[:, 0] + bias for x in (real, other))
    cost = {
        "standard": lambda t: np.logaddexp(0, -t),
        "least_squares": lambda t: (t - 1) ** 2,
        "hinge": lambda t: np.maximum(0, 1 - t),
    }[function]
    expected = (cost(r - f.mean()).mean() + cost(r.mean() - f).mean()) / 2 if average else cost(r - f).mean()
    assert of_discriminator == pytest.approx(expected, rel=1e-6)


def test_unknown_functions_and_targets_are_refused(tiny_gan):
    with pytest.raises(ValueError, match="function must be one of standard, .* Received: function='log'"):
        small(tiny_gan, function="log")
    with pytest.raises(ValueError, match="label_smoothing must be left out of .* place above the others"):
        small(tiny_gan, label_smoothing=0.1)


@pytest.mark.parametrize("average", [False, True])
def test_a_step_of_one_player_leaves_the_other_as_it_is(average, tiny_gan, take_step):
    gan, real = small(tiny_gan, average=average), batch(4)
    for player, other in (("discriminator", gan.generator), ("generator", gan.discriminator)):
        before = other.get_weights()
        own = getattr(gan, player).get_weights()
        take_step(gan, next(p for p in gan.players() if p.name == player), real)
        for a, b in zip(before, other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert any(not np.array_equal(a, b) for a, b in zip(own, getattr(gan, player).get_weights(), strict=True))


def test_the_generator_learns_from_real_samples_and_that_of_the_gan_does_not(tiny_gan, gradients_of):
    def gradient(gan, real):
        def objective():
            return gan.generator_objective(real, {"images": gan.generator(ops.ones((4, 3)))})

        return gradients_of(objective, gan.generator.trainable_variables)

    one, other = batch(4), {"images": 5 * batch(4)["images"] + 2.0}
    for gan in (small(tiny_gan), small(tiny_gan, average=False), small(tiny_gan, GAN)):
        first, second = gradient(gan, one), gradient(gan, other)
        differ = max(np.abs(a - b).max() for a, b in zip(first, second, strict=True))
        assert (differ == 0) if type(gan) is GAN else (differ > 1e-3)
        assert all(np.abs(a).max() > 1e-5 for a in first)


def test_real_scores_fall_in_the_generators_loss(differentiate):
    _, (fake, real) = differentiate(lambda f, r: relativistic_loss(f, r, average=True), F, R)
    assert (real > 0).all() and (fake < 0).all()
