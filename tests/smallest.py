"""The smallest game of each variant, where a test does not ask about networks: half of the layers that `tiny` has."""

import inspect

from keras_gan_zoo.models import variant_class

# They begin at 8 x 8 themselves.
_LARGER = ("began", "r3gan")


def smallest_gan(name, **arguments):
    """A tiny variant, of images of 8 x 8 where it makes images from noise."""
    variant = variant_class(name)
    if "image_shape" in inspect.signature(variant.__init__).parameters and name not in _LARGER:
        arguments = {"image_shape": (8, 8, 1), **arguments}
    return variant.tiny(**arguments)
