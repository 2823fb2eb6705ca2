"""Presets: what is written, read back bit for bit, and refused, with the model left as it was."""

import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
import yaml

import keras_gan_zoo
from keras_gan_zoo import presets
from keras_gan_zoo.building import build
from keras_gan_zoo.config import ConfigError, parse_recipe
from keras_gan_zoo.files import writing
from keras_gan_zoo.preset_saving import recipe_of, save_to_preset
from keras_gan_zoo.presets import PresetError, load, read_weights

VARIANTS = ("dcgan", "cgan", "began", "info_gan")


def randomised(gan, seed=0):
    """The model with weights far from their initialization, so that none is equal by chance, nor its images gray."""
    rng = np.random.default_rng(seed)
    for variable in gan.variables:
        if variable.dtype == "float32" and variable.shape:
            # Kernels get both signs; the others may be variances.
            signs = rng.choice([-1, 1], variable.shape) if variable.ndim > 1 else 1
            variable.assign(signs * rng.uniform(0.05, 0.5, variable.shape))
    return gan


def weights_of(gan):
    return [keras.ops.convert_to_numpy(variable) for variable in gan.variables]


def networks(shape=(8, 8, 1), latent_dim=4, *, functional=True):
    """A generator and a discriminator as users write them: layers without names of their own."""
    layers = keras.layers
    pixels = int(np.prod(shape))
    if functional:
        latents = keras.Input((latent_dim,))
        x = layers.BatchNormalization()(layers.Dense(6, activation="relu")(latents))
        x = layers.Concatenate()([x, layers.Dense(3)(x)])
        generator = keras.Model(latents, layers.Reshape(shape)(layers.Dense(pixels, activation="tanh")(x)))
    else:
        parts = [layers.Dense(6), layers.LeakyReLU(0.2), layers.Dense(pixels, activation="tanh"), layers.Reshape(shape)]
        generator = keras.Sequential(parts)
        generator.build((None, latent_dim))
    return generator, keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1)])


@pytest.fixture(scope="module")
def gan(small_gan):
    """A small model with all its weights random; tests that write to it must put them back."""
    return randomised(small_gan("gan", (8, 8, 1), width=10, seed=0))


@pytest.fixture
def preset(gan, tmp_path):
    return save_to_preset(gan, tmp_path / "mine")


@pytest.fixture
def zoo(tmp_path, gan, monkeypatch):
    """A folder of built-in presets: two with weights, one of them with results, and one without."""
    data = {"source": "mnist", "license": "CC BY-SA 3.0"}
    root = tmp_path / "zoo"
    recipe = recipe_of(gan)
    save_to_preset(gan, root / "gan_mnist", recipe=parse_recipe({**recipe.model_dump(exclude_none=True), "data": data}, ""))
    save_to_preset(gan, root / "gan_faces")
    (root / "gan_faces" / "results.json").write_text('{"FID": {"value": 8.25, "digits": 1}}')
    (root / "dcgan_mnist").mkdir()
    (root / "dcgan_mnist" / "config.yaml").write_text("variant: dcgan\nmodel: {image_shape: [16, 16, 1]}\n")
    (root / "no_preset").mkdir()
    monkeypatch.setattr(presets, "preset_root", lambda: root)
    return root


# What is read is what was written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_loaded_model_equals_the_saved_one(small_gan, tmp_path, variant):
    gan = randomised(small_gan(variant))
    loaded = load(save_to_preset(gan, tmp_path / "p", networks=("generator", "discriminator")))
    assert type(loaded) is type(gan)
    for network in ("generator", "discriminator"):
        pairs = zip(getattr(gan, network).get_weights(), getattr(loaded, network).get_weights(), strict=True)
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)
    images = gan.generate(5, seed=3)
    assert images.std() > 0.01
    np.testing.assert_array_equal(loaded.generate(5, seed=3), images)


def test_float16_differs_by_its_rounding_only(gan, tmp_path):
    folder = save_to_preset(gan, tmp_path / "half", dtype="float16")
    full = save_to_preset(gan, tmp_path / "full")
    assert (folder / "weights.safetensors").stat().st_size < 0.6 * (full / "weights.safetensors").stat().st_size
    differences = 0.0
    for ours, theirs in zip(gan.generator.get_weights(), load(folder).generator.get_weights(), strict=True):
        assert theirs.dtype == np.float32
        np.testing.assert_allclose(theirs, ours, rtol=2**-11, atol=2**-25)
        differences += np.abs(ours - theirs).sum()
    assert differences > 0


def test_another_process_generates_the_same_images(small_gan, tmp_path):
    for variant in ("dcgan", "cgan"):
        gan = randomised(small_gan(variant))
        save_to_preset(gan, tmp_path / variant)
        np.save(tmp_path / f"{variant}.npy", gan.generate(4, seed=9))
    program = (
        "import numpy as np, keras_gan_zoo\n"
        "for name in ('dcgan', 'cgan'):\n"
        "    images = keras_gan_zoo.load(name).generate(4, seed=9)\n"
        "    assert np.array_equal(images, np.load(name + '.npy')), name\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_model_itself_saves(gan, preset, tmp_path):
    assert gan.save_to_preset(tmp_path / "own", dtype="float16") == tmp_path / "own"
    save_to_preset(gan, tmp_path / "other", dtype="float16")
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("own", "other")]
    assert files[0] == files[1] and len(files[0]) == 3


def test_only_the_generator_is_shipped_unless_more_is_asked_for(gan, preset, tmp_path):
    assert json.loads((preset / "weights.json").read_text())["networks"] == ["generator"]
    ours, fresh = gan.discriminator.get_weights(), load(preset).discriminator.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(ours, fresh, strict=True))


def test_a_preset_says_where_its_weights_come_from(preset):
    origin = json.loads((preset / "weights.json").read_text())["origin"]
    backend = keras.backend.backend()
    assert origin["backend"] == backend and backend in origin["versions"] and origin["device"] and origin["commit"]


def test_weights_state_the_recipe_that_they_were_trained_by(gan, preset, tmp_path):
    assert "recipe_sha256" not in json.loads((preset / "weights.json").read_text())
    recipe = recipe_of(gan).with_dtype("float32")
    folder = save_to_preset(gan, tmp_path / "trained", recipe=recipe)
    assert json.loads((folder / "weights.json").read_text())["recipe_sha256"] == recipe.digest
    other = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 1})})
    assert presets.is_trained(folder, recipe) and not presets.is_trained(folder, other)
    # What states none is of no recipe, and loads all the same.
    assert not presets.is_trained(preset, recipe) and not presets.is_trained(tmp_path, recipe)
    assert load(preset).generator.count_params() == load(folder).generator.count_params()


def test_an_average_is_what_is_saved(small_gan, tmp_path):
    gan = small_gan("dcgan", ema_half_life=100)
    randomised(gan)
    average, generator = gan.average_generator.get_weights(), gan.generator.get_weights()
    assert all(not np.array_equal(a, b) for a, b in zip(average, generator, strict=True))
    loaded = load(save_to_preset(gan, tmp_path / "p"))
    for network in (loaded.average_generator, loaded.generator):
        assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), average, strict=True))
    np.testing.assert_array_equal(loaded.generate(3, seed=0), gan.generate(3, seed=0))


@pytest.mark.parametrize("functional", [True, False], ids=["functional", "sequential"])
@pytest.mark.parametrize("average", [0, 100], ids=["plain", "average"])
def test_networks_of_the_users_own_come_back(tmp_path, functional, average):
    generator, discriminator = networks(functional=functional)
    gan = keras_gan_zoo.GAN((8, 8, 1), 4, generator=generator, discriminator=discriminator, ema_half_life=average)
    randomised(gan)
    loaded = load(save_to_preset(gan, tmp_path / "p", networks=("generator", "discriminator")))
    images = gan.generate(3, seed=1)
    np.testing.assert_array_equal(loaded.generate(3, seed=1), images)
    assert loaded.discriminator.count_params() == gan.discriminator.count_params()
    np.testing.assert_array_equal(
        *(keras.ops.convert_to_numpy(g.score({"images": images}, training=False)) for g in (gan, loaded))
    )
    again = load(save_to_preset(loaded, tmp_path / "again"))
    np.testing.assert_array_equal(again.generate(3, seed=1), images)


def test_layers_that_a_recipe_spells_out_have_the_precision_of_the_model():
    def layer(kind, **config):
        return {"module": "keras.layers", "class_name": kind, "config": config}

    parts = [layer("InputLayer", batch_shape=[None, 8, 8, 1]), layer("Flatten"), layer("Dense", units=5)]
    parts.append(layer("Dense", units=1, dtype="float32"))
    judge = {"module": "keras", "class_name": "Sequential", "config": {"name": "judge", "layers": parts}}
    settings = {"variant": "gan", "model": {"image_shape": [8, 8, 1], "width": 5, "discriminator": judge}}
    recipe_ = parse_recipe(settings, "the test")
    for dtype, expected in (("mixed_bfloat16", "bfloat16"), ("float32", "float32"), (None, "float32")):
        computed = [layer.compute_dtype for layer in build(recipe_, dtype=dtype).discriminator.layers]
        assert computed == [expected, expected, "float32"]
        assert keras.config.dtype_policy().name == "float32"


def test_networks_come_back_in_a_process_that_has_built_others(gan, tmp_path):
    """Keras numbers the names of layers in each process, so a file may not hold them; one from before may."""
    generator, discriminator = networks()
    mine = randomised(keras_gan_zoo.GAN((8, 8, 1), 4, generator=generator, discriminator=discriminator, seed=0))
    folder = save_to_preset(mine, tmp_path / "mine")
    tensors = safetensors.numpy.load_file(folder / "weights.safetensors")
    assert all(len(key.split("/")) == 3 for key in tensors)
    expected = mine.generate(3, seed=0)
    np.testing.assert_array_equal(load(folder).generate(3, seed=0), expected)
    parts = {key: key.split("/") for key in tensors}
    old = {"/".join((*parts[key][:2], f"dense_{i + 40}", parts[key][2])): x for i, (key, x) in enumerate(tensors.items())}
    data = safetensors.numpy.save(old)
    (folder / "weights.safetensors").write_bytes(data)
    info = json.loads((folder / "weights.json").read_text())
    (folder / "weights.json").write_text(json.dumps({**info, "sha256": hashlib.sha256(data).hexdigest()}))
    np.testing.assert_array_equal(load(folder).generate(3, seed=0), expected)


def test_a_loaded_model_trains_by_its_recipe_and_says_what_is_fresh(small_gan, tmp_path):
    settings = {"name": "sgd", "learning_rate": 0.25, "decay_start": 0.5}
    recipe = {"variant": "dcgan", "model": {"image_shape": [16, 16, 1], "latent_dim": 8, "width": 8}}
    recipe |= {"optimizers": {"generator": settings}, "training": {"rounds": 1000}}
    dcgan = small_gan("dcgan", (16, 16, 1), seed=0)
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 1), np.uint8)
    for networks_, warned in ((("generator",), True), (("generator", "discriminator"), False)):
        recipe_ = parse_recipe(recipe, "a test")
        folder = save_to_preset(dcgan, tmp_path / str(warned), networks=networks_, recipe=recipe_)
        loaded = load(folder)
        optimizer = loaded.optimizers["generator"]
        assert type(optimizer).__name__ == "SGD" and float(optimizer.learning_rate) == 0.25
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(ValueError):
                loaded.fit(images[:, :8])
            for _ in range(2):
                loaded.fit(images, batch_size=4, steps_per_epoch=1, verbose=0)
        found = [str(w.message) for w in caught if "fresh" in str(w.message)]
        assert len(found) == warned
        assert all("does not hold the discriminator" in message for message in found)


@pytest.mark.parametrize(
    "name, fresh", [("mr_gan", ("discriminator", "encoder")), ("info_gan", ("discriminator", "recognition"))]
)
def test_all_networks_that_a_preset_lacks_are_fresh(name, fresh, small_gan, tmp_path):
    """A player may move several networks, of which a preset holds some."""
    gan = small_gan(name)
    assert load(save_to_preset(gan, tmp_path / "some")).fresh == fresh
    assert load(save_to_preset(gan, tmp_path / "all", networks=gan.network_names)).fresh == ()


def test_from_preset_is_load_for_its_class(gan, preset):
    assert type(keras_gan_zoo.GAN.from_preset(preset)) is keras_gan_zoo.GAN
    loaded = keras_gan_zoo.GAN.from_preset(preset, dtype="mixed_bfloat16", seed=3)
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    with pytest.raises(PresetError, match=r"a preset of DCGAN.*one of GAN. Fix: use GAN\.from_preset"):
        keras_gan_zoo.DCGAN.from_preset(preset)
    # A preset of a class under this one is one of this.
    assert type(keras_gan_zoo.GAN.from_preset("wgan_gp_mnist", load_weights=False)) is keras_gan_zoo.WGANGP


def test_arguments_that_are_none_are_kept(tmp_path):
    """discriminator_norm=None is not the default of DCGAN."""
    gan = keras_gan_zoo.DCGAN((16, 16, 1), 4, width=4, discriminator_norm=None)
    loaded = load(save_to_preset(gan, tmp_path / "p", networks=("generator", "discriminator")))
    assert loaded.discriminator_norm is None
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in loaded.discriminator.layers)


def test_load_without_weights_dtype_and_seed(gan, preset):
    fresh = load(preset, load_weights=False)
    assert any(not np.array_equal(a, b) for a, b in zip(fresh.get_weights(), gan.get_weights(), strict=True))
    assert load(preset).seed_generator.state.value[0] != load(preset, seed=17).seed_generator.state.value[0]
    low = load(preset, dtype="mixed_bfloat16")
    assert low.dtype_policy.name == "mixed_bfloat16"
    difference = np.abs(low.generate(4, seed=0) - gan.generate(4, seed=0)).max()
    assert 0 < difference < 0.05


# The built-in presets ----------------------------------------------------------------------------------------------------


def test_a_recipe_that_waits_for_its_training_says_so(preset):
    for name in (WEIGHTS, "weights.json"):
        (preset / name).unlink()
    with pytest.raises(PresetError, match="a recipe and no weights. Fix: pass load_weights=False"):
        load(preset)
    assert load(preset, load_weights=False).generate(2, seed=0).shape == (2, 8, 8, 1)
    # The folder of a run has the recipe, and the preset below it.
    (preset / "preset").mkdir()
    (preset / "preset" / "config.yaml").write_text("")
    with pytest.raises(PresetError, match=r"Fix: '.*preset', which this run has written"):
        load(preset)


def test_what_keras_has_saved_is_no_preset(gan, tmp_path):
    gan.save(tmp_path / "mine.keras")
    with pytest.raises(PresetError, match="which is neither. keras.saving.load_model reads what save wrote"):
        load(tmp_path / "mine.keras")


def test_list_presets(zoo):
    assert [preset.name for preset in presets.list_presets()] == ["dcgan_mnist", "gan_faces", "gan_mnist"]
    assert [preset.name for preset in presets.list_presets("*mnist")] == ["dcgan_mnist", "gan_mnist"]
    assert presets.list_presets("mnist") == []
    bare, faces, digits = presets.list_presets()
    assert (bare.variant, bare.data, bare.license, bare.bytes, bare.results) == ("dcgan", "", "", 0, {})
    assert (digits.variant, digits.data, digits.license) == ("gan", "mnist", "CC BY-SA 3.0")
    assert digits.bytes == (zoo / "gan_mnist" / "weights.safetensors").stat().st_size
    assert faces.results["FID"]["value"] == 8.25 and faces.folder == zoo / "gan_faces"


def test_a_built_in_preset_is_loaded_by_its_name(zoo, gan, tmp_path, monkeypatch):
    (tmp_path / "gan_mnist").mkdir()
    monkeypatch.chdir(tmp_path)  # where a folder of the same name must not come first
    np.testing.assert_array_equal(load("gan_mnist").generate(2, seed=0), gan.generate(2, seed=0))


def test_an_unknown_name_is_answered_with_the_closest_ones(zoo):
    with pytest.raises(PresetError, match="'dcgan_mnst'.*Did you mean 'dcgan_mnist' or 'gan_mnist'"):
        load("dcgan_mnst")
    with pytest.raises(PresetError, match="'zzzzz'.*There are .*gan_faces"):
        load("zzzzz")


def test_the_package_names_its_presets():
    names = {path.parent.name for path in presets.preset_root().glob("*/config.yaml")}
    assert names and {preset.name for preset in keras_gan_zoo.list_presets()} == names


# Damage ------------------------------------------------------------------------------------------------------------------


def rewrite(folder, change, **info):
    """Changes the tensors, with a hash that agrees: what someone could do who wrote the whole folder."""
    path = folder / "weights.safetensors"
    tensors = safetensors.numpy.load_file(path)
    data = change(tensors)
    path.write_bytes(data if isinstance(data, bytes) else safetensors.numpy.save(tensors))
    record = json.loads((folder / "weights.json").read_text())
    record |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **info}
    (folder / "weights.json").write_text(json.dumps(record))


def flip_a_bit(folder):
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-5] ^= 1
    (folder / "weights.safetensors").write_bytes(data)


def truncate(folder, share=0.5):
    data = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(data[: int(len(data) * share)])


def truncate_with_hash(folder):
    def half(tensors):
        data = safetensors.numpy.save(tensors)
        return data[: len(data) // 2]

    rewrite(folder, half)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def as_npz(tensors):
    np.savez("arrays.npz", **{key.replace("/", "|"): value for key, value in tensors.items()})
    return Path("arrays.npz").read_bytes()


def first(tensors):
    return next(iter(tensors))


def replace_first(value):
    def change(tensors):
        key = first(tensors)
        tensors[key] = value(tensors[key])

    return change


def poison(value):
    def change(array):
        array = array.copy()
        array.flat[3] = value
        return array

    return lambda folder: rewrite(folder, replace_first(change))


def link_away(name):
    def change(folder):
        away = folder.parent / f"away-{name}"
        (folder / name).rename(away)
        (folder / name).symlink_to(away)

    return change


WEIGHTS = "weights.safetensors"
DAMAGE = {
    "a flipped bit": (flip_a_bit, [WEIGHTS, "sha256", "weights.json says", "again"]),
    "truncated": (truncate, [WEIGHTS, "sha256", "truncated"]),
    "empty": (lambda f: truncate(f, 0), [WEIGHTS, "sha256"]),
    "truncated, hash adjusted": (truncate_with_hash, [WEIGHTS, "must be a safetensors file"]),
    "a pickle": (lambda f: rewrite(f, lambda t: pickle.dumps(Bomb())), [WEIGHTS, "must be a safetensors file"]),
    "an npz": (lambda f: rewrite(f, as_npz), [WEIGHTS, "must be a safetensors file"]),
    "another shape": (
        lambda f: rewrite(f, replace_first(lambda a: np.ascontiguousarray(a.T))),
        [WEIGHTS, "hidden_1/kernel", "(10, 8)", "(8, 10)"],
    ),
    "another dtype": (
        lambda f: rewrite(f, replace_first(lambda a: a.astype("float16"))),
        [WEIGHTS, "hidden_1/kernel", "float16", "float32"],
    ),
    "integers": (
        lambda f: rewrite(f, lambda t: t.update({k: v.astype("int8") for k, v in t.items()}), dtype="int8"),
        ["weights.json", "dtype='int8'"],
    ),
    "a tensor less": (lambda f: rewrite(f, lambda t: t.__delitem__(first(t))), [WEIGHTS, "hidden_1/kernel"]),
    "a tensor more": (
        lambda f: rewrite(f, lambda t: t.update(extra=np.zeros(3, "float32"))),
        [WEIGHTS, "Received: others, ", "extra"],
    ),
    "a tensor twice": (
        lambda f: rewrite(f, lambda t: t.update({first(t).replace("/kernel", "/other/kernel"): t[first(t)]})),
        [WEIGHTS, "1 of them twice"],
    ),
    "NaN": (poison(np.nan), [WEIGHTS, "hidden_1/kernel", "NaN"]),
    "infinity": (poison(-np.inf), [WEIGHTS, "hidden_1/kernel", "infinite"]),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), [WEIGHTS, "cannot be read"]),
    "no weights.json": (lambda f: (f / "weights.json").unlink(), ["weights.json", "cannot be used"]),
    "weights.json is no JSON": (lambda f: (f / "weights.json").write_text("{"), ["weights.json", "cannot be used"]),
    "weights.json is a list": (lambda f: (f / "weights.json").write_text("[]"), ["weights.json", "cannot be used"]),
    "weights.json without hash": (
        lambda f: (f / "weights.json").write_text('{"dtype": "float32", "networks": ["generator"]}'),
        ["weights.json", "sha256"],
    ),
    "an unknown network": (lambda f: rewrite(f, lambda t: None, networks=["genrator"]), ["weights.json", "genrator"]),
    "no generator": (lambda f: rewrite(f, lambda t: t.clear(), networks=[]), ["weights.json", "networks=[]"]),
    "linked weights": (link_away(WEIGHTS), [WEIGHTS, "a link that leaves it"]),
    "linked weights.json": (link_away("weights.json"), ["weights.json", "a link that leaves it"]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_weights_are_refused_and_nothing_is_changed(gan, preset, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    damage, words = DAMAGE[name]
    damage(preset)
    before = weights_of(gan)
    with pytest.raises(PresetError) as caught:
        read_weights(gan, preset)
    for word in [str(preset), *words]:
        assert word in str(caught.value), str(caught.value)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(gan), before, strict=True))
    assert not Path("exploded").exists()
    with pytest.raises(PresetError):
        load(preset)


def test_nothing_is_assigned_before_all_is_checked(gan, preset):
    """The last tensor is the bad one."""
    rewrite(preset, lambda t: t.update({max(t): np.full_like(t[max(t)], np.nan)}))
    model = load(preset, load_weights=False)
    before = weights_of(model)
    with pytest.raises(PresetError, match="NaN"):
        read_weights(model, preset)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(model), before, strict=True))


def test_a_linked_config_is_refused_and_links_within_the_folder_are_not(gan, preset):
    (preset / WEIGHTS).rename(preset / "data")
    (preset / WEIGHTS).symlink_to("data")
    np.testing.assert_array_equal(load(preset).generate(2, seed=0), gan.generate(2, seed=0))
    link_away("config.yaml")(preset)
    with pytest.raises(PresetError, match="config.yaml must lie in its folder. Received: a link that leaves it"):
        load(preset)


def test_a_folder_may_itself_be_linked(gan, preset, tmp_path):
    (tmp_path / "link").symlink_to(preset)
    np.testing.assert_array_equal(load(tmp_path / "link").generate(2, seed=0), gan.generate(2, seed=0))


def test_a_folder_without_recipe(tmp_path):
    with pytest.raises(PresetError, match="must hold config.yaml"):
        load(tmp_path)


# Recipes that cannot be built --------------------------------------------------------------------------------------------


def configured(folder, change):
    path = folder / "config.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    change(settings)
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(variant="dcgna"), ["variant='dcgna'", "did you mean 'dcgan'"]),
        (lambda c: c.update(networks=["foo"]), ["networks must name networks of GAN", "Received: 'foo'"]),
        (lambda c: c.update(modell={}), ["unknown key 'modell'", "did you mean 'model'"]),
        (lambda c: c.pop("model"), ["no key 'model'"]),
        (lambda c: c["training"].update(rouns=3), ["'training.rouns'", "did you mean 'rounds'"]),
        (lambda c: c["model"].update(widht=3), ["widht=3", "Did you mean 'width'"]),
        (lambda c: c["model"].update(instance_nois=3), ["instance_nois=3", "Did you mean 'instance_noise'"]),
        (lambda c: c["model"].update(width="many"), ["width='many'", "must be an integer"]),
        (lambda c: c["model"].update(width=2.5), ["width=2.5", "must be an integer"]),
        (lambda c: c["model"].update(n_critic=True), ["n_critic=True", "must be an integer"]),
        (lambda c: c["model"].update(label_smoothing="much"), ["label_smoothing='much'", "must be a finite number"]),
        (lambda c: c["model"].update(saturating="no"), ["saturating='no'", "must be True or False"]),
        (lambda c: c["model"].update(latent_distribution="cauchy"), ["latent_distribution='cauchy'", "'normal'"]),
        (lambda c: c["model"].update(label_smoothing=0.7), ["label_smoothing=0.7", "[0, 0.5)"]),
        (lambda c: c["model"].update(image_shape=[8, 8, 2]), ["image_shape=[8, 8, 2]", "1 (gray)"]),
        (lambda c: c["model"].update(image_shape="8x8"), ["image_shape='8x8'", "(height, width, channels)"]),
        (lambda c: c["model"].update(generator="mlp"), ["model.generator", "'mlp'"]),
        (lambda c: c["model"].update(generator={"width": 3}), ["model.generator", "{'width': 3}"]),
    ],
)
def test_a_recipe_that_no_model_fits(preset, change, words):
    with pytest.raises(ConfigError) as caught:
        load(configured(preset, change))
    for word in [str(preset / "config.yaml"), *words]:
        assert word in str(caught.value), str(caught.value)


def test_presets_that_take_networks_from_each_other_are_refused(tmp_path):
    recipe = "variant: dcgan\nmodel: {{image_shape: [16, 16, 1], generator: {{preset: {}, network: generator}}}}\n"
    for name, other in (("itself", "itself"), ("one", "two"), ("two", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(recipe.format(tmp_path / other))
    for name in ("itself", "one"):
        with pytest.raises(
            ConfigError, match=r"model\.generator\.preset must not lead back to itself. Received: '.*" + name
        ):
            load(tmp_path / name)
    (tmp_path / "one" / "config.yaml").write_text(recipe.format(5))
    with pytest.raises(ConfigError, match=r"model\.generator must name a preset and one .*Received: preset=5"):
        load(tmp_path / "one")


@pytest.mark.parametrize(
    ("classes", "names", "words"),
    [
        (["a", "a", "b"], None, "data.classes.* 3 different names"),
        (["a", "", "b"], None, "data.classes.* 3 different names"),
        (
            ["a", "b", "c"],
            ["x", "y", "z"],
            "data.classes and model.class_names must be the same. Received: a, b, c and x, y, z",
        ),
    ],
)
def test_class_names_that_could_not_be_saved_again(classes, names, words, small_gan, tmp_path):
    folder = save_to_preset(small_gan("cgan", (16, 16, 1), num_classes=3), tmp_path / "p")

    def change(settings):
        settings["data"] = {"source": "mnist", "license": "none", "classes": classes}
        settings["model"] |= {} if names is None else {"class_names": names}

    with pytest.raises(ConfigError, match=words):
        load(configured(folder, change))


def test_weights_of_another_model(preset):
    with pytest.raises(PresetError, match=r"weights.safetensors.*hidden_1/kernel.*\(8, 12\).*\(8, 10\)"):
        load(configured(preset, lambda c: c["model"].update(width=12)))


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None, "closure": None}}
FOREIGN = {
    "a module of one's own": {"module": "foreign_code", "class_name": "Thing", "config": {}},
    "a function of the system": {"module": "os", "class_name": "mkdir", "config": {"path": "exploded"}},
    "a Lambda layer": {"module": "keras.layers", "class_name": "Lambda", "config": {"function": LAMBDA}},
    "a lambda as activation": {
        "module": "keras.layers",
        "class_name": "Activation",
        "config": {"activation": LAMBDA},
    },
    "a saved model": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}},
    "a torch module": {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "AA=="}},
    "a function of Keras": {"module": "keras.utils", "class_name": "get_file", "config": {"fname": "x"}},
    "a function of the zoo": {"module": "keras_gan_zoo.presets", "class_name": "load", "config": {"name": "x"}},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_network_that_would_run_code_is_refused(tmp_path, monkeypatch, name):
    """None of these can be what a preset needs, and some run what the author of the folder likes."""
    (tmp_path / "foreign_code.py").write_text("import os\nos.mkdir('exploded')\nclass Thing: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    gan = keras_gan_zoo.GAN((8, 8, 1), 4, width=5, generator=networks(functional=False)[0])
    folder = save_to_preset(gan, tmp_path / "p")
    load(folder)

    def insert(settings):
        layers = settings["model"]["generator"]["config"]["layers"]
        layers.insert(1, {"registered_name": None, **FOREIGN[name]})

    with pytest.raises(ConfigError, match="generator"):
        load(configured(folder, insert))
    assert not Path("exploded").exists() and "foreign_code" not in sys.modules


# Saving ------------------------------------------------------------------------------------------------------------------


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_saving_replaces_a_preset_whole(gan, preset):
    (preset / "results.json").write_text("{}")  # of the old weights
    save_to_preset(gan, preset, dtype="float16")
    assert set(contents(preset)) == {"config.yaml", WEIGHTS, "weights.json"}
    assert [path.name for path in preset.parent.iterdir()] == [preset.name]


@pytest.mark.parametrize("files", [["notes.txt"], [], ["config.yaml", "checkpoint.weights.h5", "log.csv"]])
def test_a_folder_of_other_things_is_never_replaced(gan, tmp_path, files):
    """A run has a config.yaml too."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in files:
        (folder / name).write_text(name)
    with pytest.raises(PresetError, match="must be new, or hold nothing but a preset"):
        save_to_preset(gan, folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {name: name for name in files}
    (tmp_path / "file").write_text("x")
    with pytest.raises(PresetError, match="must be new, or hold nothing but a preset"):
        save_to_preset(gan, tmp_path / "file")


def test_a_process_that_keeps_nothing_does_not_mind_what_another_is_writing(gan, preset):
    """Of processes that train together, one adds previews to the preset while others still save theirs for nothing."""
    (preset / ".partial-1-1-samples.png").write_text("half of it")
    before = contents(preset)
    with writing(False):
        save_to_preset(gan, preset, dtype="float16")
    assert contents(preset) == before


@pytest.mark.parametrize("moment", ["write_bytes", "write_text", "rename"])
@pytest.mark.parametrize("exists", [True, False], ids=["over a preset", "anew"])
def test_a_save_that_fails_changes_nothing(gan, tmp_path, monkeypatch, moment, exists):
    folder = tmp_path / "presets" / "p"
    if exists:
        save_to_preset(gan, folder)
    folder.parent.mkdir(exist_ok=True)
    before = contents(folder.parent)
    original = getattr(Path, moment)

    def fail(path, data, *args):
        if moment == "rename" and path.name != "new":
            return original(path, data, *args)
        if moment != "rename":
            original(path, data[: len(data) // 2], *args)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, moment, fail)
    with pytest.raises(OSError, match="No space left"):
        save_to_preset(gan, folder, dtype="float16")
    monkeypatch.undo()
    assert contents(folder.parent) == before
    assert [path.name for path in folder.parent.iterdir()] == ["p"] * exists
    if exists:
        load(folder)


def test_arguments_of_save_to_preset(gan, tmp_path):
    for arguments, words in (
        ({"dtype": "int8"}, "dtype='int8'"),
        ({"networks": ("discriminator",)}, "Fix: add generator"),
        ({"networks": ("generator", "critic")}, "networks of GAN, .*Received: 'critic'"),
        ({"networks": ("generator", "sampler")}, "'sampler'"),
    ):
        with pytest.raises(PresetError, match=words):
            save_to_preset(gan, tmp_path / "p", **arguments)
        assert not (tmp_path / "p").exists()


def test_weights_that_are_no_numbers_are_not_saved(small_gan, tmp_path):
    gan = small_gan("gan", (8, 8, 1), width=10)
    kernel = gan.generator.weights[0]
    kernel.assign(kernel * 1e9)
    with np.errstate(over="ignore"), pytest.raises(PresetError, match="hidden_1/kernel.*too large for float16"):
        save_to_preset(gan, tmp_path / "p", dtype="float16")
    save_to_preset(gan, tmp_path / "p", dtype="float32")
    shutil.rmtree(tmp_path / "p")
    kernel.assign(kernel * np.nan)
    with pytest.raises(PresetError, match="hidden_1/kernel.*NaN"):
        save_to_preset(gan, tmp_path / "p")
    assert not list(tmp_path.iterdir())


def test_a_class_that_no_preset_could_build_is_refused(tmp_path):
    class Mine(keras_gan_zoo.GAN):
        pass

    with pytest.raises(PresetError, match="Received: Mine. Fix: .*register_variant"):
        save_to_preset(Mine((8, 8, 1), 4, width=5), tmp_path / "p")
    assert not list(tmp_path.iterdir())


# What no load could build again is refused when it is saved ------------------------------------------------------------


def lambda_network():
    latents = keras.Input((4,))
    x = keras.layers.Lambda(lambda x: 2 * x)(keras.layers.Dense(64)(latents))
    return keras.Model(latents, keras.layers.Reshape((8, 8, 1))(x))


def unregistered_network():
    class Mine(keras.layers.Dense):
        pass

    return keras.Sequential([keras.Input((4,)), Mine(64), keras.layers.Reshape((8, 8, 1))])


@pytest.mark.parametrize("network", [lambda_network, unregistered_network])
def test_a_network_that_cannot_be_built_again_is_refused_on_saving(network, tmp_path):
    gan = keras_gan_zoo.GAN.tiny(image_shape=(8, 8, 1), latent_dim=4, generator=network())
    with pytest.raises(PresetError, match="must be such that its arguments build it again"):
        save_to_preset(gan, tmp_path / "p")
    assert not any(tmp_path.iterdir())


def test_a_network_that_was_replaced_is_refused_on_saving(tmp_path):
    gan = keras_gan_zoo.GAN.tiny(image_shape=(8, 8, 1), latent_dim=4)
    gan.generator = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    with pytest.raises(PresetError, match="a generator with weights"):
        save_to_preset(gan, tmp_path / "p")


@pytest.fixture
def registered(monkeypatch):
    from keras_gan_zoo import registry

    monkeypatch.setattr(registry, "_REGISTERED", {})
    return keras_gan_zoo.register_variant


def test_a_class_that_hands_its_keywords_on_loads(registered, tmp_path):
    @registered("handing_on")
    class HandingOn(keras_gan_zoo.GAN):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    gan = HandingOn(image_shape=(8, 8, 1), latent_dim=4, width=5)
    loaded = load(save_to_preset(gan, tmp_path / "p"))
    np.testing.assert_array_equal(loaded.generate(2, seed=0), gan.generate(2, seed=0))
    with pytest.raises(TypeError, match=r"by name to be saved. Received: some in \*args"):
        save_to_preset(HandingOn((8, 8, 1), 4), tmp_path / "q")
    assert not (tmp_path / "q").exists()


def test_an_argument_that_no_file_can_hold_is_refused_by_name(registered, tmp_path):
    @registered("with_a_loss")
    class WithALoss(keras_gan_zoo.GAN):
        def __init__(self, image_shape=(8, 8, 1), latent_dim=4, *, loss=None, **options):
            self.own_loss = loss
            super().__init__(image_shape, latent_dim, **options)

    with pytest.raises(PresetError, match="Received: loss=<function"):
        save_to_preset(WithALoss(width=5, loss=lambda x: x), tmp_path / "p")


def test_saving_leaves_the_random_numbers_of_initializers_as_they_were(gan, tmp_path):
    import random

    state = random.getstate()
    save_to_preset(gan, tmp_path / "p")
    assert random.getstate() == state


def test_numbers_of_numpy_are_taken_and_saved(tmp_path):
    arguments = {"latent_dim": np.int64(4), "width": np.int32(8), "num_classes": np.array([0, 2]).max() + 1}
    options = {"label_smoothing": np.float32(0.25), "n_critic": np.int64(2), "seed": np.int64(3)}
    gan = keras_gan_zoo.CGAN(np.array([16, 16, 1]), **arguments, **options)
    loaded = load(save_to_preset(gan, tmp_path / "p"))
    assert (loaded.num_classes, loaded.options.n_critic, loaded.options.label_smoothing) == (3, 2, 0.25)
    np.testing.assert_array_equal(loaded.generate(2, seed=0), gan.generate(2, seed=0))


# Files that are no files, or too large ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.yaml", "weights.json", "weights.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "sparse", "loop", "folder"])
def test_special_and_huge_files_are_refused_at_once(preset, name, kind):
    path = preset / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "sparse":
        with open(path, "wb") as file:
            file.truncate(6 * 10**9)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.mkdir()
    before = time.process_time()
    with pytest.raises((PresetError, ConfigError), match=re.escape(name)):
        load(preset)
    assert time.process_time() - before < 10


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_names_that_no_file_can_have_are_refused(name):
    with pytest.raises(PresetError, match="name must be a preset's") as caught:
        load(name)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"width": 200_000_000}, "weights"),
        ({"image_shape": [10**6, 10**6, 3]}, "image_shape"),
        ({"latent_dim": 10**12}, "weights"),
        ({f"n{i}": {"class_name": "Dense"} for i in range(3000)}, "must be known"),
        ({"width": float("inf")}, "width must be an integer"),
        ({"label_smoothing": float("nan")}, "label_smoothing must be a finite number"),
        (
            {"generator": {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}},
            "must be the configuration of a Keras model",
        ),
    ],
)
def test_a_recipe_that_asks_for_too_much_is_refused_quickly(preset, model, words):
    before = time.process_time()
    with pytest.raises(ConfigError, match=words) as caught:
        load(configured(preset, lambda c: c["model"].update(model)))
    assert str(preset / "config.yaml") in str(caught.value) and len(str(caught.value)) < 3000
    assert time.process_time() - before < 10


def test_a_network_in_a_recipe_that_asks_for_too_much_is_refused(preset):
    huge = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    config = keras.saving.serialize_keras_object(huge)
    text = json.dumps(config).replace('"units": 64', '"units": 6400000000')
    assert "6400000000" in text
    with pytest.raises(ConfigError, match="at most 200,000,000 weights"):
        load(configured(preset, lambda c: c["model"].update(generator=json.loads(text))))
    assert (
        keras.layers.Layer.add_weight.__name__ == "add_weight" and "building" not in keras.layers.Layer.add_weight.__module__
    )


# Networks that a preset does not hold --------------------------------------------------------------------------------------


class JudgedByAFriend(keras_gan_zoo.DCGAN):
    """A game with a network that no player moves."""

    network_names = (*keras_gan_zoo.DCGAN.network_names, "friend")
    frozen_names = ("friend",)

    def default_friend(self):
        return self.default_discriminator()

    def generator_extra(self, real, fake, of_fake):
        return keras.ops.mean(self.friend(fake["images"], training=False))


SMALL = {"image_shape": (8, 8, 1), "latent_dim": 4, "width": 4}


@pytest.fixture
def friend(registered):
    registered("judged_by_a_friend")(JudgedByAFriend)
    return networks()[1]


@pytest.fixture
def judged(friend, tmp_path):
    save_to_preset(JudgedByAFriend(**SMALL, friend=friend), tmp_path / "judged")
    return tmp_path / "judged"


def test_a_network_that_the_preset_does_not_hold_is_given(judged, friend):
    with pytest.raises(PresetError, match=r"without those of its frozen friend. Fix: .*load\(\.\.\., friend=model\)"):
        load(judged)
    gan = load(judged, friend=friend)
    assert gan.friend is friend and gan.fresh == ("discriminator",)
    with pytest.raises(ConfigError, match="fiend"):
        load(judged, fiend=friend)


def test_a_network_of_the_players_that_is_given_is_not_fresh(judged, friend):
    judge = networks()[1]
    assert load(judged, friend=friend, discriminator=judge).fresh == ()


def test_a_given_network_that_the_preset_holds_is_refused_and_left_alone(judged, friend):
    generator = networks()[0]
    before = [weight.copy() for weight in generator.get_weights()]
    with pytest.raises(PresetError, match="generator must be left out, since .* holds its weights.* Fix: leave it out"):
        load(judged, friend=friend, generator=generator)
    for weight, kept in zip(generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_frozen_network_that_is_saved_comes_back(friend, tmp_path):
    save_to_preset(JudgedByAFriend(**SMALL, friend=friend), tmp_path / "preset", networks=("generator", "friend"))
    for weight, kept in zip(load(tmp_path / "preset").friend.get_weights(), friend.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_recipe_takes_a_network_from_another_preset(friend, tmp_path):
    other = keras_gan_zoo.DCGAN(**SMALL)
    save_to_preset(other, tmp_path / "other", networks=("generator", "discriminator"))
    reference = {"preset": str(tmp_path / "other"), "network": "discriminator"}
    recipe = parse_recipe({"variant": "judged_by_a_friend", "model": {**SMALL, "friend": reference}}, "the recipe")
    gan = presets.built(recipe)
    for weight, kept in zip(gan.friend.get_weights(), other.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, kept)
    save_to_preset(gan, tmp_path / "preset", recipe=recipe)
    assert load(tmp_path / "preset").fresh == ("discriminator",)
    without = parse_recipe(
        {"variant": "judged_by_a_friend", "model": {**SMALL, "friend": {**reference, "network": "friend"}}}, "the recipe"
    )
    with pytest.raises(ConfigError, match=r"model\.friend\.network must be one.*Received: 'friend'"):
        presets.built(without)
