"""Class labels as tensors for networks."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers, ops


def class_weights(labels: Any, num_classes: int, dtype: str) -> Any:
    """Labels (batch,) as one-hot rows (batch, num_classes); rows, which may mix classes, stay what they are."""
    if len(labels.shape) == 2:
        return ops.cast(labels, dtype)
    return ops.one_hot(ops.cast(labels, "int32"), num_classes, dtype=dtype)


@keras.saving.register_keras_serializable("keras_gan_zoo")
class OneHot(layers.Layer):
    """Integer labels (batch,) in [0, num_classes) -> one-hot vectors (batch, num_classes); see `class_weights`."""

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels: Any) -> Any:
        return class_weights(labels, self.num_classes, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.num_classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes}


def label_vector(labels: Any, num_classes: int, label_dim: int | None = None, name: str = "") -> Any:
    """Symbolic labels (batch,) -> one-hot vectors (batch, num_classes), or learned ones (batch, label_dim)."""
    known = OneHot(num_classes, name=f"{name}one_hot")(labels)
    if label_dim is None:
        return known
    normal = initializers.RandomNormal(0.0, 1.0)
    return layers.Dense(label_dim, use_bias=False, kernel_initializer=normal, name=f"{name}embedding")(known)


def label_maps(labels: Any, num_classes: int, height: int, width: int, name: str, label_dim: int | None = None) -> Any:
    """Symbolic labels (batch,) -> planes (batch, height, width, numbers), one constant plane for each of its numbers."""
    known = label_vector(labels, num_classes, label_dim, f"{name}_")
    planes = layers.Reshape((1, 1, known.shape[-1]), name=f"{name}_reshape")(known)
    return layers.UpSampling2D((height, width), name=f"{name}_tile")(planes)
