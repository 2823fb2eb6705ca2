"""A round: who moves, on which images."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.base.batches import minibatches, per_sample
from keras_gan_zoo.data import Images
from keras_gan_zoo.models.cgan import CGAN
from keras_gan_zoo.models.gan import GAN


def numbered(n, shape=(2, 2, 1)):
    return np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, *shape)).copy()


def numbers(images):
    return np.rint((ops.convert_to_numpy(images)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


class Listening(GAN):
    """Keeps the numbers of the images that each step sees."""

    def discriminator_objective(self, real, fake, by):
        self.seen.append((by, numbers(real["images"])))
        return super().discriminator_objective(real, fake, by)

    def generator_objective(self, real, fake):
        self.seen.append(("generator", numbers(real["images"])))
        return super().generator_objective(real, fake)


def test_each_critic_step_has_images_of_its_own(tiny_gan):
    gan = tiny_gan(Listening, n_critic=3)
    gan.seen = []
    logs = gan.train_on_batch(numbered(12), return_dict=True)
    assert gan.seen == [
        ("discriminator", [0, 1, 2, 3]),
        ("discriminator", [4, 5, 6, 7]),
        ("discriminator", [8, 9, 10, 11]),
        ("generator", [8, 9, 10, 11]),
    ]
    assert set(logs) == {"discriminator_loss", "generator_loss", "loss"}
    assert logs["loss"] == pytest.approx(logs["discriminator_loss"] + logs["generator_loss"])
    assert [int(ops.convert_to_numpy(o.iterations)) for o in gan.optimizers.values()] == [3, 1]
    assert int(ops.convert_to_numpy(gan.rounds)) == 1


@pytest.mark.parametrize("n_critic", [1, 2])
def test_simultaneous_players_move_from_the_same_point(n_critic, tiny_gan):
    """The generator's step is the one it takes before the discriminator's last; the discriminator's is as it was."""

    def played(simultaneous, rates=(0.5, 0.5)):
        gan = tiny_gan(simultaneous=simultaneous, n_critic=n_critic)
        gan.compile(*(keras.optimizers.SGD(rate) for rate in rates), run_eagerly=True)
        gan.train_on_batch(numbered(4 * n_critic))
        return [np.concatenate([w.ravel() for w in net.get_weights()]) for net in (gan.generator, gan.discriminator)]

    (ours, judge), (answering, same_judge) = played(True), played(False)
    np.testing.assert_array_equal(judge, same_judge)
    assert np.abs(ours - answering).max() > 1e-3
    if n_critic == 1:
        np.testing.assert_allclose(ours, played(False, rates=(0.0, 0.5))[0], atol=1e-7)


def test_minibatches_cut_images_and_labels_alike():
    images, labels = numbered(6), np.arange(6, dtype="int32")
    whole = {"images": ops.convert_to_tensor(images), "labels": ops.convert_to_tensor(labels)}
    parts = minibatches(whole, 3)
    assert [ops.convert_to_numpy(part["labels"]).tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert [ops.convert_to_numpy(part["images"])[:, 0, 0, 0].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert minibatches(whole, 1)[0] is whole


def test_a_batch_that_cannot_be_cut_is_refused(tiny_gan):
    with pytest.raises(ValueError, match="takes 3 minibatches of equal size. Received: a batch of 10 images.*multiple of 3"):
        tiny_gan(n_critic=3).train_round(numbered(10))


def test_uint8_and_float_images_are_one_input(tiny_gan):
    images = np.random.default_rng(0).integers(0, 256, (8, 2, 2, 1), dtype=np.uint8)
    logs = []
    for batch in (images, images.astype("float32") / 127.5 - 1):
        gan = tiny_gan()
        logs.append([gan.train_on_batch(batch, return_dict=True)["discriminator_loss"] for _ in range(3)])
    np.testing.assert_allclose(logs[0], logs[1], atol=1e-6)
    scaled = Images((1, 1, 1)).preprocess
    ends = ops.convert_to_numpy(scaled(np.array([0, 255], "uint8").reshape(2, 1, 1, 1)))
    np.testing.assert_array_equal(ends.ravel(), [-1.0, 1.0])
    everything = np.arange(256, dtype="uint8").reshape(-1, 1, 1, 1)
    restored = np.rint((ops.convert_to_numpy(scaled(everything)) + 1) * 127.5).astype("uint8")
    np.testing.assert_array_equal(restored, everything)


def test_scores_lose_their_axis_of_one_only():
    assert per_sample(ops.zeros((4, 1))).shape == (4,)
    assert per_sample(ops.zeros((4,))).shape == (4,)
    assert per_sample(ops.zeros((1,))).shape == (1,)
    assert per_sample(ops.zeros((4, 3, 3, 1))).shape == (4, 3, 3)


def test_images_alone_are_wanted(tiny_gan):
    gan = tiny_gan()
    images, labels = numbered(4), np.zeros(4, "int32")
    for wrapped in (images, (images,), [images], (images, None, None), {"images": images}, ({"images": images}, None, None)):
        assert gan.schema.named(wrapped)["images"] is images
    with pytest.raises(ValueError, match="GAN must be trained on images alone. Received: data that yields 2 parts"):
        gan.schema.named((images, labels))


def test_images_and_labels_are_wanted():
    gan = CGAN((16, 16, 1), 4, width=4, seed=0)
    images, labels = numbered(4, (16, 16, 1)), np.zeros(4, "int32")
    named = {"labels": labels, "images": images, "names": None}
    for wrapped in ((images, labels), [images, labels], (images, labels, None), named, (named, None, None)):
        assert gan.schema.named(wrapped) == {"images": images, "labels": labels}
    with pytest.raises(ValueError, match=r"CGAN must be trained on \(images, labels\).*yields 1 part\. Fix: map"):
        gan.schema.named((images, None, None))


def test_logs_are_means_until_they_are_reset(tiny_gan):
    running, single = tiny_gan(), tiny_gan()
    means, values = [], []
    for i in range(4):
        means.append(float(running.train_round(numbered(4) + 9 * i)["generator_loss"]))
        single.reset_metrics()
        values.append(float(single.train_round(numbered(4) + 9 * i)["generator_loss"]))
    assert len(set(values)) == 4
    np.testing.assert_allclose(means, np.cumsum(values) / np.arange(1, 5), rtol=1e-5)


def test_the_seed_decides_the_noise_of_training(tiny_gan):
    def losses(seed):
        gan = tiny_gan(seed=seed)
        return [gan.train_on_batch(numbered(4), return_dict=True)["discriminator_loss"] for _ in range(3)]

    first, second, third = losses(5), losses(5), losses(6)
    np.testing.assert_array_equal(first, second)
    assert first[0] != third[0]


@pytest.mark.parametrize(("distribution", "deviation", "limit"), [("normal", 1.0, 8.0), ("uniform", 3**-0.5, 1.0)])
def test_latents(distribution, deviation, limit, tiny_gan):
    gan = tiny_gan(latent_distribution=distribution)
    for latents in (ops.convert_to_numpy(gan.inputs()["latents"].draw(gan, 5000)), gan.latents(5000, seed=0)):
        assert latents.shape == (5000, 3)
        assert latents.mean() == pytest.approx(0.0, abs=0.04)
        assert latents.std() == pytest.approx(deviation, rel=0.03)
        assert 0.99 < np.abs(latents).max() <= limit


def test_the_generator_follows_the_gradient_through_samples_that_were_recorded_before(tiny_gan, gradients_of, take_step):
    gan = tiny_gan()
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.5), run_eagerly=True)
    discriminator, generator = gan.players()
    x = {"images": ops.convert_to_tensor(numbered(4).astype("float32"))}
    seeds = ops.convert_to_numpy(gan.seed_generator.state).copy()
    recording = gan.record(generator, x)
    after_recording = ops.convert_to_numpy(gan.seed_generator.state).copy()
    assert not np.array_equal(seeds, after_recording)
    before = gan.discriminator.get_weights()
    take_step(gan, discriminator, x, recording)
    assert np.abs(before[0] - gan.discriminator.get_weights()[0]).max() > 1e-3

    gan.seed_generator.state.assign(seeds)
    expected = gradients_of(lambda: gan.generator_objective(x, gan.fake_like(x)), gan.generator.trainable_variables)
    gan.seed_generator.state.assign(after_recording)
    weights = gan.generator.get_weights()
    take_step(gan, generator, x, recording)
    for weight, gradient, moved in zip(weights, expected, gan.generator.get_weights(), strict=True):
        np.testing.assert_allclose(moved, weight - 0.5 * gradient, atol=1e-6)
        assert np.abs(gradient).max() > 1e-4


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_regularizers_of_a_players_weights_count(name, tiny_gan):
    """Against the same round without them: SGD moves the weights by their gradient, 2 w l2, more."""
    after = {}
    for l2 in (0.0, 0.5):
        gan = tiny_gan()
        for variable in getattr(gan, name).trainable_variables:
            variable.regularizer = keras.regularizers.L2(l2) if l2 else None
        gan.compile(*(keras.optimizers.SGD(0.1) for _ in range(2)), run_eagerly=True)
        before = getattr(gan, name).get_weights()
        logs = gan.train_on_batch(np.zeros((4, 2, 2, 1), "float32"), return_dict=True)
        after[l2] = getattr(gan, name).get_weights(), float(logs[f"{name}_loss"])
    for old, plain, decayed in zip(before, after[0.0][0], after[0.5][0], strict=True):
        np.testing.assert_allclose(decayed - plain, -0.1 * 2 * 0.5 * old, rtol=1e-4, atol=1e-6)
    added = 0.5 * sum((weight**2).sum() for weight in before)
    assert after[0.5][1] - after[0.0][1] == pytest.approx(added, rel=1e-4) and added > 0.1


@pytest.mark.parametrize("verb", ["evaluate", "predict", "test_on_batch", "predict_on_batch"])
def test_verbs_that_a_game_does_not_have_are_refused_before_anything_is_touched(verb, tiny_gan):
    gan = tiny_gan()
    before = gan.generate(2, seed=0)
    with pytest.raises(TypeError, match="Received: (evaluate|predict)"):
        getattr(gan, verb)(np.zeros((4, 2, 2, 1), "uint8"))
    np.testing.assert_array_equal(gan.generate(2, seed=0), before)
    gan.fit(np.zeros((4, 2, 2, 1), "uint8"), batch_size=4, verbose=0)


@pytest.mark.parametrize("callback", ["TerminateOnNaN", "EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_callbacks_of_keras_that_read_the_loss_work(callback, tiny_gan, tmp_path):
    gan = tiny_gan()
    options = {
        "EarlyStopping": {"monitor": "loss", "min_delta": 1e9},
        "ReduceLROnPlateau": {"monitor": "loss", "min_delta": 1e9, "patience": 1},
        "ModelCheckpoint": {"filepath": tmp_path / "x.weights.h5", "monitor": "loss", "save_weights_only": True},
    }
    rate = 1e30 if callback == "TerminateOnNaN" else 0.0
    gan.compile(*(keras.optimizers.SGD(rate) for _ in range(2)), run_eagerly=True)
    images = np.random.default_rng(0).integers(0, 256, (40, 2, 2, 1), dtype=np.uint8)
    stops = getattr(keras.callbacks, callback)(**options.get(callback, {}))
    history = gan.fit(images, batch_size=4, epochs=4, verbose=0, callbacks=[stops])
    if callback in ("TerminateOnNaN", "EarlyStopping"):
        assert len(history.epoch) < 4 and int(gan.rounds) < 40
