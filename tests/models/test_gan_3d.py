"""3D-GAN: the gate before the discriminator, what stands still behind it, and volumes that fill as the data do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import GAN3D

SHAPE = (8, 8, 8, 1)


def value(x):
    return ops.convert_to_numpy(x)


def judging(cls=GAN3D, bias=0.0, **options):
    """A small model whose discriminator scores a volume by its mean, plus `bias`."""
    discriminator = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1)])
    discriminator.set_weights([np.full((512, 1), 1 / 512, "float32"), np.array([bias], "float32")])
    return cls(8, 4, width=2, discriminator=discriminator, seed=0, **options)


def scored(scores):
    """A batch of volumes that `judging` gives these scores, each a float32 without rounding."""
    scores = np.asarray(scores, "float32").reshape(-1, 1, 1, 1, 1)
    return {"voxels": ops.convert_to_tensor(np.broadcast_to(scores, (len(scores), *SHAPE)).copy())}


def batch_of(right, n, of_real):
    """Of n scores so many are right: high for real volumes, low for fakes."""
    signs = np.where(np.arange(n) < right, 1.0, -1.0)
    return scored(signs if of_real else -signs)


def full(n, share, seed=0):
    return (np.random.default_rng(seed).random((n, *SHAPE)) < share).astype("uint8")


def weights_of(network):
    return [value(variable).copy() for variable in network.trainable_variables]


def same(first, second):
    return [np.array_equal(a, b) for a, b in zip(first, second, strict=True)]


def test_defaults_are_the_papers():
    gan = GAN3D(width=2)
    assert (gan.side, gan.latent_dim, gan.threshold) == (64, 200, 0.8)
    assert gan.inputs()["latents"].distribution == "uniform"
    assert gan.generator.output_shape[1:] == gan.discriminator.input_shape[1:] == (64, 64, 64, 1)
    assert gan.get_config()["width"] == 2
    for name, rate in (("discriminator", 1e-5), ("generator", 2.5e-3)):
        optimizer = gan.optimizers[name]
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
        assert value(optimizer.learning_rate) == pytest.approx(rate)


def test_networks_have_the_widths_and_the_norm_asked_for():
    gan = GAN3D(16, 8, width=4, discriminator_width=2, discriminator_norm=None)
    assert gan.generator.get_layer("base_map").output.shape[-1] == 8
    assert gan.discriminator.get_layer("down_8").output.shape[-1] == 2
    assert not any("norm" in layer.name for layer in gan.discriminator.layers)
    assert GAN3D(16, 8, width=4).discriminator.get_layer("down_4_norm")


# The gate --------------------------------------------------------------------------------------------------------------


def decisions(cls, n=100, threshold=0.8):
    """What is expected and what is found at accuracies around the threshold, whichever side is right more often."""
    gan = judging(cls, threshold=threshold)
    at = round(2 * n * threshold)
    found = []
    for right in (at - 2, at - 1, at, at + 1, at + 2):
        for of_real in (right // 2, min(right, n), right - min(right, n)):
            real, fake = batch_of(of_real, n, True), batch_of(right - of_real, n, False)
            found.append((right < at, bool(value(gan.discriminator_is_behind(real, fake, {})))))
    return found


def test_the_gate_opens_below_the_threshold_and_not_at_it():
    # 158, 159, 160, 161 and 162 of 200 scores are right: accuracies .79 to .81.
    assert all(expected == found for expected, found in decisions(GAN3D))


class OnRealAlone(GAN3D):
    def discriminator_is_behind(self, real, fake, losses):
        return ops.mean(ops.cast(self.judge(real)["scores"] >= 0, "float32")) < self.threshold


class AtTheThreshold(GAN3D):
    def discriminator_is_behind(self, real, fake, losses):
        of_real, of_fake = self.judge_pair(real, fake)
        right = ops.cast(ops.concatenate([of_real["scores"] >= 0, of_fake["scores"] <= 0]), "float32")
        return ops.sum(right) <= self.threshold * 200.0


class WithBothSidesAsReal(GAN3D):
    def discriminator_is_behind(self, real, fake, losses):
        return super().discriminator_is_behind(real, {"voxels": -fake["voxels"]}, losses)


@pytest.mark.parametrize("mutant", [OnRealAlone, AtTheThreshold, WithBothSidesAsReal])
def test_other_gates_decide_otherwise(mutant):
    assert not all(expected == found for expected, found in decisions(mutant))


def test_a_score_of_0_is_right_for_both():
    gan = judging()
    assert not value(gan.discriminator_is_behind(scored([0.0] * 5), scored([0.0] * 5), {}))
    assert not value(gan.discriminator_is_behind(scored([0, 0, 0, 0, -1]), scored([1, 0, 0, 0, 0]), {}))
    assert value(gan.discriminator_is_behind(scored([0, 0, 0, 0, -1]), scored([1, 1, 0, 0, 0]), {}))


class ThreeOfFiveRight(GAN3D):
    def make(self, batch, training):
        made = super().make(batch, training)["voxels"]
        n = made.shape[0]
        scores = ops.where(ops.arange(n) < 3 * n // 5, -1.0, 1.0)
        return {"voxels": ops.reshape(scores, (n, 1, 1, 1, 1)) + 0.0 * made}


@pytest.mark.parametrize("n", [5, 25, 50, 100])
def test_the_gate_is_exact_where_a_round_is_compiled(n):
    # All real volumes are right and 3 of 5 fakes; under XLA a mean of 160 / 200 is less than 0.8.
    gan = judging(ThreeOfFiveRight)
    gan.compile(jit_compile=keras.backend.backend() != "torch")
    logs = gan.train_on_batch(full(n, 1.0), return_dict=True)
    assert logs["accuracy"] == pytest.approx(0.8)
    assert "discriminator_loss" not in logs


# What stands still -----------------------------------------------------------------------------------------------------


def test_a_discriminator_that_waits_stands_still_bit_for_bit():
    # Full volumes score 0.25 and fakes, half full at first, about -0.25: all are right. Empty ones score -0.75.
    gan = judging(bias=-0.75)
    optimizer = gan.optimizers["discriminator"]

    def played(share):
        before = weights_of(gan.discriminator), [value(v).copy() for v in optimizer.variables], weights_of(gan.generator)
        logs = gan.train_on_batch(full(4, share), return_dict=True)
        after = weights_of(gan.discriminator), [value(v) for v in optimizer.variables], weights_of(gan.generator)
        gan.reset_metrics()
        return logs, *map(same, before, after)

    for _ in range(2):
        logs, weights, slots, generator = played(1.0)
        assert logs["accuracy"] == 1.0 and "discriminator_loss" not in logs
        assert logs["loss"] == logs["generator_loss"]
        assert all(weights) and all(slots) and not any(generator)
        logs, weights, slots, generator = played(0.0)
        assert logs["accuracy"] == 0.5 and logs["discriminator_loss"] > 0
        assert logs["loss"] == pytest.approx(logs["discriminator_loss"] + logs["generator_loss"])
        # The rate is the slot that stays.
        assert not any(weights) and slots.count(True) == 1 and not any(generator)
    assert int(value(optimizer.iterations)) == 2


def test_statistics_follow_what_a_waiting_discriminator_sees():
    gan = GAN3D(16, 4, width=2, threshold=1e-6, seed=0)
    names = [variable.path for variable in gan.discriminator.non_trainable_variables]
    before = [value(variable).copy() for variable in gan.discriminator.non_trainable_variables]
    weights = weights_of(gan.discriminator)
    logs = gan.train_on_batch(np.random.default_rng(0).integers(0, 2, (4, 16, 16, 16, 1), dtype="uint8"), return_dict=True)
    assert "discriminator_loss" not in logs and all(same(weights, weights_of(gan.discriminator)))
    moved = same(before, [value(variable) for variable in gan.discriminator.non_trainable_variables])
    assert len(names) == 2 and not any(moved)


class Ungated(GAN3D):
    def players(self):
        discriminator, generator = super().players()
        return discriminator._replace(when=None), generator


def test_with_a_gate_that_never_closes_it_is_the_game_of_2014():
    def trained(cls, **options):
        keras.utils.set_random_seed(0)
        gan = cls(8, 4, width=2, discriminator_norm=None, seed=0, **options)
        logs = [gan.train_on_batch(full(4, 0.3, seed=i), return_dict=True) for i in range(3)]
        return logs[-1]["generator_loss"], weights_of(gan.generator) + weights_of(gan.discriminator)

    loss, weights = trained(GAN3D, threshold=1.1)
    expected_loss, expected = trained(Ungated)
    assert loss == pytest.approx(expected_loss, abs=1e-6)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    _, gated = trained(GAN3D, threshold=1e-6)
    assert any(np.abs(a - b).max() > 1e-5 for a, b in zip(gated, expected, strict=True))


def test_a_threshold_that_would_never_let_it_move_is_refused():
    with pytest.raises(ValueError, match=r"threshold must be in \(0, inf\). Received: threshold=0"):
        GAN3D.tiny(threshold=0)


# Volumes ---------------------------------------------------------------------------------------------------------------


def test_what_it_generates_is_volumes():
    gan = GAN3D.tiny(seed=0)
    volumes = gan.generate(3, seed=1)
    assert volumes.shape == (3, 8, 8, 8, 1)
    assert gan.fields()["voxels"].render(volumes).shape == (3, 96, 96, 1)


def test_generated_volumes_get_as_full_as_the_data():
    # Boxes that fill 27 of 512 voxels, somewhere in the lower half.
    rng = np.random.default_rng(0)
    boxes = np.zeros((256, *SHAPE), "uint8")
    for box in boxes:
        x, y, z = rng.integers(0, (6, 6, 2))
        box[x : x + 3, y : y + 3, z : z + 3] = 1

    def occupancy(**options):
        keras.utils.set_random_seed(0)
        hidden = [layers.Dense(64), layers.BatchNormalization(momentum=0.9), layers.ReLU()]
        voxels = [layers.Dense(512, activation="sigmoid"), layers.Reshape(SHAPE)]
        scores = [layers.Flatten(), layers.Dense(64), layers.LeakyReLU(0.2), layers.Dense(1)]
        generator = keras.Sequential([keras.Input((8,)), *hidden, *voxels])
        discriminator = keras.Sequential([keras.Input(SHAPE), *scores])
        gan = GAN3D(8, 8, generator=generator, discriminator=discriminator, seed=0, **options)
        gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(2.5e-3, beta_1=0.5))
        for _ in range(400):
            gan.train_on_batch(boxes[rng.integers(0, 256, 32)])
        return gan.generate(256, seed=0).mean()

    assert occupancy() == pytest.approx(27 / 512, rel=0.2)
    # A discriminator that never moves tells nothing.
    assert not 0.5 < occupancy(threshold=1e-6) / (27 / 512) < 2.0
