"""Several networks of one kind that play as one."""

from collections.abc import Sequence

import keras

from ..layers.chosen import Chosen


def mixture(members: Sequence[keras.Model], shared: str | None = None, name: str = "generator") -> keras.Model:
    """One network, in which each sample says by which member it is made.

    Every member computes the whole batch. Members that are smaller by their number cost as much as one network.

    Args:
        members: networks with the same inputs and one output each.
        shared: name of a layer; up to it all members are the first one. None for members that share nothing.

    Returns:
        Model, [inputs of a member, index of a member (batch,)] -> output of that member.
    """
    first, *_ = members
    x, inputs = _inputs(first)
    index = keras.Input((), dtype="int32", name="members")
    if shared:
        x = keras.Model(first.inputs, first.get_layer(shared).output, name="shared")(x)
        members = [keras.Model(m.get_layer(shared).output, m.outputs[0], name=m.name) for m in members]
    outputs = [member(x) for member in members]
    return keras.Model([*inputs, index], Chosen(dtype="float32", name="chosen")([index, *outputs]), name=name)


def panel(members: Sequence[keras.Model], name: str = "discriminator") -> keras.Model:
    """One network that gives the scores of all members.

    Args:
        members: networks with the same inputs, each giving one score (batch, 1).

    Returns:
        Model, inputs of a member -> scores (batch, 1, members); a single member itself.
    """
    if len(members) == 1:
        return members[0]
    x, _ = _inputs(members[0])
    scores = keras.layers.Concatenate(dtype="float32", name="scores")([member(x) for member in members])
    return keras.Model(x, keras.layers.Reshape((1, -1), dtype="float32", name="panel")(scores), name=name)


def _inputs(member):
    """Fresh inputs like those of a network: as it takes them, and as a list."""
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype, name=x.name) for x in member.inputs]
    return inputs if len(inputs) > 1 else inputs[0], inputs
