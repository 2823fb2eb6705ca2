"""The two sets of 40 vectors of 6 dimensions that golden values of metrics are stated for."""

import numpy as np

_N, _D = np.arange(1, 41)[:, None], np.arange(1, 7)
A = np.sin(0.37 * _N * _D) + 0.1 * _D
B = 1.2 * np.cos(0.29 * _N * _D) - 0.05 * _D
