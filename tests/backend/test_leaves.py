"""Each float that a generator makes carries its gradient, however the fakes are packed, on every backend."""

import numpy as np
import pytest


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_every_float_leaf_of_the_fakes_carries_its_gradient(backend, play):
    results = dict(play(backend, "play_leaves.py"))
    assert results.pop("backend") == backend and len(results) == 6
    for name, result in results.items():
        assert result["loss"] == pytest.approx(result["expected"], rel=1e-5), name
        of_a, of_b = map(np.array, result["changes"])
        np.testing.assert_allclose(of_a, -0.5, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(of_b, -0.75, rtol=1e-5, err_msg=name)
