"""Networks of the metrics compute in float32 also where a backend would cut it short on an accelerator."""

import importlib

import numpy as np
import pytest

from keras_gan_zoo.metrics import PerceptualDistance
from keras_gan_zoo.metrics.features import feature_extractor


def shortcuts_on_tensorflow():
    import tensorflow as tf

    return tf.config.experimental.tensor_float_32_execution_enabled()


def shortcuts_on_jax():
    import jax

    return "HIGHEST" not in str(jax.make_jaxpr(lambda x: x @ x)(np.zeros((2, 2), "float32")))


def shortcuts_on_torch():
    import torch

    return {torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision} != {"ieee"}


SHORTCUTS = {"tensorflow": shortcuts_on_tensorflow, "jax": shortcuts_on_jax, "torch": shortcuts_on_torch}


@pytest.mark.parametrize("backend", SHORTCUTS)
def test_the_context_takes_the_shortcuts_away_and_gives_them_back(backend):
    pytest.importorskip(backend)
    full_float32 = importlib.import_module(f"keras_gan_zoo.backend.{backend}").full_float32
    shortcuts = SHORTCUTS[backend]
    assert shortcuts()
    with full_float32():
        assert not shortcuts()
    assert shortcuts()
    with pytest.raises(ZeroDivisionError), full_float32():
        raise ZeroDivisionError
    assert shortcuts()


def test_networks_of_the_metrics_run_in_it():
    import keras

    shortcuts, seen = SHORTCUTS[keras.backend.backend()], []

    def function(images):
        seen.append(shortcuts())
        return images.reshape(len(images), -1).astype("float32")

    images = np.zeros((3, 2, 2, 1), "uint8")
    feature_extractor(function, name="pixels", dimension=4).features(images)
    PerceptualDistance(lambda x: function(x).reshape(x.shape), "pixels")(images, images)
    assert seen == [False, False, False]
