"""Options that every variant has: the training tricks that change no paper's game."""

import contextlib
import dataclasses
import difflib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras

from ..data.checks import check_integer


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
        instance_noise_images: images after which that noise has fallen, linearly, to 0.
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
        options = cls(**arguments)
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


@contextlib.contextmanager
def precision(policy: keras.DTypePolicy) -> Iterator[None]:
    """Layers built inside take this dtype policy unless they say otherwise."""
    if policy.name == "mixed_float16":
        raise ValueError(
            "dtype='mixed_float16' is not supported: Keras scales the loss of one optimizer only. Pass 'mixed_bfloat16'."
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """(height, width, channels) as a tuple of integers, or an error that says what is wrong with it."""
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else image_shape
    if not isinstance(shape, tuple) or len(shape) != 3 or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(f"image_shape={image_shape!r} is not possible; pass (height, width, channels), as (64, 64, 3).")
    if shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"image_shape={image_shape!r} has {shape[-1]} channels; 1 (grey), 3 (RGB) and 4 (RGBA) are possible."
        )
    return shape


def check_classes(num_classes: int | None) -> int | None:
    """A number of classes, or None for a model that is told of none."""
    return None if num_classes is None else check_integer(num_classes, "num_classes", 2)
