"""A variant that is defined in a user's file: known to recipes, runs, presets and the command line after one decorator."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_gan_zoo
from keras_gan_zoo import DCGAN, GAN, registry
from keras_gan_zoo.config import ConfigError, parse_recipe, write_recipe
from keras_gan_zoo.registry import variant_class, variant_name, variants

FILE = """
import keras_gan_zoo
import beside

@keras_gan_zoo.register_variant("doubled_gan")
class DoubledGAN(keras_gan_zoo.DCGAN):
    def generator_loss(self, fake_scores):
        return beside.FACTOR * super().generator_loss(fake_scores)
"""


@pytest.fixture
def register(monkeypatch):
    """`register_variant`, whose registrations end with the test."""
    monkeypatch.setattr(registry, "_REGISTERED", {})
    return keras_gan_zoo.register_variant


@pytest.fixture
def own(register):
    @register("own_gan")
    class OwnGAN(DCGAN):
        def generator_loss(self, fake_scores):
            return 2 * super().generator_loss(fake_scores)

    return OwnGAN


def recipe_for(variant, folder):
    rng = np.random.default_rng(0)
    np.savez(folder / "images.npz", images=rng.integers(0, 256, (16, 16, 16, 1), dtype=np.uint8))
    settings = {
        "variant": variant,
        "model": {"image_shape": [16, 16, 1], "latent_dim": 4, "width": 4},
        "data": {"source": str(folder / "images.npz")},
        "training": {"rounds": 4, "batch_size": 4, "checkpoint_rounds": 2, "sample_rounds": 2, "dtype": "float32"},
    }
    return parse_recipe(settings, "test")


def test_it_is_known_by_its_name(own):
    assert "own_gan" in variants() and variant_class("own_gan") is own
    assert variant_name(own((16, 16, 1), 4, width=4)) == "own_gan"
    assert variant_name(DCGAN((16, 16, 1), 4, width=4)) == "dcgan"
    assert keras.saving.get_registered_name(own) == "own_gan>OwnGAN"


def test_it_trains_by_a_recipe_goes_on_and_comes_back_from_its_preset(own, tmp_path):
    recipe = recipe_for("own_gan", tmp_path)
    trained = keras_gan_zoo.train(recipe, tmp_path / "run")
    again = keras_gan_zoo.train(recipe, tmp_path / "run", resume=True)
    assert type(trained) is type(again) is own and int(again.rounds) == 4
    loaded = keras_gan_zoo.load(tmp_path / "run" / "preset")
    assert type(loaded) is own
    own.from_preset(tmp_path / "run" / "preset")
    saved = keras_gan_zoo.load(trained.save_to_preset(tmp_path / "saved"))
    np.testing.assert_array_equal(trained.generate(3, seed=0), saved.generate(3, seed=0))
    trained.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras")) is own


def test_a_preset_of_a_class_that_is_not_there_says_how_to_have_it(own, tmp_path, monkeypatch):
    folder = own((16, 16, 1), 4, width=4).save_to_preset(tmp_path / "preset")
    monkeypatch.setattr(registry, "_REGISTERED", {})
    with pytest.raises(ConfigError, match="Received: variant='own_gan'.*--import FILE"):
        keras_gan_zoo.load(folder)


@pytest.mark.parametrize("name", ["My GAN", "MyGAN", "", "9_gan", "../gan", None])
def test_impossible_names_are_refused(register, name):
    with pytest.raises(ValueError, match="must be of lower-case letters"):
        register(name)


def test_names_that_are_taken_are_refused(register, own):
    with pytest.raises(ValueError, match="Received: name='dcgan', which is a variant of the zoo"):
        register("dcgan")
    with pytest.raises(ValueError, match=r"Received: name='own_gan', which is .*OwnGAN"):

        @register("own_gan")
        class Another(GAN):
            pass

    assert variant_class("own_gan") is own


def test_a_class_may_be_defined_again_as_in_a_notebook(register):
    def cell():
        @register("cell_gan")
        class CellGAN(GAN):
            pass

        return CellGAN

    first, second = cell(), cell()
    assert first is not second and variant_class("cell_gan") is second


@pytest.mark.parametrize("thing", [dict, keras.Model, lambda: None])
def test_what_is_no_variant_cannot_be_registered(register, thing):
    with pytest.raises(TypeError, match="must be a class that extends"):
        register("thing_gan")(thing)
    assert "thing_gan" not in variants()


# On the command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def imported(monkeypatch):
    """What --import leaves behind in this process ends with the test."""
    monkeypatch.setattr(registry, "_REGISTERED", {})
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    for name in ("my_gan", "beside"):
        sys.modules.pop(name, None)


def process(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    arguments = [sys.executable, "-m", "keras_gan_zoo", *map(str, arguments)]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=300)


def test_the_command_line_finds_it_in_the_file_that_it_is_told_of(tmp_path, command, imported):
    (tmp_path / "my_gan.py").write_text(FILE)
    (tmp_path / "beside.py").write_text("FACTOR = 2.0\n")
    write_recipe(recipe_for("doubled_gan", tmp_path), tmp_path / "config.yaml")
    train = ("train", tmp_path / "config.yaml", "--output", tmp_path / "run")
    code, _, err = command(*train)
    assert code == 1 and "--import FILE" in err and not (tmp_path / "run").exists()
    done = process(*train, "--import", tmp_path / "my_gan.py")
    assert done.returncode == 0, done.stderr
    grid = ("sample", tmp_path / "run" / "preset", "--output", tmp_path / "grid.png", "-n", 4)
    assert command(*grid)[0] == 1 and not (tmp_path / "grid.png").exists()
    assert command(*grid, "--import", tmp_path / "my_gan.py")[0] == 0
    assert Image.open(tmp_path / "grid.png").getbbox()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "must name the Python file"), ("raise KeyError('oh')", "KeyError"), ("def broken(:", "SyntaxError")],
)
def test_a_file_that_cannot_be_imported_is_named(tmp_path, command, imported, content, words):
    if content is not None:
        (tmp_path / "my_gan.py").write_text(content)
    code, _, err = command("sample", "dcgan_mnist", "--output", tmp_path / "grid.png", "--import", tmp_path / "my_gan.py")
    assert code == 2 and "Traceback" not in err
    assert "--import" in err and words in err and "my_gan.py" in err
    assert not (tmp_path / "grid.png").exists()
