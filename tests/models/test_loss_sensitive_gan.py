"""The loss-sensitive GAN: margins, what they stop, the reduction to WGAN, and pairs that come to rest."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import WGAN, LossSensitiveGAN


def batch(n, seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2, 2, 1))
    return {"images": ops.convert_to_tensor(x.astype("float32"))}


def test_defaults_are_those_of_the_authors_code():
    gan = LossSensitiveGAN((16, 16, 1), 4, width=4)
    assert (gan.margin_scale, gan.real_weight, gan.slope) == (2e-4, 0.0, 0.0)
    for optimizer in gan.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(1e-4) and optimizer.beta_1 == 0.5


@pytest.mark.parametrize("n", [1, 4])
def test_the_objective_is_the_papers(n, tiny_gan):
    gan = tiny_gan(LossSensitiveGAN, margin_scale=0.3, real_weight=0.7)
    real, fake = batch(n), batch(n, seed=1)
    x, y = (ops.convert_to_numpy(b["images"]).reshape(n, 4) for b in (real, fake))
    weights, bias = gan.discriminator.get_weights()
    r, f = (-(p @ weights[:, 0] + bias) for p in (x, y))
    expected = 0.7 * r.mean() + np.maximum(0, 0.3 * np.abs(x - y).sum(axis=1) + r - f).mean()
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(f.mean(), rel=1e-6)


def test_no_gradient_goes_through_the_margin(differentiate, gradients_of, tiny_gan):
    gan, real = tiny_gan(LossSensitiveGAN, margin_scale=0.3), batch(4)
    margins, (gradient,) = differentiate(
        lambda x: ops.sum(gan.margins(real["images"], x)) + 0.0 * ops.sum(x), batch(4, seed=1)["images"]
    )
    assert margins > 0.1 and np.all(gradient == 0)
    objective = gradients_of(
        lambda: gan.discriminator_objective(real, gan.fake_like(real)), gan.generator.trainable_variables
    )
    assert all(gradient is None for gradient in objective)


def test_labels_and_steep_slopes_are_refused(tiny_gan):
    for option in ("label_smoothing", "label_flipping"):
        with pytest.raises(ValueError, match=f"{option} must be left out of LossSensitiveGAN: .* neither has a label"):
            tiny_gan(LossSensitiveGAN, **{option: 0.1})
    with pytest.raises(ValueError, match=r"slope must be in .*1\]. Received: slope=1.5"):
        tiny_gan(LossSensitiveGAN, slope=1.5)


def test_a_slope_of_one_is_a_wgan_that_does_not_clip(tiny_gan, round_of):
    def trained(cls, **options):
        gan = tiny_gan(cls, n_critic=1, **options)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
        for i in range(2):
            gan.train_on_batch(*round_of(gan, seed=i))
        return gan.generator.get_weights() + gan.discriminator.get_weights()

    wgan = trained(WGAN, clip_limit=1e9)
    for a, b in zip(trained(LossSensitiveGAN, slope=1.0), wgan, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    other = trained(LossSensitiveGAN, slope=0.0, margin_scale=1e-3)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(other, wgan, strict=True))


def test_a_step_of_one_player_leaves_the_other_as_it_is(tiny_gan, take_step):
    gan, real = tiny_gan(LossSensitiveGAN, margin_scale=1.0), batch(4)
    for player, other in zip(gan.players(), (gan.generator, gan.discriminator), strict=True):
        before, own = other.get_weights(), player.networks[0].get_weights()
        take_step(gan, player, real)
        for a, b in zip(before, other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert any(not np.array_equal(a, b) for a, b in zip(own, player.networks[0].get_weights(), strict=True))


def test_pairs_come_to_rest_under_margins_and_never_under_a_constant_slope(tiny_gan):
    """A discriminator that may be as steep as it likes: a margin is reached, the Wasserstein loss has no end."""
    spread = {}
    for slope in (0.0, 1.0):
        gan = tiny_gan(LossSensitiveGAN, margin_scale=0.1, slope=slope)
        gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.0), run_eagerly=True)
        gan.discriminator.set_weights([np.zeros((4, 1)), np.zeros(1)])
        real = np.full((8, 2, 2, 1), 0.9, "float32")
        active = []
        for _ in range(30):
            gan.reset_metrics()
            active.append(gan.train_on_batch(real, return_dict=True)["active_pairs"])
        spread[slope] = np.abs(gan.discriminator.get_weights()[0]).max()
        if slope == 0:
            assert active[0] > 0.9 and active[-1] < 0.5
    assert spread[1.0] > 5 * spread[0.0]
