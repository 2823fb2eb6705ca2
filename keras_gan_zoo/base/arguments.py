"""Checks of what constructors are given: kinds, ranges, schedules, shapes, and dtypes."""

import dataclasses
import inspect
import math
import numbers
import types
import typing
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..data.checks import check_integer
from ..untrusted import shown

# Of one image, far above what any network here takes.
MAX_PIXELS = 2**28
Schedule = keras.optimizers.schedules.LearningRateSchedule
# The dtype policies that training goes with.
DTYPES = ("float32", "mixed_bfloat16")

_WORDS = {bool: "True or False", int: "an integer", float: "a finite number", str: "a string", type(None): "None"}


def constructor_arguments(cls: type, model: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name -> value, defaults included, of the call of a constructor; what `*args` takes stands under "*args".

    Raises:
        TypeError: the call does not fit the constructor.
    """
    bound = inspect.signature(cls.__init__).bind(model, *args, **kwargs)
    bound.apply_defaults()
    arguments, (_, *parameters) = dict(bound.arguments), bound.signature.parameters.values()
    del arguments[next(iter(bound.signature.parameters))]
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= arguments.pop(parameter.name)
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            if rest := arguments.pop(parameter.name):
                arguments[f"*{parameter.name}"] = rest
    return arguments


def does_not_apply(name: str, value: Any, owner: type, why: str) -> ValueError:
    """The error for an option that the game of a class has no use for."""
    return ValueError(f"{name} must be left out of {owner.__name__}: {why}. Received: {name}={shown(value)}.")


def check_kinds(cls: type, options: type, arguments: dict[str, Any]) -> None:
    """Refuses arguments of another kind than the constructors of a class, or the data class of its options, declare."""
    declared = {field.name: (field.type, field.default) for field in dataclasses.fields(options)}
    for base in reversed(cls.__mro__):
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            declared |= {name: (parameter.annotation, parameter.default) for name, parameter in parameters.items()}
    for name, value in arguments.items():
        kinds = _kinds(*declared[name]) if name in declared else set()
        if kinds and not any(_is_of(value, kind) for kind in kinds):
            default = declared[name][1]
            hint = "" if default is inspect.Parameter.empty else f" Fix: pass such as {name}={default!r}."
            raise ValueError(
                f"{name} must be {' or '.join(_WORDS[kind] for kind in _WORDS if kind in kinds)}. Received: "
                f"{name}={shown(value)}.{hint}"
            )


def _kinds(annotation, default):
    """The kinds of plain values that an argument may have; none where it may be something else."""
    if isinstance(annotation, str):
        names = {kind.__name__: kind for kind in _WORDS} | {"None": type(None)}
        found = {names.get(part.strip()) for part in annotation.split("|")}
    elif annotation is inspect.Parameter.empty:
        found = {type(default)} - {type(None)}
    else:
        is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
        found = set(typing.get_args(annotation)) if is_union else {annotation}
    return found if found <= _WORDS.keys() else set()


def _is_of(value, kind):
    if isinstance(value, (bool, np.bool_)) or kind is bool:
        return kind is bool and isinstance(value, (bool, np.bool_))
    if kind is float:
        return isinstance(value, numbers.Real) and math.isfinite(value)
    return isinstance(value, numbers.Integral if kind is int else kind)


def plain(value: Any) -> Any:
    """Numbers of NumPy and of frameworks, arrays of them, and schedules, as Python has them; all else as it is."""
    if isinstance(value, Schedule):
        config = keras.saving.serialize_keras_object(value)
        return {key: config[key] for key in ("class_name", "registered_name", "config")}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
    if isinstance(value, (np.generic, np.ndarray)) or keras.ops.is_tensor(value):
        return keras.ops.convert_to_numpy(value).tolist()
    return value


def is_schedule(value: Any) -> bool:
    """Whether an argument is the plain form of a schedule."""
    return isinstance(value, dict) and "class_name" in value


def schedule_of(value: dict[str, Any], name: str) -> Schedule:
    """The schedule of an argument's plain form, one of Keras's or one that is registered with it."""
    known = value.get("class_name"), value.get("registered_name")
    cls = getattr(keras.optimizers.schedules, str(known[0]), None) or keras.saving.get_registered_object(str(known[1]))
    try:
        if not issubclass(cls, Schedule):
            raise TypeError("no schedule has this class_name")
        return cls.from_config(value["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a number, or a Keras schedule. Received: {name}={shown(value)}: {error}. Pass such as "
            "keras.optimizers.schedules.CosineDecay(1.0, 1_000_000)."
        ) from error


def check_annealed(
    value: Any, name: str, low: float = 0.0, high: float = math.inf, *, above: bool = False
) -> float | dict[str, Any]:
    """What may be annealed: a number in a range, or the plain form of a schedule."""
    value = plain(value)
    if is_schedule(value):
        schedule_of(value, name)
        return value
    if not _is_of(value, float):
        raise ValueError(f"{name} must be a finite number, or a Keras schedule. Received: {name}={shown(value)}. Pass 0.1.")
    check_number(value, name, low, high, above=above)
    return value


def check_number(
    value: float | None, name: str, low: float = 0.0, high: float = math.inf, *, above: bool = False, below: bool = False
) -> float:
    """A number in [low, high], or without its ends where `above` or `below` say so; an error that names it otherwise."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number. Received: {name}={shown(value)}.")
    is_above, is_below = (low < value if above else low <= value), (value < high if below else value <= high)
    if not (math.isfinite(value) and is_above and is_below):
        ends = f"{'(' if above else '['}{low:g}, {high:g}{')' if below or high == math.inf else ']'}"
        raise ValueError(f"{name} must be in {ends}. Received: {name}={value!r}.")
    return float(value)


def check_size(value: int | None, name: str) -> int | None:
    """A size of at least 1, or None where the argument has another one by default."""
    return None if value is None else check_integer(value, name, 1)


def check_dtype(dtype: str | keras.DTypePolicy | dict[str, Any] | None) -> keras.DTypePolicy:
    """The policy of a dtype that training goes with; None is that of Keras's settings."""
    try:
        policy = keras.dtype_policies.get(dtype)
        name = policy.name
    except ValueError:  # Keras knows none of that name
        name = dtype
    if name not in DTYPES:
        why = " Keras scales the loss of one optimizer only." if name == "mixed_float16" else ""
        raise ValueError(f"dtype must be 'float32' or 'mixed_bfloat16'. Received: dtype={shown(name)}.{why}")
    return policy


def check_shape(image_shape: Sequence[int], name: str = "image_shape") -> tuple[int, int, int]:
    """(height, width, channels) as a tuple of integers, or an error that says what is wrong with it."""
    try:
        shape = tuple(check_integer(side, name, 1) for side in plain(image_shape))
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 3 or shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{name} must be (height, width, channels), of 1 (gray), 3 (RGB) or 4 (RGBA) channels. Received: "
            f"{name}={shown(image_shape)}. Pass such as (64, 64, 3)."
        )
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(f"{name} must hold at most {MAX_PIXELS:,} numbers. Received: {name}={shown(shape)}.")
    return shape


def check_classes(num_classes: int | None) -> int | None:
    """A number of classes, or None for a model that is told of none."""
    return None if num_classes is None else check_integer(num_classes, "num_classes", 2)
