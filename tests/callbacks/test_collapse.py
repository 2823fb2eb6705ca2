"""The collapse monitor: what it measures, what it says, and what it does about it."""

import math
import warnings

import keras
import numpy as np
import pytest

from keras_gan_zoo.callbacks import CollapseMonitor
from keras_gan_zoo.callbacks.collapse_measures import (
    effective_classes,
    mean_pairwise_distance,
    pixel_std,
    ranking,
    saturated,
)
from keras_gan_zoo.data import ImageData
from keras_gan_zoo.models.began import BEGAN

RNG = np.random.default_rng(0)
# Images between black and white, so that there is room for saturation.
REAL = RNG.integers(60, 196, (64, 2, 2, 1), dtype=np.uint8)


# Measures ----------------------------------------------------------------------------------------------------------------


def test_pairwise_distance_by_hand():
    images = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]).reshape(4, 1, 2, 1)
    assert mean_pairwise_distance(images) == pytest.approx((5 + 0 + 10 + 5 + 5 + 10) / 6, abs=1e-12)
    assert mean_pairwise_distance(images, np.array([0, 0, 1, 1])) == pytest.approx(7.5, abs=1e-12)
    assert mean_pairwise_distance(images, np.arange(4)) == 0.0
    # Far from 0 and nearly alike: rounding must not swallow the difference.
    assert mean_pairwise_distance(np.array([[1.0], [1.0 + 1e-6]])) == pytest.approx(1e-6, rel=1e-6)


def test_other_measures_by_hand():
    assert pixel_std(np.array([[0.0, 1.0], [2.0, 1.0]])) == pytest.approx(0.5)
    assert saturated(np.array([-1.0, 0.98, 0.991, 0.0])) == 0.5
    assert effective_classes(np.full(4, 0.25)) == pytest.approx(4.0, abs=1e-12)
    assert effective_classes(np.array([1.0, 0.0])) == pytest.approx(1.0)
    assert ranking(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == 0.875
    assert ranking(np.ones(3), np.ones(5)) == 0.5 and ranking(np.zeros(3), np.ones(5)) == 0.0


# A model whose samples and scores are known --------------------------------------------------------------------------------


@pytest.fixture
def gan(tiny_gan):
    """A generator of tanh(0.5 z w), spread like REAL, and a linear discriminator of small weights."""

    def build(**arguments):
        gan = tiny_gan(**arguments)
        rng = np.random.default_rng(1)
        gan.generator.set_weights([0.25 * rng.standard_normal((3, 4)), np.zeros(4)])
        gan.discriminator.set_weights([rng.standard_normal((4, 1)), np.zeros(1)])
        return gan

    return build


def constant(gan, value=0.0):
    """The generator gives one image only, of this value."""
    gan.generator.set_weights([np.zeros((3, 4)), np.full(4, np.arctanh(value))])


def monitor(gan, every=1, real=REAL, **options):
    callback = CollapseMonitor(real, every, **{"n": 64, "start": 0, **options})
    callback.set_model(gan)
    callback.on_train_begin()
    return callback


def look(callback, round=1, logs=None):
    """One look; returns the texts that were warned about."""
    callback.round = round
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback.look(logs)
    return [str(warning.message) for warning in caught if warning.category is RuntimeWarning]


def kinds(callback):
    return [finding.kind for finding in callback.findings]


def test_a_healthy_model_has_no_findings(gan):
    callback = monitor(gan())
    assert look(callback, logs={"generator_loss": 0.7}) == [] and callback.findings == []
    expected = {"pairwise_distance", "pixel_std", "ranking", "gradient", "saturation"}
    assert set(callback.values) == expected and all(map(math.isfinite, callback.values.values()))
    assert 0.5 < callback.values["pairwise_distance"] < 2


def test_collapse_is_told_in_plain_words_once_and_its_end_too(gan):
    model = gan()
    callback = monitor(model)
    before = model.generator.get_weights()
    constant(model)
    texts = look(callback, 10)
    assert kinds(callback) == ["pairwise_distance", "pixel_std"]
    assert texts == [finding.message for finding in callback.findings]
    assert texts[0].startswith("Round 10: the samples are nearly alike: two of them differ by 0.0% of what two real images ")
    assert "(alarm below 25%)" in texts[0]
    assert "Advice: " in texts[0] and "Advice: " in texts[1]
    finding = callback.findings[0]
    assert (finding.round, finding.threshold) == (10, 0.25) and finding.value == pytest.approx(0.0, abs=1e-6)
    assert look(callback, 20) == []
    model.generator.set_weights(before)
    assert look(callback, 30) == [
        "Round 30: pairwise distance is over.",
        "Round 30: pixel std is over.",
    ]
    constant(model)
    assert len(look(callback, 40)) == 2


def test_before_the_start_only_nan_is_a_finding(gan):
    model = gan()
    callback = monitor(model, start=100)
    constant(model)
    assert look(callback, 99) == [] and callback.values["pairwise_distance"] < 1e-6
    assert len(look(callback, 100)) == 2


@pytest.mark.parametrize("where", ["weights", "loss"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_named(gan, where, value):
    model = gan()
    callback, logs = monitor(model, start=1000), {"discriminator_loss": 1.0, "generator_loss": 0.5}
    if where == "loss":
        logs["generator_loss"] = value
    else:
        kernel = np.ones((3, 4))
        kernel[0, 0] = value
        model.generator.set_weights([kernel, np.zeros(4)])
    (text,) = look(callback, 7, logs)
    assert text.startswith("Round 7: NaN or infinite values in ") and "Advice" in text and kinds(callback) == ["nan"]
    assert "discriminator_loss" not in text
    assert ("generator_loss" in text) == (where == "loss")
    assert ("1 weights (" in text and "kernel" in text) == (where == "weights")
    # tanh makes an infinite weight a sample of 1.
    assert ("the samples" in text) == (where == "weights" and np.isnan(value))


def test_saturated_samples(gan):
    model = gan()
    callback = monitor(model)
    model.generator.set_weights([50 * np.random.default_rng(1).standard_normal((3, 4)), np.zeros(4)])
    look(callback)
    (finding,) = (finding for finding in callback.findings if finding.kind == "saturation")
    assert finding.threshold == 0.5 and finding.value > 0.9 and "above 0.99 in size" in finding.message


def test_data_that_has_extreme_values_itself_is_no_alarm(gan):
    model = gan()
    callback = monitor(model, real=RNG.choice(np.array([0, 255], "uint8"), (64, 2, 2, 1)))
    model.generator.set_weights([50 * np.random.default_rng(1).standard_normal((3, 4)), np.zeros(4)])
    look(callback)
    assert "saturation" not in callback.values and callback.findings == []


def test_the_gradient_has_the_value_of_a_linear_discriminator(gan):
    model = gan()
    callback = monitor(model)
    look(callback)
    weights = model.discriminator.get_weights()[0][:, 0].astype("float64")
    fake = model.generate(64, seed=0)
    real = callback.real
    scores = np.concatenate([real, fake]).reshape(128, 4) @ weights
    distance = np.linalg.norm((fake - real).reshape(64, 4), axis=1).mean()
    assert callback.values["gradient"] == pytest.approx(np.linalg.norm(weights) * distance / scores.std(), rel=1e-5)
    # Whatever the scale of the scores.
    model.discriminator.set_weights([1e-3 * weights[:, None], np.zeros(1)])
    before = callback.values["gradient"]
    look(callback)
    assert callback.values["gradient"] == pytest.approx(before, rel=1e-5)


def test_a_discriminator_that_sees_nothing(gan):
    model = gan()
    callback = monitor(model)
    model.discriminator.set_weights([np.zeros((4, 1)), np.zeros(1)])
    look(callback)
    assert kinds(callback) == ["vanishing_gradient"] and callback.values["ranking"] == 0.5


@pytest.mark.parametrize(("sign", "kind"), [(1.0, None), (-1.0, "discriminator_fooled")])
def test_the_ranking_of_the_discriminator(gan, sign, kind):
    """Dark fakes, light real images: a linear D with a positive weight ranks the real ones first, and is not flat."""
    model = gan()
    light = RNG.integers(200, 240, (64, 2, 2, 1), dtype=np.uint8)
    callback = monitor(model, real=light)
    model.generator.set_weights([0.1 * np.random.default_rng(1).standard_normal((3, 4)), np.full(4, -0.5)])
    model.discriminator.set_weights([np.full((4, 1), sign), np.zeros(1)])
    look(callback)
    assert callback.values["ranking"] == (1.0 if sign > 0 else 0.0) and callback.values["gradient"] > 0.5
    assert kinds(callback) == ([kind] if kind else [])
    # The mark of BEGAN, which ranks fakes first by design.
    assert BEGAN.ranks_fakes_first
    model.ranks_fakes_first = True
    other = monitor(model, real=light)
    look(other)
    assert kinds(other) == []


class Steep(keras.layers.Layer):
    """A score that tells light from dark and is flat elsewhere."""

    def call(self, x):
        return keras.ops.tanh(6.0 * x)


def test_a_discriminator_that_wins_and_is_flat(gan):
    flat = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1), Steep()], name="discriminator"
    )
    model = gan(discriminator=keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]))
    model.discriminator = flat
    flat.set_weights([np.full((4, 1), 0.25), np.zeros(1)])
    callback = monitor(model, real=RNG.integers(200, 240, (64, 2, 2, 1), dtype=np.uint8))
    model.generator.set_weights([0.1 * np.random.default_rng(1).standard_normal((3, 4)), np.full(4, -0.5)])
    look(callback)
    assert kinds(callback) == ["discriminator_wins"]
    assert "100.00% of all pairs" in callback.findings[0].message


# Classes -----------------------------------------------------------------------------------------------------------------


class ByShade:
    """A classifier of two classes: mean gray value below and above the middle."""

    def probabilities(self, images):
        assert images.dtype == np.uint8
        light = images.mean(axis=(1, 2, 3)) > 127
        return np.stack([1.0 - light, light], axis=1)


def test_classes_that_are_missing(gan):
    model = gan()
    callback = monitor(model, classifier=ByShade())
    assert look(callback) == [] and callback.values["effective_classes"] > 0.9
    model.generator.set_weights([0.1 * np.random.default_rng(1).standard_normal((3, 4)), np.full(4, 1.0)])
    (text,) = (text for text in look(callback) if "class" in text and "none of" in text)
    assert "none of 64 samples shows class 0" in text
    assert callback.values["effective_classes"] == pytest.approx(1 / effective_classes(callback.reference["classes"]))


def test_few_classes_are_a_serious_finding(gan):
    class Always(ByShade):
        def probabilities(self, images):
            classes = np.arange(len(images)) % 5 if self.real else np.zeros(len(images), int)
            self.real = False
            return np.eye(5)[classes]

        real = True

    callback = monitor(gan(), classifier=Always())
    look(callback)
    assert kinds(callback) == ["effective_classes", "missing_classes"] and callback.serious_looks == 1
    assert callback.values["effective_classes"] == pytest.approx(0.2, rel=0.01)
    assert "class 1, 2, 3, 4" in callback.findings[1].message


# Acts --------------------------------------------------------------------------------------------------------------------


def state(model):
    return {
        variable.path: keras.ops.convert_to_numpy(variable) for variable in (*model.variables, *model.optimizer.variables)
    }


def test_a_rollback_restores_the_exact_state_but_for_the_random_numbers(gan, tmp_path):
    model = gan()
    model.fit(REAL, batch_size=8, epochs=1, verbose=0)
    callback = monitor(model, action="rollback", patience=2, folder=tmp_path)
    look(callback, 8)
    healthy = state(model)
    assert callback.healthy_round == 8 and [path.name for path in tmp_path.iterdir()] == ["healthy.weights.h5"]
    model.fit(REAL, batch_size=8, epochs=1, verbose=0)
    constant(model)
    assert len(look(callback, 16)) == 2 and int(model.rounds) == 16
    (text,) = look(callback, 24)
    assert "Round 24: pairwise distance, pixel std in 2 looks in a row; went back to the state of round 8" in text
    assert "rollback 1 of 1" in text and kinds(callback)[-1] == "rollback"
    after = state(model)
    differing = [name for name in after if not np.array_equal(after[name], healthy[name])]
    assert len(differing) == 1 and "seed" in differing[0]
    assert callback.round == 8 and callback.due == 9 and not model.stop_training


def test_rollbacks_have_an_end(gan, tmp_path):
    model = gan()
    callback = monitor(model, action="rollback", patience=1, max_rollbacks=2, folder=tmp_path)
    look(callback, 1)
    seeds = [keras.ops.convert_to_numpy(model.seed_generator.state).tolist()]
    for _ in range(2):
        constant(model)
        look(callback, 2)
        seeds.append(keras.ops.convert_to_numpy(model.seed_generator.state).tolist())
        assert not model.stop_training
    assert len({tuple(seed) for seed in seeds}) == 3
    constant(model)
    text = look(callback, 2)[-1]
    assert model.stop_training and kinds(callback)[-1] == "stopped"
    assert "training stops after 2 rollbacks, the most allowed. The last healthy state is the state of round 1" in text
    assert "load it with gan.load_weights" in text


def test_nothing_to_go_back_to(gan, tmp_path):
    model = gan()
    callback = monitor(model, action="rollback", patience=1, folder=tmp_path)
    constant(model)
    assert "training stops, with nothing to go back to. No healthy state is kept." in look(callback)[-1]
    assert model.stop_training and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("action", "stops"), [("warn", False), ("stop", True)])
def test_patience(gan, action, stops):
    model = gan()
    model.stop_training = False
    callback = monitor(model, action=action, patience=3)
    before = model.generator.get_weights()
    for healthy in (False, False, True, False, False):
        model.generator.set_weights(before)
        if not healthy:
            constant(model)
        look(callback)
        assert not model.stop_training
    look(callback)
    assert model.stop_training == stops


# In a training -------------------------------------------------------------------------------------------------------------


IMAGES = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), dtype=np.uint8)


def trained(small_gan, name, *callbacks, **arguments):
    keras.utils.set_random_seed(0)
    model = small_gan(name, seed=0, **arguments)
    model.compile()
    labels = {"labels": np.arange(32) % 3} if "labels" in model.fields() else {}
    model.fit({"images": IMAGES, **labels}, batch_size=4, steps_per_epoch=4, epochs=2, verbose=0, callbacks=list(callbacks))
    return model


@pytest.mark.parametrize(
    ("name", "arguments"), [("dcgan", {"ema_half_life": 20}), ("cgan", {"num_classes": 3}), ("info_gan", {})]
)
def test_the_training_is_bit_identical_with_and_without(small_gan, tmp_path, name, arguments):
    callback = CollapseMonitor((IMAGES, np.arange(32) % 3), 3, n=32, folder=tmp_path)
    plain, watched = trained(small_gan, name, **arguments), trained(small_gan, name, callback, **arguments)
    pairs = zip(state(plain).values(), state(watched).values(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert callback.healthy_round == 6 and {"pairwise_distance", "gradient"} <= set(callback.values)


def test_nan_in_a_training_is_rolled_back_and_the_training_goes_on(small_gan, tmp_path):
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.rounds) == 2 and not monitor.rollbacks:
                generator = self.model.generator
                generator.set_weights([np.full(w.shape, np.nan, "float32") for w in generator.get_weights()])

    monitor = CollapseMonitor(IMAGES, 1, n=32, action="rollback", folder=tmp_path)
    with pytest.warns(RuntimeWarning, match="NaN or infinite"):
        model = trained(small_gan, "gan", Break(), monitor)
    # Broken at round 2, seen at 2 and 3, back at 1, and five rounds more, the first of them in the same epoch.
    assert kinds(monitor) == ["nan", "rollback"] and [finding.round for finding in monitor.findings] == [2, 3]
    assert int(model.rounds) == 6 and all(np.isfinite(weight).all() for weight in model.get_weights())
    assert all(np.isfinite(value) for values in model.history.history.values() for value in values)


def test_the_place_of_the_healthy_state_is_looked_at_before_the_training(gan, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="healthy.weights.h5 in folder must be a place .* and .*file is no folder"):
        monitor(gan(), folder=tmp_path / "file")


# Arguments ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"action": "pray"},
        {"action": "rollback"},
        {"patience": 0},
        {"max_rollbacks": -1},
        {"n": 15},
        {"start": -1},
    ],
)
def test_impossible_arguments(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"must .*Received: {name}="):
        CollapseMonitor(REAL, **{"every": 1, **wrong})


def test_real_images_are_read_as_those_of_fit():
    kept = CollapseMonitor(REAL, 1).real
    assert kept.dtype == np.float32 and kept.shape == REAL.shape
    for real in (keras.ops.convert_to_tensor(REAL), REAL / 255, REAL / 127.5 - 1, REAL[..., 0]):
        np.testing.assert_array_equal(CollapseMonitor(real, 1).real, kept)
    labels = np.arange(64) % 3
    given = (keras.ops.convert_to_tensor(REAL), keras.ops.convert_to_tensor(labels))
    np.testing.assert_array_equal(CollapseMonitor(given, 1).labels, CollapseMonitor((REAL, labels), 1).labels)


def test_real_images_that_do_not_serve(gan, small_gan):
    with pytest.raises(ValueError, match="at least 16 images.*Received: 15. Fix"):
        CollapseMonitor(REAL[:15], 1)
    with pytest.raises(ValueError, match="real must be uint8.*nothing but 0 and 1"):
        CollapseMonitor(REAL % 2, 1)
    with pytest.raises(ValueError, match="images that differ.*all alike.*Fix"):
        monitor(gan(), real=np.full((64, 2, 2, 1), 9, "uint8"))
    with pytest.raises(ValueError, match=r"real must hold images of shape .*Received: .*\(4, 4, 1\)"):
        monitor(gan(), real=np.zeros((64, 4, 4, 1), "uint8"))
    with pytest.raises(ValueError, match="real must have labels for CGAN.*Fix"):
        monitor(small_gan("cgan", num_classes=3), real=IMAGES)


@pytest.mark.parametrize("convert", [lambda x: x / 255.0, lambda x: x / 127.5 - 1.0, ImageData])
def test_real_images_of_any_range_and_kind(convert):
    np.testing.assert_allclose(CollapseMonitor(convert(REAL), 1).real, CollapseMonitor(REAL, 1).real, atol=1e-6)
