"""Processes that share each batch on torch: those of torch.distributed, one for each device."""

import contextlib
import contextvars
import gc
import os

import torch
from torch import distributed

from . import batch_norm
from .processes import JOINED, number_in, refuse_devices_of_a_worker
from .processes import predicted as predicted


@contextlib.contextmanager
def engine(kind, devices):
    """Joins the processes that torchrun has started; there is no other engine for several devices."""
    if kind == "mirrored":
        raise ValueError(
            "strategy must be multi-worker on torch, where each device has a process of its own. Received: strategy="
            f"'mirrored', devices={devices}. Fix: torchrun --nproc-per-node {devices or 'N'} --no-python keras-gan-zoo "
            "train ... --strategy multi-worker."
        )
    refuse_devices_of_a_worker(devices)
    number_in("RANK", number_in("WORLD_SIZE"))
    if missing := [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]:
        raise ValueError(
            f"The strategy multi-worker takes what torchrun says of all processes. Received: no {' and no '.join(missing)}. "
            "Fix: start it by torchrun."
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    yield
    # Not after an error, since it waits for processes that may be dead.
    distributed.destroy_process_group()


def accelerators():
    """1 at most: a process of torch trains on one device."""
    return min(torch.cuda.device_count(), 1)


def processes():
    """The number of processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


# Whether a round is played: outside of rounds, such as in callbacks, each process computes for itself.
_SHARING = contextvars.ContextVar("sharing", default=False)


@contextlib.contextmanager
def sharing():
    """Opens the context of a round, whose batches the processes share."""
    before = _SHARING.set(True)
    try:
        yield
    finally:
        _SHARING.reset(before)


def replicas():
    """The number of processes that share the batch in hand."""
    return processes() if _SHARING.get() else 1


def rank():
    """The number of this process among all, from 0 on."""
    return distributed.get_rank() if processes() > 1 else 0


def exchange(message):
    """The messages of all processes, by rank; each waits for those of the others."""
    if processes() == 1:
        return [message]
    messages = [None] * processes()
    distributed.all_gather_object(messages, message)
    return messages


def is_lost(error):
    """Whether an error may come from another process that does not answer any more: gloo's are of no class of their own."""
    return type(error) is RuntimeError or isinstance(error, distributed.DistError)


def drawn(sample, shape):
    """sample(shape); processes take their parts of what one would have drawn."""
    if replicas() == 1:
        return sample(shape)
    everything = sample((shape[0] * replicas(), *shape[1:]))
    return everything.reshape(JOINED.get(), replicas(), -1, *shape[1:])[:, rank()].reshape(shape)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs, and so on for further derivatives."""

    @staticmethod
    def forward(context, x):
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context, gradient):
        return _Sum.apply(gradient.contiguous())


def means(gradients):
    """The means of gradients over all processes, by one message; None stays."""
    known = [gradient for gradient in gradients if gradient is not None]
    if replicas() == 1 or not known:
        return gradients
    flat = torch.cat([gradient.reshape(-1) for gradient in known])
    distributed.all_reduce(flat)
    parts = iter((flat / replicas()).split([gradient.numel() for gradient in known]))
    return [None if gradient is None else next(parts).reshape(gradient.shape) for gradient in gradients]


def refuse_wrapper(gan):
    """Refuses a `DistributedDataParallel` around the model, whose hooks `fit` never meets."""
    if processes() == 1:
        return
    wrapper = torch.nn.parallel.DistributedDataParallel
    if any(isinstance(thing, wrapper) and thing.module is gan for thing in gc.get_objects()):
        raise ValueError(
            f"A {type(gan).__name__} must train without a DistributedDataParallel around it, since `fit` shares batches and "
            "gradients among processes itself. Received: one around it. Fix: call fit on the model alone."
        )


def mean_over_replicas(x):
    """The mean of what the processes have of x; gradients flow back to all."""
    return _Sum.apply(x) / replicas() if replicas() > 1 else x


def whole(x):
    """The rows of the global batch, of which x (batch, ...) has those of this process; gradients flow back to all."""
    if replicas() == 1:
        return x
    parts = [torch.zeros_like(x)] * replicas()
    parts[rank()] = x
    return _Sum.apply(torch.cat(parts))


def own_part(x):
    """The rows of this process, of those of the global batch."""
    return x.reshape(replicas(), -1, *x.shape[1:])[rank()] if replicas() > 1 else x


def batch_normalized(x, gamma, beta, epsilon):
    """(gamma (x - mean) / sqrt(variance + epsilon) + beta, mean, variance) of the global batch, by channel."""
    if replicas() == 1:
        return batch_norm.batch_normalized(x, gamma, beta, epsilon)
    axes, wide = list(range(x.ndim - 1)), x.float()
    center, of_squares = mean_over_replicas(torch.stack([wide.mean(axes), wide.square().mean(axes)]))
    variance = torch.clamp(of_squares - center.square(), min=0.0)
    y = (wide - center) * (torch.rsqrt(variance + epsilon) * gamma) + beta
    return y.to(x.dtype), center, variance


def assign(variable, value, equal=False):
    """Assigns the value; floats that are not equal in all processes (integers are) become the mean over them."""
    if replicas() > 1 and not equal and torch.is_floating_point(value):
        value = mean_over_replicas(value.detach())
    variable.assign(value)
