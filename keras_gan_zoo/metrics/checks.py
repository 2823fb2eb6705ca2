"""Checks that the metrics of features share."""

from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import as_array


def as_numbers(data: Any, name: str) -> np.ndarray:
    """The data as an array of real numbers.

    Raises:
        ValueError: masked values, which NumPy would unmask, or complex ones, whose imaginary parts it would drop.
    """
    array = np.asarray(as_array(data))
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers. Received: dtype {array.dtype}. Fix: convert them.")
    return array


def check_features(at_least: int = 1, **sets: np.ndarray) -> list[np.ndarray]:
    """The sets as arrays, or an error that names the one that no metric can be taken of.

    Args:
        at_least: rows that each set must have.
        **sets: name of the argument -> features (n, dimension), all of one dimension.

    Raises:
        ValueError: no real numbers, another rank, too few rows, dimensions that differ, NaN or infinite values, or rows that
            are all equal.
    """
    arrays = {name: as_numbers(array, name) for name, array in sets.items()}
    for name, array in arrays.items():
        if array.ndim != 2 or not array.shape[1]:
            raise ValueError(
                f"{name} must have the shape (n, dimension). Received: {array.shape}. Fix: a row for each image."
            )
        if len(array) < at_least:
            raise ValueError(f"{name} must have {at_least} or more rows. Received: {len(array)} rows. Fix: more images.")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite. Received: NaN or infinite values. Fix: find their images.")
        if len(array) > 1 and (array == array[0]).all():
            raise ValueError(
                f"{name} must vary. Received: {len(array)} equal rows: it is constant. Fix: look at the images; they "
                "are all alike."
            )
    dimensions = {name: array.shape[1] for name, array in arrays.items()}
    if len(set(dimensions.values())) > 1:
        raise ValueError(f"Features must have one dimension. Received: {dimensions}. Fix: take them from one extractor.")
    return list(arrays.values())
