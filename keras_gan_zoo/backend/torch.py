"""Training on torch: state that an objective writes is held in a scope until its gradient has been taken."""

import contextlib
from typing import Any, NamedTuple

import keras
import torch

from . import torch_devices
from .python_data import PythonData
from .torch_devices import assign, drawn, mean_over_replicas, replicas, whole


def accelerator():
    """Returns the model of the GPU that torch computes on, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def compiled(function):
    """A pure function of tensors, as it is: torch runs what Keras's layers are made of without compiling it."""
    return function


@contextlib.contextmanager
def full_float32():
    """Opens a context in which products of float32 are float32: by default torch uses TF32 for convolutions on GPUs."""
    switches = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "ieee"
        yield
    finally:
        for switch, precision in zip(switches, before, strict=True):
            switch.fp32_precision = precision


class Recording(NamedTuple):
    """Generated samples with their graph, and the values written to the generating player's networks."""

    fake: Any
    scope: keras.StatelessScope


class Trainer(PythonData):
    """Gives a `GAN` its `train_step` on torch."""

    draw, whole, mean_over_replicas = staticmethod(drawn), staticmethod(whole), staticmethod(mean_over_replicas)
    exchange = staticmethod(torch_devices.exchange)

    @property
    def processes(self):
        """The number of processes that train together, of which each has one device."""
        return torch_devices.processes()

    replicas = sharers = processes

    @property
    def rank(self):
        """The number of this process among them."""
        return torch_devices.rank()

    def refuse_devices(self):
        """Refuses a wrapper that would do nothing."""
        torch_devices.refuse_wrapper(self)

    def train_step(self, data):
        with torch_devices.sharing():
            return self.train_round(data)

    @contextlib.contextmanager
    def writing(self, variables, equal=False):
        """Lets the assignments of a round be made at once; several processes make them together at the end.

        `equal` says that what they assign is the same, so that they need not tell each other.
        """
        if replicas() == 1:
            yield
            return
        with keras.StatelessScope() as scope:
            yield
        _assign(variables, scope, equal)

    def record(self, player, batch):
        """Generates samples like those of `batch`, writing what `player` may write."""
        with keras.StatelessScope() as scope:
            fake = self.fake_like(batch)
        # Written in place before the gradient is taken, spectral vectors would invalidate the graph they are part of.
        own = {id(weight) for network in player.networks for weight in network.weights}
        _assign([v for v in self.written_by(player) if id(v) not in own], scope)
        return Recording(fake, scope)

    def differentiate(self, player, batch, recording=None):
        """Returns the loss of `player` on `batch` and its gradients by the player's variables; writes updated statistics."""
        recording = recording or self.record(player, batch)
        statistics = [w for network in player.networks for w in network.non_trainable_weights]
        # Where the objective has a network of the fakes compute again, it goes on from what these have moved.
        moved = [(w, recording.scope.get_current_value(w)) for w in statistics]
        with keras.StatelessScope([(w, value.detach()) for w, value in moved if value is not None]) as scope:
            loss = player.objective(batch, recording.fake)
        gradients = torch.autograd.grad(loss, [v.value for v in player.variables], allow_unused=True)
        gradients = torch_devices.means(gradients)
        with torch.no_grad():
            _assign(statistics, recording.scope)
            _assign(self.written_by(player), scope)
        return loss.detach(), gradients

    def only_if(self, condition, step):
        """Returns step(), which may write variables and returns a scalar, if a boolean scalar is true; otherwise NaN."""
        return step() if bool(condition) else float("nan")

    def gradient(self, function, x):
        """Returns the derivatives of sum(function(x)) by x, a tensor or a list, in the shapes of x; differentiable again."""
        with torch.enable_grad():
            leaves = [y if y.requires_grad else y.detach().requires_grad_() for y in keras.tree.flatten(x)]
            total = function(keras.tree.pack_sequence_as(x, leaves)).sum()
            return keras.tree.pack_sequence_as(x, list(torch.autograd.grad(total, leaves, create_graph=True)))


def _assign(variables, scope, equal=False):
    """Writes to the variables the values that were assigned to them in the scope."""
    for variable in variables:
        value = scope.get_current_value(variable)
        if value is not None:
            assign(variable, value, equal)
