"""MatchingGAN: three kinds of pairs, and realism and match apart."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo import CGAN, MatchingGAN
from keras_gan_zoo.data.toy import ring
from keras_gan_zoo.models.matching_gan import as_fake
from tests.models.ring_games import label_agreement, on_points, told

R, F, W = [2.0, -1.0, 0.5], [-1.5, 0.3, 4.0], [1.0, -2.0, 0.25]


def small(cls=MatchingGAN, **options):
    keras.utils.set_random_seed(0)
    gan = cls((16, 16, 1), 4, **{"num_classes": 5, "width": 4, "seed": 0, **options})
    gan.compile(run_eagerly=True)
    return gan


def batch(n=8, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.uniform(-1, 1, (n, 16, 16, 1)).astype("float32")
    return {"images": ops.convert_to_tensor(images), "labels": ops.convert_to_tensor(np.arange(n, dtype="int32") % 5)}


def saying(gan, monkeypatch, **of_each):
    """The model with a judge that says of real, generated, and mismatched images what is given, told by their labels."""
    tensors = {key: [ops.convert_to_tensor(np.float32(values)) for values in said] for key, said in of_each.items()}
    kinds = {"real": 0, "fake": 1, "wrong": 2}

    def judge(batch, training=True, by="discriminator"):
        kind = "wrong" if "images" in batch and batch["images"] is real["images"] else batch["kind"]
        return {key: values[kinds[kind]] for key, values in tensors.items()}

    n = len(next(iter(of_each.values()))[0])
    real = {"images": ops.zeros((n, 16, 16, 1)), "labels": ops.zeros((n,), "int32")}
    monkeypatch.setattr(gan, "judge", judge)
    monkeypatch.setattr(gan, "judge_pair", lambda *_: (judge({"kind": "real"}), judge({"kind": "fake"})))
    return real, {**real, "images": ops.ones((n, 16, 16, 1)), "kind": "fake"}


@pytest.mark.parametrize(
    ("n", "expected"), [(3, 1.861430155715), (1, 0.126928011043 + (1.313261687518 + 0.201413277983) / 2)]
)
def test_one_head(n, expected, monkeypatch):
    gan = small()
    real, fake = saying(gan, monkeypatch, scores=(R[:n], F[:n], W[:n]))
    assert float(gan.judging_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    gan.wrong_weight = 0.25
    softplus = [np.mean(np.log1p(np.exp(values))) for values in (-np.array(R[:n]), F[:n], W[:n])]
    expected = softplus[0] + 0.75 * softplus[1] + 0.25 * softplus[2]
    assert float(gan.judging_loss(real, fake)) == pytest.approx(expected, rel=1e-6)


def test_two_heads(monkeypatch):
    gan = small(two_headed=True)
    # A wrong pair's realism counts nowhere, nor does the match of a generated one in the loss of D.
    real, fake = saying(gan, monkeypatch, scores=(R, F, [9.0] * 3), match=(R, F, W))
    expected = 2.329395044370 + 0.638088894247 + 0.755376372813
    assert float(gan.judging_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(gan.generator_objective(real, fake)) == pytest.approx(2 * 0.757972816790, rel=1e-6)
    # Each head may be asked for the minimax form: softplus(-s) is softplus(s) - s.
    saturating = small(two_headed=True, saturating=True)
    real, fake = saying(saturating, monkeypatch, scores=(R, F, [9.0] * 3), match=(R, F, W))
    assert float(saturating.generator_objective(real, fake)) == pytest.approx(-2 * (0.757972816790 + np.mean(F)), rel=1e-6)


def test_wrong_labels_are_never_right_and_any_other():
    gan = small()
    labels = np.arange(5000, dtype="int32") % 5
    wrong = ops.convert_to_numpy(gan.wrong_labels(ops.convert_to_tensor(labels)))
    assert wrong.dtype == np.int32 and wrong.min() == 0 and wrong.max() == 4
    assert (wrong != labels).all()
    counts = np.histogram2d(labels, wrong, bins=5)[0]
    np.testing.assert_allclose(counts[~np.eye(5, dtype=bool)], 250, atol=60)
    two = small(num_classes=2)
    one_or_the_other = ops.convert_to_numpy(two.wrong_labels(ops.convert_to_tensor(labels % 2)))
    np.testing.assert_array_equal(one_or_the_other, 1 - labels % 2)


def test_without_wrong_pairs_it_is_the_conditional_gan(take_step):
    weights = []
    for gan in (small(wrong_weight=0.0), small(CGAN)):
        take_step(gan, gan.players()[0], batch())
        weights.append(gan.discriminator.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_only_the_match_is_told_the_label():
    gan = small(two_headed=True)
    one, other = batch(), {**batch(), "labels": (batch()["labels"] + 2) % 5}
    first, second = (
        {key: ops.convert_to_numpy(value) for key, value in gan.judge(given, training=False).items()}
        for given in (one, other)
    )
    np.testing.assert_array_equal(first["scores"], second["scores"])
    assert np.abs(first["match"] - second["match"]).min() > 1e-6
    assert first["scores"].shape == first["match"].shape == (8,)


def test_the_best_score_of_a_right_pair_is_log_2(differentiate):
    """Where fakes are perfect, and wrong pairs look like none of them, D = 1 / (1 + 1/2)."""
    gan = small(wrong_weight=0.5)
    for score, sign in ((np.log(2), 0), (np.log(2) - 0.1, -1), (np.log(2) + 0.1, 1)):
        _, gradients = differentiate(gan.discriminator_loss, np.float32([score]), np.float32([score]))
        slope = float(gradients[0][0] + gradients[1][0])
        assert abs(slope) < 1e-6 if sign == 0 else slope * sign > 0.01
    # A wrong pair can be refused without bounds.
    _, (slope,) = differentiate(lambda wrong: gan.wrong_weight * as_fake(wrong), np.float32([-3.0]))
    assert slope[0] == pytest.approx(0.5 / (1 + np.exp(3.0)), rel=1e-6)


HEADS = {"one head": ({}, functools.partial(told, 2, 1)), "two heads": ({"two_headed": True}, lambda: apart())}


def apart():
    """Realism that is not told the label, and a match that is."""
    match = told(2, 1)
    points, labels = match.inputs
    x = points
    for _ in range(2):
        x = keras.layers.ReLU()(keras.layers.Dense(64)(x))
    return keras.Model([points, labels], {"scores": keras.layers.Dense(1)(x), "match": match.outputs[0]})


class Outside(on_points(MatchingGAN)):
    """Its fakes lie outside of the ring, at the angles of their classes, whatever the generator does."""

    def fake_like(self, real):
        fake = super().fake_like(real)
        return {**fake, "points": 1.5 * real["points"] + 0.0 * fake["points"]}


def test_each_head_answers_its_own_question():
    modes, said = ring(), {}
    points, labels = modes.sample(64 * 250, 0)
    for heads, (options, discriminator) in HEADS.items():
        keras.utils.set_random_seed(0)
        networks = {"generator": told(4, 2), "discriminator": discriminator()}
        gan = Outside(latent_dim=4, num_classes=8, seed=0, **networks, **options)
        gan.compile(keras.optimizers.Adam(5e-3), keras.optimizers.Adam(1e-3), steps_per_execution=10)
        gan.fit({"points": points, "labels": labels}, batch_size=64, verbose=0)
        right, classes = modes.means.astype("float32"), np.arange(8, dtype="int32")
        for realism, shape in (("real", right), ("unreal", 1.5 * right)):
            for match, of in (("right", classes), ("wrong", (classes + 3) % 8)):
                scores = gan.judge({"points": ops.convert_to_tensor(shape), "labels": ops.convert_to_tensor(of)}, False)
                for key, values in scores.items():
                    said[heads, key, realism, match] = set(np.sign(ops.convert_to_numpy(values)))
    for realism in ("real", "unreal"):
        for match in ("right", "wrong"):
            assert said["two heads", "scores", realism, match] == {1.0 if realism == "real" else -1.0}
            assert said["two heads", "match", realism, match] == {1.0 if match == "right" else -1.0}
            yes = (realism, match) == ("real", "right")
            assert said["one head", "scores", realism, match] == {1.0 if yes else -1.0}


@pytest.mark.parametrize("heads", HEADS)
def test_the_label_decides_the_mode_unless_the_labels_are_shuffled(heads):
    options, discriminator = HEADS[heads]
    _, agreement = label_agreement(MatchingGAN, discriminator, rounds=600, **options)
    assert agreement >= 0.99
    _, agreement = label_agreement(MatchingGAN, discriminator, rounds=150, shuffled=True, **options)
    assert agreement <= 0.25
