"""Networks and schedules for points, in which the game of any variant can be played.

Every variant gets networks of one configuration with the inputs and outputs of its own networks, so the game is what
differs. Adam 1e-3 with betas (0.5, 0.999) for both players, float32, biases 0:

    RC1    z ~ N(0, I_16);  G 16-128-128-2, D 2-128-128-1; LeakyReLU 0.2; He-normal kernels; D first
    RC2    z ~ N(0, I_256); G 256-128-128-2, D 2-128-1 on points / 4; ReLU; orthogonal kernels, gain 0.8; D first; the 2014
           GAN plays the minimax game
    RC3    z ~ N(0, I_256); G 256-128-128-2, D 2-128-128-1; tanh; orthogonal kernels, gain 1.4; both players at once

RC2 has the networks of the toy of Unrolled GANs (Metz et al., 2016, https://arxiv.org/abs/1611.02163) at ten times its
learning rate; RC3 those of its authors' notebook. WGAN-GP: penalty weight 0.1, betas (0, 0.9), five critic steps a round;
WGAN: its own optimizer, clipping and five critic steps; DRAGAN: penalty weight 1; EBGAN: margin 1; Loss-sensitive GAN:
margin 1.2, as its paper's 2e-4 is for the 12,288 numbers of an image; Improved GAN: minibatch discrimination by 8 kernels of
4 numbers; Bayesian GAN: SGD 0.001, momentum 0.9; R3GAN: gamma 0.1, betas (0, 0.99); MAD-GAN: twelve generators, since eight
find eight modes only if no two of them take the same, betas (0, 0.99); MRGAN: its form in two steps, MDGAN, with weights 1
and 0.01, betas (0, 0.99); and VAE-GAN: no gate. Whether the 2014 GAN collapses is a property of the configuration.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

HIDDEN = 128
# What variants differ in: their arguments, and those of Adam (None for the variant's own optimizers) or of SGD.
ARGUMENTS = {
    "dragan": {"penalty_weight": 1.0},
    "ebgan": {"margin": 1.0},
    "loss_sensitive_gan": {"margin_scale": 1.2},
    "improved_gan": {"minibatch_kernels": 8, "minibatch_dims": 4},
    "mad_gan": {"generators": 12},
    "mr_gan": {"diffusion": True, "reconstruction_weight": 1.0, "realism_weight": 0.01},
    "r3gan": {"gamma": 0.1},
    "vae_gan": {"margin": None},
    "wgan_gp": {"penalty_weight": 0.1, "n_critic": 5},
}
ADAM = {
    "mad_gan": {"beta_1": 0.0, "beta_2": 0.99},
    "mr_gan": {"beta_1": 0.0, "beta_2": 0.99},
    "r3gan": {"beta_1": 0.0, "beta_2": 0.99},
    "wgan_gp": {"beta_1": 0.0, "beta_2": 0.9},
    "wgan": None,
}
# Points have no bounds as images have, and far from the data steps of 0.005 diverge.
SGD = {"bayesian_gan": {"learning_rate": 0.001, "momentum": 0.9}}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What the networks are made of."""

    latent_dim: int
    activation: tuple[str, dict[str, Any]]  # name of a Keras layer, and its arguments
    initializer: tuple[str, dict[str, Any]]  # name of a Keras initializer of all kernels, and its arguments
    discriminator_layers: int = 2  # that are hidden; G has two
    divisor: float = 1.0  # of the points that D sees
    simultaneous: bool = False  # both players move at once
    arguments: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)  # variant -> further ones
    # "generator" or "discriminator" -> name of a Keras layer that follows each hidden one, and its arguments.
    after: dict[str, tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=dict)
    discriminator_kind: Callable[..., Any] | None = None  # makes its linear layers, where they are not Keras's
    bound: float | None = None  # of the coordinates of generated points, which a tanh then keeps within it

    def dense(self, x: Any, units: int, kind: Callable[..., Any] | None = None) -> Any:
        """x through a linear layer, of Keras or of another kind."""
        import keras

        name, arguments = self.initializer
        kind = kind or keras.layers.Dense
        return kind(units, kernel_initializer=getattr(keras.initializers, name)(**arguments))(x)

    def hidden(self, x: Any, judges: bool, kind: Callable[..., Any] | None = None) -> Any:
        """x through the hidden layers of a network that judges, or of one that makes."""
        import keras

        after = self.after.get("discriminator" if judges else "generator")
        for _ in range(self.discriminator_layers if judges else 2):
            x = self.dense(x, HIDDEN, kind)
            for name, arguments in filter(None, (self.activation, after)):
                x = getattr(keras.layers, name)(**arguments)(x)
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


def points_gan(configuration: str | Configuration, variant: str, seed: int, num_modes: int, **arguments: Any) -> Any:
    """A compiled variant in a configuration, or in the one of that name, on points.

    It is the variant with another field, and in place of each network that sees or makes images one for points with the same
    other inputs and outputs, which are looked up on a small instance of it: so a variant joins by being registered. One that
    trains on labels is told of `num_modes`; `arguments` take the place of those that the variant has here.
    """
    from keras_gan_zoo.data import Points
    from keras_gan_zoo.models import variant_class

    cls = variant_class(variant)
    configuration = CONFIGURATIONS[configuration] if isinstance(configuration, str) else configuration
    game = {"latent_distribution": "normal", "simultaneous": configuration.simultaneous}
    arguments = {**game, **ARGUMENTS.get(variant, {}), **configuration.arguments.get(variant, {}), **arguments}
    if trains_on_labels(cls):
        if not num_modes:
            raise ValueError(f"{cls.__name__} trains on labels. Received: a distribution that has no modes to label.")
        arguments["num_classes"] = num_modes
    template = cls.tiny(latent_dim=configuration.latent_dim, **arguments)
    theirs = {key: getattr(template, key) for key in cls.network_names}
    networks = {
        key: _counterpart(template, network, configuration)
        for key, network in theirs.items()
        if any(map(_is_image, [*network.inputs, *network.outputs]))
    }

    def fields(self):
        return {**cls.fields(self), "points": Points((2,))}

    on_points = type(f"{cls.__name__}OnPoints", (cls,), {"sample": "points", "fields": fields})
    gan = on_points(latent_dim=configuration.latent_dim, **networks, seed=seed, **arguments)
    gan.compile(**{f"{key}_optimizer": made for key in gan.optimizer_names if (made := _optimizer(variant))})
    return gan


def _optimizer(variant):
    """A new optimizer for a player of a variant; None for the variant's own."""
    import keras

    if variant in SGD:
        return keras.optimizers.SGD(**SGD[variant])
    adam = ADAM.get(variant, {})
    return None if adam is None else keras.optimizers.Adam(1e-3, **{"beta_1": 0.5, "beta_2": 0.999, **adam})


def _is_image(tensor):
    return len(tensor.shape) == 4


def _counterpart(template, theirs, configuration):
    """A network on points for one on images: its other inputs and outputs are those of `theirs`, by their names.

    Where layers of `theirs` have spectral norm or look at the whole batch, its layers do too: it is a part of the game.
    Several generators, and several discriminators, are as many networks.
    """
    from keras_gan_zoo.data.labels import Members
    from keras_gan_zoo.networks.mixtures import mixture, panel

    known = {**template.inputs(), **template.conditions()}
    chosen = [known[x.name] for x in theirs.inputs if isinstance(known.get(x.name), Members)]
    inputs = [x for x in theirs.inputs if not isinstance(known.get(x.name), Members)]
    judges = theirs.outputs[0].shape[2] if len(theirs.outputs[0].shape) == 3 else 1
    count = chosen[0].classes if chosen else judges
    names = [f"{theirs.name}_{i}" for i in range(count)] if count > 1 else [theirs.name]
    networks = [_network(template, theirs, inputs, configuration, name) for name in names]
    return mixture(networks, name=theirs.name) if chosen else panel(networks, name=theirs.name)


def _network(template, theirs, their_inputs, configuration, name):
    """The counterpart of `theirs` on some of its inputs."""
    import keras
    from keras import tree

    from keras_gan_zoo.layers import SNDense
    from keras_gan_zoo.layers.minibatch_discrimination import MinibatchDiscrimination

    judges = any(map(_is_image, their_inputs))
    is_spectral = any(isinstance(layer, SNDense) for layer in theirs.layers)
    kind = SNDense if is_spectral else configuration.discriminator_kind if judges else None
    known = {**template.inputs(), **template.conditions()}
    inputs, vectors = [], []
    for x in their_inputs:
        # A pack of images is one of points.
        shape = (2 * x.shape[-1] // template.image_shape[-1],) if _is_image(x) else x.shape[1:]
        inputs.append(keras.Input(shape, dtype=x.dtype, name=x.name))
        vector = inputs[-1]
        if _is_image(x) and configuration.divisor != 1:
            vector = keras.layers.Rescaling(1 / configuration.divisor)(vector)
        if "int" in x.dtype:
            vector = keras.layers.CategoryEncoding(known[x.name].classes, output_mode="one_hot")(vector[:, None])
        vectors.append(vector if len(vector.shape) == 2 else keras.layers.Flatten()(vector))
    joined = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
    features = hidden = configuration.hidden(joined, judges, kind)
    for layer in theirs.layers:
        if isinstance(layer, MinibatchDiscrimination):
            hidden = MinibatchDiscrimination.from_config(layer.get_config())(hidden)

    def counterpart(output):
        if _is_image(output):
            points, bound = configuration.dense(hidden, 2, kind), configuration.bound
            return keras.layers.Rescaling(bound)(keras.layers.Activation("tanh")(points)) if bound else points
        if len(output.shape) == 3:
            return configuration.dense(hidden, 1, kind)  # one of several discriminators
        if len(output.shape) != 2:
            raise ValueError(f"An output of shape {output.shape} of {theirs.name} has no counterpart on points.")
        # What has no weights of its own, and is no score, is what such a layer is to be built on: features.
        is_made = output.shape[-1] == 1 or output._keras_history.operation.weights
        return configuration.dense(hidden, output.shape[-1], kind) if is_made else features

    made = tree.map_structure(counterpart, theirs._outputs_struct)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], made, name=name)


def trains_on_labels(cls):
    """Whether a variant is conditional by itself: its constructor has a number of classes that is not None."""
    import inspect

    signatures = [inspect.signature(base.__init__).parameters for base in cls.__mro__ if "__init__" in vars(base)]
    number = next((parameters["num_classes"] for parameters in signatures if "num_classes" in parameters), None)
    return number is not None and number.default is not None


def makes_images(cls):
    """Whether a variant makes images from noise; the rules of its game then hold for points too."""
    from keras_gan_zoo.base import LatentSampler

    return issubclass(cls, LatentSampler) and cls.sample == "images"
