"""Distances between images in the layers of a network, LPIPS among them, and the diversity of images by them."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_gan_zoo.backend import full_float32, predicted
from keras_gan_zoo.metrics.classifier import Classifier
from keras_gan_zoo.metrics.features.weight_files import read_arrays
from keras_gan_zoo.metrics.images import to_uint8
from keras_gan_zoo.metrics.records import Record, record_of
from keras_gan_zoo.metrics.similarity import checked_images, mean_over_pairs

# Convolutions (filters, kernel, strides, padding), each with ReLU, and pools (window, strides).
VGG16 = [(64, 3, 1, 1)] * 2 + [(2, 2)] + [(128, 3, 1, 1)] * 2 + [(2, 2)] + [(256, 3, 1, 1)] * 3
VGG16 += [(2, 2)] + [(512, 3, 1, 1)] * 3 + [(2, 2)] + [(512, 3, 1, 1)] * 3
ALEXNET = [(64, 11, 4, 2), (3, 2), (192, 5, 1, 2), (3, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)]
# Name: (layers, convolutions whose outputs are compared, shortest side, files of the backbone and of the linear weights).
BACKBONES = {
    "vgg16": (VGG16, (1, 3, 6, 9, 12), 16, ("vgg16-397923af.pth", "vgg.pth")),
    "alexnet": (ALEXNET, (0, 1, 2, 3, 4), 31, ("alexnet-owt-7be5be79.pth", "alex.pth")),
}
# Statistics of ImageNet, for images in [-1, 1].
SHIFT = np.array([-0.030, -0.088, -0.188], "float32")
SCALE = np.array([0.458, 0.448, 0.450], "float32")


class PerceptualDistance:
    """Distance between images in the layers of a network that you bring. It is not LPIPS: the numbers do not compare.

        u_l(x)  = f_l(x) / |f_l(x)|
        d(x, y) = sum over layers l of  mean over positions of  w_l . (u_l(x) - u_l(y))^2

    with feature maps f_l, the norm over the channels at each position, and weights w = 1.

    Args:
        features: float32 images (n, height, width, channels) in [-1, 1] -> feature maps (n, h, w, c), a list with one
            for each layer: a Keras model with those outputs, or any function. It must be the same for equal inputs.
        name: of the network; "not-lpips:" is put before it, so that no record can pass the number off as LPIPS.
        sha256: of the network's weights, for records.
    """

    resizer = "none"
    dtype = "float32"

    def __init__(self, features: Callable[[np.ndarray], Sequence[Any]], name: str, sha256: str = "none"):
        self.name = f"not-lpips:{name}"
        self.sha256 = sha256
        self._features = features
        self._weights = None

    @classmethod
    def of_classifier(cls, classifier: Classifier) -> "PerceptualDistance":
        """The distance in the convolutions, after ReLU, of a classifier of 28 x 28 gray images."""
        network = classifier.model
        outputs = [layer.output for layer in network.layers if isinstance(layer, layers.ReLU)]
        maps = keras.Model(network.inputs, outputs)
        return cls(lambda images: predicted(maps, (images + 1.0) * 127.5), classifier.name, classifier.sha256)

    def __call__(self, a: np.ndarray, b: np.ndarray, batch_size: int = 50) -> np.ndarray:
        """Distance of each image of `a` to that of `b`, float64 (n,), 0 or more.

        The network runs in float32, all else in float64.

        Args:
            a, b: (n, height, width, channels) of one shape, uint8 in [0, 255]; or floats in [-1, 1], which stay floats.
            batch_size: images per call of the network.

        Raises:
            TypeError: neither float nor uint8.
            ValueError: shapes that differ or that the network does not take; values out of range or not finite.
        """
        a, b = self._prepared(a, "a"), self._prepared(b, "b")
        if a.shape != b.shape:
            raise ValueError(f"a and b must have one shape. Received: {a.shape} and {b.shape}.")
        parts = [slice(i, i + batch_size) for i in range(0, len(a), batch_size)]
        return np.concatenate([self._distance(self._maps(a[part]), self._maps(b[part])) for part in parts])

    def _prepared(self, images, name):
        images = np.asarray(images)
        if images.dtype.kind != "f":
            return checked_images(images, name).astype("float32") / 127.5 - 1.0
        if images.ndim != 4 or not images.size:
            raise ValueError(f"{name} must have the shape (n, height, width, channels), no 0. Received: {images.shape}.")
        # For its checks of the range alone: floats in [0, 1] or [0, 255] would give a wrong number.
        to_uint8(images)
        return images.astype("float32")

    def _maps(self, images):
        with full_float32():
            maps = self._features(images)
        # A Keras model of one output gives no list.
        maps = maps if isinstance(maps, list | tuple) else [maps]
        return [np.asarray(keras.ops.convert_to_numpy(layer), "float64") for layer in maps]

    def _distance(self, a, b):
        total = 0.0
        for layer, (x, y) in enumerate(zip(a, b, strict=True)):
            difference = np.square(_unit(x) - _unit(y))
            # A vector of ones sums in the order that weights do.
            weights = np.ones(difference.shape[-1]) if self._weights is None else self._weights[layer]
            total += (difference @ weights).mean(axis=(1, 2))
        if not np.isfinite(total).all():
            raise ValueError(f"The features of {self.name} must be finite. Received: NaN or infinity. Fix: check weights.")
        return total


class LPIPS(PerceptualDistance):
    """LPIPS 0.1 (Zhang et al., 2018, https://arxiv.org/abs/1801.03924), from weights in local files.

    The distance of `PerceptualDistance` in VGG16 or AlexNet, trained on ImageNet, with weights w that were fitted to human
    judgment. Images in [-1, 1] are scaled to ImageNet's statistics, (x - shift) / scale, and are not resized: authors
    resize by different rules, and the value depends on the size. Gray images are repeated to three channels.

    Args:
        weights: one or several files which together hold the backbone's convolutions under torchvision's names
            (`features.0.weight` in OIHW order, `features.0.bias` ...) and the linear weights as `lin0.model.1.weight` to
            `lin4.model.1.weight`, (1, channels, 1, 1). Each is an .npz or .safetensors, as
            `keras_gan_zoo.conversion` makes them of the downloads.
        backbone: "vgg16" (path lengths; sides of 16 or more) or "alexnet" (the authors' default for judging images; 31 or
            more).

    Raises:
        FileNotFoundError: a file that is not there; says where to get it.
        ValueError: an unknown backbone, or weights that are missing or have another shape or sign.
    """

    def __init__(self, weights: str | Path | Sequence[str | Path], backbone: str = "vgg16"):
        if backbone not in BACKBONES:
            raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}. Received: backbone={backbone!r}.")
        plan, compared, self._shortest, files = BACKBONES[backbone]
        paths = [Path(path) for path in ([weights] if isinstance(weights, str | Path) else weights)]
        arrays, digest = {}, hashlib.sha256()
        for path in paths:
            arrays |= read_arrays(path, _how_to_get(backbone, *files))
            digest.update(path.read_bytes())
        network = _network(plan, compared)
        # torchvision numbers ReLUs and pools too, so the convolutions are those numbers that have weights.
        numbers = sorted(int(key.split(".")[1]) for key in arrays if key.startswith("features.") and key.endswith(".weight"))
        loaded = []
        for n in numbers:
            loaded += [arrays[f"features.{n}.weight"].transpose(2, 3, 1, 0), arrays[f"features.{n}.bias"]]
        expected = network.get_weights()
        if [weight.shape for weight in loaded] != [weight.shape for weight in expected]:
            raise ValueError(
                f"weights must hold the convolutions of the backbone; {backbone} has {len(expected) // 2}. Received: "
                f"{len(numbers)}, or their shapes differ. Fix: pass what {files[0]} was converted to."
            )
        network.set_weights(loaded)
        self._weights = []
        for i, output in enumerate(network.outputs):
            weight, channels = arrays.get(f"lin{i}.model.1.weight"), output.shape[-1]
            if weight is None or weight.size != channels or not (weight >= 0).all():
                raise ValueError(
                    f"lin{i}.model.1.weight must be {channels} numbers, 0 or more. Received: "
                    f"{'none' if weight is None else weight.shape}. Fix: pass {files[1]} too, of LPIPS 0.1, converted."
                )
            self._weights.append(weight.astype("float64").ravel())
        self.name = f"lpips-0.1-{backbone}"
        self.sha256 = digest.hexdigest()
        self._features = lambda images: predicted(network, (images - SHIFT) / SCALE)

    def _prepared(self, images, name):
        images = super()._prepared(images, name)
        if images.shape[3] not in (1, 3) or min(images.shape[1:3]) < self._shortest:
            raise ValueError(
                f"Images of {self.name} must have 1 or 3 channels and sides of {self._shortest} or more. Received: {name} "
                f"of {images.shape}."
            )
        return images.repeat(3, axis=3) if images.shape[3] == 1 else images


def check_distance(distance: Any) -> None:
    """Raises a TypeError for what has no name and hash for records."""
    if not isinstance(distance, PerceptualDistance):
        raise TypeError(
            f"distance must be LPIPS or a PerceptualDistance. Received: {type(distance).__name__}. Fix: "
            "PerceptualDistance(features, name), with the function or Keras model that gives the layers."
        )


def perceptual_distance(a: np.ndarray, b: np.ndarray, distance: PerceptualDistance) -> Record:
    """Mean distance of each image of `a` to that of `b`: of restorations to what they restore.

    Args:
        a, b: uint8 (n, height, width, channels) of one shape; `b` are the real images.
        distance: `LPIPS`, or a `PerceptualDistance`, with which it is no LPIPS.

    Raises:
        TypeError, ValueError: as the distance.
    """
    check_distance(distance)
    values = distance(checked_images(a, "a"), checked_images(b, "b"))
    return record_of(float(values.mean()), "perceptual_distance", distance, len(values), n_real=len(values))


def perceptual_diversity(
    images: np.ndarray,
    distance: PerceptualDistance,
    *,
    pairs: int = 1000,
    pair_seed: int = 0,
    labels: np.ndarray | None = None,
    seed: int | Sequence[int] | None = None,
) -> Record:
    """Mean distance of random pairs of distinct images: the higher, the more diverse, of whatever quality.

    Args:
        images: uint8 (n, height, width, channels).
        distance: `LPIPS`, or a `PerceptualDistance`, with which it is no LPIPS.
        pairs: number of pairs, for each class where labels are given.
        pair_seed: of the choice of pairs.
        labels: integers (n,). With them, pairs are of one class.
        seed: seed or seeds of the images, for the record.

    Returns:
        A record; `details` has "standard_error", and "per_class" with labels.

    Raises:
        TypeError: images that are not uint8, or another distance.
        ValueError: fewer different pairs than asked for, or images that the distance does not take.
    """
    check_distance(distance)
    found = mean_over_pairs(checked_images(images, "images"), distance, pairs, labels, pair_seed)
    details = {"standard_error": found.standard_error, "per_class": found.per_class}
    settings = {"pairs": pairs, "pair_seed": pair_seed, "within_classes": labels is not None}
    return record_of(
        found.mean, "perceptual_diversity", distance, len(images), seed=seed, settings=settings, details=details
    )


def _unit(features):
    return features / (np.sqrt(np.square(features).sum(axis=-1, keepdims=True)) + 1e-10)


def _network(plan, compared):
    inputs = x = keras.Input((None, None, 3))
    outputs = []
    for step in plan:
        if len(step) == 2:
            x = layers.MaxPooling2D(*step, data_format="channels_last")(x)
            continue
        filters, kernel, strides, padding = step
        x = layers.ZeroPadding2D(padding, data_format="channels_last")(x)
        x = layers.Conv2D(filters, kernel, strides, activation="relu", dtype="float32", data_format="channels_last")(x)
        outputs.append(x)
    return keras.Model(inputs, [outputs[i] for i in compared])


def _how_to_get(backbone, network, linear):
    return (
        f"LPIPS needs {backbone} trained on ImageNet and linear weights. Fix: download "
        f"https://download.pytorch.org/models/{network} and "
        f"https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/{linear} (which is also inside of "
        "the PyPI package lpips), convert both by `python -m keras_gan_zoo.conversion SOURCE TARGET.npz`, and pass "
        "weights=[the one, the other]. Without them PerceptualDistance compares the layers of a network of yours; its "
        "numbers are no LPIPS."
    )
