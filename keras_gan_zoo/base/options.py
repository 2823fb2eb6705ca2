"""Options that every variant has: the training tricks that change no paper's game."""

import contextlib
import dataclasses
import difflib
import inspect
import math
import numbers
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np

from ..data.checks import check_integer
from ..untrusted import shown

# Of one image, far above what any network here takes.
MAX_PIXELS = 2**28
# The dtype policies that training goes with.
DTYPES = ("float32", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class Options:
    """Training tricks; each is off by default, and a variant changes the default where its paper does.

    Attributes:
        n_critic: discriminator steps for each generator step, each on fresh images.
        simultaneous: whether both players take the last step of a round from the same point: the gradients of both are there
            before either moves. By default the generator answers the discriminator's move
            (compared in Mescheder et al., 2018, https://arxiv.org/abs/1801.04406).
        latent_distribution: "normal" for N(0, I), "uniform" for U(-1, 1).
        label_smoothing: one-sided; the real target falls from 1 to 1 - label_smoothing, in [0, 0.5)
            (Salimans et al., 2016, https://arxiv.org/abs/1606.03498).
        label_flipping: share of pairs whose real and fake labels the discriminator gets swapped, in [0, 0.5).
        instance_noise: standard deviation, at the start, of Gaussian noise on all that the discriminator sees, real and
            fake, in both players' steps (Sonderby et al., 2016, https://arxiv.org/abs/1610.04490).
        instance_noise_images: real images, those of all steps of a round, after which that noise has fallen, linearly, to 0.
        r1_gamma: weight of the zero-centered gradient penalty gamma / 2 E |grad D(x)|^2 at real images
            (Mescheder et al., 2018, https://arxiv.org/abs/1801.04406).
        r1_share: share of the batch that this penalty is estimated on, in (0, 1]; 0.25 costs a quarter of the time.
        ema_half_life: half-life, in images, of the average of the generator's weights that is used for sampling (its
            batch-norm statistics are averaged along); 0 for none (Karras et al., 2017, https://arxiv.org/abs/1710.10196).
        ema_rampup: while few images have been seen, the half-life is at most this share of them.
    """

    n_critic: int = 1
    simultaneous: bool = False
    latent_distribution: str = "normal"
    label_smoothing: float = 0.0
    label_flipping: float = 0.0
    instance_noise: float = 0.0
    instance_noise_images: int = 0
    r1_gamma: float = 0.0
    r1_share: float = 1.0
    ema_half_life: int = 0
    ema_rampup: float = 0.05

    @classmethod
    def from_arguments(cls, owner: type, arguments: dict[str, Any]) -> Self:
        """Checks the keyword arguments of a constructor; an unknown name is an error that names the closest one.

        Args:
            owner: the class that is constructed; the arguments of its constructors are names that were possible.
            arguments: name -> value of what they did not take.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        signatures = [inspect.signature(base.__init__).parameters for base in owner.__mro__ if "__init__" in vars(base)]
        read = {name for base in owner.__mro__ for name in vars(base).get("option_names", ())}
        applied = read - set(owner.refused_options)
        possible = applied.union(owner.network_names, *signatures) - {"self", "options", "args", "kwargs"}
        for name, value in arguments.items():
            if name not in fields:
                close = difflib.get_close_matches(name, possible, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"the options are {', '.join(sorted(applied))}."
                raise TypeError(f"{owner.__name__}() got an unknown argument {name!r}; {hint}")
            if name not in applied and value != getattr(cls, name):
                why = owner.refused_options.get(name, "no rule of its game reads it")
                raise ValueError(f"{name}={value!r} does not apply to {owner.__name__}: {why}; leave it out.")
        options = cls(**{name: plain(value) for name, value in arguments.items()})
        options.check()
        return options

    def check(self) -> None:
        allowed = {
            "n_critic": (self.n_critic >= 1, "an integer of at least 1"),
            "latent_distribution": (self.latent_distribution in ("normal", "uniform"), "'normal' or 'uniform'"),
            "label_smoothing": (0 <= self.label_smoothing < 0.5, "in [0, 0.5)"),
            "label_flipping": (0 <= self.label_flipping < 0.5, "in [0, 0.5)"),
            "instance_noise": (self.instance_noise >= 0, "0 or more"),
            "instance_noise_images": (
                self.instance_noise_images > 0 or not self.instance_noise,
                "the number of images after which instance_noise has fallen to 0",
            ),
            "r1_gamma": (self.r1_gamma >= 0, "0 or more"),
            "r1_share": (0 < self.r1_share <= 1, "in (0, 1]"),
            "ema_half_life": (self.ema_half_life >= 0, "0 or more images"),
            "ema_rampup": (0 < self.ema_rampup <= 1, "in (0, 1]"),
        }
        for name, (good, expected) in allowed.items():
            if not good:
                raise ValueError(f"{name}={getattr(self, name)!r} is not possible; it must be {expected}.")
        for name, owner in (
            ("instance_noise_images", "instance_noise"),
            ("r1_share", "r1_gamma"),
            ("ema_rampup", "ema_half_life"),
        ):
            value = getattr(self, name)
            if value != getattr(type(self), name) and not getattr(self, owner):
                raise ValueError(f"{name}={value!r} has no effect without {owner}; set that too, or leave {name} out.")


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


def check_kinds(cls: type, arguments: dict[str, Any]) -> None:
    """Refuses arguments of another kind than the constructors of a class, or its options, declare."""
    declared = {field.name: (field.type, field.default) for field in dataclasses.fields(Options)}
    for base in reversed(cls.__mro__):
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            declared |= {name: (parameter.annotation, parameter.default) for name, parameter in parameters.items()}
    for name, value in arguments.items():
        kinds = _kinds(*declared[name]) if name in declared else set()
        if kinds and not any(_is_of(value, kind) for kind in kinds):
            default = declared[name][1]
            hint = "" if default is inspect.Parameter.empty else f" Pass such as {name}={default!r}."
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
    """Numbers of NumPy and of frameworks, and arrays of them, as Python has them; all else as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
    if isinstance(value, (np.generic, np.ndarray)) or keras.ops.is_tensor(value):
        return keras.ops.convert_to_numpy(value).tolist()
    return value


def check_number(
    value: float | None, name: str, low: float = 0.0, high: float = math.inf, *, above: bool = False, below: bool = False
) -> float:
    """A number in [low, high], or without its ends where `above` or `below` say so; an error that names it otherwise."""
    if not (low < value if above else low <= value) or not (value < high if below else value <= high):
        ends = f"{'(' if above else '['}{low:g}, {high:g}{')' if below or high == math.inf else ']'}"
        raise ValueError(f"{name} must be in {ends}. Received: {name}={value!r}.")
    return float(value)


def check_size(value: int | None, name: str) -> int | None:
    """A size of at least 1, or None where the argument has another one by default."""
    return None if value is None else check_integer(value, name, 1)


@contextlib.contextmanager
def precision(policy: keras.DTypePolicy) -> Iterator[None]:
    """Layers built inside take this dtype policy unless they say otherwise."""
    if policy.name not in DTYPES:
        why = " Keras scales the loss of one optimizer only." if policy.name == "mixed_float16" else ""
        raise ValueError(f"dtype must be 'float32' or 'mixed_bfloat16'. Received: dtype={policy.name!r}.{why}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_shape(image_shape: Sequence[int], name: str = "image_shape") -> tuple[int, int, int]:
    """(height, width, channels) as a tuple of integers, or an error that says what is wrong with it."""
    try:
        shape = tuple(check_integer(side, name, 1) for side in plain(image_shape))
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 3:
        raise ValueError(
            f"{name}={shown(image_shape)} is not possible; pass (height, width, channels), such as (64, 64, 3)."
        )
    if shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{name}={shown(image_shape)} has {shape[-1]} channels; 1 (grey), 3 (RGB) and 4 (RGBA) are possible."
        )
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(f"{name} must hold at most {MAX_PIXELS:,} numbers. Received: {name}={shown(shape)}.")
    return shape


def check_classes(num_classes: int | None) -> int | None:
    """A number of classes, or None for a model that is told of none."""
    return None if num_classes is None else check_integer(num_classes, "num_classes", 2)
