"""Checks of arrays that the metrics share."""

from typing import Any

import numpy as np

from keras_gan_zoo.data.checks import as_array


def as_numbers(data: Any, name: str) -> np.ndarray:
    """The data as an array of real numbers: NumPy would unmask masked values, and drop imaginary parts."""
    array = np.asarray(as_array(data))
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers. Received: dtype {array.dtype}. Fix: convert them.")
    return array


def as_rows(data: Any, name: str, at_least: int = 1, fix: str = "find their images") -> np.ndarray:
    """The data as finite real numbers (n, dimension), n of at least `at_least`; `fix` is for values that are not finite."""
    array = as_numbers(data, name)
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(f"{name} must have the shape (n, dimension). Received: {array.shape}. Fix: a row for each image.")
    if len(array) < at_least:
        raise ValueError(
            f"{name} must have {at_least} or more rows. Received: {len(array)} rows. Fix: pass at least {at_least}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite. Received: NaN or infinite values. Fix: {fix}.")
    return array


def as_labels(labels: Any, n: int, name: str = "labels", least: int | None = None) -> np.ndarray:
    """The labels as integers (n,), which are `least` or more, if that is given."""
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or (least is not None and labels.min(initial=least) < least):
        bound = "" if least is None else f" from {least}"
        raise ValueError(f"{name} must be {n} integers{bound}. Received: {labels.dtype} of shape {labels.shape}.")
    return labels


def check_features(at_least: int = 1, **sets: np.ndarray) -> list[np.ndarray]:
    """The sets by name as arrays (n, dimension) of one dimension that vary, or an error that names the one that is not."""
    arrays = {name: as_rows(array, name, at_least) for name, array in sets.items()}
    for name, array in arrays.items():
        if len(array) > 1 and (array == array[0]).all():
            raise ValueError(
                f"{name} must vary. Received: {len(array)} equal rows: it is constant. Fix: look at the images; they "
                "are all alike."
            )
    dimensions = {name: array.shape[1] for name, array in arrays.items()}
    if len(set(dimensions.values())) > 1:
        raise ValueError(f"Features must have one dimension. Received: {dimensions}. Fix: take them from one extractor.")
    return list(arrays.values())
