"""The backends play the same game: equal losses from equal weights and equal noise."""

import numpy as np
import pytest

from keras_gan_zoo.models import variants

BACKENDS = ("tensorflow", "jax", "torch")

pytestmark = pytest.mark.slow


@pytest.fixture
def played(play):
    """backend -> what play_rounds.py has written on it."""
    return lambda backend: play(backend, "play_rounds.py", *variants())


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_variant_plays_on_every_backend(backend, played):
    result = played(backend)
    assert set(result["rounds"]) == set(variants())
    for name, outcome in result["rounds"].items():
        assert len(outcome["logs"]) == 5
        for logs in outcome["logs"]:
            assert np.isfinite(list(logs.values())).all(), name
        losses = [logs["loss"] for logs in outcome["logs"]]
        assert len(set(losses)) == 5, f"the losses of {name} stand still"


@pytest.mark.parametrize("backend", BACKENDS[1:])
@pytest.mark.parametrize("name", variants())
def test_losses_agree(name, backend, played):
    expected, actual = played("tensorflow")["rounds"][name], played(backend)["rounds"][name]
    for round_, (ours, theirs) in enumerate(zip(actual["logs"], expected["logs"], strict=True)):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-5, abs=1e-5), f"{key} of round {round_}"
    np.testing.assert_allclose(actual["average"], expected["average"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_augmentations_agree(backend, played):
    expected, actual = played("tensorflow")["augmented"], played(backend)["augmented"]
    assert expected.keys() == actual.keys()
    for name, images in expected.items():
        np.testing.assert_allclose(actual[name], images, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_of_fit_go_on_where_they_stopped(backend, played):
    ends = played(backend)["ends"]
    assert set(ends) == (set(variants()) if backend == "torch" else {"gan", "dcgan", "wgan_gp", "cgan"})
    for name, (whole, resumed) in ends.items():
        assert whole == resumed, name  # to the bit
        assert np.isfinite(list(whole["losses"].values())).all(), name
