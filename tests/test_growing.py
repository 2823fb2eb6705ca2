"""Progressive growing: what is kept, what is faded in, and a training that goes on through it."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_gan_zoo
from keras_gan_zoo import DCGAN, GAN, MRGAN, SNGAN, VAEGAN, WGANGP, BiGAN, InfoGAN
from keras_gan_zoo.layers.fade_in import FadeIn


def array(x):
    return ops.convert_to_numpy(x)


def fades(network):
    return [layer for layer in network.layers if isinstance(layer, FadeIn)]


def images(shape, n=4, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


@pytest.mark.parametrize(
    "gan",
    [
        lambda: DCGAN.tiny(image_shape=(12, 16, 3), seed=0),
        lambda: WGANGP((7, 8, 1), 4, width=4, generator_norm="batch", seed=0),
        lambda: SNGAN.tiny(seed=0),
    ],
)
def test_it_begins_as_the_old_model_enlarged(gan):
    gan = gan()
    larger = keras_gan_zoo.grown(gan, 10)
    height, width, channels = gan.image_shape
    assert type(larger) is type(gan) and larger.image_shape == (2 * height, 2 * width, channels)
    latents = gan.latents(3, seed=0)
    made = array(gan.generator(latents)).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(array(larger.generator(latents)), made)
    x = images(larger.image_shape)
    halves = x.reshape(4, height, 2, width, 2, channels).mean(axis=(2, 4))
    np.testing.assert_allclose(array(larger.discriminator(x)), array(gan.discriminator(halves)), rtol=1e-4, atol=1e-5)
    # In between it moves from the one to the other, without a jump.
    values = []
    for share in (0.0, 0.5, 1.0):
        fades(larger.generator)[0].seen.assign(10 * share)
        values.append(array(larger.generator(latents)))
    np.testing.assert_allclose(values[1], (values[0] + values[2]) / 2, atol=1e-6)
    assert np.abs(values[2] - values[0]).max() > 1e-3


def test_in_the_end_the_old_ends_have_no_part():
    gan = DCGAN.tiny(seed=0)
    larger = keras_gan_zoo.grown(gan, 10)
    x, latents = images(larger.image_shape), gan.latents(3, seed=0)
    said = lambda: (array(larger.generator(latents)), array(larger.discriminator(x)))  # noqa: E731
    before = said()
    for network in (larger.generator, larger.discriminator):
        (fade,) = fades(network)
        fade.seen.assign(fade.steps)
    new = said()
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(before, new, strict=True))
    for network, name in ((larger.generator, "up_16x16"), (larger.discriminator, "down_8x8")):
        network.get_layer(name).kernel.assign(network.get_layer(name).kernel * 0)
    for a, b in zip(new, said(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "gan",
    [
        lambda: DCGAN.tiny(seed=0),
        lambda: WGANGP.tiny(seed=0, n_critic=3),
        # Whose discriminator is called more often in a round.
        lambda: DCGAN.tiny(seed=0, consistency_weight=1.0, fake_consistency_weight=1.0),
    ],
)
def test_new_layers_are_faded_in_over_rounds(gan, tmp_path):
    gan = gan()
    kept = [w.copy() for w in gan.get_weights()]
    larger = keras_gan_zoo.grown(gan, 10)
    larger.compile(run_eagerly=True)
    for _ in range(2):
        logs = larger.train_on_batch(images(larger.image_shape, 2 * larger.minibatches_per_round), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    (of_g,), (of_d,) = fades(larger.generator), fades(larger.discriminator)
    for fade in (of_g, of_d):
        assert (float(array(fade.seen)), fade.steps) == (2.0, 10)
    assert all(np.array_equal(a, b) for a, b in zip(kept, gan.get_weights(), strict=True))
    # It is saved as any other, and grows again.
    larger.save_to_preset(tmp_path / "larger")
    again = keras_gan_zoo.load(tmp_path / "larger")
    np.testing.assert_array_equal(again.generate(2, seed=0), larger.generate(2, seed=0))
    with pytest.raises(ValueError, match="until its last growth is faded in"):
        keras_gan_zoo.grown(again, 5)
    for network in (again.generator, again.discriminator):
        (fade,) = fades(network)
        fade.seen.assign(fade.steps)
    twice = keras_gan_zoo.grown(again, 5)
    made = again.generate(2, seed=0).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(twice.generate(2, seed=0), made, atol=1e-6)
    assert twice.image_shape == (64, 64, 1) and len(fades(twice.generator)) == len(fades(twice.discriminator)) == 1


def weights_of(network):
    """Layer -> its weights, of those that have some."""
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def test_it_grows_twice_and_trains_at_each_size():
    gan = DCGAN((8, 8, 1), 4, width=4, seed=0)
    dropped = [(set(), set()), ({"up_8x8", "fade_16x16"}, {"down_4x4", "fade_16x16"})]
    for side in (8, 16, 32):
        gan.compile(run_eagerly=True)
        for i in range(3):
            before = [weight for network in (gan.generator, gan.discriminator) for weight in network.get_weights()]
            logs = gan.train_on_batch(images((side, side, 1), seed=i), return_dict=True)
            after = [weight for network in (gan.generator, gan.discriminator) for weight in network.get_weights()]
            assert np.isfinite(list(logs.values())).all()
            if i == 1:  # while old and new layers both have a part
                assert all(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))
        for network in (gan.generator, gan.discriminator):
            assert len(fades(network)) == (side > 8)
            # Three rounds are more than the two of the fade, which has ended at 1.
            assert all(float(array(fade.seen)) == fade.steps for fade in fades(network))
        assert gan.generate(2, seed=0).shape == (2, side, side, 1)
        if side == 32:
            return
        larger, latents = keras_gan_zoo.grown(gan, 2), gan.latents(3, seed=0)
        made = array(gan.generator(latents)).repeat(2, axis=1).repeat(2, axis=2)
        np.testing.assert_allclose(array(larger.generator(latents)), made, atol=1e-6)
        for name, gone in zip(("generator", "discriminator"), dropped.pop(0), strict=True):
            old, new = weights_of(getattr(gan, name)), weights_of(getattr(larger, name))
            assert old.keys() - new.keys() == gone
            for layer in old.keys() & new.keys():
                for a, b in zip(old[layer], new[layer], strict=True):
                    np.testing.assert_array_equal(a, b)
        gan = larger


def test_optimizers_have_the_settings_of_the_old_ones():
    gan = DCGAN.tiny(seed=0)
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.25), keras.optimizers.SGD(0.5))
    larger = keras_gan_zoo.grown(gan, 10)
    assert larger.optimizers["discriminator"].beta_1 == 0.25
    assert isinstance(larger.optimizers["generator"], keras.optimizers.SGD)


def test_other_models_are_refused():
    of_several = [(cls.tiny(), r"another network \((encoder|recognition)\)") for cls in (BiGAN, InfoGAN, MRGAN, VAEGAN)]
    others = [(GAN.tiny(), "a generator that ends in Reshape"), (DCGAN.tiny(num_classes=3), "or of classes")]
    for gan, words in others + of_several:
        with pytest.raises(ValueError, match=words):
            keras_gan_zoo.grown(gan, 10)
    with pytest.raises(ValueError, match="fade_rounds"):
        keras_gan_zoo.grown(DCGAN.tiny(), 0)
