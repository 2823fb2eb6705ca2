"""The model under all variants: how a game of players becomes a Keras model with compile, fit and save."""

import contextlib
import dataclasses
import fractions
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import keras
from keras import ops, tree

from ..backend import Trainer
from ..losses import zero_centred_penalty
from .batches import batch_size_of, images_of, joined, minibatches, per_sample, scaled, with_images
from .compiling import Compiling
from .fitting import Fitting
from .options import Options, check_shape, precision
from .player import Player
from .sampling import Sampling


def layers_of(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """All layers of a network, those of nested networks among them."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)


class Base(Sampling, Compiling, Fitting, Trainer, keras.Model):
    """Plays rounds of a game; see `keras_gan_zoo.GAN` for what a variant overrides.

    Args:
        image_shape: (height, width, channels); channels 1, 3 or 4.
        latent_dim: number of latent variables.
        generator: model, generator inputs -> images in [-1, 1]; by default the variant's `default_generator()`.
        discriminator: model, images -> raw scores (batch, 1); by default the variant's `default_discriminator()`.
        seed: of the random numbers of training; None takes one at random.
        name, dtype: of `keras.Model`; dtype may be "mixed_bfloat16".
        **options: see `Options`.
    """

    log_names = ("discriminator_loss", "generator_loss")
    num_classes = None
    # Players whose networks are not trained although others of the model are.
    fresh = ()
    # Whether the game itself has the discriminator score fakes above real samples, so that this is no sign of trouble.
    ranks_fakes_first = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        model = super().__new__(cls)
        # Keras records constructor arguments for layers but not for subclassed models.
        with contextlib.suppress(TypeError):  # a wrong call is for __init__ to refuse
            bound = inspect.signature(cls.__init__).bind(model, *args, **kwargs)
            bound.apply_defaults()
            arguments = dict(list(bound.arguments.items())[1:])
            options = arguments.pop("options", {})
            model._arguments = {**arguments, **options}
        return model

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        *,
        generator: keras.Model | None = None,
        discriminator: keras.Model | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.image_shape, self.latent_dim = check_shape(image_shape), latent_dim
        self.options = Options.from_arguments(type(self), options)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.log_names}
        with precision(self.dtype_policy):
            self.generator = generator or self.default_generator()
            self.discriminator = discriminator or self.default_discriminator()
            self.average_generator = None
            if self.options.ema_half_life:
                self.average_generator = keras.models.clone_model(self.generator)
                self.average_generator.trainable = False
                self.average_generator.set_weights(self.generator.get_weights())
            self.build_more()
        self.rounds = self.add_weight(name="rounds", shape=(), dtype="int32", initializer="zeros", trainable=False)
        # All weights exist; without this mark Keras would call the model once to find that out.
        self.built = True
        self.compile()

    def build_more(self) -> None:
        """For variants with more networks, or with state of their own."""

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.trackers.values())

    # The round ---------------------------------------------------------------------------------------------------------

    def train_round(self, data: Any) -> dict[str, Any]:
        """Lets each player in turn take its steps, or all take the last one at once; returns the logs.

        Args:
            data: images, uint8 or floats in [-1, 1], or (images, labels); as many as all steps of the round need.
        """
        batch = scaled(self.unpacked(data))
        players = self.players()
        parts = minibatches(batch, max(player.steps for player in players))
        # The last player generates, and is judged by what the others have just moved on: that saves a pass of it.
        shared = self.record(players[-1], parts[-1])
        waiting = []
        for player in players:
            for part in parts[-player.steps :]:
                is_last = part is parts[-1]
                loss, gradients = self.differentiate(player, part, shared if is_last else None)
                if is_last and self.options.simultaneous:
                    waiting.append((player, gradients))
                else:
                    self.move(player, gradients)
            with self.writing(self.metrics_variables):
                self.log(f"{player.name}_loss", loss)
        for player, gradients in waiting:
            self.move(player, gradients)
        with self.writing(self.non_trainable_variables):
            self.rounds.assign(self.rounds + 1)
            self.update_average(batch_size_of(parts[0]))
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def move(self, player: Player, gradients: Sequence[Any]) -> None:
        """Lets a player's optimizer take the step that the gradients by its variables ask for."""
        self.optimizers[player.optimizer_name].apply(gradients, player.variables)

    def log(self, name: str, value: Any) -> None:
        """Adds a scalar to the mean that the logs show under this name, one of `log_names`."""
        self.trackers[name].update_state(ops.stop_gradient(value))

    def written_by(self, player: Player) -> list[keras.Variable]:
        """The variables that an update of `player` may write: all but the weights of the other players' networks.

        A generator that is called in the discriminator's step must not have its batch statistics moved there.
        """
        own = {id(weight) for network in player.networks for weight in network.weights}
        others = {id(w) for other in self.players() for network in other.networks for w in network.weights} - own
        return [v for v in self.variables + self.metrics_variables if id(v) not in others]

    def update_average(self, batch_size: Any) -> None:
        """average <- d average + (1 - d) weights, with d = 0.5^(images of this round / half-life)."""
        if self.average_generator is None:
            return
        images = ops.cast(batch_size, "float32")
        ramp = self.options.ema_rampup * images * ops.cast(self.rounds, "float32")
        half_life = ops.maximum(ops.minimum(float(self.options.ema_half_life), ramp), 1e-8)
        rest = 1.0 - ops.power(0.5, images / half_life)
        for average, weight in zip(self.average_generator.weights, self.generator.weights, strict=True):
            average.assign(average + ops.cast(rest, average.dtype) * (weight - average))

    # What objectives are made of ---------------------------------------------------------------------------------------

    def draw_latents(self, n: Any) -> Any:
        """Latents (n, latent_dim) for training."""
        draw = self.uniform if self.options.latent_distribution == "uniform" else self.normal
        return draw((n, self.latent_dim))

    def normal(self, shape: Sequence[Any]) -> Any:
        """N(0, 1), from this model's own seed."""
        return self.draw(lambda shape: keras.random.normal(shape, seed=self.seed_generator), shape)

    def uniform(self, shape: Sequence[Any], low: float = -1.0, high: float = 1.0) -> Any:
        """U(low, high), from this model's own seed."""
        return self.draw(lambda shape: keras.random.uniform(shape, low, high, seed=self.seed_generator), shape)

    def score(self, batch: Any, training: bool = True) -> Any:
        """Raw scores (batch,), high for real; (batch, h, w) where the discriminator judges patches."""
        inputs = list(batch) if isinstance(batch, tuple) else batch
        return per_sample(self.discriminator(inputs, training=training))

    def scores(self, real: Any, fake: Any) -> tuple[Any, Any]:
        """Scores of real and of fake samples, in one pass where no layer lets samples influence each other."""
        real, fake = self.noisy(real), self.noisy(fake)
        if self.mixes_samples:
            return self.score(real), self.score(fake)
        return ops.split(self.score(joined(real, fake)), 2)

    @property
    def mixes_samples(self) -> bool:
        """Whether the discriminator's score of a sample depends on the rest of the batch (batch norm)."""
        return any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers_of(self.discriminator))

    def score_gradient(self, batch: Any) -> Any:
        """d score / d images of each sample, (batch, height, width, channels), differentiable."""
        if self.mixes_samples:
            raise ValueError(
                f"{type(self).__name__} penalises the input gradient of each sample, but its discriminator has batch "
                "norm, which mixes the samples; build it with norm='layer' or norm=None."
            )
        # In inference mode, since on JAX a state written inside of a gradient would leak out of its trace.
        return self.gradient(lambda x: self.score(with_images(batch, x), training=False), images_of(batch))

    def labelled_loss(self, real_scores: Any, fake_scores: Any) -> Any:
        """`discriminator_loss` under the label tricks of the options.

        For a loss A(real) + B(fake), smoothing s asks for (1 - s) A(real) + s B(real) + B(fake): cross-entropy with the
        target 1 - s, in any loss's own terms. It is written with the two-sided loss against constant scores, which adds
        a constant and no gradient.
        """
        if self.options.label_flipping:
            flipped = self.uniform(ops.shape(real_scores), 0.0, 1.0) < self.options.label_flipping
            real_scores, fake_scores = (
                ops.where(flipped, fake_scores, real_scores),
                ops.where(flipped, real_scores, fake_scores),
            )
        loss = self.discriminator_loss(real_scores, fake_scores)
        if self.options.label_smoothing:
            none = ops.zeros_like(real_scores)
            as_fake = self.discriminator_loss(none, real_scores) - self.discriminator_loss(real_scores, none)
            loss = loss + self.options.label_smoothing * as_fake
        return loss

    def noisy(self, batch: Any) -> Any:
        """Instance noise: adds N(0, sigma^2) to the images, with sigma falling to 0 as images are seen."""
        if not self.options.instance_noise:
            return batch
        images = images_of(batch)
        seen = ops.cast(self.rounds, "float32") * ops.cast(ops.shape(images)[0], "float32")
        left = ops.maximum(1.0 - seen / self.options.instance_noise_images, 0.0)
        return with_images(batch, images + self.options.instance_noise * left * self.normal(ops.shape(images)))

    def r1_penalty(self, real: Any) -> Any:
        """gamma / 2 E |grad D(x)|^2 at real samples, or nothing where gamma is 0."""
        if not self.options.r1_gamma:
            return 0.0
        if self.options.r1_share < 1:
            # In integers, rounded up: JAX cuts by numbers only that are known when it compiles.
            share = fractions.Fraction(self.options.r1_share).limit_denominator(10**6)
            count = -(-batch_size_of(real) * share.numerator // share.denominator)
            real = tree.map_structure(lambda x: x[:count], real)
        return self.options.r1_gamma * zero_centred_penalty(self.score_gradient(real))

    # Saving ------------------------------------------------------------------------------------------------------------

    def _saved(self):
        """Variables of the model itself and, since Keras leaves them out, the states of all random generators in it."""
        weights = {id(variable) for variable in self.weights}
        seeds = [variable for variable in self.non_trainable_variables if id(variable) not in weights]
        return {
            str(i): variable for i, variable in enumerate(self._trainable_variables + self._non_trainable_variables + seeds)
        }

    def save_to_preset(self, folder: str | Path, **options: Any) -> Path:
        """Writes the model as a preset, which `keras_gan_zoo.load(folder)` reads.

        Args:
            folder: the folder to write; it is replaced whole if it is a preset, and nothing else, already.
            **options: `dtype`, `networks` and `recipe`, as `keras_gan_zoo.save_to_preset` has them.
        """
        # The one look upward, at call time: users of Keras expect to find it on the model.
        from ..presets import save_to_preset

        return save_to_preset(self, folder, **options)

    @classmethod
    def from_preset(cls, name: str | Path, **options: Any) -> Self:
        """`keras_gan_zoo.load` for a preset of this class.

        Raises:
            PresetError: it is of another class, which the message names.
        """
        from ..presets import load_as

        return load_as(cls, name, **options)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, defaults included; networks of the caller's own as Keras configurations."""
        config = {
            **self._arguments,
            **dataclasses.asdict(self.options),
            "name": self.name,
            "dtype": self.dtype_policy.name,
        }
        networks = {key: value for key, value in config.items() if isinstance(value, keras.Model)}
        return {**config, **{key: keras.saving.serialize_keras_object(value) for key, value in networks.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        networks = {key: value for key, value in config.items() if isinstance(value, dict)}
        return cls(**{**config, **{key: keras.saving.deserialize_keras_object(value) for key, value in networks.items()}})

    def save_own_variables(self, store: Any) -> None:
        for name, variable in self._saved().items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        variables = self._saved()
        if set(store.keys()) != set(variables):
            raise ValueError(
                f"The file holds {len(store.keys())} state variables for {self.name!r} and {type(self).__name__} has "
                f"{len(variables)}; build it with the arguments that the saved model had."
            )
        for name, variable in variables.items():
            variable.assign(store[name])
        self.fresh = ()
