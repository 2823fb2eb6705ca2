"""Checks that networks fit each other and their game, by following a round with shapes alone when a model is built.

A network that has not been called before is built on the way, from the shapes that reach it.
"""

import contextlib
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from ..untrusted import shown

# A head that maps numbers as large as FAR into [-FLAT, FLAT] loses how large they were.
FAR, FLAT = 1e6, 1e3
PROBES = np.outer(np.geomspace(1e-2, FAR, 32), (-1, 1)).ravel().astype("float32")
# What an output must be able to reach if nothing may bound it.
ANY_NUMBER = (-math.inf, math.inf)
# What encoders must be able to reach at least: latents of either distribution have both signs.
LATENTS = (-1.0, 1.0)
# Words in the errors that Keras, or `check_output`, raises if a network does not fit what it is given.
_OF_NETWORKS = re.compile(r"Exception encountered when calling|incompatible|expects|must be of shape|add_loss")
# Layers that run code that Keras knows nothing about.
_FOREIGN = ("Lambda", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer")
# Operations on scores that leave their values as they are.
_RESHAPING = ("Squeeze", "Reshape", "Cast", "GetItem", "ExpandDims")


def layers_of(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields a network and all layers in it, including those of nested networks and inside other layers."""
    return network._flatten_layers()


def mixes(layer: keras.Operation) -> bool | None:
    """Whether a layer lets the samples of a batch influence each other: what it says itself, or what is known, or None."""
    if isinstance(layer, keras.layers.BatchNormalization) or _first_axis_of(layer):
        return True
    said = getattr(layer, "mixes_samples", None)
    if said is not None:
        return said
    # An operation of keras.ops that is not a layer may run over any axis.
    return False if isinstance(layer, keras.layers.Layer) and _is_known(layer) else None


def parts_of(network: keras.Model) -> Iterator[keras.Operation]:
    """Yields `layers_of` a network, and the operations between them that are not layers."""
    for layer in layers_of(network):
        yield layer
        yield from (part for part in getattr(layer, "operations", ()) if not isinstance(part, keras.layers.Layer))


def is_of_the_zoo(cls: type) -> bool:
    return cls.__module__.split(".")[0] == __name__.split(".")[0]


def check_model(name: str, network: Any) -> keras.Model:
    """Refuses an object that is not a network, and a network whose weights do not have the dtype of training."""
    if not isinstance(network, keras.Model):
        raise TypeError(
            f"{name} must be a Keras model. Received: {name}={shown(network)}. Fix: pass a keras.Model or keras.Sequential, "
            "or leave it out for the default."
        )
    for variable in network.weights:
        if variable.dtype.startswith(("float", "bfloat")) and variable.dtype != "float32":
            raise ValueError(
                f"The weights of the {name} must be float32. Received: {variable.path} of dtype {variable.dtype}. Fix: "
                "build the network in float32, or under the policy 'mixed_bfloat16'."
            )
    return network


def check_wiring(game: keras.Model) -> None:
    """Follows a round of a game with shapes alone, which builds whatever is not built yet.

    Raises:
        ValueError: networks do not fit each other; the message says which, and what arrives where.
    """
    owner, known, failure = type(game).__name__, is_of_the_zoo(type(game)), None

    def followed(function: Callable) -> Callable:
        def caught(real):
            nonlocal failure
            # A network that gets more inputs than it takes may leave some out, with only a warning.
            with warnings.catch_warnings(), keras.StatelessScope(collect_losses=True) as scope:
                warnings.filterwarnings("error", message="The structure of `inputs`")
                try:
                    found = function(real)
                except Exception as error:
                    failure = error
                    raise
            if scope.losses:
                failure = ValueError("a layer has an activity_regularizer or calls add_loss, which no objective counts")
                raise failure
            return found

        return caught

    def symbolic(function: Callable) -> Any:
        # In place of an unknown number JAX and torch follow one of their own, which holds no whole number of packs.
        rows = None if game.batch_multiple == 1 else 2 * game.batch_multiple
        specs = {name: keras.KerasTensor((rows, *field.shape), field.dtype) for name, field in game.fields().items()}
        try:
            return _Symbolic(followed(function))(specs)
        except Exception as error:
            reason = failure or error
            # Rules of a class from elsewhere may need numbers, or state that is set later; the networks are not to blame.
            if not known and not isinstance(reason, Warning) and not _OF_NETWORKS.search(str(reason)):
                return None
            raise ValueError(f"The networks of {owner} must fit each other. Received: {_reason(reason)}") from error

    def objectives(real):
        real = game.as_seen(real)
        fake = game.fake_like(real)
        return [player.objective(real, fake) for player in game.players()]

    if made := symbolic(lambda real: game.made_of(game.as_seen(real))):
        game.check_shapes({name: tuple(said.shape) for name, said in made.items()})
    if known:
        symbolic(objectives)
    reaches = game.reaches()
    for name in game.network_names:
        network = getattr(game, name)
        if not network.built:
            raise ValueError(
                f"The {name} of {owner} must be built. Received: a network that has never been called. Fix: begin it with a "
                "keras.Input."
            )
        for layer, classes in _embeddings(network, list(game.conditions().values())):
            if layer.input_dim < classes:
                # On JAX what such a layer does not have is NaN.
                raise ValueError(
                    f"The {name} of {owner} must take {classes} classes. Received: Embedding {layer.name!r} of "
                    f"input_dim={layer.input_dim}. Fix: input_dim={classes}."
                )
        for tensor, (low, high) in zip(
            tree.flatten(getattr(network, "outputs", None) or ()), reaches.get(name, ()), strict=False
        ):
            _check_reach(f"The {name} of {owner}", tensor, low, high)


def _check_reach(owner, tensor, low, high):
    """Refuses an output that its last layers keep from what it must be able to give."""
    limits, free = _limits(tensor), math.inf in (-low, high)
    # Some activations come near their limits far out only.
    slack = 0.0 if free else 0.01 * (high - low)
    if limits and (limits.low > low + slack or limits.high < high - slack):
        raise ValueError(
            f"{owner} must be able to give {'any number' if free else f'all of [{low:g}, {high:g}]'}. Received: "
            f"{type(limits.operation).__name__} {limits.operation.name!r} at its end, which keeps it in [{limits.low:g}, "
            f"{limits.high:g}]. Fix: another activation, or none."
        )


def _embeddings(network, conditions):
    """The layers of a functional network that embed one of its conditions, with the number of classes of that."""
    inputs = tree.flatten(getattr(network, "inputs", None) or ())
    # Conditions come after the first input, in their order.
    classes = {id(tensor): getattr(field, "classes", 0) for tensor, field in zip(inputs[1:], conditions, strict=False)}
    for layer in getattr(network, "layers", ()):
        if isinstance(layer, keras.layers.Embedding):
            for tensor in layer._inbound_nodes[-1].input_tensors:
                yield layer, classes.get(id(tensor), 0)


def check_output(owner: str, said: Any, shape: tuple[int | None, ...]) -> Any:
    """Returns a tensor (batch, *shape) of a network, and refuses other shapes, which might be broadcast."""
    if tuple(said.shape)[1:] != tuple(shape):
        raise ValueError(
            f"{owner} must be of shape {tuple(shape)} for each sample. Received: shape {tuple(said.shape)[1:]}. Fix: "
            "another head of that network."
        )
    return said


def check_outputs(owner: str, said: Any, *names: str) -> Sequence[Any]:
    """Returns what a network of several outputs gives, and refuses another number of them."""
    if not isinstance(said, (list, tuple)) or len(said) != len(names):
        count = len(said) if isinstance(said, (list, tuple)) else 1
        raise ValueError(
            f"{owner} must give {' and '.join(names)}. Received: {count} output{'s' * (count > 1)}. Fix: end it with "
            f"keras.Model(inputs, [{', '.join(names)}])."
        )
    return said


class _Symbolic(keras.Operation):
    """A function that Keras follows with shapes alone."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.call = function


def squashing(game: keras.Model, by: str) -> keras.Operation | None:
    """Returns the layer that bounds the scores of a judge on one side or both, or None if none can be found."""
    # Scores are symbolic tensors, which remember what made them; a judge that needs numbers leaves no such trace.
    with contextlib.suppress(Exception):
        real = {name: keras.Input(field.shape, dtype=field.dtype) for name, field in game.fields().items()}
        scores = game.judge(game.as_seen(real), by=by)["scores"]
        while type(scores._keras_history.operation).__name__ in _RESHAPING:
            scores = _node(scores).input_tensors[0]
        if scores._keras_history.operation is getattr(game, by):
            return limits.operation if (limits := _limits(scores)) else None
    return None


class _Limits(NamedTuple):
    """The operation that bounds a tensor, and what it keeps it in; infinite where one side is free."""

    operation: keras.Operation
    low: float
    high: float


def _limits(tensor):
    """The limits of a tensor, or None if nothing bounds it after the last weights, as far as can be found."""
    # Code that Keras knows nothing about may fail on the values that are tried.
    with contextlib.suppress(Exception):
        return _limits_of(tensor)
    return None


def _limits_of(tensor):
    made_by, _, index = tensor._keras_history
    if isinstance(made_by, keras.layers.Layer) and (isinstance(made_by, keras.Model) or not _is_known(made_by)):
        inside = getattr(made_by, "outputs", None)
        if inside is None:
            arguments = _node(tensor).arguments
            inside = made_by.call(*arguments.args, **arguments.kwargs)
        return _limits_of(tree.flatten(inside)[index])
    if (activation := getattr(made_by, "activation", None)) is not None:
        if found := _bounded(made_by, ops.convert_to_numpy(activation(ops.convert_to_tensor(PROBES[None])))):
            return found
    if getattr(made_by, "weights", ()) or len(_node(tensor).input_tensors) != 1:
        return None
    (before,) = _node(tensor).input_tensors
    shape = [side or 1 for side in before.shape[1:]]
    if math.prod(shape) > 1e5:
        return None
    alone = keras.Function(before, tensor)

    def of(values):
        """What becomes of samples, each of one value all over."""
        # Several times, since virtual batch norm drops samples at one end, those of its reference.
        values = np.tile(values, 4)
        return ops.convert_to_numpy(alone(values.reshape(-1, *[1] * len(shape)) * np.ones(shape, "float32")))

    if found := _bounded(made_by, of(PROBES)):
        return found
    inner = _limits_of(before)
    return inner and _bounded(
        inner.operation, of(np.linspace(max(inner.low, -FAR), min(inner.high, FAR), 64, dtype="float32"))
    )


def _bounded(operation, values):
    """The limits that values up to `FAR` come to, or None if they are far apart still."""
    low, high = float(values.min()), float(values.max())
    low, high = low if low > -FLAT else -math.inf, high if high < FLAT else math.inf
    return None if (low, high) == ANY_NUMBER else _Limits(operation, low, high)


def _node(tensor):
    made_by, index, _ = tensor._keras_history
    return made_by._inbound_nodes[index]


def _is_known(layer):
    known = type(layer).__module__.split(".")[0] in ("keras", __name__.split(".")[0])
    return known and type(layer).__name__ not in _FOREIGN


def _first_axis_of(layer):
    """Whether a layer of Keras runs over the axis of the batch."""
    axis = getattr(layer, "axis", None)
    return axis is not None and _is_known(layer) and 0 in tree.flatten(axis)


def _reason(error):
    """The message of an error of Keras, without the place where it was raised."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    return re.sub(r"^(Exception encountered when calling [^\n]*\s+)+", "", text).split("\n\nArguments received")[0]
