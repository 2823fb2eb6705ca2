"""A small classifier of 28 x 28 gray images that judges generators and is never trained with one.

    2 x conv 3x3, 32 - max pool - 2 x conv 3x3, 64 - max pool - max pool - dense 128 (the features) - dense 10

with batch norm and ReLU after each convolution, ReLU after the first dense layer. (Three convolutions and a mean over
all positions, which see 10 pixels at a time, stop at 96 % on MNIST.) Features of a network trained on the very data set suit
it better than Inception's; TF-GAN's `mnist_score` and the LeNet of Binkowski et al., 2018 (https://arxiv.org/abs/1801.01401)
do likewise. Numbers of different classifiers never compare, which is why the weights are shipped and hashed.

To train one on the real training split (a few minutes on a CPU):

    python -m keras_gan_zoo.metrics.classifier mnist --output mnist_classifier.npz
"""

import argparse
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_gan_zoo.backend import predicted
from keras_gan_zoo.metrics.features.base import Extractor
from keras_gan_zoo.metrics.images import to_uint8
from keras_gan_zoo.untrusted import read_npz

FEATURES = "features"
RECIPE = {"epochs": 6, "batch_size": 128, "learning_rate": 1e-3, "shift": 2, "flip": False, "dtype": "mixed_bfloat16"}
# Clothes are harder to tell apart than digits, and may be mirrored.
RECIPES = {"mnist": RECIPE, "fashion_mnist": {**RECIPE, "epochs": 14, "flip": True}}


def build(classes: int = 10, dtype: str = "float32") -> keras.Model:
    """The untrained network: images (n, 28, 28, 1) in [0, 255] -> logits (n, classes), in float32 under any dtype policy."""

    def conv(filters):
        convolution = layers.Conv2D(filters, 3, padding="same", use_bias=False, dtype=dtype, data_format="channels_last")
        # At the usual 0.99 the statistics lag by a hundred steps, which is much of a short training.
        return [convolution, layers.BatchNormalization(momentum=0.9, dtype=dtype), layers.ReLU(dtype=dtype)]

    def pool():
        return layers.MaxPooling2D(dtype=dtype, data_format="channels_last")

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 127.5, offset=-1.0),
            *conv(32),
            *conv(32),
            pool(),
            *conv(64),
            *conv(64),
            pool(),
            pool(),
            layers.Flatten(dtype=dtype),
            layers.Dense(128, activation="relu", dtype=dtype, name=FEATURES),
            layers.Dense(classes, dtype="float32", name="logits"),
        ]
    )


def prepare(model: keras.Model, steps: int, learning_rate: float, **options: Any) -> None:
    """Compile a model of logits for so many steps of Adam, whose learning rate falls to 0 along half a cosine."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), **options)


def shifted(images: np.ndarray, shift: int, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by its own random offset of up to `shift` pixels either way, filled with 0; same shape and dtype."""
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    offsets = rng.integers(0, 2 * shift + 1, (2, len(images)))
    result = np.empty_like(images)
    for dy in range(2 * shift + 1):
        for dx in range(2 * shift + 1):
            chosen = (offsets[0] == dy) & (offsets[1] == dx)
            result[chosen] = padded[chosen, dy : dy + height, dx : dx + width]
    return result


def train(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    shift: int,
    flip: bool = False,
    dtype: str = "float32",
    seed: int = 0,
) -> keras.Model:
    """Train the network of `build` by cross-entropy on uint8 images (n, 28, 28, 1) with labels, integers (n,) from 0.

    In each pass, all images are shifted at random by up to `shift` pixels, and half of them mirrored if `flip` says so.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build(int(labels.max()) + 1, dtype)
    prepare(model, epochs * -(-len(images) // batch_size), learning_rate, metrics=["accuracy"])
    for _ in range(epochs):
        order = rng.permutation(len(images))
        moved = shifted(images[order], shift, rng)
        if flip:
            mirrored = rng.random(len(moved)) < 0.5
            moved[mirrored] = moved[mirrored][:, :, ::-1]
        model.fit(moved, labels[order], batch_size=batch_size, shuffle=False, verbose=2)
    return model


def save(model: keras.Model, path: str | Path, notes: dict) -> None:
    """Write the weights to `path` (.npz, float16, no pickle), and `notes` with their sha256 to the .json beside it."""
    path = Path(path)
    # Numbered, because layer names change with what else a process has built.
    np.savez(path, **{f"{i:02}": weight.astype("float16") for i, weight in enumerate(model.get_weights())})
    notes = {**notes, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(notes, indent=2) + "\n")


class Classifier(Extractor):
    """A trained classifier, read from a file. It is an extractor too: its 128 features can stand in for Inception's.

    Args:
        path: .npz file as written by `save`, or the name of a shipped classifier ("mnist").
    """

    def __init__(self, path: str | Path):
        shipped = Path(__file__).parent / "features" / f"{path}_classifier.npz"
        self.path = shipped if shipped.is_file() else Path(path)
        if not self.path.is_file():
            names = sorted(p.name.removesuffix("_classifier.npz") for p in shipped.parent.glob("*_classifier.npz"))
            raise FileNotFoundError(f"The classifier must be {', '.join(names) or 'none'} or a file. Received: {path}.")
        self.name = self.path.stem
        self.sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        notes = self.path.with_suffix(".json")
        self.notes = json.loads(notes.read_text()) if notes.is_file() else {}
        if self.notes.get("sha256", self.sha256) != self.sha256:
            raise ValueError(f"{self.path} must be the file that {notes.name} describes. Received: sha256={self.sha256}.")
        try:
            arrays, _ = read_npz(self.path)
            weights = [arrays[key].astype("float32") for key in sorted(arrays)]
        except ValueError as error:
            raise ValueError(f"{self.path} must hold the weights of a classifier. Received: {error}.") from error
        self.classes = len(weights[-1])
        self.dimension = len(weights[-2])
        self.model = build(self.classes)
        self.model.set_weights(weights)
        self._both = keras.Model(self.model.inputs, [self.model.get_layer(FEATURES).output, *self.model.outputs])

    def check(self, images: np.ndarray) -> None:
        if images.ndim != 4 or images.shape[1:] != (28, 28, 1):
            raise ValueError(f"images must have the shape (n, 28, 28, 1). Received: {images.shape}.")

    def extract(self, images: np.ndarray, batch_size: int = 500) -> tuple[np.ndarray, np.ndarray]:
        """Features and logits; floats in [-1, 1] are quantized first. See `Extractor.extract`."""
        return super().extract(to_uint8(images), batch_size)

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(predicted(self._both, images.astype("float32")))


def main(arguments: list[str] | None = None) -> None:
    """Command line: train on a TFDS data set, save, measure the saved file on the test split."""
    parser = argparse.ArgumentParser(prog="python -m keras_gan_zoo.metrics.classifier", description=main.__doc__)
    parser.add_argument("dataset", help="TFDS name of a set of 28 x 28 gray images: mnist, fashion_mnist ...")
    parser.add_argument("--output", required=True, type=Path, help=".npz file to write; a .json goes beside it")
    parser.add_argument("--data-dir", help="TFDS folder")
    parser.add_argument("--epochs", type=int, help="by default those of the data set's recipe")
    parser.add_argument("--dtype", help="by default that of the data set's recipe")
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args(arguments)

    import tensorflow_datasets as tfds

    def split(name):
        data = tfds.load(options.dataset, split=name, data_dir=options.data_dir, batch_size=-1)
        return [np.asarray(data[key]) for key in ("image", "label")]

    given = {"epochs": options.epochs, "dtype": options.dtype, "seed": options.seed}
    recipe = RECIPES.get(options.dataset, RECIPE) | {key: value for key, value in given.items() if value is not None}
    notes = {
        "dataset": options.dataset,
        "recipe": recipe,
        "versions": {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__},
        "backend": keras.backend.backend(),
    }
    save(train(*split("train"), **recipe), options.output, notes)
    # Measured on what was written, so that float16 rounding is in the number.
    images, labels = split("test")
    accuracy = float((Classifier(options.output).probabilities(images).argmax(axis=1) == labels).mean())
    file = options.output.with_suffix(".json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "test_accuracy": accuracy}, indent=2) + "\n")
    print(f"{options.output}: test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
