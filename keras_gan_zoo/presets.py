"""Presets: folders of plain files that hold a model.

    config.yaml            the recipe: variant, arguments, data, optimizers, training
    weights.safetensors    the weights of the networks that are shipped, at least the generator to sample from
    weights.json           sha256 of that file, what it holds, the backend, device, versions and commit that wrote it, and
                           the digest of the recipe that it was trained by
    results.json           measured results (written by the benchmarks)
    README.md, samples.png the model card (written by the benchmarks); samples.txt where samples are text;
                           labels.png, members.png, numbers.png, between_classes.png where a model has classes, several
                           generators, or codes; curve.png where the FID of the training was recorded

The same format serves the built-in presets, `save_to_preset` and folders from elsewhere. No pickle is ever read, and no
path outside of the folder is followed. Nothing here imports a framework before a model is built.
"""

import contextvars
import dataclasses
import difflib
import fnmatch
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .building import build, compile_by
from .config import ConfigError, Recipe, read_recipe
from .preset_files import (
    CONFIG,
    PRESET,
    RESULTS,
    WEIGHTS,
    WEIGHTS_INFO,
    PresetError,
    inside,
    read_json,
    read_weights,
)
from .untrusted import shown

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Preset:
    """What is known of a preset without loading it.

    Attributes:
        name: as `load` takes it.
        variant: name of the model, such as "wgan_gp".
        data: name of the data set that it was trained on.
        license: license of that data.
        bytes: size of the weights.
        results: measured results, metric -> record.
        folder: where the files lie.
    """

    name: str
    variant: str
    data: str
    license: str
    bytes: int
    results: dict[str, Any]
    folder: Path


def preset_root() -> Path:
    """The folder of the built-in presets: beside the package's modules when installed, else in the repository."""
    package = Path(__file__).parent
    installed = package / "zoo_configs"
    return installed if installed.is_dir() else package.parent / "zoo_configs"


def list_presets(pattern: str = "*") -> list[Preset]:
    """The built-in presets whose names match a pattern such as "*mnist*"."""
    folders = sorted(path.parent for path in preset_root().glob(f"*/{CONFIG}"))
    return [_described(folder) for folder in folders if fnmatch.fnmatch(folder.name, pattern)]


def load(
    name: str | Path,
    *,
    load_weights: bool = True,
    dtype: str | None = None,
    seed: int | None = None,
    **networks: "keras.Model",
) -> Any:
    """Builds a model from a preset.

    Args:
        name: a built-in preset ("dcgan_mnist"), or a folder that `save_to_preset` wrote.
        load_weights: False leaves the networks as they are initialized, to train them anew.
        dtype: dtype policy, such as "float32" or "mixed_bfloat16"; by default Keras's own.
        seed: of the random numbers of a further training.
        **networks: trained networks that the preset does not hold, by the names that the model has for them, such as a
            frozen classifier.

    Returns:
        The variant's model, such as a `keras_gan_zoo.DCGAN`, compiled with the optimizers of the recipe. Networks that the
        preset does not ship (as a rule the discriminator) are freshly initialized, and `fit` says so.

    Raises:
        PresetError: unknown name; files that are missing, damaged, or of another model; a frozen network that neither the
            preset nor the caller has.
        ConfigError: a recipe with unknown, missing or impossible settings, or a network that the model does not have.
    """
    folder = find_preset(name)
    path = inside(folder, CONFIG)
    recipe = read_recipe(path)
    gan = built(recipe, dtype=dtype, seed=seed, where=str(path), **networks)
    if load_weights and not (folder / WEIGHTS).exists() and not (folder / WEIGHTS_INFO).exists():
        trained = folder / PRESET
        fix = f"load_weights=False for the untrained model, or train it: keras-gan-zoo train {folder}"
        raise PresetError(
            f"name must be of a trained preset. Received: {str(name)!r}, which has a recipe and no weights. Fix: "
            f"{f'{str(trained)!r}, which this run has written' if (trained / CONFIG).is_file() else f'pass {fix}'}."
        )
    if load_weights:
        referred = [key for key in gan.network_names if is_reference(recipe, key)]
        held = read_weights(gan, folder, given=networks, elsewhere=referred)
        own = [key for key in gan.frozen_names if isinstance(recipe.model.get(key), dict) and key not in referred]
        if missing := [key for key in own if key not in held and key not in networks]:
            raise PresetError(
                f"A preset must hold the weights of its networks, or be given them. Received: {str(name)!r} without those "
                f"of its frozen {missing[0]}. Fix: pass the network, load(..., {missing[0]}=model)."
            )
    return gan


def built(
    recipe: Recipe,
    *,
    dtype: str | None = None,
    seed: int | None = None,
    where: str = "the recipe",
    **networks: "keras.Model",
) -> Any:
    """The model of a recipe, compiled with its optimizers.

    Its weights are fresh but for the networks that are given, or that the recipe takes from presets: a network in a recipe
    may be `{preset: NAME, network: NETWORK}`, that of another preset with its weights.

    Raises:
        ConfigError: as in `load`.
    """
    given = {key: _referred(recipe, key, where) for key in recipe.model if is_reference(recipe, key)} | networks
    gan = build(recipe, dtype=dtype, seed=seed, where=where, networks=given)
    compile_by(gan, recipe)
    return gan


# The folders of the presets whose networks are being loaded for others.
_REFERRED: contextvars.ContextVar[tuple[Path, ...]] = contextvars.ContextVar("referred", default=())


def is_reference(recipe: Recipe, key: str) -> bool:
    """Whether a recipe takes a network from another preset."""
    value = recipe.model.get(key)
    return isinstance(value, dict) and set(value) == {"preset", "network"}


def _referred(recipe, key, where):
    """A network of another preset, as inference takes it."""
    preset, network = recipe.model[key]["preset"], recipe.model[key]["network"]
    if not isinstance(preset, str) or not isinstance(network, str):
        raise ConfigError(
            f"{where}: model.{key} must name a preset and one of its networks. Received: preset={shown(preset)} and "
            f"network={shown(network)}."
        )
    folder, within = find_preset(preset).resolve(), _REFERRED.get()
    if folder in within:
        raise ConfigError(
            f"{where}: model.{key}.preset must not lead back to itself. Received: {preset!r}, which takes its own network "
            f"from {' and '.join(path.name for path in within)}."
        )
    token = _REFERRED.set((*within, folder))
    try:
        other = load(preset)
    finally:
        _REFERRED.reset(token)
    held = json.loads((find_preset(preset) / WEIGHTS_INFO).read_text("utf-8"))["networks"]
    if network not in held:
        raise ConfigError(
            f"{where}: model.{key}.network must be one that the preset {preset!r} holds: {', '.join(held)}. Received: "
            f"{network!r}."
        )
    return other.network(network)


def load_as(cls: type, name: str | Path, **options: Any) -> Any:
    """`load` for a preset of a class; see `Game.from_preset`."""
    from .registry import variant_class

    found = variant_class(read_recipe(find_preset(name)).variant)
    if not issubclass(found, cls):
        raise PresetError(
            f"name must be a preset of {cls.__name__}. Received: {str(name)!r}, which is one of {found.__name__}. Fix: use "
            f"{found.__name__}.from_preset, or keras_gan_zoo.load, which takes presets of all classes."
        )
    return load(name, **options)


def find_preset(name: str | Path) -> Path:
    """The folder of a preset."""
    built_in = {path.parent.name: path.parent for path in preset_root().glob(f"*/{CONFIG}")}
    if str(name) in built_in:
        return built_in[str(name)]
    folder = Path(name)
    try:
        found, exists = (folder / CONFIG).is_file(), folder.is_dir()
    except OSError as error:
        raise PresetError(f"name must be a preset's. Received: {shown(str(name))} ({error.strerror}).") from None
    if found:
        return folder
    if exists:
        raise PresetError(
            f"A preset's folder must hold {CONFIG}. Received: {folder}, which does not. Fix: pass one that "
            "save_to_preset wrote."
        )
    close = difflib.get_close_matches(str(name), built_in, n=3)
    hint = (
        f"Did you mean {' or '.join(map(repr, close))}?" if close else f"There are {', '.join(sorted(built_in)) or 'none'}."
    )
    if folder.suffix in (".keras", ".h5") and folder.is_file():
        hint = "keras.saving.load_model reads what save wrote, and load_weights of a model what save_weights wrote."
    raise PresetError(f"name must be a preset's, or a folder of one. Received: {shown(str(name))}, which is neither. {hint}")


def is_trained(folder: str | Path, recipe: Recipe) -> bool:
    """Whether a folder holds weights of a recipe, as its files say.

    Raises:
        PresetError: the file that says it cannot be read.
    """
    folder = Path(folder)
    if not (folder / WEIGHTS).is_file() or not (folder / WEIGHTS_INFO).is_file():
        return False
    try:
        return recipe.is_behind(read_json(folder / WEIGHTS_INFO).get("recipe_sha256"))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise PresetError(
            f"{folder / WEIGHTS_INFO} must describe the weights. Received: {error}. Fix: delete it to train anew."
        ) from error


def _described(folder) -> Preset:
    recipe = read_recipe(folder)
    weights, results = folder / WEIGHTS, folder / RESULTS
    return Preset(
        name=folder.name,
        variant=recipe.variant,
        data=recipe.data.name if recipe.data else "",
        license=recipe.data.license if recipe.data else "",
        bytes=weights.stat().st_size if weights.is_file() else 0,
        results=read_json(results) if results.is_file() else {},
        folder=folder,
    )
