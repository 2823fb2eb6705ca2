import math

import numpy as np
import pytest

from keras_gan_zoo.data.toy import SwissRoll, grid, ring
from keras_gan_zoo.metrics.modes import (
    class_coverage,
    curve_coverage,
    mode_coverage,
    perfect_high_quality,
    perfect_reverse_kl,
)


@pytest.mark.parametrize("mixture", [ring(), grid()], ids=lambda m: m.name)
def test_a_perfect_sampler_reaches_its_floors(mixture):
    found = [mode_coverage(mixture.sample(2500, seed)[0], mixture.means, mixture.sigma) for seed in range(20)]
    modes = len(mixture.means)
    assert all((f.modes, f.modes20, f.nearest20) == (modes, modes, modes) for f in found)
    assert np.mean([f.high_quality for f in found]) == pytest.approx(perfect_high_quality(), abs=0.002)
    floor = perfect_reverse_kl(modes, 2500)
    assert np.mean([f.reverse_kl for f in found]) == pytest.approx(floor, rel=0.35)


def test_floors():
    assert perfect_high_quality() == pytest.approx(1 - math.exp(-4.5), abs=1e-12)
    assert perfect_reverse_kl(8, 2500) == pytest.approx(0.0014)
    assert perfect_reverse_kl(25, 2500) == pytest.approx(0.0048)
    assert perfect_reverse_kl(1000, 26_000) == pytest.approx(0.0192, abs=1e-4)


def test_one_of_eight_modes():
    mixture = ring()
    result = mode_coverage(np.repeat(mixture.means[:1], 2500, axis=0), mixture.means, mixture.sigma)
    assert (result.modes, result.modes20, result.nearest20, result.high_quality) == (1, 1, 1, 1)
    assert result.reverse_kl == pytest.approx(math.log(8))
    assert 0 < result.jsd < math.log(2)


def test_quality_is_a_distance_of_less_than_three_sigma():
    means = np.array([[0.0, 0.0], [10.0, 0.0]])
    samples = np.array([[0.0, 2.999], [0.0, 3.0], [10.0, 0.0], [6.0, 0.0]])
    result = mode_coverage(samples, means, 1.0)
    assert result.high_quality == 0.5 and result.modes == 2
    assert result.reverse_kl == pytest.approx(0)


def test_stray_hits_are_told_from_covered_modes():
    mixture = ring()
    points = np.concatenate(
        [np.repeat(mixture.means[:1], 100, 0), mixture.means[1:2], np.repeat(mixture.means[2:3] * 1.1, 30, 0)]
    )
    result = mode_coverage(points, mixture.means, mixture.sigma)
    assert (result.modes, result.modes20, result.nearest20) == (2, 1, 2)


def test_no_sample_of_quality():
    mixture = ring()
    result = mode_coverage(np.zeros((50, 2)), mixture.means, mixture.sigma)
    assert (result.modes, result.high_quality, result.reverse_kl) == (0, 0, math.inf)


def test_the_trap_of_seven_modes():
    """A circle that is divided with both ends has seven modes, one of double weight: it looks like a collapse."""
    angles = np.linspace(0, 2 * np.pi, 8)
    wrong = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    mixture = ring()
    points = wrong[np.arange(2500) % 8]
    assert mode_coverage(points, mixture.means, mixture.sigma).modes < 8


def test_curve():
    roll = SwissRoll()
    curve = roll.curve((np.arange(2000) + 0.5) / 2000)
    whole = curve_coverage(roll.sample(2500, 0)[0], curve, roll.sigma)
    assert whole.bins == 50 and whole.off_curve < 0.02
    half = curve_coverage(roll.curve(np.random.default_rng(0).uniform(0, 0.5, 2500)), curve, roll.sigma)
    assert half.bins == 25 and half.off_curve == 0
    assert curve_coverage(np.full((10, 2), 9.0), curve, roll.sigma).off_curve == 1


def test_classes():
    assert class_coverage(np.arange(1000), 1000) == (1000, pytest.approx(0))
    assert class_coverage(np.full(50, 3), 1000) == (1, pytest.approx(math.log(1000)))


def test_bad_input():
    mixture = ring()
    for samples, message in (
        (np.zeros((0, 2)), "at least 1"),
        (np.zeros(4), "shape"),
        (np.full((3, 2), np.nan), "diverged"),
        (np.zeros((3, 5)), "Received: 5 and"),
    ):
        with pytest.raises(ValueError, match=message):
            mode_coverage(samples, mixture.means, mixture.sigma)
    for means, sigma, message in (
        (np.full((8, 2), np.nan), 0.1, "means must be finite"),
        (mixture.means, np.nan, "sigma must be"),
        (mixture.means, -1.0, "sigma must be"),
    ):
        with pytest.raises(ValueError, match=message):
            mode_coverage(np.zeros((3, 2)), means, sigma)
    with pytest.raises(ValueError, match="0 to 9"):
        class_coverage(np.array([10]), 10)
