"""Options of the rules of 2014 beside label tricks and noise: what each adds, to whom, and what it keeps in mind."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import LSGAN, WGAN
from keras_gan_zoo.base.augmenting import AUGMENTATIONS
from keras_gan_zoo.losses.penalties import lecam_penalty
from keras_gan_zoo.models.gan import GAN

R, F = [2.0, -1.0, 0.5, 3.0], [-1.5, 0.25, 1.0, -2.0]


def tensor(values):
    return ops.convert_to_tensor(values, "float32")


def value(x):
    return ops.convert_to_numpy(x)


def batch(n, seed=0):
    return {"images": tensor(np.random.default_rng(seed).uniform(-1, 1, (n, 2, 2, 1)))}


# Slopes -----------------------------------------------------------------------------------------------------------------


def test_r2_is_r1_at_generated_samples(tiny_gan):
    def cubic(**options):
        images = keras.Input((2, 2, 1))
        squares = keras.layers.Multiply()([images, images])
        scores = keras.layers.Dense(1, kernel_initializer="ones")(keras.layers.Flatten()(squares))
        return tiny_gan(GAN, discriminator=keras.Model(images, scores), **options)

    real, fake = batch(3), batch(3, seed=1)
    slopes = [4 * (value(x["images"]) ** 2).sum(axis=(1, 2, 3)).mean() for x in (real, fake)]
    assert float(cubic(r2_gamma=10.0).penalty(real, fake)) == pytest.approx(5 * slopes[1], rel=1e-6)
    both = cubic(r1_gamma=2.0, r2_gamma=10.0)
    assert both.penalizes_slopes
    assert float(both.penalty(real, fake)) == pytest.approx(slopes[0] + 5 * slopes[1], rel=1e-6)
    assert cubic().penalty(real, fake) == 0.0


def test_what_is_annealed_follows_the_images_seen(tiny_gan, round_of):
    schedules = keras.optimizers.schedules
    gan = tiny_gan(r1_gamma=schedules.PolynomialDecay(1.0, 8, 0.0), top_k=schedules.PolynomialDecay(1.0, 8, 0.5))
    for images, gamma, share in ((0, 1.0, 1.0), (4, 0.5, 0.75), (8, 0.0, 0.5)):
        assert int(gan.samples_seen) == images
        assert float(gan.annealed(gan.options.r1_gamma)) == pytest.approx(gamma)
        assert float(gan.annealed(gan.options.top_k)) == pytest.approx(share)
        gan.train_on_batch(*round_of(gan))
    again = type(gan).from_config(gan.get_config())
    assert again.options == gan.options and float(again.annealed(again.options.r1_gamma)) == 1.0


# LeCam ------------------------------------------------------------------------------------------------------------------


def test_lecam_golden(differentiate):
    loss, _ = differentiate(lambda r, f: lecam_penalty(r, f, 0.5, -0.3), R, F)
    assert loss == pytest.approx(6.783125, rel=1e-6)
    single = [float(lecam_penalty(tensor([r]), tensor([f]), 0.5, -0.3)) for r, f in zip(R, F, strict=True)]
    # (2 + 0.3)^2 + (0.5 + 1.5)^2
    assert single[0] == pytest.approx(9.29, rel=1e-6)
    assert np.mean(single) == pytest.approx(6.783125, rel=1e-6)


def test_lecam_averages_begin_without_bias_and_no_gradient_goes_through(tiny_gan, differentiate):
    gan = tiny_gan(lecam_weight=2.0, lecam_decay=0.9)
    gan.compile(run_eagerly=True)
    # At first the averages are the means themselves.
    expected = 2 * float(lecam_penalty(tensor(R), tensor(F), 1.125, -0.5625))
    with keras.StatelessScope():
        assert float(gan.lecam_penalty(tensor(R), tensor(F))) == pytest.approx(expected, rel=1e-6)
        _, gradients = differentiate(gan.lecam_penalty, R, F)
    np.testing.assert_allclose(gradients[0], np.maximum(np.array(R) + 0.5625, 0), rtol=1e-6)
    np.testing.assert_allclose(gradients[1], -np.maximum(1.125 - np.array(F), 0), rtol=1e-6)
    gan.lecam_penalty(tensor(R), tensor(F))
    second = float(gan.lecam_penalty(tensor([0.0]), tensor([0.0])))
    a, b = 0.9 * -0.5625 / 1.9, 0.9 * 1.125 / 1.9
    assert second == pytest.approx(2 * (a**2 + b**2), rel=1e-6)


# Consistency ------------------------------------------------------------------------------------------------------------


class Still(GAN):
    """Whose views are the images themselves."""

    def uniform(self, shape, low=-1.0, high=1.0):
        return ops.full(shape, 0.5) if tuple(shape)[-1] == 3 else super().uniform(shape, low, high)


def test_consistency_is_nothing_where_the_view_is_the_image(tiny_gan):
    real, fake = batch(4), batch(4, seed=1)
    for option in ("consistency_weight", "fake_consistency_weight"):
        plain, still, other = (
            float(tiny_gan(cls, **options).discriminator_objective(real, fake))
            for cls, options in ((GAN, {}), (Still, {option: 10.0}), (GAN, {option: 10.0}))
        )
        assert still == pytest.approx(plain, rel=1e-6)
        assert other > plain + 1e-4


def test_consistency_is_of_its_own_samples_and_reaches_the_discriminator_alone(tiny_gan, gradients_of):
    real, fake, nothing = batch(4), batch(4, seed=1), {"images": ops.zeros((4, 2, 2, 1))}
    for option, of_real in (("consistency_weight", True), ("fake_consistency_weight", False)):
        gan, plain = tiny_gan(**{option: 10.0}), tiny_gan()
        for first, second, matters in ((real, nothing, of_real), (nothing, fake, not of_real)):
            more = float(gan.discriminator_objective(first, second)) - float(plain.discriminator_objective(first, second))
            assert (more > 1e-4) == matters
        weights = gan.generator.trainable_variables
        objective = gradients_of(lambda g=gan: g.discriminator_objective(real, g.fake_like(real)), weights)
        assert all(gradient is None for gradient in objective)


# Augmentation -----------------------------------------------------------------------------------------------------------


class Listening(GAN):
    """Keeps the images that its discriminator scores."""

    def judge(self, batch, training=True, by="discriminator"):
        self.seen.append(batch["images"])
        return super().judge(batch, training, by)


def test_both_players_see_real_and_generated_images_augmented(tiny_gan, monkeypatch):
    monkeypatch.setitem(AUGMENTATIONS, "color", (3, lambda images, draws: images + 10.0))
    gan = tiny_gan(Listening, augment="color")
    real, fake, gan.seen = batch(4), batch(4, seed=1), []
    gan.discriminator_objective(real, fake)
    gan.generator_objective(real, fake)
    of_discriminator, of_generator = (value(x) for x in gan.seen)
    both = np.concatenate([value(real["images"]), value(fake["images"])])
    np.testing.assert_allclose(of_discriminator, both + 10.0, rtol=1e-6)
    np.testing.assert_allclose(of_generator, both[4:] + 10.0, rtol=1e-6)


def test_the_generator_learns_through_augmentations(tiny_gan, gradients_of):
    gan = tiny_gan(augment="color, translation,cutout,flip,scale", augment_probability=0.5)
    assert gan.options.augmentations == ("color", "translation", "cutout", "flip", "scale")
    x = batch(8)
    gradients = gradients_of(lambda: gan.generator_objective(x, gan.fake_like(x)), gan.generator.trainable_variables)
    assert all(np.abs(gradient).max() > 1e-5 for gradient in gradients)


def test_colors_are_turned_where_there_are_three_channels(tiny_gan):
    pipe = "flip,rotate90,translation,scale,rotation,anisotropic,color,luma_flip,hue"
    gan = tiny_gan(image_shape=(2, 3, 3), augment=pipe, ada_target=0.6)
    gan.ada_probability.assign(0.5)
    logs = gan.train_on_batch(np.zeros((8, 2, 3, 3), "uint8"), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    for name in ("luma_flip", "hue"):
        with pytest.raises(ValueError, match=f"augment must be left out of GAN: {name} is for RGB, .* 1 channel"):
            tiny_gan(augment=f"flip, {name}")


def test_the_probability_of_ada_moves_every_four_steps_and_in_the_right_direction(tiny_gan):
    gan = tiny_gan(augment="color", ada_target=0.6)
    step = 64 * 4 / 500_000
    for i in range(8):
        gan.move_probability(ops.ones(64))
        assert float(gan.ada_probability) == pytest.approx(step * ((i + 1) // 4), rel=1e-5)
    # Three quarters above 0 are a mean sign of one half, below the target.
    for _ in range(4):
        gan.move_probability(tensor([1.0, 1.0, 1.0, -1.0] * 16))
    assert float(gan.ada_probability) == pytest.approx(step, rel=1e-5)
    for _ in range(8):
        gan.move_probability(-ops.ones(64))
    assert float(gan.ada_probability) == 0.0
    # 500,000 images of which all score above 0 take it to 1, and no further.
    gan.ada_probability.assign(1952 * step)
    for _ in range(8):
        gan.move_probability(ops.ones(64))
    assert float(gan.ada_probability) == 1.0


def test_the_probability_of_ada_is_a_part_of_the_state(tiny_gan, tmp_path):
    gan = tiny_gan(augment="color", ada_target=0.6)
    gan.discriminator.set_weights([np.zeros((4, 1)), np.full(1, 5.0)])
    gan.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)), run_eagerly=True)
    for _ in range(5):
        gan.train_on_batch(np.zeros((4, 2, 2, 1), "float32"))
    assert float(gan.ada_probability) == pytest.approx(4 * 4 / 500_000)
    np.testing.assert_array_equal(value(gan.ada_signs), 1.0)
    gan.save_weights(tmp_path / "gan.weights.h5")
    again = tiny_gan(augment="color", ada_target=0.6)
    again.load_weights(tmp_path / "gan.weights.h5")
    assert float(again.ada_probability) == float(gan.ada_probability)


def test_the_sign_of_a_critics_scores_says_nothing(tiny_gan):
    for cls in (WGAN, LSGAN):
        with pytest.raises(ValueError, match="ada_target must be left out of .*: the sign of its scores says nothing"):
            tiny_gan(cls, augment="color", ada_target=0.6)


def test_what_is_for_images_is_refused_without_them(small_gan):
    for options in ({"augment": "color"}, {"consistency_weight": 1.0}, {"fake_consistency_weight": 1.0}):
        (name,) = options
        with pytest.raises(ValueError, match=f"left out of GAN3D: it is for images, and .* Received: {name}="):
            small_gan("gan_3d", **options)


# Top-k ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [GAN, LSGAN, WGAN])
@pytest.mark.parametrize(("share", "best"), [(0.5, [1.0, 0.25]), (0.26, [1.0, 0.25]), (0.25, [1.0]), (0.01, [1.0])])
def test_the_generator_learns_from_the_best_alone(cls, share, best, tiny_gan, differentiate):
    gan = tiny_gan(cls, top_k=share)
    loss, (gradient,) = differentiate(gan.loss_of_the_best, F)
    expected, (of_best,) = differentiate(gan.generator_loss, best)
    assert loss == pytest.approx(expected, rel=1e-5, abs=1e-6)
    wanted = np.zeros(4)
    wanted[2], wanted[1] = of_best[0], (of_best[1] if len(best) == 2 else 0.0)
    np.testing.assert_allclose(gradient, wanted, atol=1e-6)


def test_without_the_option_it_learns_from_all(tiny_gan):
    gan = tiny_gan()
    assert float(gan.loss_of_the_best(tensor(F))) == float(gan.generator_loss(tensor(F)))
