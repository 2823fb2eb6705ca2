"""The learned map between vectors and maps."""

import keras
import numpy as np
from keras import ops

from keras_gan_zoo.layers.basis import Basis


def test_it_scales_one_way_and_sums_the_other():
    rng = np.random.default_rng(0)
    vectors, maps = rng.normal(size=(3, 5)).astype("float32"), rng.normal(size=(3, 2, 4, 5)).astype("float32")
    layer = Basis((2, 4), keras.initializers.RandomNormal(0.0, 1.0, seed=0))
    made, kernel = ops.convert_to_numpy(layer(vectors)), layer.get_weights()[0]
    assert kernel.shape == (2, 4, 5) and made.shape == layer.compute_output_shape((3, 5)) == (3, 2, 4, 5)
    np.testing.assert_allclose(made, np.einsum("bc,ijc->bijc", vectors, kernel), rtol=1e-5)
    read = ops.convert_to_numpy(layer(maps))
    assert read.shape == layer.compute_output_shape(maps.shape) == (3, 5)
    np.testing.assert_allclose(read, np.einsum("bijc,ijc->bc", maps, kernel), rtol=1e-4, atol=1e-5)
    again = Basis.from_config(layer.get_config())
    assert again.size == (2, 4) and again.initializer.stddev == 1.0
