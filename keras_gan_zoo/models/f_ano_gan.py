"""f-AnoGAN (Schlegl et al., 2019, after AnoGAN, 2017, https://arxiv.org/abs/1703.05921).

An encoder E learns to find the latents behind normal images, against a generator G and a critic that are trained, on normal
images, and stand still. An image that G(E(x)) does not bring back is no normal image. The address is AnoGAN's; the paper of
f-AnoGAN is https://doi.org/10.1016/j.media.2019.01.010.

    loss of E           E [mean (x - G(E(x)))^2 + k mean (h(x) - h(G(E(x))))^2]          (izi_f)
    score of an image   mean (x - G(E(x)))^2 + k mean (h(x) - h(G(E(x))))^2

h are the critic's features below its score, and k = kappa; means run over the pixels, and over the features. G and the
critic infer: their batch norm takes moving statistics.

Differs from the paper: networks of the DCGAN family in place of residual ones; Adam (2e-4, beta_1 0.5) in place of RMSProp
(5e-5), which needs more steps; E ends in a tanh, as in the paper, but times `latent_limit`.
"""

import functools
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import layers, ops

from ..base import Game, Player, Sampler
from ..base.arguments import check_number, check_shape, check_size
from ..base.wiring import LATENTS, check_output
from ..data import Batch, Field, Images
from ..data.checks import check_integer
from ..networks import dcgan_discriminator, dcgan_generator
from ..networks.dcgan import dcgan_features
from ..networks.features import features_of


@keras.saving.register_keras_serializable("keras_gan_zoo")
class FAnoGAN(Sampler, Game):
    """An encoder for a generator and a critic that are trained already, such as those of a `WGANGP`.

        FAnoGAN(gan.image_shape, gan.latent_dim, generator=gan.generator, discriminator=gan.discriminator)

    freezes both networks. `encode` gives latents, `translate` reconstructions, and `anomaly_scores` the scores. A recipe
    names a preset that holds both: `generator: {preset: NAME, network: generator}`, and `discriminator` likewise; the recipe
    of that one has `networks: [generator, discriminator]`.

    Args:
        shape: (height, width, channels) of the images.
        latent_dim: number of the generator's latent variables (128).
        width: channels of the encoder's first map (64).
        kappa: weight of the features (1); 0 for the pixels alone (izi).
        latent_limit: the encoder gives latents in (-latent_limit, latent_limit); 1 is the paper's tanh, outside of which
            nearly a third of all N(0, 1) lie.
        **options: `generator`, `discriminator`, whose features must be seen, `encoder`, `seed`, `name`, `dtype`, and the
            fields of `Options`. Without networks there are untrained ones, to load weights into.
    """

    sample = "images"
    network_names = ("generator", "discriminator", "encoder")
    frozen_names = ("generator", "discriminator")
    averaged_names = ("encoder",)
    inference_names = network_names
    refused_options = {
        "simultaneous": "there is one player",
        **dict.fromkeys(("instance_noise", "instance_noise_images", "replay_size"), "no discriminator is trained"),
    }

    def __init__(
        self,
        shape: Sequence[int] = (64, 64, 1),
        latent_dim: int = 128,
        *,
        width: int = 64,
        kappa: float = 1.0,
        latent_limit: float = 3.0,
        **options: Any,
    ) -> None:
        self.shape = check_shape(shape, "shape")
        self.latent_dim, self.width = check_integer(latent_dim, "latent_dim", 1), check_size(width, "width")
        self.kappa = check_number(kappa, "kappa")
        self.latent_limit = check_number(latent_limit, "latent_limit", above=True)
        super().__init__(**options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return cls(**{"shape": (16, 16, 1), "latent_dim": 8, "width": 8, **arguments})

    def fields(self) -> dict[str, Field]:
        return {"images": Images(self.shape)}

    def inputs(self) -> dict[str, Field]:
        return self.fields()

    def default_generator(self) -> keras.Model:
        return dcgan_generator(self.shape, self.latent_dim, width=self.width, base_size=4)

    def default_discriminator(self) -> keras.Model:
        return dcgan_discriminator(self.shape, width=self.width, norm=None, base_size=4)

    def default_encoder(self) -> keras.Model:
        """The critic's convolutions, and latents in place of the score."""
        images = keras.Input(self.shape, name="images")
        x = dcgan_features(images, width=self.width, kernel_size=4, norm="layer", base_size=4, leak=0.2, hidden=None)
        x = layers.Dense(self.latent_dim, dtype="float32", activation="tanh", name="latents")(x)
        return keras.Model(images, layers.Rescaling(self.latent_limit, dtype="float32", name="limit")(x), name="encoder")

    def build_more(self) -> None:
        features = features_of(self.discriminator)
        if features is None or len(features.inputs) != 1:
            raise ValueError(
                "The discriminator of FAnoGAN must show its features, of images alone. Received: one that does not. Pass a "
                "keras.Sequential, or a functional keras.Model of one input, that ends in a layer with weights."
            )
        # Bound, so that Keras does not take it for a further network: its layers are the discriminator's.
        self.features = functools.partial(features, training=False)

    def default_optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {"encoder": keras.optimizers.Adam(2e-4, beta_1=0.5)}

    def players(self) -> tuple[Player, ...]:
        return (Player("encoder", (self.encoder,), self.encoder_objective),)

    def make(self, batch: Batch, training: bool) -> Batch:
        """The latents of images, and what the generator makes of these."""
        latents = self.encoder(batch["images"], training=training)
        check_output("what the encoder gives", latents, (self.latent_dim,))
        return {"latents": latents, "images": self.generator(latents, training=False)}

    def fake_like(self, real: Batch) -> Batch:
        # Made in the objective, by the player who moves the encoder.
        return {}

    def made_of(self, real: Batch) -> Batch:
        return {"generator": self.make(real, training=True)["images"]}

    def check_shapes(self, shapes: dict[str, tuple[int | None, ...]]) -> None:
        check_output("what the generator makes", keras.KerasTensor(shapes["generator"]), self.shape)

    def reaches(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {"generator": (self.fields()["images"].output_range,), "encoder": (LATENTS,)}

    def encoder_objective(self, real: Batch, fake: Batch) -> Any:
        """Mean of `distance` between images and what becomes of them; scalar."""
        return ops.mean(self.distance(real["images"], self.make(real, training=True)["images"]))

    def distance(self, real: Any, made: Any) -> Any:
        """Squared distance of each pair of images (batch, ...), in pixels and in features: (batch,)."""
        pixels = _mean_square(real - made)
        if not self.kappa:
            return pixels
        of_real, of_made = (self.features(images) for images in (real, made))
        return pixels + self.kappa * _mean_square(of_real - of_made)

    def encode(self, images: Any, *, batch_size: int = 256) -> np.ndarray:
        """Latents (n, latent_dim) of images (n, ...), as the generator takes them."""
        return self._of(images, lambda batch: self.make(batch, training=False)["latents"], batch_size)

    def anomaly_scores(self, images: Any, *, batch_size: int = 256) -> np.ndarray:
        """How far images (n, ...) are from what becomes of them, (n,); low for what the generator can make."""

        def score(batch):
            return self.distance(batch["images"], self.make(batch, training=False)["images"])

        return self._of(images, score, batch_size)

    def _of(self, images, function, batch_size):
        kind = self.fields()["images"]
        images = kind.validate(images, "images")
        return self.mapped(lambda x: function({"images": kind.preprocess(x)}), images, batch_size=batch_size)


def _mean_square(difference):
    return ops.mean(ops.square(ops.reshape(ops.cast(difference, "float32"), (ops.shape(difference)[0], -1))), axis=1)
