"""Training on TensorFlow: plain alternating gradient tapes."""

import contextlib
import contextvars
from typing import Any, NamedTuple

import keras
import tensorflow as tf


def replicas():
    """The number of devices that share each batch, inside of a strategy's scope; 1 outside."""
    return tf.distribute.get_strategy().num_replicas_in_sync


# How many batches are joined to the one that is in hand; a replica has its part of each of them.
_JOINED = contextvars.ContextVar("joined", default=1)


@contextlib.contextmanager
def joining(count):
    """Opens a context in which a batch is made of so many of one size, one after the other."""
    before = _JOINED.set(count)
    try:
        yield
    finally:
        _JOINED.reset(before)


def drawn(sample, shape):
    """sample(shape); the replicas of a strategy take their parts of what one device would have drawn."""
    if replicas() == 1:
        return sample(shape)
    index, joined = tf.distribute.get_replica_context().replica_id_in_sync_group, _JOINED.get()
    everything = sample((shape[0] * replicas(), *shape[1:]))
    return tf.reshape(tf.reshape(everything, (joined, replicas(), -1, *shape[1:]))[:, index], shape)


def whole(x):
    """The rows of the global batch, of which x (batch, ...) has those of this replica; gradients flow back to all."""
    if replicas() == 1:
        return x
    gathered = tf.distribute.get_replica_context().all_gather(x, axis=0)
    return tf.ensure_shape(gathered, (None, *x.shape[1:]))  # its other sides are known still


def own_part(x):
    """The rows of this replica, of those of the global batch."""
    if replicas() == 1:
        return x
    index = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.reshape(x, (replicas(), -1, *x.shape[1:]))[index]


def _assign(variable, value):
    """Assigns also inside a replica, where floats become the mean over the replicas (integers are equal on all)."""
    if replicas() == 1:
        variable.assign(value)
        return

    def assign_everywhere(strategy, value):
        if variable.dtype.startswith(("float", "bfloat")):
            value = strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
        else:
            value = strategy.experimental_local_results(value)[0]
        strategy.extended.update(variable.value, lambda replica, new: replica.assign(new), args=(value,))

    tf.distribute.get_replica_context().merge_call(assign_everywhere, args=(tf.convert_to_tensor(value),))


class Recording(NamedTuple):
    """Generated samples, the player they were made for, and the tape that recorded how."""

    fake: Any
    player: str
    tape: tf.GradientTape


def batch_normalized(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) over all axes but the last.

    This is one operation with one gradient, where Keras has several, each of which passes over the whole batch. Replicas
    take the statistics of the global batch.
    """
    if replicas() > 1 and (context := tf.distribute.get_replica_context()) is not None:
        axes, wide = list(range(x.shape.rank - 1)), tf.cast(x, "float32")
        moments = [tf.reduce_mean(wide, axes), tf.reduce_mean(tf.square(wide), axes)]
        mean, of_squares = context.all_reduce(tf.distribute.ReduceOp.MEAN, moments)
        variance = tf.maximum(of_squares - tf.square(mean), 0.0)
        y = (wide - mean) * (tf.math.rsqrt(variance + epsilon) * gamma) + beta
        return tf.cast(y, x.dtype), mean, variance
    shape = tf.shape(x)
    count = tf.cast(tf.size(x) // shape[-1], "float32")
    flat = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if x.shape.rank != 4 else x
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=flat, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    # The operation returns the variance divided by n - 1, but normalizes by the one divided by n.
    return tf.reshape(y, shape), mean, variance * (count - 1.0) / count


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
            return self.train_round(data)

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
            # The optimizer sums the gradients of the replicas; the loss is the mean over the global batch.
            scaled = loss / replicas()
        return loss, tape.gradient(scaled, [variable.value for variable in player.variables])

    @contextlib.contextmanager
    def writing(self, variables):
        """Holds back all assignments inside, and then makes those to `variables`."""
        with keras.StatelessScope() as scope:
            yield
        for variable in variables:
            value = scope.get_current_value(variable)
            if value is not None:
                _assign(variable, value)

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

    draw, whole = staticmethod(drawn), staticmethod(whole)

    @property
    def replicas(self):
        """The number of devices that share each batch."""
        return self.distribute_strategy.num_replicas_in_sync

    def refuse_devices(self, batch_size):
        """Refuses a strategy that the model cannot train under, and batches that its devices cannot share equally."""
        replicas = self.replicas
        waiting = any(player.when for player in self.players())
        if replicas > 1 and (why := "a player decides when it moves" if waiting else self.one_device_only):
            raise ValueError(
                f"{type(self).__name__} must train on one device, since {why}. Received: a strategy of {replicas} replicas. "
                "Fix: train outside of tf.distribute."
            )
        if replicas > 1 and not isinstance(self.rounds.value, tf.distribute.DistributedValues):
            raise ValueError(
                "A model must be built in the scope of the strategy that trains it. Received: a strategy of "
                f"{replicas} replicas, and a model built without one. Fix: build the model in `with strategy.scope():`, too."
            )
        if batch_size % replicas:
            raise ValueError(
                f"batch_size must be a multiple of the {replicas} replicas of the strategy. Received: "
                f"batch_size={batch_size}. Fix: batch_size={batch_size // replicas * replicas or replicas}."
            )

    @staticmethod
    def as_dataset(begin, signature, length):
        """Makes what `fit` takes of a function that begins an iterator of batches; `length` is their number, if known.

        Static shapes let the step be compiled once. Under a strategy Keras begins twice: first to look at one batch.
        """
        specs = {name: tf.TensorSpec(shape, dtype) for name, (shape, dtype) in signature.items()}
        dataset = tf.data.Dataset.from_generator(begin, output_signature=specs)
        if length is not None:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
        # There is nothing to tune, and the tuner's thread can delay the end of `fit` by five seconds.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.prefetch(4).with_options(options)
