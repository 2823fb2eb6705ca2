"""The shipped presets: what they generate, and whether their documents say what was measured."""

import functools
import json

import numpy as np
import pytest
import yaml

import keras_gan_zoo
from benchmarks import kinds
from benchmarks.cards import card_text
from benchmarks.measured import confidence_of, measurements
from benchmarks.quality import is_measurable
from benchmarks.report import documents, with_tables
from keras_gan_zoo.base import LatentSampler
from keras_gan_zoo.building import build, compile_by
from keras_gan_zoo.metrics.classifier import Classifier
from keras_gan_zoo.metrics.features import CLASSIFIERS
from keras_gan_zoo.models import variant_class
from keras_gan_zoo.presets import built, find_preset, is_trained, read_recipe

# A recipe that waits for its training is no preset yet.
TRAINED = {preset.name: preset for preset in keras_gan_zoo.list_presets() if preset.bytes}
PRESETS = list(TRAINED)
CLASSIFIED = [
    name
    for name in PRESETS
    if TRAINED[name].data in CLASSIFIERS and issubclass(variant_class(TRAINED[name].variant), LatentSampler)
]
# The largest sizes of weights that are shipped, in bytes.
SMALL, LARGE, TRANSLATOR = 500_000, 3_000_000, 4_000_000
LIMITS = {
    # They were there before that limit of the small ones was.
    **dict.fromkeys(("cgan_mnist", "dcgan_mnist", "info_gan_mnist"), 2 * SMALL),
    "projection_gan_cifar10": 2_500_000,
    # These need an accelerator.
    **dict.fromkeys(("r3gan_cifar10", "sngan_cifar10"), 9_000_000),
}
# How sure the classifier is of an image on average: clothes are harder to tell apart than digits.
SURE = {"mnist": 0.92, "fashion_mnist": 0.8}
# The same and the share of the rarest digit, in the 10,000 images that are measured.
SURE_OF_DIGITS, RAREST_DIGIT = 0.93, 0.04


def limit(name, gan):
    if name in LIMITS:
        return LIMITS[name]
    if not gan.generates:
        return TRANSLATOR
    return LARGE if max(gan.fields()[gan.sample].shape[:2]) > 28 else SMALL


# Made once for all tests that only ask them, as it takes longer to make one.
classifier_of, loaded = functools.cache(Classifier), functools.cache(keras_gan_zoo.load)


def seen(images, data="mnist"):
    return classifier_of(data).probabilities(images)


@pytest.mark.parametrize("name", [preset.name for preset in keras_gan_zoo.list_presets()])
def test_every_recipe_builds_a_model_with_its_optimizers(name, round_of):
    """Also one that waits for an accelerator, which plays a round; whose files will be of a size that can be shipped."""
    recipe = read_recipe(find_preset(name))
    references = [value["preset"] for value in recipe.model.values() if isinstance(value, dict) and "preset" in value]
    if not set(references) <= set(PRESETS):
        pytest.skip("it takes a network from a preset that is yet to be trained")
    gan = built(recipe)
    compile_by(gan, recipe)
    assert set(recipe.optimizers) <= set(gan.optimizers)
    assert 2 * gan.sampler.count_params() < limit(name, gan)
    if name not in PRESETS:
        gan.run_eagerly = True
        logs = gan.train_on_batch(*round_of(gan, minibatch=2), return_dict=True)
        assert np.isfinite([float(value) for value in logs.values()]).all()


@pytest.mark.parametrize("name", PRESETS)
def test_the_weights_are_of_the_recipe(name):
    assert is_trained(find_preset(name), read_recipe(find_preset(name)))


def test_there_are_presets():
    assert {"dcgan_mnist", "wgan_gp_mnist", "cgan_mnist", "info_gan_mnist"} <= set(PRESETS)


@pytest.mark.parametrize("name", CLASSIFIED)
def test_samples_are_of_all_classes(name):
    data = TRAINED[name].data
    images = loaded(name).generate(500, seed=1)
    assert images.dtype == np.float32 and images.shape == (500, 28, 28, 1)
    assert -1 <= images.min() < -0.99 and 0.9 < images.max() <= 1
    probabilities = seen(images, data)
    shares = np.bincount(probabilities.argmax(axis=1), minlength=10) / 500
    assert shares.min() > 0.03 and shares.max() < 0.25
    assert probabilities.max(axis=1).mean() > SURE[data]
    assert len(np.unique(np.rint(127.5 * images).reshape(500, -1), axis=0)) == 500
    # The same networks with fresh weights pass none of this.
    fresh = seen(build(read_recipe(find_preset(name))).generate(500, seed=1), data)
    assert np.bincount(fresh.argmax(axis=1), minlength=10).min() == 0


def test_conditional_samples_show_the_label_asked_for():
    gan = keras_gan_zoo.load("cgan_mnist")
    labels = np.arange(500) % 10
    right = seen(gan.generate(500, labels=labels, seed=2)).argmax(axis=1) == labels
    assert right.mean() > 0.95


def test_the_codes_of_info_gan_are_classes_of_their_own():
    gan = keras_gan_zoo.load("info_gan_mnist")
    codes = np.arange(500) % 10
    digits = seen(gan.generate(500, labels=codes, seed=2)).argmax(axis=1)
    purity = [np.bincount(digits[codes == code]).max() / 50 for code in range(10)]
    assert np.mean(purity) > 0.6
    shuffled = np.random.default_rng(0).permutation(digits)
    assert np.mean([np.bincount(shuffled[codes == code]).max() / 50 for code in range(10)]) < 0.4


def test_chairs_are_as_full_as_the_datas_and_each_another_one():
    voxels = keras_gan_zoo.load("gan_3d_chairs").generate(100, seed=1, dtype="uint8")
    # That of the 839 chairs is 0.0607; fresh weights fill about half.
    assert 0.8 * 0.0607 < voxels.mean() < 1.2 * 0.0607
    assert len(np.unique(voxels.reshape(100, -1), axis=0)) == 100


def test_facades_change_where_the_map_has_windows():
    # A wall with three rows of windows, in the colors of the maps, and one without any.
    windows, wall = (0, 85, 255), (0, 0, 170)
    rows, columns = (8 <= np.arange(64)) & (np.arange(64) < 56) & (np.arange(64) % 16 < 8), np.arange(64) % 12 < 6
    inside, between = rows[:, None] & columns, rows[:, None] & ~columns
    maps = np.stack([np.where(inside[..., None], windows, wall), np.full((64, 64, 3), wall)]).astype("uint8")
    gan = keras_gan_zoo.load("pix2pix_facades")
    made = np.mean([gan.translate(maps, seed=seed).mean(axis=-1) for seed in range(8)], axis=0)
    with_windows, without = (abs(image[inside].mean() - image[between].mean()) for image in made)
    assert with_windows > 0.08 and with_windows > 2 * without


def test_photos_are_of_the_class_that_is_asked_for():
    gan = keras_gan_zoo.load("projection_gan_cifar10")

    def blue(gan, label):
        images = gan.generate(100, labels=label, seed=1)
        assert images.shape == (100, 32, 32, 3) and -1 <= images.min() and images.max() <= 1
        assert len(np.unique(np.rint(127.5 * images).reshape(100, -1), axis=0)) == 100
        return (images[..., 2] - images[..., 0]).mean()

    airplane, deer, frog, ship = 0, 4, 6, 8
    assert min(blue(gan, airplane), blue(gan, ship)) > max(blue(gan, deer), blue(gan, frog)) + 0.1
    fresh = build(read_recipe(find_preset("projection_gan_cifar10")))
    assert abs(blue(fresh, ship) - blue(fresh, frog)) < 0.1


def test_photos_are_as_close_to_real_ones_as_promised():
    assert TRAINED["projection_gan_cifar10"].results["FID"]["value"] <= 45


def test_the_best_digits_are_as_close_to_real_ones_as_promised():
    digits = [TRAINED[name] for name in CLASSIFIED if TRAINED[name].data == "mnist"]
    assert min(preset.results["FID"]["value"] for preset in digits) <= 5


@pytest.mark.parametrize("name", CLASSIFIED)
def test_walks_between_latents_are_smooth(name):
    gan = loaded(name)
    # Most of a hurried walk is made in a few of its steps, as where images jump from one kind to another.
    way = 1 / (1 + np.exp(-12 * (np.linspace(0, 1, 33) - 0.5)))
    hurried = np.round(128 * (way - way[0]) / (way[-1] - way[0])).astype(int)
    # Of one class, or of one generator of several.
    given, largest = {name: 5 if name == "labels" else 1 for name in gan.in_order(1)}, []
    for seed in range(18):
        images = gan.interpolate(seed, seed + 1, 129, **given).reshape(129, -1)
        steps = [np.linalg.norm(np.diff(images[places], axis=0), axis=1) for places in (np.arange(0, 129, 4), hurried)]
        assert steps[0].min() > 0
        largest.append([each.max() / (np.median(each) + 1e-9) for each in steps])
    # The median, as a single walk may cross from one kind of image to another in a few steps.
    walked, jumped = np.median(largest, axis=0)
    assert walked < 4 < jumped


@pytest.mark.parametrize("name", [name for name in CLASSIFIED if TRAINED[name].data == "mnist"])
def test_digits_are_measured_to_be_clear_and_of_all_kinds(name):
    rarest = next(m for m in measurements(TRAINED[name]) if m.title == "rarest class")
    assert np.median(rarest.values) >= RAREST_DIGIT
    assert np.median(confidence_of(TRAINED[name]).values) >= SURE_OF_DIGITS


@pytest.mark.parametrize("name", PRESETS)
def test_the_files_are_small_and_the_documents_are_those_of_the_results(name):
    preset = keras_gan_zoo.list_presets(name)[0]
    assert preset.bytes < limit(name, loaded(name))
    assert json.loads((preset.folder / "weights.json").read_text())["dtype"] == "float16"
    if is_measurable(preset.variant):
        assert {"FID", *(["rarest class"] if name in CLASSIFIED else [])} <= set(preset.results)
    else:
        assert kinds.found(name)["measures"]
    card = (preset.folder / "README.md").read_text("utf-8")
    assert card == card_text(preset)
    tags = yaml.safe_load(card.split("---")[1])["tags"]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(("file", "tables"), documents().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_documents_have_the_tables_of_the_results(file, tables):
    text = file.read_text("utf-8")
    assert with_tables(text, tables) == text
