"""A model at twice the size, as GANs grow progressively (Karras et al., 2017, https://arxiv.org/abs/1710.10196).

    image of G      (1 - a) up(old image) + a (new image)
    first map of D  (1 - a) old first layer(down(image)) + a (new first layers(image))

a rises from 0 to 1 while the model trains. The new image is made of what the old one is made of, by one layer more: at a = 0
the generator is the old one, enlarged, and at a = 1 the old last layer has no part.

Differs from the paper: the new layers are like those beside them, with their kernels, norm and initial weights; real images
are not blurred meanwhile.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from .data.checks import check_integer
from .layers.fade_in import FadeIn

if TYPE_CHECKING:
    from .base import Game

# What a stage of a network ends before, seen from its end.
_BOUNDS = (layers.Conv2D, layers.Conv2DTranspose, layers.Dense, layers.Flatten, layers.Reshape, layers.Cropping2D)


def grown(gan: "Game", fade_rounds: int) -> "Game":
    """A model for images of twice the height and width, which begins as the old one, enlarged.

    Args:
        gan: a model of the DCGAN family (`DCGAN`, `LSGAN`, `WGANGP`, `SNGAN` ...) without classes. It is left as it is.
        fade_rounds: rounds over which the new layers are faded in.

    Returns:
        A model of the same class, options and optimizers, the latter without their moments. Its networks are arguments of
        its own, so that it is saved, and grows again, as any other.

    Raises:
        ValueError: another kind of model, or one that is still growing.
    """
    check_integer(fade_rounds, "fade_rounds", 1)
    if getattr(gan, "image_shape", None) is None or gan.conditions():
        raise _refused(gan, "one of other data, or of classes")
    if further := set(gan.network_names) - {"generator", "discriminator"}:
        raise _refused(
            gan, f"which has another network ({', '.join(sorted(further))}), that would not fit the larger images"
        )
    height, width, channels = gan.image_shape
    larger = type(gan)(
        **gan.get_config()
        | {
            "image_shape": (2 * height, 2 * width, channels),
            "generator": _grown_generator(gan, fade_rounds),
            "discriminator": _grown_discriminator(gan, fade_rounds),
        }
    )
    larger.compile_from_config(gan.get_compile_config())
    return larger


def _grown_generator(gan, steps):
    network = _settled(gan.generator)
    (old,) = network.outputs
    ending = list(_before(old))
    head = ending.pop()
    if not isinstance(head, layers.Conv2DTranspose) or head.strides != (2, 2):
        raise _refused(gan, f"a generator that ends in {type(head).__name__}")
    *stage, _ = _before(head.input)
    size = f"{2 * old.shape[1]}x{2 * old.shape[2]}"
    dtype = stage[0].get_config()["dtype"] if stage else head.get_config()["dtype"]
    x = _like(head, f"before_{size}", filters=max(head.input.shape[-1] // 2, 1), dtype=dtype)(head.input)
    excess = tuple((0, 2 * before - side) for before, side in zip(head.input.shape[1:3], old.shape[1:3], strict=True))
    if any(map(any, excess)):
        x = layers.Cropping2D(excess, name=f"before_{size}_crop")(x)
    for layer in reversed(stage):
        x = _like(layer, f"before_{size}_{type(layer).__name__.lower()}")(x)
    x = _like(head, f"up_{size}")(x)
    for layer in reversed(ending):
        if not isinstance(layer, layers.Cropping2D):
            x = _like(layer, f"{size}_{type(layer).__name__.lower()}")(x)
    up = layers.UpSampling2D(2, dtype="float32", name=f"twice_{size}")(old)
    return keras.Model(network.inputs, FadeIn(steps, dtype="float32", name=f"fade_{size}")([up, x]), name=network.name)


def _grown_discriminator(gan, steps):
    network = _settled(gan.discriminator)
    first, *rest = (layer for layer in network.layers if not isinstance(layer, layers.InputLayer))
    if not isinstance(first, layers.Conv2D) or first.strides != (2, 2):
        raise _refused(gan, f"a discriminator that begins with {type(first).__name__}")
    height, width, channels = network.inputs[0].shape[1:]
    images = keras.Input((2 * height, 2 * width, channels), name=f"images_{2 * height}x{2 * width}")
    size = f"{2 * height}x{2 * width}"
    old, new = first(layers.AveragePooling2D(2, name=f"half_{size}")(images)), images
    stage = []
    while not isinstance(rest[0], _BOUNDS):
        stage.append(rest.pop(0))
        old = stage[-1](old)
    for i, filters in enumerate((max(first.filters // 2, 1), first.filters)):
        new = _like(first, f"from_{size}_{i}", filters=filters)(new)
        for layer in stage:
            new = _like(layer, f"from_{size}_{i}_{type(layer).__name__.lower()}")(new)
    x = FadeIn(steps, name=f"fade_{size}")([old, new])
    for layer in rest:
        x = layer(x)
    return keras.Model(images, x, name=network.name)


def _settled(network):
    """A copy of a network, without what an earlier growth has faded out."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    fade = next((layer for layer in copy.layers if isinstance(layer, FadeIn)), None)
    if fade is None:
        return copy
    seen = float(keras.ops.convert_to_numpy(fade.seen))
    if seen < fade.steps:
        raise ValueError(
            f"A model must have trained until its last growth is faded in, before it grows again. Received: {seen:.0f} of "
            f"{fade.steps} rounds in the {network.name}. Train on."
        )
    _, x = fade._inbound_nodes[0].input_tensors
    for layer in copy.layers[copy.layers.index(fade) + 1 :]:
        x = layer(x)
    return keras.Model(copy.inputs, x, name=network.name)


def _before(tensor: Any) -> Iterator[keras.Operation]:
    """The layers that have made a tensor, from the last one to that of `_BOUNDS` which begins their stage."""
    while True:
        layer, index, _ = tensor._keras_history
        yield layer
        tensors = layer._inbound_nodes[index].input_tensors
        if (isinstance(layer, _BOUNDS) and not isinstance(layer, layers.Cropping2D)) or len(tensors) != 1:
            return
        (tensor,) = tensors


def _like(layer, name, **changes):
    """A new layer with the settings of another, but for the changes."""
    return type(layer).from_config({**layer.get_config(), "name": name, **changes})


def _refused(gan, what):
    return ValueError(
        "Only models of images without classes, between convolutions of stride 2, grow. Received: "
        f"{type(gan).__name__}, {what}. Grow a DCGAN, LSGAN, WGANGP or SNGAN."
    )
