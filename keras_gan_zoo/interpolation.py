"""Between two latent vectors: along the line, or along the great circle on which vectors of a Gaussian nearly lie."""

import numpy as np


def linear(start: np.ndarray, end: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """(1 - t) start + t end, float64.

    Args:
        start, end: (..., d).
        t: fractions, which broadcast against them.
    """
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    return (1 - t) * start + t * end


def spherical(start: np.ndarray, end: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """(sin((1 - t) angle) start + sin(t angle) end) / sin(angle), float64; keeps the norm where both have the same.

    Linear where a vector is 0 or both lie on one line, which no great circle is named by. Source: White, 2016
    (https://arxiv.org/abs/1609.04468).

    Args:
        start, end: (..., d).
        t: fractions, which broadcast against them.
    """
    # In float32 the ends would not be met exactly, nor vectors that point oppositely be told from others.
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    norms = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(end, axis=-1, keepdims=True)
    products = (start * end).sum(axis=-1, keepdims=True)
    angle = np.arccos(np.clip(products / np.where(norms, norms, 1.0), -1.0, 1.0))
    straight = (norms == 0) | (np.sin(angle) < 1e-6)
    sine = np.where(straight, 1.0, np.sin(angle))
    path = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / sine
    return np.where(straight, linear(start, end, t), path)
