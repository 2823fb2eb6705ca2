"""The Inception network of the Fréchet inception distance (TensorFlow graph of 2015-12-05), up to 2048 pool features.

    features(x) = mean over 8 x 8 positions of trunk((resize(x) - 128) / 128)
    logits(x)   = W features(x),   1008 classes

This is neither `keras.applications.InceptionV3` nor torchvision's network: other weights, other paddings, another input
range. Numbers from those are not comparable with published FIDs.

Sources: Szegedy et al., 2015 (https://arxiv.org/abs/1512.00567) for the network; Heusel et al., 2017
(https://arxiv.org/abs/1706.08500) for its use; torch-fidelity's `feature_extractor_inceptionv3.py` for the blocks and
two oddities (average pools leave the padding out, the last block pools by maximum). How close it comes to theirs is measured
in benchmarks/PRECISION.md.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from keras_gan_zoo.backend import predicted
from keras_gan_zoo.metrics.features.base import Extractor
from keras_gan_zoo.metrics.features.resize import RESIZERS
from keras_gan_zoo.metrics.features.weight_files import LOGITS, PARTS, find_weights, hash_of, read_arrays, where_to_get_it

SIZE = 299
BATCH_NORM_EPSILON = 1e-3


class InceptionFeatures(Extractor):
    """uint8 images -> pool features of the FID Inception network, and its logits where the weights have them.

    Gray images are repeated to three channels. Images of any size are resized to 299 x 299, up or down. The logits are those
    of the Inception Score, W f, which leave the bias out. Resizing, input scaling and the final mean are in float32 in any
    dtype.

    Args:
        path: weights, see `weight_files`; None finds or downloads them.
        dtype: Keras dtype policy of the convolutions; "float32" is the reference.
        resizer: "legacy" (TensorFlow 1's bilinear, of the original FID and torch-fidelity) or "clean" (Pillow's smoothed
            bicubic, of clean-fid). Numbers of one do not compare with numbers of the other.
    """

    name = "inception-2015-12-05"

    def __init__(self, path: str | Path | None = None, dtype: str = "float32", resizer: str = "legacy"):
        if resizer not in RESIZERS:
            raise ValueError(f"resizer must be one of {', '.join(RESIZERS)}. Received: resizer={resizer!r}.")
        self.path = Path(path) if path is not None else find_weights()
        weights = read_arrays(self.path, where_to_get_it())
        self.dtype = dtype
        self.resizer, self._resize = RESIZERS[resizer]
        try:
            self.trunk = _trunk(weights, dtype)
        except KeyError as error:
            raise ValueError(
                f"{self.path} must hold the FID network of 2015-12-05. Received: no {error.args[0]}."
            ) from error
        self.sha256 = hash_of(weights)
        self.dimension = self.trunk.output_shape[-1]
        self._logits = weights[LOGITS].astype("float32").T if LOGITS in weights else None
        self.classes = None if self._logits is None else self._logits.shape[1]
        self._models = {}

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        features = predicted(self._model(images.shape[1:]), images)
        return features, None if self._logits is None else features @ self._logits

    def _model(self, shape: tuple[int, ...]) -> keras.Model:
        # One model per image size, so that resizing is compiled together with the network and runs on its device.
        if shape not in self._models:
            inputs = keras.Input(shape, dtype="uint8")
            x = self._resize(ops.cast(inputs, "float32"), SIZE, SIZE)
            x = (x - 128.0) / 128.0
            if shape[-1] == 1:
                x = ops.repeat(x, 3, axis=-1)
            self._models[shape] = keras.Model(inputs, self.trunk(x))
        return self._models[shape]


def _trunk(weights: dict[str, np.ndarray], dtype: str) -> keras.Model:
    """The network from scaled images (n, 299, 299, 3) to pool features. Its widths are those of the weights."""
    folded, common = {}, {"dtype": dtype, "data_format": "channels_last"}

    def conv(x, name, strides=1, padding="same"):
        weight, beta, mean, var = (weights[f"{name}.{part}"] for part in PARTS)
        # Batch norm with fixed statistics is affine, so it folds into the convolution: y = s (W * x) + (beta - s mean).
        # In float64, to cost no more than one rounding.
        scale = 1.0 / np.sqrt(var.astype("float64") + BATCH_NORM_EPSILON)
        folded[name] = weight.transpose(2, 3, 1, 0) * scale, beta - mean * scale
        options = {"activation": "relu", "kernel_initializer": "zeros", "name": name.replace(".", "_"), **common}
        return layers.Conv2D(weight.shape[0], weight.shape[2:], strides, padding, **options)(x)

    def chain(x, name, count, **last):
        """`count` convolutions in a row: name, name_1, name_2 ...; `last` are the options of the final one."""
        for i in range(count):
            x = conv(x, f"{name}_{i}" if i else name, **(last if i == count - 1 else {}))
        return x

    def pool(x, kind, strides=1, padding="same"):
        cls = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}[kind]
        return cls(3, strides, padding, **common)(x)

    def join(*branches):
        return layers.Concatenate(dtype=dtype)(branches)

    def fork(x, name):
        return [conv(x, f"{name}_mixed_conv"), conv(x, f"{name}_mixed_conv_1")]

    down = {"strides": 2, "padding": "valid"}
    inputs = keras.Input((SIZE, SIZE, 3), dtype="float32")
    x = conv(inputs, "conv", **down)
    x = conv(x, "conv_1", padding="valid")
    x = conv(x, "conv_2")
    x = pool(x, "max", **down)
    x = conv(x, "conv_3", padding="valid")
    x = conv(x, "conv_4", padding="valid")
    x = pool(x, "max", **down)
    for b in ("mixed", "mixed_1", "mixed_2"):  # 35 x 35
        x = join(
            conv(x, f"{b}.conv"),
            chain(x, f"{b}.tower.conv", 2),
            chain(x, f"{b}.tower_1.conv", 3),
            conv(pool(x, "average"), f"{b}.tower_2.conv"),
        )
    x = join(conv(x, "mixed_3.conv", **down), chain(x, "mixed_3.tower.conv", 3, **down), pool(x, "max", **down))
    for b in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):  # 17 x 17
        x = join(
            conv(x, f"{b}.conv"),
            chain(x, f"{b}.tower.conv", 3),
            chain(x, f"{b}.tower_1.conv", 5),
            conv(pool(x, "average"), f"{b}.tower_2.conv"),
        )
    x = join(
        chain(x, "mixed_8.tower.conv", 2, **down),
        chain(x, "mixed_8.tower_1.conv", 4, **down),
        pool(x, "max", **down),
    )
    for b, kind in (("mixed_9", "average"), ("mixed_10", "max")):  # 8 x 8
        x = join(
            conv(x, f"{b}.conv"),
            *fork(conv(x, f"{b}.tower_conv"), f"{b}.tower"),
            *fork(chain(x, f"{b}.tower_1_conv", 2), f"{b}.tower_1"),
            conv(pool(x, kind), f"{b}.tower_2_conv"),
        )
    x = layers.GlobalAveragePooling2D(dtype="float32", data_format="channels_last")(x)
    model = keras.Model(inputs, x)
    for name, arrays in folded.items():
        model.get_layer(name.replace(".", "_")).set_weights(arrays)
    return model
