"""Learning-rate schedules that Keras does not have."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gan_zoo")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then linear to 0, as DCGAN, WGAN-GP and SNGAN train: rate min(1, (steps - step) / (steps - start)).

    Args:
        initial_learning_rate: learning rate before `start`.
        steps: optimizer step at which the rate reaches 0.
        start: optimizer step at which it begins to fall.
    """

    def __init__(self, initial_learning_rate: float, steps: int, start: int = 0) -> None:
        if not 0 <= start < steps:
            raise ValueError(f"start must be in [0, steps={steps}). Received: start={start!r}.")
        self.initial_learning_rate, self.steps, self.start = initial_learning_rate, steps, start

    def __call__(self, step: Any) -> Any:
        left = (self.steps - ops.cast(step, "float32")) / float(self.steps - self.start)
        return self.initial_learning_rate * ops.clip(left, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"initial_learning_rate": self.initial_learning_rate, "steps": self.steps, "start": self.start}
