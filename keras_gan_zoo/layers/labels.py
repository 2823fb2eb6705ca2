"""Class labels as tensors for networks."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class OneHot(layers.Layer):
    """Integer labels (batch,) in [0, num_classes) -> one-hot vectors (batch, num_classes)."""

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels: Any) -> Any:
        return ops.one_hot(ops.cast(labels, "int32"), self.num_classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape, self.num_classes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes}


def label_maps(labels: Any, num_classes: int, height: int, width: int, name: str) -> Any:
    """Symbolic labels (batch,) -> planes (batch, height, width, num_classes), one constant plane for each class."""
    planes = layers.Reshape((1, 1, num_classes), name=f"{name}_reshape")(OneHot(num_classes, name=f"{name}_one_hot")(labels))
    return layers.UpSampling2D((height, width), name=f"{name}_tile")(planes)
