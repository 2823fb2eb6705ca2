"""Perceptual path length: closed forms, trimming, and what a record of it says."""

import json

import numpy as np
import pytest

from keras_gan_zoo.metrics.classifier import Classifier
from keras_gan_zoo.metrics.path_length import between_percentiles, perceptual_path_length
from keras_gan_zoo.metrics.perceptual import PerceptualDistance
from keras_gan_zoo.metrics.records import Record, compare


def linear_generator(shape=(4, 4, 2), d=6):
    weights = np.random.default_rng(5).normal(size=(d, int(np.prod(shape)))) / 50
    return weights, lambda z: (z @ weights).reshape(-1, *shape)


class Squared(PerceptualDistance):
    """The squared Euclidean distance."""

    def __init__(self):
        super().__init__(None, "squared")

    def __call__(self, a, b):
        return np.square(a - b).sum(axis=(1, 2, 3))


class Broken(Squared):
    def __call__(self, a, b):
        return np.full(len(a), np.nan)


squared = Squared()


def normal(n, rng):
    return rng.normal(size=(n, 6))


def test_path_length_of_a_linear_generator():
    weights, generate = linear_generator()
    expected = 2 * np.trace(weights @ weights.T)
    lengths = [
        perceptual_path_length(
            generate, normal, squared, epsilon=epsilon, pairs=20_000, percentiles=(0, 100), batch_size=1000
        )
        for epsilon in (1e-4, 0.5)
    ]
    error = lengths[0].details["standard_deviation"] / np.sqrt(20_000)
    assert error < 0.01 * expected and abs(lengths[0].value - expected) < 4 * error
    assert lengths[1].value == pytest.approx(lengths[0].value, rel=1e-6)
    assert (lengths[0].n_fake, lengths[0].details["kept"]) == (20_000, 20_000)


def test_a_path_length_is_a_record_of_its_protocol():
    _, generate = linear_generator()
    record = perceptual_path_length(generate, normal, squared, pairs=10, seed=3)
    assert (record.metric, record.extractor, record.n_fake, record.seed) == (
        "perceptual_path_length",
        "not-lpips:squared",
        10,
        3,
    )
    assert record.settings == {"epsilon": 1e-4, "space": "lerp", "percentiles": [1.0, 99.0]}
    assert Record.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    with pytest.raises(ValueError, match="different protocols.*slerp"):
        compare(record, perceptual_path_length(generate, normal, squared, pairs=10, space="slerp"))


def test_path_length_on_the_sphere():
    # Orthogonal unit vectors, rotated by a share of the right angle between them.
    def latents(n, rng):
        nonlocal turn
        turn += 1
        return np.tile(np.eye(2)[turn % 2], (n, 1))

    for space, expected in (("slerp", (np.pi / 2) ** 2), ("lerp", 2.0)):
        turn = 0
        result = perceptual_path_length(lambda z: z.reshape(-1, 1, 1, 2), latents, squared, space=space, pairs=4)
        assert result.value == pytest.approx(expected, rel=1e-6)


def test_path_length_is_trimmed_and_repeats():
    _, generate = linear_generator()
    all_of_them = perceptual_path_length(generate, normal, squared, pairs=1000, percentiles=(0, 100))
    trimmed = perceptual_path_length(generate, normal, squared, pairs=1000)
    assert 978 <= trimmed.details["kept"] <= 984 and trimmed.n_fake == 1000
    assert trimmed.value < all_of_them.value
    assert trimmed.details["standard_deviation"] < all_of_them.details["standard_deviation"]
    assert trimmed == perceptual_path_length(generate, normal, squared, pairs=1000)
    assert trimmed != perceptual_path_length(generate, normal, squared, pairs=1000, seed=1)


def test_path_length_with_a_network():
    _, generate = linear_generator((28, 28, 1))
    distance = PerceptualDistance.of_classifier(Classifier("mnist"))
    short, long = (
        perceptual_path_length(lambda z, k=k: np.tanh(k * generate(z)), normal, distance, epsilon=1e-2, pairs=40).value
        for k in (0.5, 5.0)
    )
    assert 0 < short < long / 5


def test_a_generator_that_ignores_its_latents_has_length_zero():
    constant = perceptual_path_length(lambda z: np.zeros((len(z), 2, 2, 1)), normal, squared, pairs=60)
    assert (constant.value, constant.details) == (0.0, {"standard_deviation": 0.0, "kept": 60})


def test_percentiles_of_known_values():
    values = np.random.default_rng(0).permutation(1000.0 + np.arange(201))
    assert sorted(between_percentiles(values, (1, 99))) == list(1000.0 + np.arange(2, 199))
    assert sorted(between_percentiles(values, (0.6, 99.4))) == list(1000.0 + np.arange(1, 200))
    assert len(between_percentiles(values, (0, 100))) == 201
    assert list(between_percentiles(np.array([3.0]), (1, 99))) == [3.0]


def test_bad_path_lengths_are_named():
    _, generate = linear_generator()
    rng = np.random.default_rng(0)
    for arguments, error, words in [
        ({"generate": lambda z: np.zeros((len(z), 2, 2, 1), "uint8")}, TypeError, "uint8"),
        ({"generate": lambda z: np.full((len(z), 2, 2, 1), np.nan)}, ValueError, "generate must return finite"),
        ({"generate": lambda z: rng.normal(size=(len(z), 2, 2, 1))}, ValueError, "same images for the same latents"),
        ({"distance": Broken()}, ValueError, "distance must return"),
        ({"distance": lambda a, b: a}, TypeError, "Received: function.*PerceptualDistance"),
        ({"space": "cubic"}, ValueError, "lerp, slerp"),
        ({"epsilon": 0.0}, ValueError, "epsilon=0.0"),
        ({"pairs": 0}, ValueError, "pairs=0"),
        ({"percentiles": (99, 1)}, ValueError, "percentiles"),
    ]:
        with pytest.raises(error, match=words):
            perceptual_path_length(
                **{"generate": generate, "latents": normal, "distance": squared, "pairs": 10, **arguments}
            )
