"""The engine under all variants: rounds among players over batches of named fields.

Nothing here knows of images, latents or discriminators.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops

from ..backend import Trainer
from ..building import precision
from ..data import Batch, Field
from ..data.checks import check_integer
from .arguments import check_dtype, check_kinds, constructor_arguments, is_schedule, plain, schedule_of
from .averages import Averages
from .batches import batch_size_of, minibatches
from .compiling import Compiling
from .fitting import Fitting
from .inference import Inference
from .options import MOST_SAMPLES, Options
from .player import Player
from .saving import Saving
from .wiring import check_model, check_wiring, is_of_the_zoo, layers_of

# The entry of a round's logs, only for `make_train_function`, that says which players have stood still.
_STANDING = "standing"


class Game(Averages, Saving, Compiling, Fitting, Inference, Trainer, keras.Model):
    """Plays rounds of a game.

    A variant says what its examples hold (`fields`), which networks there are (`network_names`, and `default_<name>()` for
    each), who plays (`players`, `default_optimizers`), and, if something is generated, what the fakes are (`fake_like`).
    A constructor sets its attributes before it calls `super().__init__()`, which builds the networks.

    Args:
        seed: seed of the random numbers of training; None takes a random one.
        name, dtype: as in `keras.Model`; dtype is "float32" or "mixed_bfloat16".
        **options: your own networks, by their names; and see `Options`.

    Attributes:
        log_names: scalars in the logs besides the losses of the players.
        network_names: the networks, each an attribute and an argument of the constructor.
        frozen_names: networks that no player moves.
        averaged_names: networks whose average is kept if `ema_half_life` asks for it.
        inference_names: networks that inference needs, so that presets hold them.
        option_names: options that the rules of this class read.
        refused_options: option -> why it does not apply here.
    """

    log_names: ClassVar[tuple[str, ...]] = ()
    network_names: ClassVar[tuple[str, ...]] = ()
    frozen_names: ClassVar[tuple[str, ...]] = ()
    averaged_names: ClassVar[tuple[str, ...]] = ()
    inference_names: ClassVar[tuple[str, ...]] = ()
    option_names: ClassVar[tuple[str, ...]] = ("simultaneous", "ema_half_life", "ema_rampup")
    refused_options: ClassVar[dict[str, str]] = {}
    # Networks that are not trained although others of the model are, as a preset leaves them.
    fresh = ()
    # Each minibatch holds a multiple of so many examples.
    batch_multiple = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for kind in ("frozen_names", "averaged_names", "inference_names"):
            for name in getattr(cls, kind):
                if name not in cls.network_names:
                    raise TypeError(
                        f"{cls.__name__}.{kind} must hold names of its networks, {cls.network_names}. Received: {name!r}. "
                        "Fix: add it to network_names, or leave it out."
                    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        model = super().__new__(cls)
        # Keras records constructor arguments for layers but not for subclassed models.
        arguments = {}
        with contextlib.suppress(TypeError):  # a wrong call is for __init__ to refuse
            arguments = constructor_arguments(cls, model, args, kwargs)
        check_kinds(cls, Options, arguments)
        model._arguments = {name: plain(value) for name, value in arguments.items()}
        return model

    def __init__(
        self,
        *,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        **options: Any,
    ) -> None:
        seed = None if seed is None else check_integer(seed, "seed", 0, 2**32)
        super().__init__(name=name, dtype=check_dtype(dtype))
        given = {key: options.pop(key, None) for key in self.network_names}
        self.options = Options.from_arguments(type(self), options)
        self.seed_generator = keras.random.SeedGenerator(seed)
        with precision(self.dtype_policy):
            for key in self.network_names:
                network = getattr(self, f"default_{key}")() if given[key] is None else given[key]
                setattr(self, key, check_model(key, network))
            # Found once, since an eager round would go through all layers each time: those that count rounds, as `FadeIn`.
            layers = {id(layer): layer for key in self.network_names for layer in layers_of(getattr(self, key))}
            self._round_ends = tuple(layer.end_round for layer in layers.values() if hasattr(layer, "end_round"))
            for key in self.frozen_names:
                getattr(self, key).trainable = False
            self.build_more()
            losses = [f"{player.name}_loss" for player in self.players()]
            self.trackers = {name: keras.metrics.Mean(name=name) for name in (*losses, *self.log_names)}
            self.rounds = self.add_weight(name="rounds", shape=(), dtype="int32", initializer="zeros", trainable=False)
            self.build_options()
            # The networks of the zoo's own classes fit by construction.
            if any(network is not None for network in given.values()) or not is_of_the_zoo(type(self)):
                check_wiring(self)
            self.build_averages()
        self.check()
        # All weights exist; without this mark Keras would call the model once to find that out.
        self.built = True
        self.compile()

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        """Returns a small model of this kind, for tests and for a first look; `arguments` override what makes it small."""
        raise NotImplementedError(f"{cls.__name__} must override tiny(), which returns a small model.")

    def build_more(self) -> None:
        """Adds a variant's own state; override it in variants that have some."""

    def build_options(self) -> None:
        """State that options need; only where they are asked for, as files hold it."""
        annealed = any(map(is_schedule, [*self._arguments.values(), *vars(self.options).values()]))
        # Of real samples, until nothing changes any more.
        self.samples_counted = MOST_SAMPLES if annealed else self.options.instance_noise_images
        if self.samples_counted:
            options = {"shape": (), "dtype": "int32", "initializer": "zeros", "trainable": False}
            self.samples_seen = self.add_weight(name="samples_seen", **options)

    def annealed(self, value: Any) -> Any:
        """What an annealed argument is now: itself, or what its schedule says after the real samples seen."""
        return schedule_of(value, "schedule")(self.samples_seen) if is_schedule(value) else value

    def check(self) -> None:
        """Refuses what does not go together, once the networks exist."""
        for player in self.players():
            if not player.variables:
                raise ValueError(
                    f"The player {player.name!r} of {type(self).__name__} must have weights to move. Received: networks "
                    "without a trainable weight. Fix: set trainable=True on them, or pass others."
                )
        if self.options.simultaneous and (waiting := [player.name for player in self.players() if player.when]):
            raise ValueError(
                "simultaneous must be False if a player decides when it moves. Received: simultaneous=True, and "
                f"{', '.join(waiting)} that decide. Fix: leave it out."
            )

    def fields(self) -> dict[str, Field]:
        """Returns what one example is: name -> kind, in the order in which `fit` takes them."""
        raise NotImplementedError(f"{type(self).__name__} must override fields(), which returns a dictionary.")

    def conditions(self) -> dict[str, Field]:
        """Returns fields that samples are made and judged under; networks take them, in order, after their first input."""
        return {}

    def with_conditions(self, name: str, batch: Batch) -> Any:
        """Returns what a network takes: the field `name` alone, or a list of it and the conditions of the batch."""
        values = [batch[key] for key in self.conditions()]
        return [batch[name], *values] if values else batch[name]

    def derived_fields(self) -> dict[str, Field]:
        """Returns fields that no data hold: `derive` makes them in each round, and people may give them at inference."""
        return {}

    def derive(self, real: Batch) -> Batch:
        """Makes `derived_fields` for a batch, such as masks, noise, and low resolutions, from the model's own seed."""
        return {}

    def adapt(self, data: dict[str, np.ndarray]) -> None:
        """Looks at the data, once before round 0: all arrays, or the first batch of a data set of batches."""

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.trackers.values())

    # The round ---------------------------------------------------------------------------------------------------------

    def players(self) -> tuple[Player, ...]:
        """Returns the players, in the order of their moves."""
        raise NotImplementedError(f"{type(self).__name__} must override players(), which returns a tuple of Player.")

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Returns name of a player -> its optimizer."""
        raise NotImplementedError(f"{type(self).__name__} must override default_optimizers(), which returns one per player.")

    def fake_like(self, real: Batch) -> Batch:
        """Generates as many samples as there are in `real`, under the same conditions; {} if nothing is generated."""
        return {}

    def train_round(self, data: Any) -> dict[str, Any]:
        """Lets each player in turn take its steps, or all of them take the last one at once; returns the logs.

        Args:
            data: the fields of `fields()`, with as many samples as all steps of the round need.
        """
        return self.play_round(self.as_seen(self.schema.named(data)))

    def as_seen(self, batch: Batch) -> Batch:
        """Returns what networks see of a batch of data, with the fields that are derived from it."""
        real = self.schema.preprocess(batch)
        return {**real, **self.derive(real)}

    def made_of(self, real: Batch) -> Batch:
        """Returns what networks make of a batch, by the name of the network, for `check_shapes`."""
        return {}

    def check_shapes(self, shapes: dict[str, tuple[int | None, ...]]) -> None:
        """Refuses shapes of `made_of` that the game cannot use."""

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """Returns, by the name of a network, the (low, high) that each of its outputs, in order, must be able to reach."""
        return {}

    def play_round(self, real: Batch) -> dict[str, Any]:
        """Makes the moves of a round, on a batch as networks see it."""
        players = [self.regularized(player) for player in self.players()]
        parts = minibatches(real, max(player.steps for player in players))
        # What generates is judged by what the others have just moved on: that saves a pass of it.
        generating = next((player for player in players if player.name == "generator"), None)
        shared = self.record(generating, parts[-1]) if generating else None
        losses, waiting = {}, []
        for player in players:
            # A player that also moves the generating networks is not judged on fakes that they made for another player.
            apart = generating is None or (player is not generating and player.shares_networks_with(generating))
            for part in parts[-player.steps :]:
                is_last = part is parts[-1]
                recording = shared if is_last and not apart else None
                if player.when is not None:
                    moves = player.when(part, shared.fake if shared else {}, dict(losses))
                    losses[player.name] = self.only_if(moves, functools.partial(self._step, player, part, recording))
                elif is_last and self.options.simultaneous:
                    losses[player.name], gradients = self.differentiate(player, part, recording)
                    waiting.append((player, gradients))
                else:
                    losses[player.name] = self._step(player, part, recording)
            if apart and generating is not None and player is not players[-1]:
                shared = self.record(generating, parts[-1])
        for player, gradients in waiting:
            self.move(player, gradients)
        with self.writing(self.metrics_variables):
            for player in players:
                if player.when is None:
                    self.log(f"{player.name}_loss", losses[player.name])
        with self.writing(self.non_trainable_variables, equal=True):
            self.rounds.assign(self.rounds + 1)
            for end_round in self._round_ends:
                end_round()
            self.update_averages(batch_size_of(parts[0]) * self.replicas)
            if self.samples_counted:
                seen = self.samples_seen + batch_size_of(real) * self.replicas
                self.samples_seen.assign(ops.minimum(seen, self.samples_counted))
        logs = {name: tracker.result() for name, tracker in self.trackers.items()}
        own = [logs[f"{player.name}_loss"] for player in players]
        logs["loss"] = sum(own[1:], start=own[0])
        if any(player.when for player in players):
            logs[_STANDING] = {name: tracker.count == 0 for name, tracker in self.trackers.items()}
        return logs

    def regularized(self, player: Player) -> Player:
        """Returns the player with a loss that counts the regularizers of its weights too, as `keras.Model.fit` does."""
        held = [variable for variable in player.variables if variable.regularizer is not None]
        if not held:
            return player

        def objective(real, fake):
            return player.objective(real, fake) + sum(variable.regularizer(variable) for variable in held)

        return player._replace(objective=objective)

    def _step(self, player, batch, recording):
        """Takes one gradient step and returns the loss before it, which is logged here for players that may stand still."""
        loss, gradients = self.differentiate(player, batch, recording)
        self.move(player, gradients)
        if player.when is not None:
            with self.writing(self.metrics_variables):
                self.log(f"{player.name}_loss", loss)
        return loss

    def make_train_function(self, force: bool = False) -> Callable:
        self.check_compiled()
        before, played = self.train_function, super().make_train_function(force)
        # On TensorFlow it is kept and not returned.
        played = played or self.train_function
        if self.train_function is before or not any(player.when for player in self.players()):
            return played

        def moved_alone(*arguments):
            """Leaves players that have stood still since the logs began out of the logs."""
            result = played(*arguments)
            logs = result[0] if isinstance(result, tuple) else result
            for name, standing in logs.pop(_STANDING).items():
                if bool(standing):
                    del logs[name]
            return result

        self.train_function = moved_alone
        return moved_alone

    def move(self, player: Player, gradients: Sequence[Any]) -> None:
        """Lets a player's optimizer take the step for the gradients with respect to its variables."""
        self.optimizers[player.optimizer_name].apply(gradients, player.variables)

    def log(self, name: str, value: Any) -> None:
        """Adds a scalar to the mean that the logs show under this name, which is one of `log_names`."""
        self.trackers[name].update_state(ops.stop_gradient(value))

    def written_by(self, player: Player) -> list[keras.Variable]:
        """Returns the variables that an update of `player` may write: all but the weights of other players' networks.

        The batch statistics of a generator that is called in the discriminator's step must not change there.
        """
        own = {id(weight) for network in player.networks for weight in network.weights}
        others = {id(w) for other in self.players() for network in other.networks for w in network.weights} - own
        return [v for v in self.variables + self.metrics_variables if id(v) not in others]

    # What objectives are made of ---------------------------------------------------------------------------------------

    def normal(self, shape: Sequence[Any]) -> Any:
        """Draws from N(0, 1), from this model's own seed."""
        return self.draw(lambda shape: keras.random.normal(shape, seed=self.seed_generator), shape)

    def uniform(self, shape: Sequence[Any], low: float = -1.0, high: float = 1.0) -> Any:
        """Draws from U(low, high), from this model's own seed."""
        return self.draw(lambda shape: keras.random.uniform(shape, low, high, seed=self.seed_generator), shape)
