"""R3GAN: its networks as they begin, both penalties, their course, and a ring of eight Gaussians."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import GAN, R3GAN
from keras_gan_zoo.networks.residual import residual_discriminator, residual_generator
from tests.models.ring_games import modes_covered

SHAPE = (16, 12, 1)


def value(x):
    return ops.convert_to_numpy(x)


def batch(n, shape=(2, 2, 1), seed=0):
    x = np.random.default_rng(seed).uniform(-1, 1, (n, *shape))
    return {"images": ops.convert_to_tensor(x.astype("float32"))}


def quadratic(**options):
    """An R3GAN of points (1, 2, 1) whose discriminator is x^2 + 2 y^2, halved, and two further features of weight 0."""
    points = keras.Input((1, 2, 1))
    squares = layers.Flatten()(layers.Multiply()([points, points]))
    head = layers.Dense(1, use_bias=False)
    discriminator = keras.Model(points, head(squares))
    head.set_weights([np.array([[0.5], [1.0]])])
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(2), layers.Reshape((1, 2, 1))])
    return R3GAN((1, 2, 1), 2, generator=generator, discriminator=discriminator, seed=0, **options)


def test_the_papers_networks_have_its_number_of_weights():
    # Counted on narrow networks of the same form: 4 sizes of 2 blocks, of which each has W1, b1, W2, b2 and W3.
    width = 32
    options = {"width": width, "max_width": width, "group_size": 16}
    generator = residual_generator((32, 32, 3), 64, **options)
    discriminator = residual_discriminator((32, 32, 3), **options)

    def counts(width):
        block = 2 * (2 * width**2) + 9 * 16 * 2 * width + 4 * width
        return 8 * block + 16 * width + 64 * width + 3 * width, 8 * block + 3 * width + 16 * width + width

    assert (generator.count_params(), discriminator.count_params()) == counts(width)
    assert counts(768) == (20_732_160, 20_683_776)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_every_block_is_the_identity_at_first_and_scores_are_linear(num_classes):
    gan = R3GAN(SHAPE, 8, width=4, num_blocks=1, group_size=4, num_classes=num_classes)
    labels = {"labels": ops.convert_to_tensor([0, 2, 1])} if num_classes else {}
    x = batch(3, SHAPE)["images"]
    once, twice = (value(gan.score({"images": scale * x, **labels}, training=False)) for scale in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    assert np.abs(once).max() > 1e-3
    for network in (gan.generator, gan.discriminator):
        added = [layer for layer in network.layers if isinstance(layer, layers.Add)]
        assert len(added) == 3
        inside = keras.Model(network.inputs, [part for layer in added for part in (layer.input[0], layer.output)])
        inputs = [ops.ones((2, *given.shape[1:]), dtype=given.dtype) for given in network.inputs]
        parts = inside(inputs)
        for before, after in zip(parts[::2], parts[1::2], strict=True):
            np.testing.assert_array_equal(value(before), value(after))


def test_labels_make_a_difference_to_both_networks():
    gan = R3GAN(SHAPE, 8, width=4, num_blocks=1, group_size=4, num_classes=3, seed=0)
    x = batch(1, SHAPE)["images"]
    scores = [value(gan.score({"images": x, "labels": ops.convert_to_tensor([k])}, training=False)) for k in range(3)]
    assert len({float(score[0]) for score in scores}) == 3
    latents = gan.latents(1, seed=0)
    images = [gan.generate(1, latents=latents, labels=k) for k in range(3)]
    assert np.abs(images[0] - images[1]).max() > 1e-4


@pytest.mark.parametrize("n", [1, 3])
def test_both_penalties_are_means_over_their_samples(n):
    gan = quadratic(gamma=10.0)
    points = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    real = {"images": ops.reshape(ops.convert_to_tensor(points[:n]), (n, 1, 2, 1))}
    fake = {"images": 2 * real["images"]}
    # |grad|^2 is 1, 4 and 5; four times that at twice the place.
    mean = np.mean([1, 4, 5][:n])
    assert float(gan.penalty(real, fake)) == pytest.approx(5 * (mean + 4 * mean), rel=1e-6)
    r, f = (value(gan.score(x, training=False)) for x in (real, fake))
    expected = np.logaddexp(0, f - r).mean() + 25 * mean
    assert float(gan.discriminator_objective(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(np.logaddexp(0, r - f).mean(), rel=1e-6)


def test_gamma_follows_half_a_cosine_over_the_images_seen():
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 1000, alpha=0.1)
    gan = quadratic(gamma=schedule)
    for images, expected in ((0, 0.05), (500, 0.0275), (1000, 0.005), (5000, 0.005)):
        gan.samples_seen.assign(images)
        assert float(gan.annealed(gan.gamma)) == pytest.approx(expected, rel=1e-6)
    gan.samples_seen.assign(0)
    gan.train_on_batch(np.zeros((4, 1, 2, 1), "float32"))
    assert int(gan.samples_seen) == 4
    again = R3GAN.from_config(gan.get_config())
    again.samples_seen.assign(500)
    assert float(again.annealed(again.gamma)) == pytest.approx(0.0275, rel=1e-6)
    assert not hasattr(quadratic(), "samples_seen")


def test_what_gamma_weighs_is_refused_beside_it():
    for option in ("r1_gamma", "r2_gamma"):
        with pytest.raises(ValueError, match=f"{option} must be left out of R3GAN: gamma weighs"):
            R3GAN.tiny(**{option: 1.0})
    with pytest.raises(ValueError, match=r"gamma must be in \[0, inf\). Received: gamma=-1.0"):
        R3GAN.tiny(gamma=-1.0)


def test_it_covers_a_ring_on_which_the_gan_collapses():
    assert modes_covered(GAN) <= 4
    assert modes_covered(R3GAN, gamma=0.1) == 8
