"""What devices that share each batch cannot do as one would with all of it."""

from typing import Any

import keras

from .wiring import is_of_the_zoo, layers_of, mixes

# Layers of Keras that know of no other device -> the zoo's, which do.
_SHARED = {"BatchNormalization": "BatchNorm", "Dropout": "Dropout", "GaussianNoise": "GaussianNoise"}


def refuse_sharing(gan: Any, batch_size: int) -> None:
    """Refuses batches that do not divide among `gan.sharers`, players that wait, and layers for which a part is the whole.

    Raises:
        ValueError: it names what cannot be shared, and what can.
    """
    multiple = gan.sharers * gan.batch_multiple
    if gan.sharers > 1 and batch_size % multiple:
        less = batch_size // multiple * multiple
        nearest = f"{less} or {less + multiple}" if less else f"{multiple}"
        packs = f", in packs of {gan.batch_multiple}" if gan.batch_multiple > 1 else ""
        raise ValueError(
            f"batch_size must be a multiple of the {gan.sharers} devices that share each batch{packs}. Received: "
            f"batch_size={batch_size}. Fix: {nearest}."
        )
    if gan.replicas == 1:
        return
    if any(player.when for player in gan.players()):
        raise ValueError(
            f"{type(gan).__name__} must train on one device, since a player decides when it moves. Received: {gan.replicas} "
            "that share each batch. Fix: train on one of them."
        )
    for name in gan.network_names:
        for layer in layers_of(gan.network(name)):
            draws = hasattr(layer, "seed_generator") and not isinstance(layer, keras.Model)
            if not is_of_the_zoo(type(layer)) and (draws or mixes(layer)):
                kind = type(layer).__name__
                other = f"keras_gan_zoo.layers.{_SHARED[kind]} in its place, or train" if kind in _SHARED else "train"
                raise ValueError(
                    f"Each layer must do on a part of the batch what it does on all of it, where {gan.replicas} devices "
                    f"share the batch. Received: {kind} {layer.name!r} in the {name}, which "
                    f"{'draws numbers' if draws else 'has statistics'} of its part. Fix: {other} on one device."
                )
