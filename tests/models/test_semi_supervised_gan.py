"""SemiSupervisedGAN: its losses, who is labeled, and what unlabeled samples teach."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import BadGAN, SemiSupervisedGAN
from keras_gan_zoo.data import InvalidData, Points
from keras_gan_zoo.losses import minimax_discriminator_loss
from keras_gan_zoo.losses.semi_supervised import supervised_loss, unsupervised_loss
from keras_gan_zoo.networks.semi_supervised import noisy_classifier


def value(x):
    return ops.convert_to_numpy(x).copy()


def small(cls=SemiSupervisedGAN, **options):
    keras.utils.set_random_seed(0)
    gan = cls.tiny(seed=0, **options)
    gan.compile(run_eagerly=True)
    return gan


def batch(labels, seed=0):
    images = np.random.default_rng(seed).uniform(-1, 1, (len(labels), 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images), "labels": ops.convert_to_tensor(labels, dtype="int32")}


def rows(batch, chosen):
    return {name: ops.convert_to_tensor(value(x)[chosen]) for name, x in batch.items()}


def test_the_losses_are_those_of_labeled_and_unlabeled_samples():
    gan, real = small(), batch([0, -1, 2, -1, -1])
    fake = gan.fake_like(real)
    of_labeled, of_unlabeled = (gan.judge(rows(real, chosen)) for chosen in ([0, 2], [1, 3, 4]))
    expected = supervised_loss(of_labeled["logits"], np.array([0, 2])) + unsupervised_loss(
        of_unlabeled["scores"], gan.judge(fake)["scores"], np.ones(3, bool)
    )
    assert value(gan.discriminator_objective(real, fake)) == pytest.approx(value(expected), rel=1e-6)
    means = [value(said["features"]).mean(axis=0) for said in (of_unlabeled, gan.judge(fake))]
    expected = np.square(means[0] - means[1]).mean()
    assert expected > 1e-6 and value(gan.generator_objective(real, fake)) == pytest.approx(expected, rel=1e-4)
    logits = value(of_labeled["logits"]).astype("float64")
    np.testing.assert_allclose(value(of_labeled["scores"]), np.log(np.exp(logits).sum(axis=1)), rtol=1e-6)


def test_without_any_label_it_is_half_the_2014_game():
    gan, real = small(), batch([-1, -1, -1])
    fake = gan.fake_like(real)
    expected = minimax_discriminator_loss(gan.score(real), gan.score(fake)) / 2
    assert value(gan.discriminator_objective(real, fake)) == pytest.approx(value(expected), rel=1e-6)


def test_where_all_have_a_label_all_count_as_real_samples():
    gan = small()
    known, unknown = batch([0, 1, 2]), batch([-1, -1, -1])
    fake = gan.fake_like(unknown)
    of_classes = supervised_loss(gan.judge(known)["logits"], known["labels"])
    losses = [value(gan.discriminator_objective(real, fake)) for real in (known, unknown)]
    assert losses[0] == pytest.approx(losses[1] + value(of_classes), rel=1e-6) and value(of_classes) > 0.1
    matching = [value(gan.generator_objective(real, fake)) for real in (known, unknown)]
    assert matching[0] == pytest.approx(matching[1], rel=1e-6)


def test_a_step_leaves_the_other_player_as_it_was(take_step):
    gan, real = small(), batch([0, -1, 2, -1])
    for player in gan.players():
        before = [(weight, value(weight)) for name in gan.network_names for weight in getattr(gan, name).weights]
        own = {id(weight) for network in player.networks for weight in network.trainable_weights}
        take_step(gan, player, real)
        moved = {id(weight) for weight, was in before if not np.array_equal(was, value(weight))}
        statistics = {id(weight) for network in player.networks for weight in network.non_trainable_weights}
        assert own <= moved <= own | statistics


def test_the_generator_does_not_see_the_logits(gradients_of):
    gan, real = small(), batch([0, -1, 2, -1])
    head = gan.discriminator.get_layer("logits")
    assert gradients_of(lambda: gan.generator_objective(real, gan.fake_like(real)), [head._kernel]) == [None]


def test_the_background_of_digits_moves_no_weights_of_the_first_layer(gradients_of):
    first = (network := small().discriminator).get_layer("hidden_1")
    model = keras.Model(network.inputs, first.output)

    def gradient(brightness):
        images = ops.full((3, 16, 16, 1), brightness)
        return np.abs(gradients_of(lambda: ops.sum(model(images)), [first._kernel])[0]).max()

    assert gradient(-1.0) == 0 and gradient(0.5) > 1e-4


def test_both_remember_the_gradients_of_the_start():
    for variant in (SemiSupervisedGAN, BadGAN):
        made = variant.tiny().default_optimizers()
        found = {name: (float(adam.learning_rate), adam.beta_1, adam.beta_2, adam.epsilon) for name, adam in made.items()}
        assert found == {
            "discriminator": (pytest.approx(3e-3), 0.5, 0.9999, 1e-4),
            "generator": (pytest.approx(1e-3), 0.0, 0.9999, 1e-4),
        }


def test_noise_is_there_in_training_alone():
    gan, quiet = small(image_noise=0.3, noise=0.5), small()
    real = batch([0, -1, 2, -1])
    np.testing.assert_array_equal(value(gan.judge(real, False)["logits"]), value(gan.judge(real, False)["logits"]))
    assert np.abs(value(gan.judge(real)["logits"]) - value(gan.judge(real)["logits"])).max() > 1e-2
    np.testing.assert_array_equal(value(quiet.judge(real)["logits"]), value(quiet.judge(real)["logits"]))
    # The features are without the noise of their own layer.
    layers_ = [layer.name for layer in gan.discriminator.layers]
    assert layers_.index("relu_5") < layers_.index("noise_5") and gan.discriminator.outputs[1].shape[-1] == 4


def test_fit_takes_samples_without_a_label_and_chooses_the_scales():
    gan = small(ema_half_life=100)
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
    labels = np.where(np.arange(40) < 6, np.arange(40) % 3, -1)
    logs = gan.fit(images, labels, batch_size=8, epochs=1, verbose=0).history
    assert 0 <= logs["accuracy"][0] <= 1 and set(logs) == {"discriminator_loss", "generator_loss", "loss", "accuracy"}
    scale = value(gan.discriminator.get_layer("hidden_1").scale)
    assert np.abs(scale - 1).min() > 0.01
    np.testing.assert_array_equal(value(gan.network("discriminator").get_layer("hidden_1").scale), scale)
    gan.fit(images, labels, batch_size=8, epochs=1, verbose=0)  # goes on, and chooses no others
    np.testing.assert_array_equal(value(gan.discriminator.get_layer("hidden_1").scale), scale)
    said = gan.classify(images)
    assert said.shape == (40, 3)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    # A discriminator of one's own that was trained keeps its scales.
    other = small(discriminator=gan.discriminator)
    other.compile(*[keras.optimizers.SGD(0.0) for _ in range(2)], run_eagerly=True)
    before = gan.discriminator.get_weights()
    other.fit(images // 2, labels, batch_size=8, epochs=1, verbose=0)
    for weight, was in zip(other.discriminator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)
    with pytest.raises(InvalidData, match="-2"):
        gan.fit(images, labels - 1)
    with pytest.raises(InvalidData, match="less than 3"):
        gan.fit(images, np.full(40, 3))


@pytest.mark.parametrize("cls", [SemiSupervisedGAN, BadGAN])
def test_a_first_round_by_hand_chooses_as_fit_does(cls):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (8, 16, 16, 1), dtype=np.uint8), np.arange(8) % 3
    by_hand, fitted = small(cls), small(cls)
    by_hand.train_on_batch(images, labels)
    fitted.fit(iter([(images, labels)]), steps_per_epoch=1, verbose=0)
    for ours, theirs in zip(by_hand.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert by_hand.discriminator.get_layer("hidden_1").has_moved


# Two moons ---------------------------------------------------------------------------------------------------------------


def moons(n, seed):
    """Points of two arcs that hold each other, in turn, and which one each is of."""
    rng = np.random.default_rng(seed)
    of_second, angles = np.arange(n) % 2, rng.uniform(0, np.pi, n)
    signs = 1 - 2 * of_second
    centers = np.stack([of_second - 0.5, 0.5 * of_second - 0.25], axis=1)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * signs[:, None] + centers
    return (points + rng.normal(0, 0.1, (n, 2))).astype("float32"), of_second.astype("int32")


class PointsGAN(SemiSupervisedGAN):
    sample = "points"

    def fields(self):
        return {"points": Points((2,)), "labels": super().fields()["labels"]}


def errors(seed, rounds=400):
    """Share of wrong classes by the game from eight labels, and by the same classifier that learns from these alone."""
    points, truth = moons(1000, seed)
    labels = np.where(np.arange(1000) < 8, truth, -1)
    test, wanted = moons(2000, 100 + seed)

    def classifier():
        keras.utils.set_random_seed(seed)
        return noisy_classifier((2,), 2, width=64, noise=(0.1, 0.2))

    def adam():
        return keras.optimizers.Adam(3e-3, beta_1=0.5)

    latents = keras.Input((4,))
    x = layers.Dense(32, "relu")(layers.Dense(32, "relu")(latents))
    networks = {"discriminator": classifier(), "generator": keras.Model(latents, layers.Dense(2)(x))}
    gan = PointsGAN(latent_dim=4, num_classes=2, seed=seed, **networks)
    gan.compile(adam(), adam())
    gan.fit(points, labels, batch_size=64, steps_per_epoch=rounds, verbose=0)
    with_labels_alone = classifier()
    alone = keras.Model(with_labels_alone.inputs, with_labels_alone.outputs[0])
    alone.compile(adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    alone.fit(np.tile(points[:8], (4 * rounds, 1)), np.tile(labels[:8], 4 * rounds), batch_size=32, verbose=0)
    return [(said.argmax(axis=1) != wanted).mean() for said in (gan.classify(test), alone.predict(test, verbose=0))]


def test_samples_without_a_label_teach_where_a_class_ends():
    with_others, alone = np.mean([errors(seed) for seed in range(3)], axis=0)
    assert alone > 0.1 and with_others < 0.6 * alone
