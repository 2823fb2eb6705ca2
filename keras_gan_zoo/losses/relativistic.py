"""Losses that hold scores of real samples against those of generated ones: pure functions of scores.

Only differences of scores count: a constant that is added to all of them changes nothing.
"""

from typing import Any

from keras import ops

# Name -> what a pair costs whose first sample scores higher than its second by this margin.
FUNCTIONS = {
    "standard": lambda margin: ops.softplus(-margin),
    "least_squares": lambda margin: ops.square(margin - 1.0),
    "hinge": lambda margin: ops.relu(1.0 - margin),
}


def relativistic_loss(above: Any, below: Any, function: str = "standard", average: bool = False) -> Any:
    """What it costs that `above` does not score higher than `below` (Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734).

        pairs       E f(a_i - b_i)
        averages    (E f(a_i - E b) + E f(E a - b_i)) / 2

    The loss of the discriminator has real samples above generated ones, and that of the generator generated ones above real.

    Args:
        above: scores that are to be high; of any shape.
        below: scores that are to be low, of the same shape: pairs share an index.
        function: f: "standard", log(1 + exp(-margin)); "least_squares", (margin - 1)^2; or "hinge", max(0, 1 - margin).
        average: whether each score is held against the mean of the others (RaGAN) in place of its pair (RSGAN).

    Returns:
        Scalar. The half is that of the author's code.
    """
    cost = FUNCTIONS[function]
    if average:
        return (ops.mean(cost(above - ops.mean(below))) + ops.mean(cost(ops.mean(above) - below))) / 2
    return ops.mean(cost(above - below))
