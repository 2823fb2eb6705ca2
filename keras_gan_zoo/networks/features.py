"""What a discriminator knows of an image, below its score."""

import keras
from keras import tree


def features_of(discriminator: keras.Model) -> keras.Model | None:
    """The model from a discriminator's inputs to what its last layer with weights sees; it shares all layers.

    Returns:
        Model, inputs of the discriminator -> features (batch, ...); None where the network does not show how it is made, as
        one that is a subclass of `keras.Model` with a `call` of its own.
    """
    tensors = tree.flatten(getattr(discriminator, "outputs", None) or ())[:1]
    while len(tensors) == 1:
        operation, index, _ = tensors[0]._keras_history
        tensors = operation._inbound_nodes[index].input_tensors
        if getattr(operation, "weights", ()) and len(tensors) == 1:
            return keras.Model(discriminator.inputs, tensors[0], name="features")
    return None
