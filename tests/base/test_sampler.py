"""Images from a model: seeds, labels, truncation, interpolation."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

import keras_gan_zoo
from keras_gan_zoo import CGAN, DCGAN, InfoGAN
from keras_gan_zoo.data import Images


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    return DCGAN((16, 16, 3), 5, width=4, seed=0)


@pytest.fixture(scope="module")
def conditional():
    keras.utils.set_random_seed(0)
    return CGAN((16, 16, 1), 5, num_classes=4, width=4, seed=0)


def test_a_seed_names_its_images(gan):
    first, second = gan.generate(7, seed=3), gan.generate(7, seed=3)
    assert first.shape == (7, 16, 16, 3) and first.dtype == np.float32
    assert -1.0 <= first.min() < first.max() <= 1.0
    np.testing.assert_array_equal(first, second)
    assert np.abs(gan.generate(7, seed=4) - first).max() > 1e-6
    assert np.abs(gan.generate(7) - gan.generate(7)).max() > 1e-6
    assert len({image.tobytes() for image in first}) == 7


def test_images_do_not_depend_on_the_batches_they_are_made_in(gan):
    whole = gan.generate(7, seed=3)
    for batch_size in (1, 3, 7, 100):
        np.testing.assert_allclose(gan.generate(7, seed=3, batch_size=batch_size), whole, atol=1e-6)
    np.testing.assert_allclose(gan.generate(3, seed=3), whole[:3], atol=1e-6)


@pytest.mark.parametrize("name", ["dcgan", "gan_3d"])
def test_samples_of_a_diverged_model_are_not_kept_as_if_they_were_some(name, small_gan):
    gan = small_gan(name, seed=0)
    gan.network("generator").set_weights([weight * np.nan for weight in gan.network("generator").get_weights()])
    assert np.isnan(gan.generate(3, seed=0)).any()
    with pytest.raises(ValueError, match="kept as uint8. Received: NaN in 3 of 3, so the training has diverged. Fix: load"):
        gan.generate(3, seed=0, dtype="uint8")


def test_sampling_changes_no_state(gan):
    before = [ops.convert_to_numpy(v).copy() for v in gan.variables]
    gan.generate(4, seed=0)
    gan.generate(4)
    for old, new in zip(before, gan.variables, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(new))


def test_uint8_is_rounded_to_the_nearest(gan):
    floats, integers = gan.generate(7, seed=3), gan.generate(7, seed=3, dtype="uint8")
    assert integers.dtype == np.uint8
    np.testing.assert_array_equal(integers, np.rint((floats + 1) * 127.5))
    np.testing.assert_array_equal(
        Images((1, 1, 1)).quantize(np.array([-1.0, -0.999, 0.0, 0.003, 1.0])), [0, 0, 128, 128, 255]
    )
    everything = np.arange(256)
    np.testing.assert_array_equal(Images((1, 1, 1)).quantize(everything / 127.5 - 1), everything)


def test_truncation_scales_the_latents(gan):
    half = 0.5 * gan.latents(6, seed=1)
    np.testing.assert_allclose(gan.generate(6, seed=1, truncation=0.5), gan.generate(6, latents=half), atol=1e-6)
    np.testing.assert_array_equal(gan.generate(6, latents=half, truncation=0.5), gan.generate(6, latents=half))
    assert np.abs(gan.generate(6, seed=1, truncation=0.5) - gan.generate(6, seed=1)).max() > 1e-6


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"n": 0}, "n must be an integer of at least 1. Received: n=0"),
        ({"n": 2.0}, "n must be an integer .*Received: n=2.0"),
        (
            {"n": 10**12},
            r"n must be of samples that fit in memory. Received: n=1,000,000,000,000, which take 2,8\d\d TiB. Fix: ",
        ),
        ({"n": 10**30}, "n must be of samples that fit in memory. .* Fix: make them in parts"),
        ({"truncation": 0.0}, r"truncation must be in \(0, 1\]. Received: truncation=0.0"),
        ({"truncation": 1.5}, r"truncation must be in \(0, 1\]. Received: truncation=1.5"),
        ({"truncation": "a"}, "Received: truncation='a'"),
        ({"seed": -1}, "seed must be an integer of at least 0. Received: seed=-1"),
        ({"seed": "a"}, "Received: seed='a'"),
        ({"seed": 1.5}, "Received: seed=1.5"),
        ({"dtype": "float64"}, "dtype must be 'float32' or 'uint8'. Received: dtype='float64'"),
        ({"latents": np.zeros((3, 5))}, "latents must have one entry .*Received: 3 entries for 2 samples"),
        ({"latents": np.zeros((2, 4))}, r"latents must have the shape \(n, 5\).*Received: shape \(2, 4\)"),
    ],
)
def test_errors(arguments, expected, gan):
    with pytest.raises(ValueError, match=expected):
        gan.generate(**{"n": 2, **arguments})
    if "n" in arguments:
        with pytest.raises(ValueError, match=expected):
            gan.latents(**arguments)


def test_no_walk_is_longer_than_memory(gan):
    with pytest.raises(ValueError, match="steps must be of samples that fit in memory. Received: steps=1,000,"):
        gan.interpolate(0, 1, 10**12)


def test_inputs_that_there_are_not(gan):
    with pytest.raises(TypeError, match="DCGAN makes samples from latents alone. Received: labels=3. Fix: leave it out"):
        gan.generate(2, labels=3)
    with pytest.raises(TypeError, match="makes samples from latents, labels alone. Received: label=3. Fix: labels=..."):
        CGAN.tiny(num_classes=4).generate(2, label=3)
    with pytest.raises(TypeError, match="DCGAN makes samples from noise alone. Received: translate.*Fix: generate"):
        gan.translate(np.zeros((2, 16, 16, 3), "uint8"))


def test_labels(conditional):
    labels = [0, 1, 2, 3, 0]
    images = conditional.generate(5, labels=labels, seed=2)
    known = conditional.generate(5, latents=conditional.latents(5, seed=2), labels=labels)
    np.testing.assert_allclose(images, known, atol=1e-6)
    one = conditional.generate(5, labels=3, seed=2)
    np.testing.assert_allclose(one[3], images[3], atol=1e-6)
    assert np.abs(one[0] - images[0]).max() > 1e-7


def test_labels_are_drawn_uniformly_where_none_are_given(conditional):
    seen = []
    conditional.make = lambda batch, training: seen.append(batch) or {"images": ops.zeros((4000, 16, 16, 1))}
    try:
        conditional.generate(4000, seed=2, batch_size=4000)
    finally:
        del conditional.make
    (batch,) = seen
    np.testing.assert_allclose(np.bincount(ops.convert_to_numpy(batch["labels"]), minlength=4), 1000, atol=150)
    np.testing.assert_array_equal(ops.convert_to_numpy(batch["latents"]), conditional.latents(4000, seed=2))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (4, "must be less than 4. Received: the value 4"),
        (-1, "must start at 0. Received: the value -1"),
        ([0, 1], "2 entries for 3 samples"),
        (1.5, "must be integers"),
        ([[0], [1], [2]], r"shape \(3, 1\)"),
    ],
)
def test_impossible_labels_are_refused(labels, expected, conditional):
    with pytest.raises(ValueError, match=expected):
        conditional.generate(3, labels=labels)


def test_info_gan_takes_its_category_as_a_label():
    gan = InfoGAN((16, 16, 1), 5, categories=3, continuous=2, width=4, hidden=8, seed=0)
    seen = []
    network, gan.__dict__["generator"] = gan.generator, lambda x, training: seen.append(x) or network(x, training=training)
    images = gan.generate(6, labels=[0, 1, 2, 0, 1, 2], seed=0)
    latents = ops.convert_to_numpy(seen[0])
    assert latents.shape == (6, 5 + 2 + 3) and images.shape == (6, 16, 16, 1)
    np.testing.assert_array_equal(latents[:, 7:], np.eye(3)[[0, 1, 2, 0, 1, 2]])
    assert 0 < np.abs(latents[:, :7]).max() <= 1.0


# Interpolation ----------------------------------------------------------------------------------------------------------


def test_interpolation_between_seeds_and_vectors(gan):
    images = gan.interpolate(1, 2, 5)
    assert images.shape == (5, 16, 16, 3)
    for index, seed in ((0, 1), (-1, 2)):
        np.testing.assert_allclose(images[index], gan.generate(1, seed=seed)[0], atol=1e-6)
    start, end = gan.latents(1, seed=1)[0], gan.latents(1, seed=2)[0]
    np.testing.assert_allclose(gan.interpolate(start, end, 5), images, atol=1e-6)
    steps = np.abs(np.diff(images, axis=0)).mean(axis=(1, 2, 3))
    assert 0 < steps.max() < 6 * np.median(steps)
    assert gan.interpolate(1, 2, 2, dtype="uint8").dtype == np.uint8


def test_interpolation_with_labels(conditional):
    images = conditional.interpolate(1, 2, 3, labels=2)
    np.testing.assert_allclose(images[0], conditional.generate(1, labels=2, seed=1)[0], atol=1e-6)
    assert conditional.interpolate(1, 2, 3, labels=[0, 1, 2]).shape == (3, 16, 16, 1)


def test_interpolation_errors(gan):
    with pytest.raises(ValueError, match="steps must be an integer of at least 2. Received: steps=1"):
        gan.interpolate(1, 2, 1)
    with pytest.raises(ValueError, match=r"start must have the shape \(n, 5\).*Received: shape \(1, 4\)"):
        gan.interpolate(np.zeros(4), 2, 3)
    for start in (-1, 1.5, True, "a"):
        with pytest.raises(ValueError, match=f"start must be an integer of at least 0. Received: start={start!r}"):
            gan.interpolate(start, 1, 3)
    for refused in (gan.latents, lambda n, seed: gan.preview(n, seed=seed)):
        with pytest.raises(ValueError, match="seed must be an integer of at least 0. Received: seed=-1"):
            refused(2, seed=-1)
    with pytest.raises(TypeError, match="DCGAN makes samples from latents alone. Received: labels=0"):
        gan.interpolate(1, 2, 3, labels=0)


# Processes --------------------------------------------------------------------------------------------------------------


def test_a_fresh_process_gives_the_same_images(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    np.save(tmp_path / "here.npy", gan.generate(5, seed=11))
    script = (
        "import sys, keras, numpy, keras_gan_zoo.models.dcgan\n"
        "gan = keras.saving.load_model(sys.argv[1] + '/gan.keras')\n"
        "numpy.save(sys.argv[1] + '/there.npy', gan.generate(5, seed=11))\n"
    )
    root = str(Path(keras_gan_zoo.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": "7", "KERAS_BACKEND": keras.backend.backend()}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment, timeout=300)
    np.testing.assert_allclose(np.load(tmp_path / "there.npy"), np.load(tmp_path / "here.npy"), atol=1e-6)
