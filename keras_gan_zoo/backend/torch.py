"""Training on torch: state that an objective writes is held in a scope until its gradient has been taken."""

import keras
import torch

from .single_device import SingleDevice


class Trainer(SingleDevice):
    """Gives a `GAN` its `train_step` on torch."""

    def train_step(self, data):
        return self.train_round(data)

    def update(self, player, batch):
        """One gradient step of `player` on `batch`; returns its loss before the step."""
        # Written in place during the forward pass, batch statistics would invalidate the graph they are part of.
        with keras.StatelessScope() as scope:
            loss = player.objective(batch)
        gradients = torch.autograd.grad(loss, [v.value for v in player.variables], allow_unused=True)
        with torch.no_grad():
            player.optimizer.apply(gradients, player.variables)
            for variable in self.written_by(player):
                value = scope.get_current_value(variable)
                if value is not None:
                    variable.assign(value)
        return loss.detach()

    def gradient(self, function, x):
        """Derivative of sum(function(x)) with respect to x, itself differentiable; the shape of x."""
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]
