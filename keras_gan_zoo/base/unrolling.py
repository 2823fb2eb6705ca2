"""Steps of an optimizer as a differentiable function, where Keras assigns to variables and no gradient goes through."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

# Arguments of Keras's optimizers that `unrolled` does not follow.
_BEYOND = (
    "nesterov",
    "amsgrad",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
)


def check_unrollable(optimizer: keras.optimizers.Optimizer, name: str) -> None:
    """Refuses an optimizer that `unrolled` has no formula for."""
    # On torch Keras makes classes of its own of them.
    if not isinstance(optimizer, (keras.optimizers.SGD, keras.optimizers.Adam)):
        raise ValueError(
            f"{name} must be keras.optimizers.SGD or Adam, as gradients go through its steps. Received: "
            f"{type(optimizer).__name__}. Pass one of these."
        )
    if beyond := [key for key in _BEYOND if getattr(optimizer, key, None)]:
        raise ValueError(
            f"{name} must take plain steps, as gradients go through them. Received: "
            f"{beyond[0]}={getattr(optimizer, beyond[0])!r}. Leave it out."
        )


def unrolled(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable], gradient: Callable, steps: int
) -> list[Any]:
    """The values that variables would have after steps of their optimizer, from its state; nothing is assigned.

    SGD with or without momentum, and Adam, with the formulas of Keras. Adam takes sqrt(v + 1e-16), as the root has no
    derivative at 0.

    Args:
        optimizer: built for the variables.
        variables: where the steps begin.
        gradient: function of a list of values that returns their gradients, which may be differentiated.
        steps: their number; 0 gives the values themselves.

    Returns:
        A tensor for each variable, through which gradients flow to all that `gradient` depends on.
    """
    step = _sgd_step if isinstance(optimizer, keras.optimizers.SGD) else _adam_step
    index = [optimizer._get_variable_index(variable) for variable in variables]
    slots = [[slot[i].value for i in index] for slot in _slots(optimizer)]
    values = [variable.value for variable in variables]
    for k in range(steps):
        gradients = gradient(values)
        moved = [step(optimizer, k, *one) for one in zip(values, gradients, *slots, strict=True)]
        values, *slots = map(list, zip(*moved, strict=True))
    return values


def _slots(optimizer):
    """Lists of the variables that an optimizer keeps for those that it moves."""
    if isinstance(optimizer, keras.optimizers.Adam):
        return [optimizer._momentums, optimizer._velocities]
    return [optimizer.momentums] if optimizer.momentum else []


def _sgd_step(optimizer, k, value, gradient, moment=0.0):
    moment = optimizer.momentum * moment - ops.cast(optimizer.learning_rate, value.dtype) * gradient
    return (value + moment, moment) if optimizer.momentum else (value + moment,)


def _adam_step(optimizer, k, value, gradient, mean, square):
    count = ops.cast(optimizer.iterations, value.dtype) + (k + 1)
    first, second = (1 - ops.power(ops.cast(beta, value.dtype), count) for beta in (optimizer.beta_1, optimizer.beta_2))
    rate = ops.cast(optimizer.learning_rate, value.dtype) * ops.sqrt(second) / first
    mean = mean + (gradient - mean) * (1 - optimizer.beta_1)
    square = square + (ops.square(gradient) - square) * (1 - optimizer.beta_2)
    return value - rate * mean / (ops.sqrt(square + 1e-16) + optimizer.epsilon), mean, square
