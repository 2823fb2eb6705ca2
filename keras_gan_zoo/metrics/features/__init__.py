"""Feature extractors by name, and the weights of those small enough to be shipped."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_gan_zoo.metrics.features.base import Extractor

CLASSIFIERS = ("mnist", "fashion_mnist")


def extractor_of(which: Any) -> Any:
    """An extractor, or None, as it is; `feature_extractor` of what else stands for one, such as the name "mnist"."""
    return which if which is None or hasattr(which, "extract") else feature_extractor(which)


def feature_extractor(
    which: "str | Extractor | Callable[..., Any]" = "inception",
    *,
    weights: str | Path | None = None,
    resizer: str = "legacy",
    dtype: str = "float32",
    **custom: Any,
) -> "Extractor":
    """What turns images into features.

    Args:
        which: "inception" (the FID network of 2015-12-05), "mnist" or "fashion_mnist" (shipped classifiers of 28 x 28 gray
            images), a Keras model, a function, or an extractor, which is returned as it is.
        weights: file of the Inception network, .npz or .safetensors; `keras_gan_zoo.conversion` makes them of others. None
            takes the file that the environment variable KERAS_GAN_ZOO_INCEPTION names, or the one in the Keras cache, or
            downloads it there.
        resizer: for Inception, "legacy" or "clean".
        dtype: for Inception, "float32" or, for quick estimates, "mixed_bfloat16".
        **custom: for a Keras model or a function, the arguments of `CustomFeatures`: name, sha256, dimension.

    Raises:
        ValueError: an unknown name, or options that the extractor does not have.
        OSError: weights that are not there and cannot be downloaded.
    """
    from keras_gan_zoo.metrics.features.base import Extractor

    if which != "inception" and (weights, resizer, dtype) != (None, "legacy", "float32"):
        raise ValueError(f"weights, resizer and dtype are for 'inception'. Received: which={which!r}. Fix: leave them out.")
    if custom and not callable(which):
        raise ValueError(f"{', '.join(custom)} must go with a model or a function. Received: which={which!r}.")
    if isinstance(which, Extractor):
        return which
    if which == "inception":
        from keras_gan_zoo.metrics.features.inception import InceptionFeatures

        return InceptionFeatures(weights, dtype, resizer)
    if which in CLASSIFIERS:
        from keras_gan_zoo.metrics.classifier import Classifier

        return Classifier(which)
    if callable(which):
        from keras_gan_zoo.metrics.features.custom import CustomFeatures

        return CustomFeatures(which, **custom)
    raise ValueError(f"which must be 'inception', {', '.join(map(repr, CLASSIFIERS))} or a model. Received: {which!r}.")
