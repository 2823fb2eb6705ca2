"""Recipes: a YAML file -> checked settings. An unknown key is an error that names the closest known one.

This module imports no framework, so that presets can be listed at once.
"""

import difflib
import hashlib
import json
import re
import typing
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

from .untrusted import read_bounded, shown

# A recipe is a page of text, or a few if it holds networks; a larger file is something else, or an attack on the parser.
MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
MAX_DEPTH = 100
MAX_DIGITS = 20
# The parts of a recipe that have no effect on the trained weights: words about it, and when a run reads and writes files.
WITHOUT_EFFECT = {
    "description": True,
    "priority": True,
    "networks": True,
    "data": {"license", "classes", "stream"},
    "training": {"checkpoint_rounds", "sample_rounds"},
}


class ConfigError(ValueError):
    """A recipe that cannot be used; the message names the key, its value, and the fix."""


# libyaml reads recipes in a sixth of the time of PyYAML's own parser, which is there for systems without it.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML in which 2e-4 is a number, as in YAML 1.2, and in which no mapping has a key twice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.YAMLError(f"the key {shown(key.value)} twice, where one must be kept{key.start_mark}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node):
        if len(node.value) > MAX_DIGITS and node.tag.endswith("int"):
            raise yaml.YAMLError(f"{shown(node.value)}, an integer of more than {MAX_DIGITS} digits{node.start_mark}")
        return self.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
# A date is not a setting; what looks like one stays text.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
for kind in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{kind}", yaml.SafeLoader.construct_undefined)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _read_yaml(text):
    """Values of YAML in which nothing refers to itself, or grows beyond a recipe, which is seen before any is made."""
    values = depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias (*{event.anchor}) where a value must be written out")
        values += isinstance(event, yaml.NodeEvent)
        if values > MAX_VALUES:
            raise yaml.YAMLError(f"more than the {MAX_VALUES:,} values that a recipe may have")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(f"values nested deeper than the {MAX_DEPTH} levels that a recipe may have")
    return yaml.load(text, _Loader)


class _Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Data(_Settings):
    """Where the data come from.

    Attributes:
        source: TFDS name, folder, zip, or .npz; or a dictionary, name of a field -> such a source.
        split: split of a TFDS data set; "train" by default.
        license: license of the data, as its source states it.
        on_error: for folders and zips, "raise" on images that cannot be read (the default), or "skip" them.
        direction: for pairs that are side by side in one image, which half is the source: "left_to_right" (the default: the
            left half), or "right_to_left".
        classes: names of the classes in the order of their numbers; a training on class folders notes them.
        flip, crop: as in `fit`.
        stream: whether the images of folders, zips, and TFDS are read as they are needed, in place of all before the
            training; the weights are the same.
    """

    source: str | dict[str, str]
    split: str | None = None
    license: str = "not stated"
    on_error: Literal["raise", "skip"] | None = None
    direction: Literal["left_to_right", "right_to_left"] | None = None
    classes: tuple[str, ...] | None = None
    flip: bool = False
    crop: int = pydantic.Field(0, ge=0, lt=2**31)
    stream: bool = False

    @pydantic.field_validator("classes")
    @classmethod
    def _different(cls, names):
        if names is not None and (len(set(names)) < len(names) or not all(names)):
            raise ValueError(f"must be {len(names)} different names")
        return names

    @property
    def name(self) -> str:
        """The source, or all of them, in words."""
        return self.source if isinstance(self.source, str) else ", ".join(self.source.values())

    @property
    def reading(self) -> dict[str, Any]:
        """The reader's options besides the source."""
        given = self.model_dump(include={"split", "on_error", "direction"}, exclude_none=True)
        return {**given, "stream": True} if self.stream else given


class Optimizer(_Settings):
    """One player's optimizer.

    Attributes:
        name: name of a Keras optimizer, such as "adam".
        learning_rate: learning rate at the start.
        decay_start: share of the training, in [0, 1), after which the rate falls linearly to 0; None for a constant rate.
        arguments: other arguments of the optimizer, such as {"beta_1": 0.5}.
    """

    name: str = "adam"
    learning_rate: float = pydantic.Field(2e-4, gt=0, allow_inf_nan=False)
    decay_start: float | None = pydantic.Field(None, ge=0, lt=1)
    arguments: dict[str, Any] = {}


class Training(_Settings):
    """The course of a training.

    Attributes:
        rounds: rounds of the game; each takes n_critic minibatches.
        batch_size: images in one gradient step.
        seed: seed of weights, noise, and the order of the images.
        dtype: "float32", "mixed_bfloat16", or "auto" for what is fastest on the machine.
        checkpoint_rounds: rounds between checkpoints, and between lines of the log.
        sample_rounds: rounds between sample grids.
    """

    rounds: int = pydantic.Field(20_000, ge=1, lt=2**31)
    batch_size: int = pydantic.Field(64, ge=1, lt=2**31)
    seed: int = pydantic.Field(0, ge=0, lt=2**32)
    dtype: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    checkpoint_rounds: int = pydantic.Field(500, ge=1, lt=2**31)
    sample_rounds: int = pydantic.Field(1_000, ge=1, lt=2**31)

    @pydantic.model_validator(mode="after")
    def _whole_parts(self):
        for name, whole, part in (
            ("rounds", self.rounds, self.checkpoint_rounds),
            ("sample_rounds", self.sample_rounds, self.checkpoint_rounds),
        ):
            if whole % part:
                raise ValueError(f"{name} must be a multiple of checkpoint_rounds={part}. Received: {name}={whole}")
        return self


class Recipe(_Settings):
    """Everything that defines a preset, except for its weights.

    Attributes:
        variant: name of the variant, such as "wgan_gp".
        description: a sentence for the model card.
        priority: the recipe with the highest priority is trained first.
        model: arguments of the variant's constructor.
        networks: names of the networks that its preset holds, where they are more than those that inference needs. Others
            take them from there, as `{preset: NAME, network: NETWORK}` among the arguments of their model.
        optimizers: name of a player -> its optimizer; a missing one is the variant's default.
        data, training: see the classes; a model that was saved by hand may have no data.
    """

    variant: str
    description: str = ""
    priority: int = 0
    model: dict[str, Any]
    networks: tuple[str, ...] | None = None
    data: Data | None = None
    optimizers: dict[str, Optimizer] = {}
    training: Training = Training()

    @property
    def digest(self) -> str:
        """The sha256 of what decides the weights: variant, model, data, optimizers, and training, except `WITHOUT_EFFECT`.

        Settings at their defaults count as not written, so that neither writing one out nor a setting that a later version
        adds makes another recipe. `model` and the `arguments` of an optimizer count as they are written, since their
        defaults are those of the code; 10 and 10.0 are the same number.
        """
        settings = self.model_dump(mode="json", exclude_defaults=True, exclude=WITHOUT_EFFECT)
        for name, default in (("split", "train"), ("on_error", "raise")):
            if settings.get("data", {}).get(name) == default:
                del settings["data"][name]
        # A part with nothing left in it says the same as a missing one.
        for name in ("optimizers", "training"):
            if not settings.get(name, True):
                del settings[name]
        return hashlib.sha256(json.dumps(_plain(settings), sort_keys=True).encode()).hexdigest()

    def is_behind(self, digest: str | None) -> bool:
        """Whether weights with this digest belong to this recipe, in any dtype if the recipe leaves that open."""
        dtypes = ("float32", "mixed_bfloat16") if self.training.dtype == "auto" else (self.training.dtype,)
        return digest in {self.digest, *(self.with_dtype(dtype).digest for dtype in dtypes)}

    def streamed(self) -> "Recipe":
        """Returns the same recipe with `data.stream`; without data there is nothing to read."""
        return self.model_copy(update={"data": self.data and self.data.model_copy(update={"stream": True})})

    def with_dtype(self, dtype: str) -> "Recipe":
        """Returns the same recipe in another dtype."""
        return self.model_copy(update={"training": self.training.model_copy(update={"dtype": dtype})})


def _plain(value):
    """Numbers and containers in one form each."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def read_recipe(path: str | Path) -> Recipe:
    """Reads and checks `config.yaml`, or the folder that holds one.

    Raises:
        ConfigError: there is no such file, it is not YAML, keys are unknown or missing, or values are out of range.
    """
    path = Path(path)
    path = path / "config.yaml" if path.is_dir() else path
    try:
        data = read_bounded(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"A recipe must be a config.yaml, or the folder that holds one. Received: {path}, and no such file. Fix: "
            "correct the path."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} must be a file that can be read. Received: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"{path} must be a recipe. Received: a file that cannot be one: {error}.") from None
    try:
        settings = _read_yaml(data.decode("utf-8"))
    except Exception as error:  # what YAML's constructors raise is not always its own, as for tags that do not fit
        raise ConfigError(f"{path} must be valid YAML. Received: {error}") from None
    return parse_recipe(settings, str(path))


def parse_recipe(settings: Any, where: str) -> Recipe:
    """Checks the settings of a recipe; `where` names their source in errors."""
    if not isinstance(settings, dict):
        raise ConfigError(
            f"{where} must hold a mapping with the keys variant, model, ... Received: a value of type "
            f"{type(settings).__name__}."
        )
    try:
        return Recipe.model_validate(settings)
    except pydantic.ValidationError as error:
        problems = [_problem(entry) for entry in error.errors()]
        raise ConfigError(f"{where} must have the keys and values of a recipe. Received: {'; '.join(problems)}.") from None


def write_recipe(recipe: Recipe, path: str | Path) -> None:
    """Writes the recipe, defaults included, so that it means the same under another version's defaults."""
    text = yaml.safe_dump(recipe.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True, width=120)
    Path(path).write_text(text, "utf-8")


def _problem(entry) -> str:
    *parents, key = entry["loc"] or ("",)
    name = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        known = list(_settings_at(parents).model_fields)
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the keys here are {', '.join(known)}"
        return f"an unknown key {shown(name)} (value {shown(entry['input'])}; {hint})"
    if entry["type"] == "missing":
        return f"no key {name!r} (add it)"
    return f"{name[:100]}={shown(entry['input'])} ({entry['msg']})" if name else entry["msg"]


def _settings_at(parents):
    settings = Recipe
    for part in parents:
        # The key of a dictionary, such as the name of a player, comes after what its values are.
        if part not in settings.model_fields:
            continue
        annotation = settings.model_fields[part].annotation
        options = typing.get_args(annotation) or (annotation,)
        settings = next(option for option in options if isinstance(option, type) and issubclass(option, _Settings))
    return settings
