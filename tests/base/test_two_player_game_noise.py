"""Instance noise: on all that the discriminator sees, in both players' steps, and falling to exactly 0."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.models.gan import GAN

pytestmark = pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX traces what this listens to")

N = 2_000


class Listening(GAN):
    """Keeps the images that its discriminator scores."""

    def judge(self, batch, training=True, by="discriminator"):
        images = batch["images"].detach() if hasattr(batch["images"], "detach") else batch["images"]
        self.seen.append(ops.convert_to_numpy(images))
        return super().judge(batch, training, by)


def listening(tiny_gan, **options):
    gan = tiny_gan(Listening, **options)
    # A generator of constant zeros: whatever is seen of it is noise.
    gan.generator.set_weights([0.0 * weight for weight in gan.generator.get_weights()])
    gan.seen = []
    return gan


def spread(gan):
    """Standard deviations of the noise: on real and fake of the D step, and on the fakes of the G step."""
    gan.seen.clear()
    x = {"images": ops.zeros((N, 2, 2, 1))}
    gan.discriminator_objective(x, gan.fake_like(x))
    both = np.concatenate(gan.seen)
    assert len(both) == 2 * N
    gan.seen.clear()
    gan.generator_objective(x, gan.fake_like(x))
    return [part.std() for part in (both[:N], both[N:], np.concatenate(gan.seen))]


def test_both_players_see_noisy_images_of_both_kinds(tiny_gan):
    gan = listening(tiny_gan, instance_noise=0.2, instance_noise_images=10 * N)
    np.testing.assert_allclose(spread(gan), 0.2, rtol=4 / np.sqrt(2 * 4 * N))
    assert not np.array_equal(gan.seen[0], gan.seen[-1][::-1])


def test_it_falls_linearly_to_exactly_zero(tiny_gan):
    gan = listening(tiny_gan, instance_noise=0.2, instance_noise_images=4 * N)
    for rounds, expected in ((1, 0.15), (2, 0.1), (3, 0.05)):
        gan.samples_seen.assign(rounds * N)
        np.testing.assert_allclose(spread(gan), expected, rtol=4 / np.sqrt(2 * 4 * N))
    for rounds in (4, 5, 1000):
        gan.samples_seen.assign(rounds * N)
        assert spread(gan) == [0.0, 0.0, 0.0]


def test_without_the_option_nothing_is_added_or_drawn(tiny_gan):
    gan = listening(tiny_gan)
    assert spread(gan) == [0.0, 0.0, 0.0]


def test_the_generator_learns_through_the_addition(tiny_gan, gradients_of):
    gan = tiny_gan(instance_noise=0.2, instance_noise_images=100)
    x = {"images": ops.zeros((4, 2, 2, 1))}
    gradients = gradients_of(lambda: gan.generator_objective(x, gan.fake_like(x)), gan.generator.trainable_variables)
    assert all(np.abs(gradient).max() > 1e-4 for gradient in gradients)


def test_the_noise_is_fresh_for_each_image_and_call(tiny_gan):
    gan = tiny_gan(instance_noise=0.2, instance_noise_images=100)
    first, second = (ops.convert_to_numpy(gan.noisy({"images": ops.zeros((3, 2, 2, 1))})["images"]) for _ in range(2))
    assert len(np.unique(np.concatenate([first, second]))) == 24


@pytest.mark.parametrize("n_critic", [1, 3])
def test_real_images_are_counted_whatever_is_judged(n_critic, tiny_gan):
    gan = tiny_gan(instance_noise=0.2, instance_noise_images=100, n_critic=n_critic)
    for rounds in (1, 2):
        gan.train_on_batch(np.zeros((4 * n_critic, 2, 2, 1), "float32"))
        assert int(gan.samples_seen) == 4 * n_critic * rounds
    left = 0.2 * (1 - 8 * n_critic / 100)
    for n in (2000, 8000):
        noise = ops.convert_to_numpy(gan.noisy({"images": ops.zeros((n, 2, 2, 1))})["images"])
        assert noise.std() == pytest.approx(left, rel=4 / np.sqrt(2 * 4 * n))
    gan.train_on_batch(np.zeros((40 * n_critic, 2, 2, 1), "float32"))
    gan.train_on_batch(np.zeros((60 * n_critic, 2, 2, 1), "float32"))
    assert int(gan.samples_seen) == 100  # and no further, so that it never overflows
