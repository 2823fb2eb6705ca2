"""PacGAN: packs, their one score, the reduction to GAN, and modes that a pack betrays."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import DCGAN, PacGAN
from tests.models.ring_games import modes_covered, network


def value(x):
    return ops.convert_to_numpy(x)


def images(n=8, shape=(2, 2, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def batch(*arguments, **options):
    return {"images": ops.convert_to_tensor(images(*arguments, **options))}


def scoring(weights, packing, **options):
    """Images of one pixel, of which a pack has the score sum_i w_i x_i."""
    discriminator = keras.Sequential(
        [keras.Input((1, 1, packing)), layers.Flatten(), layers.Dense(1, use_bias=False)], name="discriminator"
    )
    discriminator.set_weights([np.array(weights, "float32")[:, None]])
    generator = keras.Sequential([keras.Input((1,)), layers.Dense(1), layers.Reshape((1, 1, 1))], name="generator")
    gan = PacGAN((1, 1, 1), 1, packing=packing, generator=generator, discriminator=discriminator, seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def test_the_discriminator_is_larger_by_its_first_kernel_alone():
    gan, pack = DCGAN((16, 16, 3), 8, width=4), PacGAN((16, 16, 3), 8, width=4, packing=3)
    assert pack.discriminator.input_shape == (None, 16, 16, 9)
    shapes = [[weight.shape for weight in model.discriminator.weights] for model in (gan, pack)]
    differing = [(a, b) for a, b in zip(*shapes, strict=True) if a != b]
    assert differing == [((4, 4, 3, 4), (4, 4, 9, 4))]
    assert PacGAN(width=4).packing == 2


@pytest.mark.parametrize("shape", [(2, 3, 2), (5,)])
def test_a_pack_holds_different_samples_one_after_the_other(shape):
    gan = PacGAN((16, 16, 1), 4, width=4, packing=3)
    x = images(6, shape)
    packs = value(gan.packed(ops.convert_to_tensor(x)))
    assert packs.shape == (2, *shape[:-1], 3 * shape[-1])
    for pack in range(2):
        expected = np.concatenate([x[3 * pack + i] for i in range(3)], axis=-1)
        np.testing.assert_array_equal(packs[pack], expected)


def test_golden_losses_are_those_of_scores_of_packs():
    gan = scoring([1.0, 0.5], 2)
    r, f = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]
    # x_1 + x_2 / 2 = the score, with x_2 = 2: a pack's score depends on both.
    real, fake = ([number for score in scores for number in (score - 1.0, 2.0)] for scores in (r, f))
    real, fake = ({"images": ops.convert_to_tensor(np.reshape(x, (8, 1, 1, 1)).astype("float32"))} for x in (real, fake))
    np.testing.assert_allclose(value(gan.score(real)), r, rtol=1e-6)
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(1.1075991077, rel=1e-6)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(1.1793855991, rel=1e-6)
    one = {"images": real["images"][:2]}
    assert float(gan.generator_objective(one, one)) == pytest.approx(np.log1p(np.exp(-2.0)), rel=1e-6)


def test_the_order_within_a_pack_counts_in_its_score():
    gan = scoring([1.0, 0.5], 2)
    x = images(4, (1, 1, 1))
    swapped = x.reshape(2, 2)[:, ::-1].reshape(x.shape).copy()
    first, second = (value(gan.score({"images": ops.convert_to_tensor(y)})) for y in (x, swapped))
    assert np.abs(first - second).min() > 1e-3
    np.testing.assert_allclose(first + second, 1.5 * x.reshape(2, 2).sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("n", [2, 8])
def test_r1_is_of_whole_packs(n):
    # Of single samples it would be half of that.
    assert float(scoring([3.0, 4.0], 2).slope_penalty(2.0, batch(n, (1, 1, 1)))) == pytest.approx(25.0, rel=1e-6)


def test_with_packs_of_one_it_is_the_gan(tiny_gan, round_of):
    def trained(cls, **options):
        gan = tiny_gan(cls, **options)
        logs = [gan.train_on_batch(*round_of(gan, seed=i), return_dict=True) for i in range(2)]
        return logs, gan.get_weights()

    (logs, weights), (expected_logs, expected) = trained(PacGAN, packing=1), trained(DCGAN)
    assert logs == expected_logs
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert scoring([1.0, 0.0], 2).train_on_batch(images(4, (1, 1, 1)))


def test_a_step_moves_one_network(tiny_gan, take_step):
    gan = scoring([1.0, 0.5], 2)
    for player, still in zip(gan.players(), (gan.generator, gan.discriminator), strict=True):
        before = still.get_weights()
        moving = [value(v).copy() for v in player.variables]
        take_step(gan, player, batch(8, (1, 1, 1)))
        for a, b in zip(before, still.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert any(np.abs(a - value(b)).max() > 1e-6 for a, b in zip(moving, player.variables, strict=True))


def test_the_last_batch_of_a_data_set_is_cut_to_whole_packs(tiny_gan):
    images = np.random.default_rng(0).integers(0, 256, (21, 16, 16, 1), dtype=np.uint8)
    gan = PacGAN.tiny(seed=0)
    gan.compile(run_eagerly=True)
    gan.fit((images[i : i + 8] for i in range(0, 21, 8)), steps_per_epoch=3, verbose=0)
    assert int(gan.rounds) == 3
    with pytest.raises(ValueError, match="must hold a multiple of 2 examples. Received: batches of fewer from a generator"):
        PacGAN.tiny().fit((images[i : i + 1] for i in range(1)), steps_per_epoch=1, verbose=0)


def test_what_does_not_go_is_refused():
    with pytest.raises(ValueError, match="num_classes must be left out of PacGAN: .* Received: num_classes=3"):
        PacGAN((16, 16, 1), 4, width=4, num_classes=3)
    with pytest.raises(ValueError, match="packing must be an integer of at least 1. Received: packing=0"):
        PacGAN(packing=0)
    with pytest.raises(ValueError, match="multiple of packing=2 samples. Received: 3"):
        scoring([1.0, 0.5], 2).train_on_batch(images(3, (1, 1, 1)))


# Eight Gaussians, where the GAN keeps one. ---------------------------------------------------------------------------------


def covered(packing):
    return modes_covered(PacGAN, packing=packing, discriminator=network(2 * packing, 1))


def test_packs_keep_the_modes_that_the_gan_loses():
    assert covered(1) <= 3
    assert covered(2) == 8
