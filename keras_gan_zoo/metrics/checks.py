"""Checks that the metrics of features share."""

import numpy as np


def check_features(at_least: int = 1, **sets: np.ndarray) -> list[np.ndarray]:
    """The sets as arrays, or an error that names the one that no metric can be taken of.

    Args:
        at_least: rows that each set must have.
        **sets: name of the argument -> features (n, dimension), all of one dimension.

    Raises:
        ValueError: another rank, too few rows, dimensions that differ, NaN or infinite values, or rows that are all equal.
    """
    arrays = {name: np.asarray(array) for name, array in sets.items()}
    for name, array in arrays.items():
        if array.ndim != 2 or not array.shape[1]:
            raise ValueError(f"{name} has the shape {array.shape}; expected (n, dimension). Fix: one row for each image.")
        if len(array) < at_least:
            raise ValueError(f"{name} has {len(array)} rows, and this metric takes {at_least} or more. Fix: more images.")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are NaN or infinite. Fix: find the images that they come from.")
        if len(array) > 1 and (array == array[0]).all():
            raise ValueError(f"{name} is constant: all its rows are equal. Fix: look at the images; they are all alike.")
    dimensions = {name: array.shape[1] for name, array in arrays.items()}
    if len(set(dimensions.values())) > 1:
        raise ValueError(f"Dimensions differ: {dimensions}. Fix: take all features from one extractor.")
    return list(arrays.values())
