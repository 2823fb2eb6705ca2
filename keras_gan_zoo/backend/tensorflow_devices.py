"""Devices and processes that share each batch on TensorFlow: the strategies of tf.distribute."""

import contextlib
import functools

import numpy as np
import tensorflow as tf

from .processes import JOINED, MESSAGE, refuse_devices_of_a_worker, require_devices


@contextlib.contextmanager
def engine(kind, devices):
    """Opens the scope of a strategy: "mirrored" over so many devices of this machine, or "multi-worker" by TF_CONFIG."""
    if kind == "multi-worker":
        refuse_devices_of_a_worker(devices)
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        if not tf.config.list_physical_devices("GPU"):
            require_devices(devices)
            # The cores of a CPU are one device until they are shared out, before TensorFlow starts.
            parts = [tf.config.LogicalDeviceConfiguration()] * devices
            with contextlib.suppress(RuntimeError):  # TensorFlow has started already
                tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
        names = [device.name for device in tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")]
        strategy = _mirrored(*names[: require_devices(devices or len(names), len(names))])
    with strategy.scope():
        yield


@functools.cache
def _mirrored(*names):
    """The strategy over these devices; always the same, since collective operations of two take each other's numbers."""
    return tf.distribute.MirroredStrategy(names)


def accelerators():
    """The number of GPUs."""
    return len(tf.config.list_physical_devices("GPU"))


def _jobs():
    """The number of processes of each kind, the chief first, and which of them this is; ({}, None, 0) for one alone."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    if resolver is None or not resolver.task_type:
        return {}, None, 0
    jobs = resolver.cluster_spec().as_dict()
    return {job: len(jobs[job]) for job in ("chief", "worker") if job in jobs}, resolver.task_type, resolver.task_id


def processes():
    """The number of processes that train together, inside of a strategy's scope; 1 outside."""
    return sum(_jobs()[0].values()) or 1


def rank():
    """The number of this process among them, from 0 on."""
    jobs, job, index = _jobs()
    return index + (jobs.get("chief", 0) if job == "worker" else 0)


def exchange(message):
    """The messages of all processes, by rank; each waits for those of the others."""
    if processes() == 1:
        return [message]
    strategy = tf.distribute.get_strategy()
    codes = np.frombuffer(message.encode().ljust(MESSAGE, b"\0"), "uint8").astype("int32")[None]

    @tf.function
    def gathered():
        return strategy.run(lambda: tf.distribute.get_replica_context().all_gather(tf.constant(codes), axis=0))

    rows = strategy.experimental_local_results(gathered())[0].numpy()
    return [bytes(row.astype("uint8")).rstrip(b"\0").decode() for row in rows[:: len(rows) // processes()]]


def is_lost(error):
    """Whether an error may come from another process that does not answer any more."""
    kinds = ("Aborted", "Cancelled", "DeadlineExceeded", "Internal", "Unavailable", "Unknown")
    return isinstance(error, tuple(getattr(tf.errors, f"{kind}Error") for kind in kinds))


def replicas():
    """The number of devices that share each batch, inside of a strategy's scope; 1 outside."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _replica():
    """The context of the replica that calls this; None on one device, and outside of rounds, such as in callbacks."""
    return tf.distribute.get_replica_context() if replicas() > 1 else None


def predicted(model, batch):
    """The outputs of a network for a batch of arrays, which one device computes alone."""
    if replicas() == 1:
        return model.predict_on_batch(batch)
    # Keras would have each replica compute all of them.
    return tf.nest.map_structure(lambda output: output.numpy(), model(tf.convert_to_tensor(batch), training=False))


def drawn(sample, shape):
    """sample(shape); the replicas of a strategy take their parts of what one device would have drawn."""
    if (replica := _replica()) is None:
        return sample(shape)
    index, joined = replica.replica_id_in_sync_group, JOINED.get()
    everything = sample((shape[0] * replicas(), *shape[1:]))
    return tf.reshape(tf.reshape(everything, (joined, replicas(), -1, *shape[1:]))[:, index], shape)


def whole(x):
    """The rows of the global batch, of which x (batch, ...) has those of this replica; gradients flow back to all."""
    if (replica := _replica()) is None:
        return x
    return tf.ensure_shape(replica.all_gather(x, axis=0), (None, *x.shape[1:]))  # its other sides are known still


def mean_over_replicas(x):
    """The mean of what the replicas have of x; gradients flow back to all."""
    return x if (replica := _replica()) is None else replica.all_reduce(tf.distribute.ReduceOp.MEAN, x)


def own_part(x):
    """The rows of this replica, of those of the global batch."""
    if (replica := _replica()) is None:
        return x
    return tf.reshape(x, (replicas(), -1, *x.shape[1:]))[replica.replica_id_in_sync_group]


def batch_normalized(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) over all axes but the last.

    This is one operation with one gradient, where Keras has several, each of which passes over the whole batch. Replicas
    take the statistics of the global batch.
    """
    if (replica := _replica()) is not None:
        axes, wide = list(range(x.shape.rank - 1)), tf.cast(x, "float32")
        moments = [tf.reduce_mean(wide, axes), tf.reduce_mean(tf.square(wide), axes)]
        mean, of_squares = replica.all_reduce(tf.distribute.ReduceOp.MEAN, moments)
        variance = tf.maximum(of_squares - tf.square(mean), 0.0)
        y = (wide - mean) * (tf.math.rsqrt(variance + epsilon) * gamma) + beta
        return tf.cast(y, x.dtype), mean, variance
    shape = tf.shape(x)
    count = tf.cast(tf.size(x) // shape[-1], "float32")
    flat = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if x.shape.rank != 4 else x
    # oneDNN has a fast kernel for bfloat16 in groups of 16 channels alone; its other one is slower than that of float32.
    if x.shape[-1] % 16:
        flat = tf.cast(flat, "float32")
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=flat, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    # The operation returns the variance divided by n - 1, but normalizes by the one divided by n.
    return tf.cast(tf.reshape(y, shape), x.dtype), mean, variance * (count - 1.0) / count


def assign(variable, value, equal=False):
    """Assigns also inside a replica; floats that are not equal on all (integers are) become the mean over the replicas."""
    if (replica := _replica()) is None:
        variable.assign(value)
        return

    def assign_everywhere(strategy, value):
        if not equal and variable.dtype.startswith(("float", "bfloat")):
            value = strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
        else:
            value = strategy.experimental_local_results(value)[0]
        strategy.extended.update(variable.value, lambda own, new: own.assign(new), args=(value,))

    replica.merge_call(assign_everywhere, args=(tf.convert_to_tensor(value),))
