"""The area under the ROC curve, from scores."""

import numpy as np
import pytest

from benchmarks.anomalies import auc


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 8, 30).astype(float), rng.integers(2, 10, 20).astype(float)
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    assert auc(low, high) == pytest.approx(pairs, rel=1e-12) and 0.5 < pairs < 1
    assert auc(np.zeros(3), np.ones(2)) == 1 and auc(np.ones(3), np.zeros(2)) == 0 and auc(np.ones(3), np.ones(2)) == 0.5
