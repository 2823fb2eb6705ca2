"""Recipes: what is read, and in which words the rest is refused."""

import copy
import time

import pytest
import yaml

from keras_gan_zoo.config import MAX_BYTES, ConfigError, Recipe, parse_recipe, read_recipe, write_recipe
from keras_gan_zoo.presets import preset_root

SMALL = {"variant": "dcgan", "model": {"image_shape": [16, 16, 1]}}
FULL = {
    "variant": "wgan_gp",
    "description": "Zeichen 手 # : with what YAML could trip over",
    "model": {"image_shape": [28, 20, 3], "latent_dim": 7, "penalty_weight": 1e-7, "one_sided": True, "nothing": None},
    "data": {"source": "a folder/of images", "split": "test", "license": "3.0", "on_error": "skip"},
    "optimizers": {
        "discriminator": {"name": "rmsprop", "learning_rate": 3e-5, "decay_start": 0.25, "arguments": {"rho": 0.8}},
        "generator": {"name": "adam", "learning_rate": 1e-3, "arguments": {}},
    },
    "training": {
        "rounds": 120,
        "batch_size": 3,
        "seed": 2**32 - 1,
        "dtype": "mixed_bfloat16",
        "checkpoint_rounds": 4,
        "sample_rounds": 20,
    },
}


def changed(path, value):
    """SMALL with one value changed; `path` as "training.rounds"."""
    settings = yaml.safe_load(yaml.safe_dump(SMALL))
    *parents, key = path.split(".")
    place = settings
    for parent in parents:
        place = place.setdefault(parent, {})
    place[key] = value
    return settings


@pytest.mark.parametrize("settings", [SMALL, FULL], ids=["defaults", "everything set"])
def test_a_written_recipe_reads_as_the_same(tmp_path, settings):
    recipe = parse_recipe(settings, "test")
    write_recipe(recipe, tmp_path / "config.yaml")
    assert read_recipe(tmp_path) == read_recipe(tmp_path / "config.yaml") == recipe
    again = read_recipe(tmp_path)
    assert again.model == settings["model"] and list(again.model) == list(settings["model"])
    assert (again.data is None) is ("data" not in settings)


def test_defaults_are_written_out(tmp_path):
    """A recipe must not change its meaning with the defaults of a later version."""
    write_recipe(parse_recipe(SMALL, "test"), tmp_path / "config.yaml")
    written = yaml.safe_load((tmp_path / "config.yaml").read_text("utf-8"))
    assert written["training"] == {
        "rounds": 20_000,
        "batch_size": 64,
        "seed": 0,
        "dtype": "auto",
        "checkpoint_rounds": 500,
        "sample_rounds": 1_000,
    }


def test_a_recipe_cannot_be_changed_by_accident():
    recipe = parse_recipe(SMALL, "test")
    with pytest.raises(ValueError, match="frozen"):
        recipe.variant = "gan"


@pytest.mark.parametrize("folder", sorted(path.parent for path in preset_root().glob("*/config.yaml")), ids=lambda p: p.name)
def test_built_in_recipes_are_valid(folder):
    assert isinstance(read_recipe(folder), Recipe)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({**SMALL, "modle": {}}, ["an unknown key 'modle'", "did you mean 'model'?"]),
        (
            {**SMALL, "zzz": 7},
            ["an unknown key 'zzz'", "value 7", "keys here are variant, description, priority, model"],
        ),
        (changed("training.round", 5), ["an unknown key 'training.round'", "value 5", "did you mean 'rounds'?"]),
        (changed("data.sauce", "x"), ["an unknown key 'data.sauce'", "did you mean 'source'?", "no key 'data.source'"]),
        (
            changed("optimizers.generator.learning_rat", 1),
            ["an unknown key 'optimizers.generator.learning_rat'", "did you mean 'learning_rate'?"],
        ),
        ({"model": {}}, ["no key 'variant' (add it)"]),
        ({"variant": "gan"}, ["no key 'model' (add it)"]),
        (changed("training.rounds", "many"), ["training.rounds='many'", "valid integer"]),
        (changed("training.rounds", 2.5), ["training.rounds=2.5", "valid integer"]),
        (changed("training.rounds", 0), ["training.rounds=0", "greater than or equal to 1"]),
        (changed("training.rounds", 750), ["multiple of checkpoint_rounds=500. Received: rounds=750"]),
        (
            changed("training.sample_rounds", 750),
            ["multiple of checkpoint_rounds=500. Received: sample_rounds=750"],
        ),
        (changed("training.seed", -1), ["training.seed=-1"]),
        (changed("training.seed", 2**32), ["training.seed=4294967296", "less than 4294967296"]),
        (changed("training.dtype", "float16"), ["training.dtype='float16'", "'float32'", "'mixed_bfloat16'"]),
        (changed("optimizers.generator.learning_rate", 0), ["optimizers.generator.learning_rate=0"]),
        (changed("optimizers.generator.learning_rate", float("inf")), ["learning_rate=inf", "finite"]),
        (changed("optimizers.generator.learning_rate", float("nan")), ["learning_rate=nan"]),
        (changed("optimizers.generator.decay_start", 1), ["decay_start=1", "less than 1"]),
        (changed("optimizers.generator", "adam"), ["optimizers.generator='adam'", "dictionary"]),
        (changed("model", [1]), ["model=[1]", "dictionary"]),
        (changed("model", {1: 2}), ["model.1", "string"]),
        (changed("data.on_error", "ignore"), ["data.on_error='ignore'", "'skip'"]),
        ([1], ["a mapping with the keys variant, model", "of type list"]),
        (None, ["of type NoneType"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_a_wrong_recipe_is_refused_in_words_that_help(settings, words):
    with pytest.raises(ConfigError) as caught:
        parse_recipe(settings, "folder/config.yaml")
    for word in ["folder/config.yaml", *words]:
        assert word in str(caught.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_recipe({**SMALL, "training": {"rounds": "x", "batch": 3}, "dta": {}}, "r")
    assert all(word in str(caught.value) for word in ("training.rounds='x'", "'training.batch'", "'dta'"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variant: [dcgan\n", ["must be valid YAML", "line 2"]),
        ("variant: dcgan\nmodel:\n\t- 1\n", ["must be valid YAML", "line 3"]),
        ("variant: !!python/object/apply:os.getcwd []\nmodel: {}\n", ["must be valid YAML", "python/object"]),
        ("variant: gan\nmodel: &a\n  again: *a\n", ["an alias (*a)"]),
        ("variant: gan\nmodel: {}\n---\nvariant: gan\n", ["must be valid YAML", "single document"]),
        ("[" * 500, ["must be valid YAML", "nested"]),
        ("[" * 20_000, ["must be valid YAML", "nest"]),  # libyaml has a limit of its own
        ("# " + "x" * MAX_BYTES, ["at most 1,000,000 bytes"]),
        ("", ["of type NoneType"]),
    ],
    ids=["unclosed", "tab", "python object", "alias", "two documents", "deep", "deeper", "large", "empty"],
)
def test_a_file_that_is_no_recipe(tmp_path, text, words):
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_recipe(tmp_path)
    for word in [str(tmp_path / "config.yaml"), *words]:
        assert word in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00variant")
    with pytest.raises(ConfigError, match="must be valid YAML"):
        read_recipe(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="A recipe must be .*Received: .*config.yaml"):
        read_recipe(tmp_path)
    with pytest.raises(ConfigError, match="A recipe must be .*Received: .*other.yaml"):
        read_recipe(tmp_path / "other.yaml")


def test_numbers_without_a_point_are_numbers(tmp_path):
    """YAML 1.1, which PyYAML reads, takes 2e-4 for text."""
    (tmp_path / "config.yaml").write_text(
        "variant: gan\nmodel: {a: 2e-4, b: -1E+2, c: 1.5e3, d: 1e, e: e5, f: 3}\n"
        "optimizers: {generator: {learning_rate: 3e-4, arguments: {beta_1: 5e-1}}}\n"
    )
    recipe = read_recipe(tmp_path)
    assert recipe.model == {"a": 0.0002, "b": -100.0, "c": 1500.0, "d": "1e", "e": "e5", "f": 3}
    assert recipe.optimizers["generator"].learning_rate == 0.0003
    assert recipe.optimizers["generator"].arguments == {"beta_1": 0.5}


# The digest --------------------------------------------------------------------------------------------------------------

WHOLE = {
    "variant": "dcgan",
    "model": {"image_shape": [28, 28, 1], "latent_dim": 64, "penalty_weight": 10.0},
    "data": {"source": "mnist", "split": "train"},
    "optimizers": {"generator": {"learning_rate": 1e-3, "arguments": {"beta_1": 0.5}}},
    "training": {"rounds": 1000, "batch_size": 32},
}


def digest(**changes):
    """That of the recipe with keys as "data.split" set, or taken out by None."""
    settings = copy.deepcopy(WHOLE)
    for key, value in changes.items():
        *parents, last = key.split("__")
        part = settings
        for parent in parents:
            part = part.setdefault(parent, {})
        if value is None:
            del part[last]
        else:
            part[last] = value
    return parse_recipe(settings, "the test").digest


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "Other words."},
        {"priority": 7},
        {"data__license": "MIT"},
        {"training__checkpoint_rounds": 100, "training__sample_rounds": 200},
        # Defaults, written out or left out.
        {"data__split": None},
        {"data__on_error": "raise"},
        {"training__seed": 0},
        {"training__dtype": "auto"},
        {"optimizers__generator__name": "adam"},
        # Another notation of the same.
        {"model__penalty_weight": 10},
        {"optimizers__generator__learning_rate": 0.001},
    ],
    ids=str,
)
def test_what_leaves_the_weights_as_they_are_leaves_the_digest(changes):
    assert digest(**changes) == digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"variant": "lsgan"},
        {"model__latent_dim": 65},
        {"model__width": 8},
        {"data__source": "fashion_mnist"},
        {"data__split": "test"},
        {"data__on_error": "skip"},
        {"optimizers__generator__learning_rate": 2e-3},
        {"optimizers__generator__arguments__beta_1": 0.0},
        {"optimizers__discriminator": {}},
        {"training__rounds": 1500},
        {"training__batch_size": 64},
        {"training__seed": 1},
        {"training__dtype": "float32"},
    ],
    ids=str,
)
def test_what_decides_the_weights_decides_the_digest(changes):
    assert digest(**changes) != digest()


def test_the_format_of_the_file_leaves_the_digest(tmp_path):
    recipe = parse_recipe(WHOLE, "the test")
    write_recipe(recipe, tmp_path / "config.yaml")
    assert read_recipe(tmp_path).digest == recipe.digest
    text = "# A comment.\n" + yaml.safe_dump(WHOLE, default_flow_style=True, sort_keys=True)
    (tmp_path / "config.yaml").write_text(text)
    assert read_recipe(tmp_path).digest == recipe.digest


def test_a_recipe_that_leaves_the_dtype_open_is_behind_weights_of_any():
    recipe = parse_recipe(WHOLE, "the test")
    in_float, in_bfloat = recipe.with_dtype("float32"), recipe.with_dtype("mixed_bfloat16")
    assert recipe.is_behind(in_float.digest) and recipe.is_behind(in_bfloat.digest) and recipe.is_behind(recipe.digest)
    assert (
        not in_float.is_behind(in_bfloat.digest)
        and not recipe.is_behind(None)
        and not recipe.is_behind(digest(variant="gan"))
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variant: 2001-13-45\nmodel: {}", None),
        ("variant: gan\nmodel: {width: " + "9" * 5000 + "}", "integer of more than 20 digits"),
        ("variant: gan\nmodel: {width: 0x" + "f" * 5000 + "}", "integer of more than 20 digits"),
        ("variant: gan\nmodel: {width: !!int many}", "must be valid YAML"),
        ("variant: gan\nmodel: {width: !!int ''}", "must be valid YAML"),
        ("variant: gan\nmodel: {width: !!timestamp x}", None),
        ("variant: gan\nmodel: {width: !!binary '*'}", "must be valid YAML"),
        ("variant: gan\nvariant: dcgan\nmodel: {}", "the key 'variant' twice"),
        ("variant: gan\nmodel: {width: 1, width: 2}", "the key 'width' twice"),
        ("variant: gan\nmodel: {x: " + "[" * 500 + "]" * 500 + "}", "nested deeper than the 100 levels"),
        ("variant: gan\nmodel: {x: " + "[" * 100_000 + "]" * 100_000 + "}", "nest"),
        ("variant: gan\nmodel: {x: [" + "1," * 100_000 + "]}", "more than the 50,000 values"),
        ("variant: gan\n" + "k" * 1000 + ": 1\nmodel: {}", "1,002 characters"),
        ("variant: gan\nmodel: {}\ntraining: {rounds: " + "9" * 15 + "}", "training.rounds"),
    ],
)
def test_hostile_values_end_quickly_with_the_name_of_the_file(text, words, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    before = time.process_time()
    if words is None:  # text like any other
        read_recipe(path)
    else:
        with pytest.raises(ConfigError, match=words) as caught:
            read_recipe(path)
        assert str(path) in str(caught.value) and len(str(caught.value)) < 1000
    assert time.process_time() - before < 10
