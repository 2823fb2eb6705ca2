"""Generative adversarial network (Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661).

    value of the game    V = E log D(x) + E log(1 - D(G(z))),   D = sigmoid(score)
    loss of D            -V
    loss of G            -E log D(G(z))      (saturating=True: E log(1 - D(G(z))), the minimax form)

A GAN is a game. A player is a set of networks, an optimizer, an objective, and a number of steps; a round lets each player
move in turn. The rules of this game are in `base/two_player_game.py`, the template of all others: a variant overrides those
rules in which its paper differs, and nothing else.

Differs from the paper: G is judged on the samples of D's last step (as in the authors' code of DCGAN) instead of fresh ones,
which saves a pass of G; Adam (2e-4, beta_1 0.5) instead of SGD with growing momentum; Gaussian instead of uniform latents;
tanh and data in [-1, 1] instead of a sigmoid and [0, 1]; kernels only, no output bias from the data's marginals.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras

from ..base import LatentSampler, TwoPlayerGame
from ..base.arguments import check_shape, check_size
from ..data import Field, Images, Labels
from ..data.checks import check_class_names, check_integer
from ..networks import mlp_discriminator, mlp_generator


@keras.saving.register_keras_serializable("keras_gan_zoo")
class GAN(LatentSampler, TwoPlayerGame):
    """The 2014 game, with the fully connected networks of its MNIST experiment.

    Args:
        image_shape: (height, width, channels) of the images; channels 1, 3 or 4.
        latent_dim: number of latent variables.
        width: units of the generator's hidden layers (1200 in the paper).
        discriminator_width: the discriminator's width, by default a fifth of the generator's as in the paper; convolutional
            variants have equal ones.
        class_names: names of the classes of a conditional model, in the order of their numbers, so that people may write
            labels="cat"; `fit` takes them from class folders and TFDS if they are left out.
        **options: `generator`, `discriminator` (your own networks), `seed`, `name`, `dtype`, and the fields of `Options`.
    """

    # Classes of a conditional variant; None for images alone.
    num_classes = None
    tiny_width: ClassVar[int] = 40

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 1),
        latent_dim: int = 100,
        *,
        width: int = 1200,
        discriminator_width: int | None = None,
        class_names: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.image_shape = check_shape(image_shape)
        self.width = check_integer(width, "width", 1)
        self.discriminator_width = check_size(discriminator_width, "discriminator_width")
        self.class_names = check_class_names(class_names, self.num_classes)
        super().__init__(latent_dim, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return cls(**{"image_shape": (16, 16, 1), "latent_dim": 8, "width": cls.tiny_width, **arguments})

    def get_config(self) -> dict[str, Any]:
        # The data may have named them since.
        return {**super().get_config(), "class_names": list(self.class_names)}

    def fields(self) -> dict[str, Field]:
        return {self.sample: Images(self.image_shape), **self.conditions()}

    def conditions(self) -> dict[str, Field]:
        return {} if self.num_classes is None else {"labels": Labels(classes=self.num_classes, names=self.class_names)}

    def default_generator(self) -> keras.Model:
        """The paper's generator."""
        return mlp_generator(self.image_shape, self.latent_dim, width=self.width)

    def default_discriminator(self) -> keras.Model:
        """The paper's discriminator."""
        return mlp_discriminator(self.image_shape, width=self.discriminator_width or max(self.width // 5, 1))
