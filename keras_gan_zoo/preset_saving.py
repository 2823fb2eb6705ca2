"""Writing models as presets, and as recipes that build them anew."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .config import Recipe, parse_recipe, write_recipe
from .files import whole_folder
from .preset_files import CONFIG, DTYPES, WEIGHTS, WEIGHTS_INFO, PresetError, packed_weights, require_replaceable
from .presets import built, is_reference
from .untrusted import shown

if TYPE_CHECKING:
    import keras


def save_to_preset(
    gan: "keras.Model",
    folder: str | Path,
    *,
    dtype: str = "float32",
    networks: Sequence[str] | None = None,
    recipe: Recipe | None = None,
) -> Path:
    """Writes a model as a preset, which `load` reads.

    Args:
        gan: the model. Where it keeps an average of a network, that is what is saved of it.
        folder: the folder to write; it is replaced whole if it is a preset, and nothing else, already.
        dtype: "float32", or "float16" for half the size.
        networks: names of the networks to save, by default those of the recipe, or else those that inference needs, but for
            what the recipe takes from another preset; add "discriminator" to go on training elsewhere.
        recipe: the `Recipe` that the model was trained by, if there is one.

    Raises:
        PresetError: `folder` exists and is no preset, or an argument is not possible.
    """
    from .provenance import origin

    folder = Path(folder)
    require_replaceable(folder)
    if dtype not in DTYPES:
        raise PresetError(f"dtype must be 'float32' or 'float16'. Received: dtype={dtype!r}.")
    needed = [name for name in gan.inference_names if recipe is None or not is_reference(recipe, name)]
    if networks is None:
        networks = (recipe and recipe.networks) or needed
    if missing := set(needed) - set(networks):
        raise PresetError(
            f"networks must name all that inference needs: {', '.join(needed)}. Received: networks={networks!r}. Fix: add "
            f"{', '.join(sorted(missing))}."
        )
    written = recipe or recipe_of(gan)
    if recipe is None:
        _check_loads(gan, written)
    data = packed_weights(gan, networks, dtype)
    info = {"sha256": hashlib.sha256(data).hexdigest(), "dtype": dtype, "networks": list(networks), "origin": origin()}
    if recipe is not None:
        info["recipe_sha256"] = recipe.digest
    with whole_folder(folder) as new:
        write_recipe(written, new / CONFIG)
        (new / WEIGHTS).write_bytes(data)
        (new / WEIGHTS_INFO).write_text(json.dumps(info, indent=2) + "\n", "utf-8")
    return folder


def recipe_of(gan: "keras.Model") -> Recipe:
    """A recipe that builds the model anew, without the data and the course of its training."""
    from .registry import variant_name

    variant = variant_name(gan)
    if variant is None:
        raise PresetError(
            f"A model must be of a registered variant, or no preset could build it again. Received: {type(gan).__name__}. "
            'Fix: decorate the class with @keras_gan_zoo.register_variant("a_name"), or use save_weights.'
        )
    # None stays, since it is not always the default: discriminator_norm=None.
    model = {key: value for key, value in gan.get_config().items() if key not in ("name", "dtype", "seed")}
    for key, value in model.items():
        try:
            model[key] = json.loads(json.dumps(value))
        except (TypeError, ValueError) as error:
            raise PresetError(
                f"Arguments of a model in a preset must be numbers, text, lists or networks. Received: {key}={shown(value)} "
                f"({error}). Fix: use save_weights, or build it inside of the class."
            ) from error
    return parse_recipe({"variant": variant, "model": model}, "the model")


def _check_loads(gan, recipe):
    """Refuses a model that its own recipe would not build again, such as one with a Lambda or an unregistered layer."""
    import random

    state = random.getstate()
    try:
        again = built(recipe, dtype=gan.dtype_policy.name)
    except Exception as error:  # whatever the constructor of a user's own class raises
        raise PresetError(
            f"{type(gan).__name__} must be such that its arguments build it again, or no load could. Received: {error} "
            "Fix: use save_weights, or make the networks from layers of Keras and of the zoo."
        ) from error
    finally:
        # Initializers take their seeds from it.
        random.setstate(state)
    for name in gan.inference_names:
        had, has = ([tuple(v.shape) for v in model.network(name).weights] for model in (gan, again))
        if had != has:
            raise PresetError(
                f"{type(gan).__name__} must be such that its arguments build it again, or no load could. Received: a {name} "
                f"with weights {shown(had)}, where they build one with {shown(has)}. Fix: pass networks of your own "
                "to the constructor."
            )
