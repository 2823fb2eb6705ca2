"""Training on JAX: the same round, with every variable carried through stateless scopes."""

import jax
import keras

from .single_device import SingleDevice


def _values(variables):
    return [variable.value for variable in variables]


class Trainer(SingleDevice):
    """Gives a `GAN` its pure `train_step` on JAX."""

    def train_step(self, state, data):
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        mapping = [pair for group, values in zip(groups, state, strict=True) for pair in zip(group, values, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.train_round(data)
        return logs, tuple([scope.get_current_value(variable) for variable in group] for group in groups)

    def update(self, player, batch):
        """One gradient step of `player` on `batch`; returns its loss before the step."""
        own = {id(variable) for variable in player.variables}
        # All that an objective may read beside the player's weights: other networks, batch statistics, seeds, metrics.
        rest = [v for v in self.variables + self.metrics_variables if id(v) not in own]
        written = {id(variable) for variable in self.written_by(player)}

        def objective(values, rest_values):
            mapping = list(zip(player.variables, values, strict=True)) + list(zip(rest, rest_values, strict=True))
            with keras.StatelessScope(state_mapping=mapping) as scope:
                loss = player.objective(batch)
            return loss, [scope.get_current_value(variable) for variable in rest]

        differentiate = jax.value_and_grad(objective, has_aux=True)
        (loss, changed), gradients = differentiate(_values(player.variables), _values(rest))
        for variable, value in zip(rest, changed, strict=True):
            if id(variable) in written:
                variable.assign(value)
        player.optimizer.apply(gradients, player.variables)
        return loss

    def gradient(self, function, x):
        """Derivative of sum(function(x)) with respect to x, itself differentiable; the shape of x."""
        return jax.grad(lambda x: keras.ops.sum(function(x)))(x)
