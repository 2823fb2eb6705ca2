"""Ask for a class and get it: names from folders, data sets, and the constructor, in training, presets, and sampling."""

import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import keras_gan_zoo
from keras_gan_zoo import CGAN, DCGAN, MatchingGAN, SemiSupervisedGAN, run_recipes
from keras_gan_zoo.config import parse_recipe
from keras_gan_zoo.data import ImageData, InvalidData
from keras_gan_zoo.data.load import count_classes
from keras_gan_zoo.data.rounds import Rounds

NAMES = ("bird", "cat", "dog")
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 1), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 0, 2], "int32")


def cgan(**arguments):
    gan = CGAN((16, 16, 1), 4, **{"num_classes": 3, "width": 4, "seed": 0, **arguments})
    gan.compile(run_eagerly=True)
    return gan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for i, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (folder / NAMES[label]).mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / NAMES[label] / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def named(folder):
    """A model that has learned the names of a folder's classes."""
    gan = cgan()
    assert gan.class_names == ()
    gan.fit(folder, batch_size=6, verbose=0)
    return gan


def test_a_folder_names_the_classes_of_a_model_and_its_preset(named, tmp_path):
    assert named.class_names == NAMES
    named.save(tmp_path / "gan.keras")
    for loaded in (
        keras_gan_zoo.load(named.save_to_preset(tmp_path / "preset")),
        keras.saving.load_model(tmp_path / "gan.keras"),
    ):
        assert loaded.class_names == NAMES
        by_name = loaded.generate(2, labels=["dog", "bird"], seed=0)
        np.testing.assert_array_equal(by_name, named.generate(2, labels=[2, 0], seed=0))
        np.testing.assert_array_equal(loaded.generate(2, labels="cat", seed=0), loaded.generate(2, labels=1, seed=0))


def test_names_come_from_data_sets_too_and_stay_as_they_were_given(named):
    for given, kept in ((), NAMES), (NAMES, NAMES):
        gan = cgan(class_names=given)
        gan.fit(ImageData(IMAGES, LABELS, NAMES), batch_size=6, verbose=0)
        assert gan.class_names == kept
    recipe = parse_recipe({"variant": "cgan", "model": {}, "data": {"source": "cifar10"}}, "test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_gan_zoo.data.load.tfds_class_names", lambda name: NAMES)
        known = run_recipes.with_classes(recipe)
    assert known.data.classes == NAMES and known.model["num_classes"] == 3
    # The names are words about a recipe, so runs that were begun without them go on.
    assert known.model_copy(update={"data": recipe.data}).digest == known.digest


def test_a_training_that_is_refused_names_no_classes(folder):
    gan = cgan(num_classes=3)
    with pytest.raises(InvalidData, match="at most as many as there are"):
        gan.fit(folder, batch_size=1000, verbose=0)
    assert gan.class_names == ()


def test_a_model_keeps_its_own_numbers_of_the_names(folder):
    gan = cgan(class_names=["dog", "bird", "cat"])
    read = gan.schema.arrays(folder)
    order = [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(read["labels"], np.array([1, 2, 0])[order])
    np.testing.assert_array_equal(gan.schema.arrays(IMAGES, np.array(NAMES)[LABELS])["labels"], np.array([1, 2, 0])[LABELS])
    with pytest.raises(InvalidData, match=r"3 classes of the model \(a, b, c\) must be .*Received: 3 \(bird,"):
        cgan(class_names=["a", "b", "c"]).schema.arrays(folder)
    with pytest.raises(InvalidData, match=r"4 classes of the model must be those of the data. .*Fix: num_classes=3"):
        cgan(num_classes=4).schema.arrays(folder)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "b"], "class_names must be 3 different names. .*Fix: one for each class, or num_classes=2"),
        (["a", "b", "a"], "3 different names"),
        (["a", "b", 3], "3 different names"),
        (["a", "b", ""], "3 different names"),
        ("abc", "3 different names"),
    ],
)
def test_names_that_do_not_fit_the_classes(names, words):
    with pytest.raises(InvalidData, match=words):
        cgan(class_names=names)
    with pytest.raises(InvalidData, match=r"class_names must be left out without num_classes. .*Fix: num_classes="):
        DCGAN((16, 16, 1), 4, width=4, class_names=names)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, r"CGAN must be trained on \(images, labels\). Received: data without labels. Fix: pass y"),
        ([0, 1, 2, 3, 0, 1], "y must be less than 3. Received: the value 3. Fix: a model of num_classes=4"),
        ([0, 1, 2, -1, 0, 1], "y must start at 0. Received: the value -1. Fix: keep those with y >= 0"),
        (["cat", "dog", "cow", "cat", "dog", "cow"], "y must be among 'bird', 'cat', 'dog'. Received: 'cow'"),
        ([0.0, 1.0, 2.0, 0.0, 1.0, 2.0], r"y must be integers. Received: dtype float64. Fix: y.astype\('int32'\)"),
        (np.full((6, 3), 1 / 3), r"y must have the shape \(n,\). Received: shape \(6, 3\)"),
    ],
)
def test_labels_that_no_training_can_use(labels, words, named):
    with pytest.raises(InvalidData, match=words):
        named.fit(IMAGES, labels, verbose=0)


def test_a_class_without_samples_is_said(named):
    with pytest.warns(UserWarning, match=r"Each of the 3 classes .* Received: y without 1 of them, such as 'dog'"):
        named.schema.arrays(IMAGES, [0, 1, 1, 0, 0, 1])


def test_one_hot_rows_are_taken_and_said(named):
    with pytest.warns(UserWarning, match=r"y are one-hot rows, \(6, 3\)"):
        arrays = named.schema.arrays(IMAGES, np.eye(3)[LABELS])
    np.testing.assert_array_equal(arrays["labels"], LABELS)
    with pytest.warns(UserWarning, match="labels are one-hot rows"):
        of_rows = named.generate(2, labels=np.eye(3)[[2, 1]], seed=0)
    np.testing.assert_array_equal(of_rows, named.generate(2, labels=[2, 1], seed=0))


def asked(gan, n, **given):
    """The labels that the generator is given."""
    seen = []
    gan.make = lambda batch, training: seen.append(batch) or {"images": np.zeros((n, 16, 16, 1), "float32")}
    try:
        gan.generate(n, seed=3, batch_size=n, **given)
    finally:
        del gan.make
    return [keras.ops.convert_to_numpy(seen[0][name]) for name in ("latents", "labels")]


def test_classes_are_drawn_as_likely_as_is_asked(named):
    for probabilities in ([0.5, 0.0, 0.5], {"dog": 0.5, "bird": 0.5}, {0: 0.5, 2: 0.5}):
        latents, labels = asked(named, 4000, class_probabilities=probabilities)
        np.testing.assert_allclose(np.bincount(labels, minlength=3) / 4000, [0.5, 0, 0.5], atol=0.03)
        # A seed stands for the same latents with any classes, and these do not go with them.
        np.testing.assert_array_equal(latents, named.latents(4000, seed=3))
        assert np.abs(np.corrcoef(latents.T, labels)[-1, :-1]).max() < 0.05
    assert set(asked(named, 50, class_probabilities={"cat": 1})[1]) == {1}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([0.5, 0.5], "class_probabilities must be 3 numbers of at least 0"),
        ([0.5, 0.5, 0.5], "class_probabilities must be a distribution, whose sum is 1. .*Fix: divide it by its sum"),
        ([1.5, -0.5, 0.0], "3 numbers of at least 0"),
        ({"cat": "a"}, "class_probabilities must be numbers, one for each class that is named"),
        ({"cow": 1.0}, "class_probabilities must be among 'bird', 'cat', 'dog'. Received: 'cow'"),
        ({5: 1.0}, "class_probabilities must be less than 3. Received: the value 5"),
    ],
)
def test_distributions_that_there_are_not(given, words, named):
    with pytest.raises(InvalidData, match=words):
        named.generate(2, class_probabilities=given)


def test_a_distribution_goes_with_classes_that_are_drawn(named):
    with pytest.raises(InvalidData, match="class_probabilities must be left out of labels that are given"):
        named.generate(2, labels=1, class_probabilities=[1, 0, 0])
    with pytest.raises(InvalidData, match="class_probabilities must be left out by DCGAN, without classes"):
        DCGAN((16, 16, 1), 4, width=4).generate(2, class_probabilities=[1, 0, 0])


def test_names_that_a_model_does_not_know(named):
    with pytest.raises(InvalidData, match="labels must be among 'bird', 'cat', 'dog'. Received: 'cow'. Fix: one of these"):
        named.generate(1, labels="cow")
    with pytest.raises(InvalidData, match=r"labels must be integers in \[0, 3\), as the classes .* have no names.*'cat'"):
        cgan().generate(1, labels="cat")


def few(**arguments):
    gan = SemiSupervisedGAN((16, 16, 1), 4, **{"num_classes": 3, "width": 4, "seed": 0, **arguments})
    gan.compile(run_eagerly=True)
    return gan


def test_samples_without_a_class_come_from_files_too(tmp_path):
    labels = np.array([0, 1, 2, -1, -1, -1])
    np.savez(tmp_path / "few.npz", images=IMAGES, labels=labels)
    np.testing.assert_array_equal(few().schema.arrays(tmp_path / "few.npz")["labels"], labels)
    with pytest.raises(InvalidData, match="must start at 0. Received: the value -1"):
        cgan().schema.arrays(tmp_path / "few.npz")
    recipe = parse_recipe({"variant": "bad_gan", "model": {}, "data": {"source": str(tmp_path / "few.npz")}}, "test")
    assert run_recipes.with_classes(recipe).model["num_classes"] == 3


def test_names_in_an_npz_are_classes_in_their_order(tmp_path):
    np.savez(tmp_path / "named.npz", images=IMAGES, labels=np.array(NAMES)[LABELS])
    gan = cgan(class_names=("dog", "cat", "bird"))
    np.testing.assert_array_equal(gan.schema.arrays(tmp_path / "named.npz")["labels"], 2 - LABELS)
    recipe = parse_recipe({"variant": "cgan", "model": {}, "data": {"source": str(tmp_path / "named.npz")}}, "test")
    assert run_recipes.with_classes(recipe).data.classes == NAMES


def test_numbers_of_a_source_with_other_numbers_for_its_names():
    source = ImageData(IMAGES, np.array([0, 1, 2, -1, -1, -1], "int32"), NAMES)
    backwards = {"class_names": ("dog", "cat", "bird")}
    np.testing.assert_array_equal(few(**backwards).schema.arrays(source)["labels"], [2, 1, 0, -1, -1, -1])
    with pytest.raises(InvalidData, match="must start at 0. Received: the value -1"):
        cgan(**backwards).schema.arrays(source)
    with pytest.raises(InvalidData, match="must be less than 3. Received: the value 3"):
        cgan(**backwards).schema.arrays(ImageData(IMAGES, LABELS + 1, NAMES))


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("kind", ["one-hot", "names"])
def test_classes_in_any_form_come_from_tf_data(kind, batched):
    tf = pytest.importorskip("tensorflow")
    labels = np.eye(3, dtype="float32")[LABELS] if kind == "one-hot" else np.array(NAMES)[LABELS]
    source = tf.data.Dataset.from_tensor_slices((IMAGES, labels))
    gan = cgan(class_names=NAMES)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*one-hot rows")
        rounds = Rounds(source.batch(6) if batched else source, gan.schema, 6, 1)
    np.testing.assert_array_equal(rounds.first["labels"], LABELS)


def test_a_class_that_batches_never_show_is_said():
    batches = [(IMAGES, np.array([0, 1, 1, 0, 1, 1]))] * 2
    with pytest.warns(UserWarning, match="classes of the model should be in the data.*without 1 of them, such as 2"):
        list(Rounds(batches, cgan().schema, 6, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(Rounds([(IMAGES, np.array([0, 1, 1, 0, 1, 1])), (IMAGES, LABELS)], cgan().schema, 6, 1))


def test_a_class_is_named_once_in_a_distribution(named):
    for given, words in (
        ({"cat": 0.5, 1: 0.5}, "class 1 is named twice"),
        ([[1], [0, 1]], "3 numbers, one for each class"),
    ):
        with pytest.raises(InvalidData, match=words):
            named.generate(2, class_probabilities=given)


def test_a_network_that_knows_fewer_classes_than_the_model_is_refused():
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    layers = keras.layers
    for count in (2, 3):
        x = layers.Concatenate()([latents, layers.Embedding(count, 4, name="names")(labels)])
        x = layers.Reshape((16, 16, 1))(layers.Dense(256, activation="tanh")(x))
        generator = keras.Model([latents, labels], x)
        if count == 3:
            cgan(generator=generator)
            continue
        with pytest.raises(ValueError, match="CGAN must take 3 classes. Received: Embedding 'names' of input_dim=2"):
            cgan(generator=generator)


def test_the_weight_of_wrong_pairs_is_for_one_head():
    MatchingGAN.tiny(two_headed=True)
    with pytest.raises(ValueError, match="wrong_weight must be left out of MatchingGAN"):
        MatchingGAN.tiny(two_headed=True, wrong_weight=0.2)


def test_classes_are_those_of_the_images_that_are_read(tmp_path):
    path = tmp_path / "both.npz"
    np.savez(path, images=IMAGES, x_train=IMAGES, y_train=LABELS)
    with pytest.raises(InvalidData, match="must hold labels beside its images"):
        count_classes(str(path))
    np.savez(path, images=IMAGES, labels=LABELS, x_train=IMAGES, y_train=LABELS + 4)
    assert count_classes(str(path)) == 3
