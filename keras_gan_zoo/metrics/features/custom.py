"""A user's own network as a feature extractor."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_gan_zoo.backend import predicted
from keras_gan_zoo.metrics.features.base import Extractor


class CustomFeatures(Extractor):
    """A Keras model, or any function, from uint8 images to features.

    Args:
        function: images (n, height, width, channels), uint8 in [0, 255], -> features (n, dimension). A Keras model gets
            them as floats in [0, 255].
        name: for records; a Keras model has one of its own.
        sha256: of whatever decides the features. Of a Keras model it is taken from its layers and weights. For a function
            without it, and a model with classes of your own, records say "unknown-" and a random number, since nothing shows
            whether two functions, or the same one in two runs, compute the same: such records compare with those of the same
            extractor object only, and nothing of it is found in a cache.
        dimension: length of a feature vector; a Keras model says it itself.
    """

    def __init__(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        name: str | None = None,
        sha256: str | None = None,
        dimension: int | None = None,
    ):
        self.function = function
        self._is_model = isinstance(function, keras.Model)
        if self._is_model:
            shape = function.output_shape
            if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] is None:
                raise ValueError(f"The model must give features (n, dimension). Received: {shape}. Fix: pool its output.")
            name, dimension, sha256 = name or function.name, shape[1], sha256 or model_hash(function)
            self.dtype = function.dtype_policy.name
        if not name or not dimension:
            raise ValueError(f"A function needs name= and dimension=, for records. Received: {name!r}, {dimension!r}.")
        self.name, self.sha256, self.dimension = name, sha256 or f"unknown-{uuid.uuid4().hex}", dimension

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, None]:
        if self._is_model:
            features = predicted(self.function, images.astype("float32"))
        else:
            features = np.asarray(self.function(images))
        if features.shape != (len(images), self.dimension):
            raise ValueError(
                f"Features of {self.name!r} must be ({len(images)}, {self.dimension}). Received: {features.shape}."
            )
        return features, None


def model_hash(model: keras.Model) -> str | None:
    """sha256 over the layers of a model, whatever their names, and over the float32 values of its weights in their order.

    None where code decides that no configuration holds: classes that are neither Keras's nor the zoo's.
    """
    parts = [*model._flatten_layers(), *getattr(model, "operations", ())]
    if any(type(part).__module__.split(".")[0] not in ("keras", "keras_gan_zoo") for part in parts):
        return None
    numbers = {part.name: f"#{number}" for number, part in enumerate(parts)}
    config = _renamed(keras.saving.serialize_keras_object(model)["config"], numbers)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for weight in model.get_weights():
        array = np.ascontiguousarray(weight, "<f4")
        digest.update(str(array.shape).encode() + array.tobytes())
    return digest.hexdigest()


def _renamed(config: Any, numbers: dict[str, str]) -> Any:
    """A configuration with the layers' numbers for their names, which Keras counts up in each process."""
    if isinstance(config, dict):
        return {key: _renamed(value, numbers) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [_renamed(value, numbers) for value in config]
    return numbers.get(config, config) if isinstance(config, str) else config
