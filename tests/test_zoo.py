"""What holds for every variant; the registry says which there are."""

import dataclasses
import importlib
import inspect
import itertools
import json
import math
import re

import keras
import numpy as np
import pytest
from keras import ops

import keras_gan_zoo
from keras_gan_zoo.base import Options
from keras_gan_zoo.base.wiring import layers_of
from keras_gan_zoo.models import DCGAN, R3GAN, WGANGP, StyleGAN2, variant_class, variant_name, variants
from tests.smallest import smallest_gan

VARIANTS = variants()
MADE_OF_IMAGES = [name for name in VARIANTS if "image_shape" in inspect.signature(variant_class(name).__init__).parameters]
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the other backends run fewer tests, see tests/backend"
)


def array(variable):
    return ops.convert_to_numpy(variable).copy()


def state(gan):
    return [array(v) for v in [*gan.variables, *gan.optimizer.variables]]


def compiled(gan, **options):
    gan.compile(**{"run_eagerly": True, **options})
    return gan


def assert_equal(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def assert_finite(logs):
    assert logs and all(np.isfinite(float(value)) for value in logs.values()), logs


# Names and documentation ------------------------------------------------------------------------------------------------


def test_the_first_eight_are_there():
    assert {"gan", "dcgan", "lsgan", "wgan", "wgan_gp", "began", "cgan", "info_gan"} <= set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_class_file_and_registry_agree(name):
    cls = variant_class(name)
    module = importlib.import_module(cls.__module__)
    assert cls.__module__ == f"keras_gan_zoo.models.{name}"
    assert cls.__name__.lower() == name.replace("_", "")
    own = [value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == cls.__module__]
    assert own == [cls]
    package = importlib.import_module("keras_gan_zoo")
    assert getattr(package, cls.__name__) is cls
    assert keras.saving.get_registered_name(cls) == f"keras_gan_zoo>{cls.__name__}"


@pytest.mark.parametrize("name", VARIANTS)
def test_documentation_cites_the_paper_and_says_what_differs(name):
    cls = variant_class(name)
    text = importlib.import_module(cls.__module__).__doc__
    assert re.search(r"\(.+, \d{4}, https://arxiv\.org/abs/\d{4}\.\d{4,5}\)", text.splitlines()[0])
    assert re.search(r"^Differs from the paper: \S", text, re.MULTILINE)
    arguments = inspect.signature(cls.__init__).parameters
    documented = cls.__doc__.partition("Args:")[2]
    for argument in set(arguments) - {"self"} - {field.name for field in dataclasses.fields(Options)}:
        entry = rf"^\s+(\w+, )*\**{argument}(, \w+)*: \S"
        assert re.search(entry, documented, re.MULTILINE), f"{argument} is not documented"


def test_unknown_names_are_answered_with_the_closest():
    with pytest.raises(ValueError, match="did you mean 'wgan_gp'"):
        variant_class("wgangp")
    with pytest.raises(ValueError, match="did you mean 'r3gan'"):
        variant_class("R3GAN")


def test_classes_are_listed_before_they_are_imported():
    names = {variant_class(name).__name__ for name in VARIANTS}
    assert names <= set(dir(keras_gan_zoo))
    assert keras_gan_zoo.models.WGANGP is keras_gan_zoo.WGANGP
    with pytest.raises(AttributeError, match="no attribute 'GANGAN'"):
        keras_gan_zoo.models.GANGAN  # noqa: B018


@pytest.mark.parametrize("name", VARIANTS)
def test_options_are_off_unless_the_paper_has_them(name, small_gan):
    options = small_gan(name).options
    for field in (
        "label_smoothing",
        "fake_label_smoothing",
        "label_flipping",
        "instance_noise",
        "r1_gamma",
        "ema_half_life",
    ):
        assert getattr(options, field) == getattr(Options(), field)


# Training ---------------------------------------------------------------------------------------------------------------


def assert_trains(gan, round_of):
    for i in range(2):
        logs = gan.train_on_batch(*round_of(gan, minibatch=2, seed=i), return_dict=True)
    assert_finite(logs)
    standing = {f"{player.name}_loss" for player in gan.players() if player.when} - set(logs)
    assert set(logs) == {*gan.trackers, "loss"} - standing
    assert int(array(gan.rounds)) == 2


@pytest.mark.parametrize("name", VARIANTS)
def test_each_width_reaches_a_network(name):
    """An argument that a base class has as well is lost where it is not handed on."""

    def weights(gan):
        return sum(network.count_params() for player in gan.players() for network in player.networks)

    usual = smallest_gan(name)
    for argument in [key for key in usual.get_config() if key.endswith("_width") and key != "max_width"]:
        wider = smallest_gan(name, **{argument: 24})
        assert wider.get_config()[argument] == 24, argument
        assert weights(wider) != weights(usual), argument


@pytest.mark.parametrize(
    "name", [name for name in VARIANTS if issubclass(variant_class(name), (DCGAN, WGANGP, R3GAN, StyleGAN2))]
)
def test_an_output_activation_reaches_the_generator(name):
    gan = smallest_gan(name, output_activation="hard_tanh")
    assert type(gan).from_config(gan.get_config()).output_activation == "hard_tanh"
    last = {layer.activation for layer in layers_of(gan.generator) if "tanh" in layer.name}
    assert last == {keras.activations.hard_tanh}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_trains_on_its_own_fields_and_shows_what_it_does(name, small_gan, round_of):
    gan = compiled(small_gan(name, seed=0))
    assert variant_name(gan) == name
    assert_trains(gan, round_of)
    rng = np.random.default_rng(0)
    data = {key: field.random(rng, 5) for key, field in gan.fields().items()}
    preview = gan.preview(4, data, seed=1)
    for field, samples in preview.values():
        assert samples.shape == (4, *field.shape) and np.isfinite(samples).all()
        assert len(field.render(samples)) == 4
    for (_, samples), (_, again) in zip(preview.values(), gan.preview(4, data, seed=1).values(), strict=True):
        np.testing.assert_array_equal(samples, again)


@pytest.mark.parametrize("shape", [(16, 16, 3), (28, 28, 4), (24, 16, 3)])
@pytest.mark.parametrize("name", MADE_OF_IMAGES)
def test_any_shape_of_images_trains(name, shape, small_gan, round_of, short):
    gan = compiled(small_gan(name, shape, seed=0, **short(name)))
    assert_trains(gan, round_of)
    images = gan.generate(3, seed=0)
    assert images.shape == (3, *shape) and np.isfinite(images).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_player_moves_its_own_variables_and_nothing_else(name, small_gan, round_of, take_step, short):
    # Of a few ReLU units in a row, all are at 0 now and then, and what is below them stands still.
    keras.utils.set_random_seed(0)
    gan = compiled(small_gan(name, seed=0, ema_half_life=100, **short(name)))
    # Two rounds: what is behind a gate that starts at 0, as in self-attention, has no gradient in the first.
    for i in range(2):
        gan.train_on_batch(*round_of(gan, seed=i))
    players = gan.players()
    data = round_of(gan)
    batch = gan.schema.preprocess({name: x[:4] for name, x in gan.schema.named(data).items()})
    batch |= gan.derive(batch)
    everything = {id(weight) for network in _networks(gan) for weight in network.weights}
    for player in players:
        own = {id(weight): weight for network in player.networks for weight in network.weights}
        trainable = {id(v) for v in player.variables}
        others = {id(w): w for network in _networks(gan) for w in network.weights if id(w) not in own}
        assert others and {*own, *others} == everything
        elsewhere = [gan.optimizers[other.optimizer_name] for other in players if other is not player]
        foreign = [variable for optimizer in elsewhere for variable in optimizer.variables]
        before = {key: array(variable) for key, variable in {**own, **others}.items()}
        optimizers_before = [array(v) for v in foreign]
        take_step(gan, player, batch)
        for key, variable in own.items():
            moved = not np.array_equal(before[key], array(variable))
            # A constant in all scores, where only their differences count: Adam may make a step of what rounding leaves.
            if variable.path.endswith("score/bias") and _only_differences_count(gan):
                continue
            # Statistics and spectral vectors move with the network that has them; a unit vector of one number does not, nor
            # a reference batch or scales, chosen once.
            idle = variable.path.endswith("/u") and variable.shape == (1,)
            idle = idle or variable.path.endswith("_reference/reference")
            idle = idle or (variable.path.endswith("/scale") and key not in trainable)
            assert moved != idle, f"{player.name}: {variable.path} (trainable: {key in trainable}), moved: {moved}"
        for key, variable in others.items():
            assert np.array_equal(before[key], array(variable)), f"{player.name} has moved {variable.path}"
        assert_equal(optimizers_before, [array(v) for v in foreign])


def _only_differences_count(gan):
    # As small as scores are at the start, where those of the hinge game are all within its margins.
    real, fake = ops.convert_to_tensor([0.05, -0.1]), ops.convert_to_tensor([0.025, 0.2])
    shifted = gan.discriminator_loss(real + 0.1, fake + 0.1) - gan.discriminator_loss(real, fake)
    return abs(float(shifted)) < 1e-6


def _networks(gan):
    """All networks of a GAN, the average among them."""
    return [layer for layer in gan.layers if isinstance(layer, keras.Model)]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_network_has_an_owner_and_one_at_a_time(name, small_gan):
    gan = compiled(small_gan(name))
    players = gan.players()
    assert {id(v) for player in players for v in player.variables} == {id(v) for v in gan.trainable_variables}
    for first, second in itertools.combinations(players, 2):
        # Whoever moves the weights of another does so while that one stands still.
        assert not first.shares_networks_with(second) or (first.when and second.when)
    assert set(gan.optimizers) == set(gan.optimizer_names) == {player.name for player in gan.players()}
    assert len(set(map(id, gan.optimizers.values()))) == len(gan.optimizers)


def configuration(gan):
    """As JSON has it, where tuples are lists."""
    return json.loads(json.dumps(gan.get_config()))


# Saving -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_save_load_resume(name, small_gan, round_of, short, tmp_path):
    options = {"ema_half_life": 20, "instance_noise": 0.1, "instance_noise_images": 1000}
    options = {key: value for key, value in options.items() if key not in variant_class(name).refused_options} | short(name)
    gan = compiled(small_gan(name, seed=0, **options))
    rng = np.random.default_rng(0)
    data = {key: field.random(rng, 3) for key, field in gan.fields().items()}
    rounds = [round_of(gan, seed=i) for i in range(3)]
    gan.train_on_batch(*rounds[0])
    gan.save_weights(tmp_path / "gan.weights.h5")
    gan.save(tmp_path / "gan.keras")
    shown = gan.preview(3, data)

    resumed = compiled(small_gan(name, seed=77, **options))
    resumed.load_weights(tmp_path / "gan.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert type(loaded) is type(gan) and configuration(loaded) == configuration(gan)
    for other in (resumed, loaded):
        assert_equal(state(other), state(gan))
        for (_, ours), (_, theirs) in zip(other.preview(3, data).values(), shown.values(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    logs = []
    for model in (gan, resumed, loaded):
        for batch in rounds[1:]:
            model.reset_metrics()
            log = model.train_on_batch(*batch, return_dict=True)
        logs.append(log)
    assert logs[0] == logs[1] == logs[2]
    for other in (resumed, loaded):
        assert_equal(state(other), state(gan))


# Ways to run ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(short):
    """narrow("wgan_gp", dtype=...): few units, and short, as XLA compiles each step."""
    dense = ("gan", "semi_supervised_gan", "bad_gan")
    return lambda name, **options: smallest_gan(name, seed=0, width=20 if name in dense else 4, **short(name), **options)


def history(gan, data, rounds=2):
    """Losses of the rounds of an epoch, by `fit`."""
    tf = pytest.importorskip("tensorflow")
    size = 4 * gan.minibatches_per_round
    parts = tuple(np.concatenate([x] * rounds) for x in data)
    dataset = tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(4, drop_remainder=True)
    assert len(parts[0]) == rounds * size
    return {key: value[0] for key, value in gan.fit(dataset, verbose=0).history.items()}


def quasi_random(shape, *limits, seed=None, **options):
    """Numbers in [-1, 1], or between limits: XLA has other random numbers than the rest of TensorFlow."""
    low, high = limits or (-1.0, 1.0)
    count = math.prod(shape)
    return ops.reshape(low + (high - low) * (ops.sin(1e3 * ops.arange(count, dtype="float32")) + 1) / 2, shape)


@pytest.fixture
def no_randomness(monkeypatch):
    monkeypatch.setattr(keras.random, "normal", quasi_random)
    monkeypatch.setattr(keras.random, "uniform", quasi_random)
    monkeypatch.setattr("keras_gan_zoo.layers.noise.Dropout.call", lambda layer, inputs, training=False: inputs)
    # Scales chosen by four samples make a layer's rounding ten times as large, and there are six layers of them.
    monkeypatch.setattr("keras_gan_zoo.models.semi_supervised_gan.initialize_by_data", lambda network, batch: None)


@pytest.fixture(scope="module")
def eager(narrow, round_of):
    """name -> (initial weights, data, losses of two eager rounds, weights after them), computed once."""
    known = {}

    def of(name):
        if name not in known:
            keras.utils.set_random_seed(3)
            gan = compiled(narrow(name))
            initial, data = [array(v) for v in gan.variables], round_of(gan)
            known[name] = initial, data, history(gan, data), [array(v) for v in gan.variables]
        return known[name]

    return of


@tensorflow_only
@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_two_rounds_at_once_by_xla_give_the_eager_losses(name, eager, narrow, no_randomness):
    """Graphs that XLA does not compile are compared with the other backends, in tests/backend/test_parity.py."""
    initial, data, expected, weights = eager(name)
    gan = narrow(name)
    for variable, value in zip(gan.variables, initial, strict=True):
        variable.assign(value)
    losses = history(compiled(gan, run_eagerly=False, jit_compile=True, steps_per_execution=2), data)
    assert losses.keys() == expected.keys()
    for key, value in expected.items():
        assert losses[key] == pytest.approx(value, rel=1e-3, abs=1e-4), key
    # Adam makes a full step of a gradient that is nothing but rounding, so single weights may be steps apart.
    for a, b in zip((array(v) for v in gan.variables), weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2 * 8 * 1e-3)


@tensorflow_only
@pytest.mark.parametrize("name", VARIANTS)
def test_mixed_bfloat16(name, eager, narrow, no_randomness):
    initial, data, expected, _ = eager(name)
    gan = compiled(narrow(name, dtype="mixed_bfloat16"), run_eagerly=False, jit_compile=False)
    for variable, value in zip(gan.variables, initial, strict=True):
        variable.assign(value)
    assert keras.config.dtype_policy().name == "float32"
    assert {v.dtype for v in gan.trainable_variables} == {"float32"}
    assert "bfloat16" in {layer.compute_dtype for layer in gan.discriminator.layers}
    for network in _networks(gan):
        for output in network.outputs:
            producer = output._keras_history.operation
            if producer.name != "hidden_relu":  # features for a further network, which ends in float32 itself
                assert output.dtype == "float32", (network.name, producer.name)
    losses = history(gan, data)
    for key, value in expected.items():
        assert np.isfinite(losses[key])
        assert losses[key] == pytest.approx(value, rel=0.1, abs=0.1), key
    rng = np.random.default_rng(0)
    data = {key: field.random(rng, 2) for key, field in gan.fields().items()}
    for field, samples in gan.preview(2, data).values():
        assert samples.dtype == ("int32" if field.dtype == "int32" else "float32")
