"""What a discriminator knows of a sample, below its score."""

import keras
from keras import layers, tree


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


def with_features(discriminator: keras.Model, before_score: keras.layers.Layer | None = None) -> keras.Model:
    """A discriminator that gives the features below its score too.

    Args:
        discriminator: of the zoo, which ends in a layer "score".
        before_score: a layer between features and score, or None.

    Returns:
        Model, the same inputs -> [scores (batch, 1), features (batch, n) as float32].
    """
    head = discriminator.get_layer("score")
    features = layers.Identity(dtype="float32", name="features")(head.input)
    scored = features if before_score is None else before_score(features)
    scores = type(head).from_config(head.get_config())(scored)
    return keras.Model(discriminator.inputs, [scores, features], name=discriminator.name)
