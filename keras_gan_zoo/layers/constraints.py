"""Constraints on weights, which the optimizer applies after each step."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class WeightClip(keras.constraints.Constraint):
    """w <- clip(w, -limit, limit) (WGAN, https://arxiv.org/abs/1701.07875)."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def __call__(self, w: Any) -> Any:
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        return {"limit": self.limit}
