"""Networks and schedules for points, in which the game of any variant can be played.

Every variant gets networks of one configuration with the inputs and outputs of its own networks, so the game is what
differs. Adam 1e-3 with betas (0.5, 0.999) for both players, float32, biases 0:

    RC1    z ~ N(0, I_16);  G 16-128-128-2, D 2-128-128-1; LeakyReLU 0.2; He-normal kernels; D first
    RC2    z ~ N(0, I_256); G 256-128-128-2, D 2-128-1 on points / 4; ReLU; orthogonal kernels, gain 0.8; D first; the 2014
           GAN plays the minimax game
    RC3    z ~ N(0, I_256); G 256-128-128-2, D 2-128-128-1; tanh; orthogonal kernels, gain 1.4; both players at once

RC2 has the networks of the toy of Unrolled GANs (Metz et al., 2016, https://arxiv.org/abs/1611.02163) at ten times its
learning rate; RC3 those of its authors' notebook. WGAN-GP: penalty weight 0.1, betas (0, 0.9), five critic steps a round;
WGAN: its own optimizer, clipping and five critic steps. Whether the 2014 GAN collapses is a property of the configuration.
"""

import dataclasses
from typing import Any

HIDDEN = 128
# What variants differ in: their arguments, and arguments of Adam; None for the variant's own optimizers.
ARGUMENTS = {"wgan_gp": {"penalty_weight": 0.1, "n_critic": 5}}
ADAM = {"wgan_gp": {"beta_1": 0.0, "beta_2": 0.9}, "wgan": None}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What the networks are made of.

    Attributes:
        latent_dim: of z ~ N(0, I).
        activation: name of a Keras layer, and its arguments.
        initializer: name of a Keras initializer of all kernels, and its arguments.
        discriminator_layers: hidden layers of D; G has two.
        divisor: of the points that D sees.
        simultaneous: whether both players move at once.
        arguments: variant -> further arguments.
    """

    latent_dim: int
    activation: tuple[str, dict[str, Any]]
    initializer: tuple[str, dict[str, Any]]
    discriminator_layers: int = 2
    divisor: float = 1.0
    simultaneous: bool = False
    arguments: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def dense(self, x: Any, units: int, kind: type | None = None) -> Any:
        """x through a linear layer, of Keras or of another kind."""
        import keras

        name, arguments = self.initializer
        kind = kind or keras.layers.Dense
        return kind(units, kernel_initializer=getattr(keras.initializers, name)(**arguments))(x)

    def hidden(self, x: Any, count: int, kind: type | None = None) -> Any:
        """x through hidden layers."""
        import keras

        name, arguments = self.activation
        for _ in range(count):
            x = getattr(keras.layers, name)(**arguments)(self.dense(x, HIDDEN, kind))
        return x


CONFIGURATIONS = {
    "RC1": Configuration(16, ("LeakyReLU", {"negative_slope": 0.2}), ("HeNormal", {})),
    "RC2": Configuration(
        256,
        ("ReLU", {}),
        ("Orthogonal", {"gain": 0.8}),
        discriminator_layers=1,
        divisor=4.0,
        arguments={"gan": {"saturating": True}},
    ),
    "RC3": Configuration(256, ("Activation", {"activation": "tanh"}), ("Orthogonal", {"gain": 1.4}), simultaneous=True),
}


def points_gan(name: str, variant: str, seed: int, num_modes: int) -> Any:
    """A compiled variant in the configuration `name`, on points.

    It is the variant with another field, and with networks that have the inputs and outputs of its own, which are looked up
    on a small instance of it: so a variant joins by being registered.

    Raises:
        ValueError: the variant has a network that has no counterpart on points.
    """
    import keras

    from keras_gan_zoo.models import variant_class

    cls, configuration = variant_class(variant), CONFIGURATIONS[name]
    arguments = {**ARGUMENTS.get(variant, {}), **configuration.arguments.get(variant, {})}
    arguments |= {"latent_distribution": "normal", "simultaneous": configuration.simultaneous}
    if trains_on_labels(cls):
        if not num_modes:
            raise ValueError(f"{cls.__name__} trains on labels. Received: a distribution that has no modes to label.")
        arguments["num_classes"] = num_modes
    template = cls.tiny(latent_dim=configuration.latent_dim, **arguments)
    networks = {"generator": _generator(template, configuration), "discriminator": _discriminator(template, configuration)}
    gan = _on_points(cls)(latent_dim=configuration.latent_dim, **networks, seed=seed, **arguments)
    adam = ADAM.get(variant, {})
    if adam is None:
        gan.compile()
    else:
        optimizers = [keras.optimizers.Adam(1e-3, **{"beta_1": 0.5, "beta_2": 0.999, **adam}) for _ in range(2)]
        gan.compile(*optimizers)
    return gan


def _on_points(cls):
    """A variant whose samples are points."""
    from keras_gan_zoo.data import Points

    def fields(self):
        return {"points": Points((2,)), **self.conditions()}

    return type(f"{cls.__name__}OnPoints", (cls,), {"sample": "points", "fields": fields})


def _generator(template, configuration):
    """Vectors, and perhaps labels -> hidden layers -> a point."""
    import keras

    inputs = [keras.Input(x.shape[1:], dtype=x.dtype) for x in template.generator.inputs]
    hidden = configuration.hidden(_joined(inputs, template.num_classes), 2)
    return keras.Model(_single(inputs), configuration.dense(hidden, 2), name="generator")


def _discriminator(template, configuration):
    """A point, and perhaps labels -> hidden layers -> what the variant's discriminator gives: score, image, features.

    Where the variant's own layers have spectral norm, these have it too: it is a part of its game.
    """
    import keras

    from keras_gan_zoo.layers import SNDense

    theirs = template.discriminator
    inputs = [keras.Input((2,))] + [keras.Input(x.shape[1:], dtype=x.dtype) for x in theirs.inputs[1:]]
    point = inputs[0]
    if configuration.divisor != 1:
        point = keras.layers.Rescaling(1 / configuration.divisor)(point)
    kind = SNDense if any(isinstance(layer, SNDense) for layer in theirs.layers) else None
    joined = _joined([point, *inputs[1:]], template.num_classes)
    hidden = configuration.hidden(joined, configuration.discriminator_layers, kind)
    outputs = []
    for output in theirs.outputs:
        if len(output.shape) == 4:
            outputs.append(configuration.dense(hidden, 2, kind))
        elif output.shape[-1] == 1:
            outputs.append(configuration.dense(hidden, 1, kind))
        elif len(output.shape) == 2:
            outputs.append(hidden)
        else:
            raise ValueError(f"A discriminator's output of shape {output.shape} has no counterpart on points.")
    return keras.Model(_single(inputs), _single(outputs), name="discriminator")


def _joined(inputs, num_classes):
    import keras

    vectors = [
        keras.layers.CategoryEncoding(num_classes, output_mode="one_hot")(x[:, None]) if "int" in x.dtype else x
        for x in inputs
    ]
    return keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]


def _single(tensors):
    return tensors[0] if len(tensors) == 1 else tensors


def trains_on_labels(cls):
    """Whether a variant is conditional by itself: its constructor has a number of classes that is not None."""
    import inspect

    number = inspect.signature(cls.__init__).parameters.get("num_classes")
    return number is not None and number.default is not None


def makes_images(cls):
    """Whether a variant makes images from noise; the rules of its game then hold for points too."""
    from keras_gan_zoo.base import LatentSampler

    return issubclass(cls, LatentSampler) and cls.sample == "images"
