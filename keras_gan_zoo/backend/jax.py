"""Training on JAX: the same round, with every variable carried through stateless scopes."""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import keras

from . import jax_devices
from .jax_devices import drawn, mean_over_replicas, whole
from .python_data import PythonData


def accelerator():
    """Returns the model of the GPU or TPU that JAX computes on, or None."""
    first = jax.devices()[0]
    return None if first.platform == "cpu" else first.device_kind


def compiled(function):
    """A pure function of tensors, compiled for each of the shapes that it is called with."""
    return jax.jit(function)


def full_float32():
    """Opens a context in which products of float32 are float32: by default JAX uses TF32 on GPUs and bfloat16 on TPUs."""
    return jax.default_matmul_precision("highest")


class Recording(NamedTuple):
    """Generated samples, the player they were made for, and the derivative of their floats by that player's weights."""

    fake: Any
    player: str
    pull_back: Callable


def _values(variables):
    return [variable.value for variable in variables]


def _scope(variables, values):
    """Opens a scope in which the variables have these values, and which keeps assignments."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def _floats(batch):
    """The leaves of a batch that gradients may flow through; labels and tokens, which are integers, are left out."""
    return [leaf for leaf in jax.tree.leaves(batch) if _is_float(leaf)]


def _with_floats(batch, floats):
    """The batch with other values for the leaves that `_floats` returns."""
    floats = iter(floats)
    return jax.tree.map(lambda leaf: next(floats) if _is_float(leaf) else leaf, batch)


def _is_float(leaf):
    return jax.numpy.issubdtype(jax.numpy.result_type(leaf), jax.numpy.floating)


class Trainer(PythonData):
    """Gives a `GAN` its pure `train_step` on JAX."""

    draw, whole, mean_over_replicas = staticmethod(drawn), staticmethod(whole), staticmethod(mean_over_replicas)
    exchange = staticmethod(jax_devices.exchange)
    replicas = 1

    def writing(self, variables, equal=False):
        """Lets the assignments of a round be made at once."""
        return contextlib.nullcontext()

    @property
    def sharers(self):
        """The number of devices that share each batch."""
        return jax_devices.sharers()

    @property
    def processes(self):
        """The number of processes that train together."""
        return jax_devices.processes()

    @property
    def rank(self):
        """The number of this process among them."""
        return jax_devices.rank()

    def train_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        with _scope(sum(groups, []), sum(map(list, state), [])) as scope:
            logs = self.train_round(data)
        return logs, tuple([scope.get_current_value(variable) for variable in group] for group in groups)

    def record(self, player, batch):
        """Generates samples like those of `batch`, writing what `player` may write."""
        own, rest = self._split(player)
        values = _values(rest)

        def generate(weights):
            with _scope(player.variables + rest, weights + values) as scope:
                fake = self.fake_like(batch)
            return _floats(fake), (fake, [scope.get_current_value(variable) for variable in rest])

        floats, pull_back, (fake, changed) = jax.vjp(generate, own, has_aux=True)
        self._write(player, rest, changed)
        return Recording(_with_floats(fake, floats), player.name, pull_back)

    def differentiate(self, player, batch, recording=None):
        """Returns the loss of `player` on `batch` and its gradients by the player's variables; writes updated statistics."""
        recording = recording or self.record(player, batch)
        own, rest = self._split(player)
        values = _values(rest)

        def objective(weights, floats):
            with _scope(player.variables + rest, weights + values) as scope:
                loss = player.objective(batch, _with_floats(recording.fake, floats))
            return loss, [scope.get_current_value(variable) for variable in rest]

        differentiate = jax.value_and_grad(objective, argnums=(0, 1), has_aux=True)
        (loss, changed), (gradients, of_fake) = differentiate(own, _floats(recording.fake))
        if recording.player == player.name:
            (through,) = recording.pull_back(of_fake)
            gradients = [a + b for a, b in zip(gradients, through, strict=True)]
        self._write(player, rest, changed)
        return loss, gradients

    def _split(self, player):
        """The values of the player's weights, and all other variables: other networks, statistics, seeds, metrics."""
        own = {id(variable) for variable in player.variables}
        return _values(player.variables), [v for v in self._all() if id(v) not in own]

    def _write(self, player, variables, values):
        written = {id(variable) for variable in self.written_by(player)}
        for variable, value in zip(variables, values, strict=True):
            if id(variable) in written:
                variable.assign(value)

    def _all(self):
        return self.variables + self.optimizer.variables + self.metrics_variables

    def only_if(self, condition, step):
        """Returns step(), which may write variables and returns a scalar, if a boolean scalar is true; otherwise NaN."""
        if not isinstance(condition, jax.core.Tracer):
            # In eager mode, a step that is not taken is not traced either.
            return step() if condition else float("nan")
        variables = self._all()

        def taken(values):
            with _scope(variables, values) as scope:
                loss = jax.numpy.asarray(step(), "float32")
            return loss, [scope.get_current_value(variable) for variable in variables]

        def left(values):
            return jax.numpy.float32("nan"), values

        loss, values = jax.lax.cond(condition, taken, left, _values(variables))
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return loss

    def gradient(self, function, x):
        """Returns the derivatives of sum(function(x)) by x, a tensor or a list, in the shapes of x; differentiable again."""
        return jax.grad(lambda x: keras.ops.sum(function(x)))(x)
