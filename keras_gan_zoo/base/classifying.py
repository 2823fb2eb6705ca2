"""The classes of samples, for games whose discriminator tells them apart."""

from typing import Any, ClassVar

import numpy as np
from keras import ops


class Classifying:
    """Verbs and logs of games whose `judge` gives "logits" (batch, classes) beside the scores; mixed in before `GAN`.

    The class logs "accuracy" by `log_accuracy`, and has the discriminator among its `inference_names`, since presets are to
    classify too. `judges_conditions` must be False: who is told the class has nothing to find out.
    """

    log_names: ClassVar[tuple[str, ...]] = ("accuracy",)
    judges_conditions = False

    def log_accuracy(self, labels: Any, logits: Any) -> None:
        """Adds to the logs how many samples have their largest logit at their label; those labeled -1 do not count."""
        right = ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), labels), "float32")
        self.trackers["accuracy"].update_state(ops.stop_gradient(right), ops.cast(labels >= 0, "float32"))

    def classify(self, samples: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
        """How likely each class is for each sample.

        Args:
            samples: (n, ...), as the data for `fit`.
            batch_size: samples in one pass through the discriminator.

        Returns:
            NumPy array (n, classes), float32, of rows that add up to 1; its `argmax(axis=1)` are labels.
        """
        field = self.fields()[self.sample]
        arrays = field.validate(samples, self.sample)

        def probabilities(tensor):
            return ops.softmax(self.judge({self.sample: field.preprocess(tensor)}, training=False)["logits"])

        return self.mapped(probabilities, arrays, batch_size=batch_size)
