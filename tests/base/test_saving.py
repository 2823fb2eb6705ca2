"""Saving, loading and going on; `test_zoo.py` does the same for every variant."""

import os

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import SNDense
from keras_gan_zoo.models.gan import GAN


def state(gan):
    """Every variable there is, optimizers' and random generators' among them."""
    return {i: ops.convert_to_numpy(v).copy() for i, v in enumerate([*gan.variables, *gan.optimizer.variables])}


def assert_equal_states(first, second):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def noisy_gan(tiny_gan, seed, **options):
    """A GAN with every kind of state: dropout's generator, batch statistics, spectral vectors, an average, noise."""
    # On torch Keras draws dropout from torch's global generator, which no model can save.
    dropout = 0.0 if keras.backend.backend() == "torch" else 0.3
    discriminator = keras.Sequential(
        [keras.Input((2, 2, 1)), layers.Flatten(), layers.Dropout(dropout), SNDense(4), SNDense(1)], name="discriminator"
    )
    generator = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Reshape((2, 2, 1))], name="generator"
    )
    arguments = {"ema_half_life": 20, "instance_noise": 0.1, "instance_noise_images": 100, "label_flipping": 0.1}
    return tiny_gan(generator=generator, discriminator=discriminator, seed=seed, **arguments, **options)


def test_a_resumed_run_is_bit_exact(tiny_gan, round_of, tmp_path):
    gan = noisy_gan(tiny_gan, seed=0)
    for i in range(3):
        gan.train_on_batch(*round_of(gan, seed=i))
    gan.save_weights(tmp_path / "gan.weights.h5")
    saved = state(gan)

    resumed = noisy_gan(tiny_gan, seed=99)
    resumed.load_weights(tmp_path / "gan.weights.h5")
    assert_equal_states(state(resumed), saved)
    logs = []
    for model in (gan, resumed):
        model.reset_metrics()
        for i in range(3, 6):
            log = model.train_on_batch(*round_of(model, seed=i), return_dict=True)
        logs.append(log)
    assert logs[0] == logs[1]
    assert_equal_states(state(gan), state(resumed))
    changed = [key for key in saved if not np.array_equal(saved[key], state(gan)[key])]
    assert len(changed) > 0.8 * len(saved)


def test_a_seed_counter_lost_would_show(tiny_gan, round_of, tmp_path):
    # The negative control of the test above: the same state but for the random generators trains on other noise.
    gan, other = noisy_gan(tiny_gan, seed=0), noisy_gan(tiny_gan, seed=99)
    other.set_weights(gan.get_weights())
    losses = [model.train_on_batch(*round_of(model), return_dict=True)["generator_loss"] for model in (gan, other)]
    assert losses[0] != losses[1]


def test_a_saved_model_is_rebuilt_from_its_file(tiny_gan, round_of, tmp_path):
    gan = noisy_gan(tiny_gan, seed=0, saturating=True)
    gan.train_on_batch(*round_of(gan))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert type(loaded) is GAN
    assert loaded.options == gan.options and loaded.options.saturating is True
    assert_equal_states(state(loaded), state(gan))
    np.testing.assert_array_equal(loaded.generate(4, seed=0), gan.generate(4, seed=0))
    losses = [model.train_on_batch(*round_of(model, seed=1), return_dict=True) for model in (gan, loaded)]
    assert losses[0] == losses[1]


def test_a_model_that_nobody_compiled_can_be_saved_and_trained(tiny_gan, round_of, tmp_path):
    gan = tiny_gan(compiled=False)
    gan.save(tmp_path / "gan.keras")
    gan.save_weights(tmp_path / "gan.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.optimizers["generator"].beta_1 == 0.5
    np.testing.assert_array_equal(loaded.generate(2, seed=0), gan.generate(2, seed=0))
    assert np.isfinite(loaded.train_on_batch(*round_of(loaded))).all()


def test_the_format_of_older_versions_of_keras_is_refused(tiny_gan, tmp_path):
    with pytest.raises(ValueError, match="filepath must end in .keras. Received: .*gan.h5"):
        tiny_gan().save(tmp_path / "gan.h5")
    assert not list(tmp_path.iterdir())


def test_weights_of_other_networks_are_refused(tiny_gan, tmp_path):
    tiny_gan().save_weights(tmp_path / "gan.weights.h5")
    with pytest.raises(ValueError):
        tiny_gan(latent_dim=4).load_weights(tmp_path / "gan.weights.h5")


@pytest.mark.parametrize("change", [{"width": 12}, {"ema_half_life": 0}, {"discriminator_norm": "layer"}])
def test_a_file_that_does_not_fit_leaves_the_model_as_it_was(change, small_gan, round_of, tmp_path):
    """Keras loads what does, and passes over averages that the model does not have."""
    saved = small_gan("dcgan", seed=0, ema_half_life=100)
    saved.compile(run_eagerly=True)
    saved.train_on_batch(*round_of(saved))
    saved.save_weights(tmp_path / "gan.weights.h5")
    other = small_gan("dcgan", seed=1, **{"ema_half_life": 100, **change})
    variables = [*other.weights, *other.non_trainable_variables, *other.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    with pytest.raises(ValueError, match="averages of the networks that have one" if "ema_half_life" in change else "."):
        other.load_weights(tmp_path / "gan.weights.h5")
    for variable, was in zip(variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), was)
    same = small_gan("dcgan", seed=1, ema_half_life=50)
    same.load_weights(tmp_path / "gan.weights.h5")
    np.testing.assert_array_equal(same.generate(2, seed=0), saved.generate(2, seed=0))


def test_a_pipe_is_not_waited_for(tiny_gan, tmp_path):
    os.mkfifo(tmp_path / "gan.weights.h5")
    with pytest.raises(ValueError, match="filepath must be a file of weights. Received: filepath='.*', and it is not a reg"):
        tiny_gan().load_weights(tmp_path / "gan.weights.h5")


def test_an_interrupted_load_leaves_the_model_as_it_was(tiny_gan, monkeypatch):
    gan = tiny_gan()

    def interrupted(self, filepath):
        self.generator.weights[0].assign(self.generator.weights[0] + 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "load_weights", interrupted)
    before = gan.generator.get_weights()
    with pytest.raises(KeyboardInterrupt):
        gan.load_weights("gan.weights.h5")
    for weight, was in zip(gan.generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)


def test_the_configuration_holds_arguments_and_options():
    gan = GAN((8, 8, 3), 7, width=20, saturating=True, seed=5, label_smoothing=0.1, name="mine", dtype="mixed_bfloat16")
    config = gan.get_config()
    expected = {"image_shape": (8, 8, 3), "latent_dim": 7, "width": 20, "saturating": True, "seed": 5, "n_critic": 1}
    expected |= {"label_smoothing": 0.1, "name": "mine", "dtype": "mixed_bfloat16"}
    assert {key: config[key] for key in expected} == expected
    again = GAN.from_config(config)
    assert again.get_config() == config
    assert again.count_params() == gan.count_params()


def test_optimizers_survive_with_their_schedules(tiny_gan, round_of, tmp_path):
    from keras_gan_zoo.schedules import LinearDecay

    gan = tiny_gan()
    optimizers = [keras.optimizers.Adam(LinearDecay(0.1, 10, 2), beta_1=0.3), keras.optimizers.RMSprop(1e-3, rho=0.7)]
    gan.compile(*optimizers, run_eagerly=True)
    for _ in range(4):
        gan.train_on_batch(*round_of(gan))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.optimizers["discriminator"].beta_1 == 0.3 and loaded.optimizers["generator"].rho == 0.7
    assert float(ops.convert_to_numpy(loaded.optimizers["discriminator"].learning_rate)) == pytest.approx(0.075, abs=1e-6)
    assert int(ops.convert_to_numpy(loaded.optimizers["discriminator"].iterations)) == 4


def test_linear_decay():
    from keras_gan_zoo.schedules import LinearDecay

    rates = [float(ops.convert_to_numpy(LinearDecay(2e-4, 100, 50)(step))) for step in (0, 50, 75, 99, 100, 1000)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 4e-6, 0, 0], atol=1e-10)
    assert float(ops.convert_to_numpy(LinearDecay(1.0, 100)(25))) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="start=100"):
        LinearDecay(1.0, 100, 100)
