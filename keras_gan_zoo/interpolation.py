"""Paths between two latent vectors: a line, or the great circle near which vectors of a Gaussian lie."""

import numpy as np


def linear(start: np.ndarray, end: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """(1 - t) start + t end, float64.

    Args:
        start, end: (..., d).
        t: fractions, broadcast against the vectors.
    """
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    return (1 - t) * start + t * end


def spherical(start: np.ndarray, end: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """(sin((1 - t) angle) start + sin(t angle) end) / sin(angle), float64; keeps the norm if both vectors have the same.

    The path is linear if a vector is 0 or both are on one line, which determines no great circle. Source: White, 2016
    (https://arxiv.org/abs/1609.04468).

    Args:
        start, end: (..., d).
        t: fractions, broadcast against the vectors.
    """
    # In float32 the ends would not be met exactly, and opposite vectors not be recognized.
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    norms = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(end, axis=-1, keepdims=True)
    products = (start * end).sum(axis=-1, keepdims=True)
    angle = np.arccos(np.clip(products / np.where(norms, norms, 1.0), -1.0, 1.0))
    straight = (norms == 0) | (np.sin(angle) < 1e-6)
    sine = np.where(straight, 1.0, np.sin(angle))
    path = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / sine
    return np.where(straight, linear(start, end, t), path)
