"""From a recipe to its model, with values and networks that are checked before anything is built."""

import contextlib
import copy
import functools
import math
import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .config import ConfigError, Optimizer, Recipe
from .untrusted import shown

if TYPE_CHECKING:
    import keras

# What a recipe may ask for: three times the memory of so many weights goes to a model and its optimizers.
MAX_WEIGHTS, MAX_VARIABLES = 200_000_000, 5_000
_BUILDING = threading.RLock()


def build(
    recipe: Recipe,
    *,
    dtype: str | None = None,
    seed: int | None = None,
    where: str = "the recipe",
    networks: Mapping[str, "keras.Model"] = MappingProxyType({}),
) -> Any:
    """The model of a recipe, with fresh weights but for the `networks`; `where` names the recipe's source in errors."""
    from .registry import variant_class

    try:
        variant = variant_class(recipe.variant)
        arguments = {key: value for key, value in recipe.model.items() if key not in networks}
        with _bounded(MAX_WEIGHTS, MAX_VARIABLES):
            arguments = _networks_built(arguments, variant.network_names, dtype)
            gan = variant(**arguments, **networks, dtype=dtype, seed=seed)
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: model must be one that can be built. Received: {str(error)[:2000]}") from error
    if unknown := sorted(set(recipe.networks or ()) - set(variant.network_names)):
        raise ConfigError(
            f"{where}: networks must name networks of {variant.__name__}, {', '.join(variant.network_names)}. Received: "
            f"{unknown[0]!r}."
        )
    if recipe.data is not None and recipe.data.classes:
        names = recipe.data.classes
        if getattr(gan, "num_classes", None) != len(names):
            raise ConfigError(
                f"{where}: data.classes must name as many classes as the model has. Received: {len(names)} names."
            )
        if gan.class_names not in ((), names):
            raise ConfigError(
                f"{where}: data.classes and model.class_names must be the same. Received: {', '.join(names)} and "
                f"{', '.join(gan.class_names)}. Fix: leave one of them out."
            )
        gan.class_names = names
    return gan


@contextlib.contextmanager
def precision(dtype: "str | keras.DTypePolicy | None") -> Iterator[None]:
    """Layers built inside take this dtype policy unless they say otherwise; None changes nothing."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _bounded(weights: int, variables: int) -> Iterator[None]:
    """Refuses layers that would go beyond so many weights in all before any memory is taken for them.

    Keras has no hook for that, so its method is replaced meanwhile; what other threads build counts along.
    """
    import keras

    add_weight, made = keras.layers.Layer.add_weight, [0, 0]

    @functools.wraps(add_weight)
    def counted(layer, shape=None, *arguments, **options):
        made[0] += math.prod(
            side if isinstance(side, int) else 1 for side in (shape if isinstance(shape, (tuple, list)) else ())
        )
        made[1] += 1
        if made[0] > weights or made[1] > variables:
            raise ValueError(
                f"a recipe may ask for at most {weights:,} weights in {variables:,} arrays. Received: {layer.name!r} with "
                f"weights {shape}, which makes them {made[0]:,} in {made[1]:,}. Fix: make it smaller, or build it in Python"
            )
        return add_weight(layer, shape, *arguments, **options)

    with _BUILDING:
        keras.layers.Layer.add_weight = counted
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = add_weight


def compile_by(gan: "keras.Model", recipe: Recipe) -> None:
    """Compiles a model with the optimizers of a recipe; the variant's own where the recipe has none."""
    steps = {}
    for player in gan.players():
        steps[player.optimizer_name] = steps.get(player.optimizer_name, 0) + recipe.training.rounds * player.steps
    for name in recipe.optimizers:
        if name not in steps:
            raise ConfigError(
                f"optimizers must name players of {recipe.variant}: {', '.join(steps)}. Received: optimizers.{name}."
            )
    gan.compile(**{f"{name}_optimizer": make_optimizer(s, steps[name]) for name, s in recipe.optimizers.items()})


def make_optimizer(settings: Optimizer, steps: int) -> "keras.optimizers.Optimizer":
    """A Keras optimizer that will take `steps` steps."""
    import keras

    from .schedules import LinearDecay

    rate = settings.learning_rate
    if settings.decay_start is not None:
        rate = LinearDecay(rate, steps, int(settings.decay_start * steps))
    if "learning_rate" in settings.arguments:
        raise ConfigError("learning_rate must stand beside an optimizer's arguments. Received: one among them.")
    try:
        config = {**settings.arguments, "learning_rate": rate}
        return keras.optimizers.get({"class_name": settings.name, "config": config})
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"An optimizer must be one that Keras can build. Received: {settings.name!r} with {settings.arguments}: {error}"
        ) from error


def _networks_built(arguments, names, dtype):
    """Arguments with the caller's own networks built from their Keras configurations, of which only safe ones are.

    Layers whose configuration has no dtype take that of the model, as the layers of the zoo's networks do.
    """
    networks = {k: v for k, v in arguments.items() if k in names and v is not None}
    if not networks:
        return arguments
    import keras

    for key, value in networks.items():
        _refuse_foreign_code(key, value)
        try:
            # Keras takes configurations apart while it reads them.
            with precision(dtype):
                networks[key] = keras.saving.deserialize_keras_object(copy.deepcopy(value), safe_mode=True)
        except Exception as error:  # whatever the constructors named there raise
            raise ConfigError(f"model.{key} must be a network that Keras can build. Received: {error}") from error
        if not isinstance(networks[key], keras.Model):
            raise ConfigError(f"model.{key} must be the configuration of a Keras model. Received: {shown(value)}.")
    return {**arguments, **networks}


def _refuse_foreign_code(key, config):
    """A configuration names Python classes to build; in a preset these are Keras's and the zoo's, and no lambdas."""
    if isinstance(config, dict):
        module = config.get("module")
        name = config.get("class_name")
        foreign = isinstance(module, str) and module.split(".")[0] not in ("keras", "keras_gan_zoo", "builtins")
        if foreign or name in ("Lambda", "__lambda__", "function"):
            raise ConfigError(
                f"{key} must be made of layers of Keras and of the zoo. Received: {module}.{name}, which a preset may not "
                "run. Fix: build the model in Python and use load_weights."
            )
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _refuse_foreign_code(key, value)
