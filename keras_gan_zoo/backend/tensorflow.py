"""Training on TensorFlow: plain alternating gradient tapes."""

import contextlib
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .tensorflow_devices import assign, drawn, exchange, mean_over_replicas, processes, rank, replicas, whole


class Recording(NamedTuple):
    """Generated samples, the player they were made for, and the tape that recorded how."""

    fake: Any
    player: str
    tape: tf.GradientTape


def accelerator():
    """Returns the model of the GPU that TensorFlow computes on, or None."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else None


def compiled(function):
    """A pure function of tensors, compiled for each of the shapes that it is called with."""
    return tf.function(function)


@contextlib.contextmanager
def full_float32():
    """Opens a context in which products of float32 are float32: by default TensorFlow uses TF32 on GPUs."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


class Trainer:
    """Gives a `GAN` its `train_step` on TensorFlow (eager, graph, XLA, `tf.distribute`)."""

    def train_step(self, data):
        # At the end of a data set of unknown length, Keras asks for one batch too many; variables that do not depend on that
        # batch (counters, random generators) would be updated nevertheless.
        with tf.control_dependencies([part for part in tf.nest.flatten(data) if part is not None]):
            logs = self.train_round(data)
        if processes() > 1:
            # There Keras takes the mean of logs over their first axis.
            logs = {name: tf.reshape(value, (1,)) for name, value in logs.items()}
        return logs

    def record(self, player, batch):
        """Generates samples like those of `batch`, writing what `player` may write."""
        tape = tf.GradientTape()
        with tape, self.writing(self.written_by(player)):
            return Recording(self.fake_like(batch), player.name, tape)

    def differentiate(self, player, batch, recording=None):
        """Returns the loss of `player` on `batch` and its gradients by the player's variables; writes updated statistics."""
        recording = recording or self.record(player, batch)
        # A tape gives its gradient once; the tape of a recording is for the player that generates.
        tape = recording.tape if recording.player == player.name else tf.GradientTape()
        with tape, self.writing(self.written_by(player)):
            loss = player.objective(batch, recording.fake)
            # The loss is the mean over the global batch.
            scaled = loss / self.addends
        return loss, tape.gradient(scaled, [variable.value for variable in player.variables])

    @contextlib.contextmanager
    def writing(self, variables, equal=False):
        """Holds back all assignments inside, and then makes those to `variables`.

        `equal` says that what replicas assign is the same, so that they need not tell each other.
        """
        with keras.StatelessScope() as scope:
            yield
        for variable in variables:
            value = scope.get_current_value(variable)
            if value is not None:
                assign(variable, value, equal)

    def only_if(self, condition, step):
        """Returns step(), which may write variables and returns a scalar, if a boolean scalar is true; otherwise NaN."""
        if isinstance(condition, bool):
            return step() if condition else float("nan")
        return tf.cond(condition, lambda: tf.cast(step(), "float32"), lambda: tf.constant(float("nan")))

    def gradient(self, function, x):
        """Returns the derivatives of sum(function(x)) by x, a tensor or a list, in the shapes of x; differentiable again."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    def making_variables(self):
        """Opens the scope in which the model's variables are made: that of its strategy."""
        return self.distribute_strategy.scope()

    draw, whole, mean_over_replicas = staticmethod(drawn), staticmethod(whole), staticmethod(mean_over_replicas)

    @property
    def replicas(self):
        """The number of devices that share each batch."""
        return self.distribute_strategy.num_replicas_in_sync

    sharers = replicas

    @property
    def addends(self):
        """The number of gradients that an optimizer adds up: those of the replicas."""
        return replicas()

    @property
    def processes(self):
        """The number of processes that train together."""
        with self.distribute_strategy.scope():
            return processes()

    @property
    def rank(self):
        """The number of this process among them."""
        with self.distribute_strategy.scope():
            return rank()

    def exchange(self, message):
        """The messages of all processes that train together, by rank."""
        with self.distribute_strategy.scope():
            return exchange(message)

    def refuse_devices(self):
        """Refuses a strategy that the model cannot train under."""
        if self.replicas == 1:
            return
        if self.steps_per_execution != 1:
            raise ValueError(
                "steps_per_execution must be 1 under a strategy of several replicas. Received: steps_per_execution="
                f"{self.steps_per_execution}. Fix: leave it out of compile."
            )
        if not isinstance(self.rounds.value, tf.distribute.DistributedValues):
            raise ValueError(
                "A model must be built in the scope of the strategy that trains it. Received: a strategy of "
                f"{self.replicas} replicas, and a model built without one. Fix: build it in `with strategy.scope():`, too."
            )
        for name, optimizer in self.optimizers.items():
            for option in ("clipnorm", "global_clipnorm", "clipvalue", "gradient_accumulation_steps"):
                if value := getattr(optimizer, option, None):
                    raise ValueError(
                        f"{option} must be left out of optimizers under a strategy of several replicas, where Keras applies "
                        f"it to the gradient of each alone. Received: {option}={value!r} for the {name}. Fix: leave it out, "
                        "or train on one device."
                    )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built. Keras would take a batch, and average its bytes over the workers, which TensorFlow
        cannot."""

    @staticmethod
    def as_dataset(begin, signature, length):
        """Makes what `fit` takes of a function that begins an iterator of batches; `length` is their number, if known.

        Static shapes let the step be compiled once.
        """
        specs = {name: tf.TensorSpec(shape, dtype) for name, (shape, dtype) in signature.items()}
        dataset = tf.data.Dataset.from_generator(begin, output_signature=specs)
        if length is not None:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
        # There is nothing to tune, and the tuner's thread can delay the end of `fit` by five seconds.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.prefetch(4).with_options(options)
