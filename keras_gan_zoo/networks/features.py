"""Discriminators that also say what their scores are made of."""

import keras
from keras import layers


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
