"""The average of the generator's weights."""

import numpy as np
import pytest
from keras import ops


def weights(model):
    return [ops.convert_to_numpy(weight).copy() for weight in model.weights]


def gap(gan):
    """|average - weights|, as a share of the weights."""
    difference = sum(
        np.abs(a - b).sum() for a, b in zip(weights(gan.average_generator), weights(gan.generator), strict=True)
    )
    return difference / sum(np.abs(b).sum() for b in weights(gan.generator))


def started_at_zero(gan, rounds):
    gan.average_generator.set_weights([0.0 * weight for weight in weights(gan.average_generator)])
    gan.rounds.assign(rounds)
    return gan


def test_after_half_a_life_half_the_error_is_left(tiny_gan):
    gan = started_at_zero(tiny_gan(ema_half_life=80), rounds=10**6)
    assert gap(gan) == pytest.approx(1.0, abs=1e-6)
    for left in (2**-0.25, 2**-0.5, 2**-0.75, 0.5):
        gan.update_averages(20)
        assert gap(gan) == pytest.approx(left, abs=1e-6)
    for _ in range(4):
        gan.update_averages(20)
    assert gap(gan) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize(("rounds", "half_life"), [(1, 0.05 * 20), (10, 0.05 * 200), (100, 80.0)])
def test_the_half_life_ramps_up_with_the_images_seen(rounds, half_life, tiny_gan):
    gan = started_at_zero(tiny_gan(ema_half_life=80), rounds)
    gan.update_averages(20)
    assert gap(gan) == pytest.approx(0.5 ** (20 / half_life), abs=1e-6)


def test_it_starts_as_a_copy_and_follows_every_round(tiny_gan, round_of):
    gan = tiny_gan(ema_half_life=16, ema_rampup=1.0)
    assert gap(gan) == 0.0
    average = weights(gan.average_generator)
    for i in range(1, 4):
        gan.train_on_batch(*round_of(gan, minibatch=8, seed=i))
        keep = 0.5 ** (8 / min(16, 8 * i))
        average = [keep * a + (1 - keep) * w for a, w in zip(average, weights(gan.generator), strict=True)]
    for expected, actual in zip(average, weights(gan.average_generator), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-6)
    assert gap(gan) > 1e-5


def test_batch_statistics_are_averaged_along(small_gan, round_of):
    gan = small_gan("dcgan", seed=0, ema_half_life=4, ema_rampup=1.0)
    gan.compile(run_eagerly=True)
    before = weights(gan.generator)
    gan.train_on_batch(*round_of(gan))
    moving = [i for i, weight in enumerate(gan.generator.weights) if "moving" in weight.path]
    assert len(moving) == 4
    for i in moving:
        after, average = weights(gan.generator)[i], weights(gan.average_generator)[i]
        assert np.abs(after - before[i]).max() > 1e-6
        np.testing.assert_allclose(average, (before[i] + after) / 2, atol=1e-6)


def test_the_average_is_what_is_sampled_and_does_not_train(tiny_gan, round_of):
    gan = tiny_gan(ema_half_life=10**6, ema_rampup=1.0)
    gan.average_generator.set_weights([0.0 * weight for weight in weights(gan.average_generator)])
    np.testing.assert_array_equal(gan.generate(3, seed=0), 0.0)
    assert gan.average_generator.trainable_variables == []
    trained = {id(v) for player in gan.players() for v in player.variables}
    assert not trained & {id(v) for v in gan.average_generator.variables}
    assert tiny_gan().sampler is not None and tiny_gan().average_generator is None


def test_training_is_not_affected(tiny_gan, round_of):
    with_average, without = tiny_gan(ema_half_life=20), tiny_gan()
    for gan in (with_average, without):
        for i in range(3):
            gan.train_on_batch(*round_of(gan, seed=i))
    for a, b in zip(weights(with_average.generator), weights(without.generator), strict=True):
        np.testing.assert_array_equal(a, b)
