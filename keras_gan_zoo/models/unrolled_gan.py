"""Unrolled GAN (Metz et al., 2016, https://arxiv.org/abs/1611.02163).

G plays against the weights that D would have after K = `unrolled_steps` further steps of its optimizer on the same batch:

    w_0 = w,   w_k+1 = w_k - step(grad L(w_k, G)),   L(w, G) = -E log D(x; w) - E log(1 - D(G(z); w))
    loss of D    L(w, G)                        one ordinary step, from w
    loss of G    -L(w_K, G)                     (saturating=False: -E log D(G(z); w_K))

The gradient of G's loss goes through each w_k too: it sees how D would answer. The step is that of D's optimizer, SGD or
Adam, from its moments as they are. K = 0 is the GAN.

Differs from the paper: G is judged after D's step, as in `GAN`, where the authors' toy moves both at once.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras

from ..base.unrolling import check_unrollable, unrolled
from ..data import Batch
from ..data.checks import check_integer
from .dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gan_zoo")
class UnrolledGAN(DCGAN):
    """DCGAN whose generator looks ahead at the discriminator's next steps.

    Args:
        image_shape: (height, width, channels) of the images.
        latent_dim: number of latent variables.
        unrolled_steps: steps K of D that G looks ahead (5; the paper has 0 to 10). Time and memory grow with it.
        saturating: whether G minimizes -L, as in the paper, which needs a D that is weaker than G; else the non-saturating
            loss.
        discriminator_norm: as in `DCGAN`; None, as batch norm would tie the samples together in every step ahead.
        **options: as in `DCGAN`.
    """

    # What these options move would move in each of the steps ahead too.
    refused_options = {"top_k": "its generator answers the value of the game, to which all samples belong"} | dict.fromkeys(
        ("lecam_weight", "lecam_decay", "ada_target"), "a look ahead is to leave their state as it is"
    )

    def __init__(
        self,
        image_shape: Sequence[int] = (64, 64, 3),
        latent_dim: int = 100,
        *,
        unrolled_steps: int = 5,
        saturating: bool = True,
        discriminator_norm: str | None = None,
        **options: Any,
    ) -> None:
        self.unrolled_steps = check_integer(unrolled_steps, "unrolled_steps", 0)
        super().__init__(image_shape, latent_dim, saturating=saturating, discriminator_norm=discriminator_norm, **options)

    @classmethod
    def tiny(cls, **arguments: Any) -> Self:
        return super().tiny(**{"unrolled_steps": 2, **arguments})

    def check_optimizers(self, optimizers: dict[str, keras.optimizers.Optimizer]) -> None:
        check_unrollable(optimizers["discriminator"], "discriminator_optimizer")

    def generator_objective(self, real: Batch, fake: Batch) -> Any:
        variables = self.discriminator.trainable_variables

        def slope(values):
            def loss(values):
                with self.standing_in(variables, values):
                    return self.judging_loss(real, fake)

            # The steps ahead are those of the global batch.
            return [self.mean_over_replicas(gradient) for gradient in self.gradient(loss, values)]

        ahead = variables
        # Networks are followed with shapes before there is an optimizer.
        if self.built:
            ahead = unrolled(self.optimizers["discriminator"], variables, slope, self.unrolled_steps)
        scope = self.standing_in(variables, ahead)
        before = dict(scope.state_mapping)
        with scope:
            loss = -self.judging_loss(real, fake) if self.options.saturating else super().generator_objective(real, fake)
        # Logs, and random generators: those of the steps ahead draw the same numbers in each, as they see the same batch.
        for variable in (*self.non_trainable_variables, *self.metrics_variables):
            if (value := scope.get_current_value(variable)) is not before[id(variable)]:
                variable.assign(value)
        return loss

    def standing_in(self, variables: Sequence[keras.Variable], values: Sequence[Any]) -> keras.StatelessScope:
        """A scope in which variables have these values, and all others those that they have now."""
        known = {id(variable): (variable, variable.value) for variable in (*self.variables, *self.metrics_variables)}
        known |= {id(variable): (variable, value) for variable, value in zip(variables, values, strict=True)}
        return keras.StatelessScope(state_mapping=list(known.values()))
