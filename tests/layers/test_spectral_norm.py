"""Spectral normalization: sigma against an SVD, gradients of the reparametrization, state."""

import time

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo.layers import SNConv2D, SNConv2DTranspose, SNDense

SHAPES = {"dense": (4, 64), "conv": (2, 5, 5, 8), "transpose": (2, 5, 5, 6)}
KINDS = sorted(SHAPES)


def built(kind, calls=0, **options):
    layer = {
        "dense": lambda: SNDense(32, **options),
        "conv": lambda: SNConv2D(16, 3, padding="same", **options),
        "transpose": lambda: SNConv2DTranspose(10, 3, 2, padding="same", **options),
    }[kind]()
    layer.build(SHAPES[kind])
    rng = np.random.default_rng(0)
    layer._kernel.assign(0.1 * rng.normal(size=layer._kernel.shape))
    layer.u.assign(rng.normal(size=layer.u.shape))
    x = inputs(kind)
    for _ in range(calls):
        layer(x, training=True)
    return layer


def inputs(kind, seed=1):
    return ops.convert_to_tensor(np.random.default_rng(seed).normal(size=SHAPES[kind]), "float32")


def matrix(kind, kernel):
    """The paper's matrix, (output channels, all else)."""
    kernel = ops.convert_to_numpy(kernel)
    return np.moveaxis(kernel, -2 if kind == "transpose" else -1, 0).reshape(
        kernel.shape[-2 if kind == "transpose" else -1], -1
    )


def sigma(layer):
    """What the kernel variable is divided by."""
    raw, normalized = ops.convert_to_numpy(layer._kernel), ops.convert_to_numpy(layer.kernel)
    largest = np.unravel_index(np.abs(raw).argmax(), raw.shape)
    return raw[largest] / normalized[largest]


@pytest.mark.parametrize("kind", KINDS)
def test_sigma_is_the_largest_singular_value(kind):
    layer = built(kind, calls=100)
    expected = np.linalg.svd(matrix(kind, layer._kernel), compute_uv=False)[0]
    assert sigma(layer) == pytest.approx(expected, rel=1e-5)
    assert np.linalg.svd(matrix(kind, layer.kernel), compute_uv=False)[0] == pytest.approx(1.0, abs=1e-5)
    for vector in (layer.u, layer.v):
        assert np.linalg.norm(ops.convert_to_numpy(vector)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_layer_is_normalized_before_its_first_step(kind, seed):
    keras.utils.set_random_seed(seed)
    layer = {"dense": SNDense(32), "conv": SNConv2D(16, 3), "transpose": SNConv2DTranspose(10, 3, 2)}[kind]
    layer.build(SHAPES[kind])
    expected = np.linalg.svd(matrix(kind, layer._kernel), compute_uv=False)[0]
    assert sigma(layer) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(6, 4000), (4000, 6)])
def test_long_layers_are_normalized_before_their_first_step_in_no_time(shape):
    """An eigenvalue problem of 4,000 variables takes half a minute."""
    layer = SNDense(shape[1])
    start = time.process_time()
    layer.build((None, shape[0]))
    assert time.process_time() - start < 5
    assert sigma(layer) == pytest.approx(np.linalg.norm(ops.convert_to_numpy(layer._kernel), 2), rel=1e-4)


def test_a_kernel_of_zeros_stays_one():
    layer = SNDense(3, kernel_initializer="zeros")
    outputs = layer(ops.ones((2, 4)), training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), 0.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(outputs), 0.0)


def test_a_kernel_that_starts_at_zero_is_normalized_as_soon_as_it_is_not():
    layer = SNDense(3, kernel_initializer="zeros")
    layer(ops.ones((2, 4)), training=True)
    layer._kernel.assign(np.random.default_rng(0).normal(size=(4, 3)))
    for _ in range(50):
        layer(ops.ones((2, 4)), training=True)
    assert np.linalg.svd(ops.convert_to_numpy(layer.kernel), compute_uv=False)[0] == pytest.approx(1.0, abs=1e-4)


def test_golden_sigma_after_each_round():
    layer = SNDense(2, use_bias=False)
    layer.build((1, 3))
    layer._kernel.assign(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]).T)
    layer.u.assign([1.0, 0.0])
    for expected in (2.4083189, 2.9142208, 3.1937627):
        layer(ops.ones((1, 3)), training=True)
        assert sigma(layer) == pytest.approx(expected, abs=1e-6)
    for _ in range(30):
        layer(ops.ones((1, 3)), training=True)
    assert sigma(layer) == pytest.approx(3.2713242149, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_calls_leave_the_kernel_alone_and_only_training_moves_the_vectors(kind):
    layer = built(kind, calls=1)
    before = [ops.convert_to_numpy(v).copy() for v in (layer._kernel, layer.u, layer.v)]
    first = ops.convert_to_numpy(layer(inputs(kind), training=False))
    np.testing.assert_array_equal(first, ops.convert_to_numpy(layer(inputs(kind))))
    for old, new in zip(before, (layer._kernel, layer.u, layer.v), strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(new))
    layer(inputs(kind), training=True)
    np.testing.assert_array_equal(before[0], ops.convert_to_numpy(layer._kernel))
    assert np.abs(before[1] - ops.convert_to_numpy(layer.u)).max() > 1e-4
    assert np.abs(before[2] - ops.convert_to_numpy(layer.v)).max() > 1e-4
    assert [v.path.rpartition("/")[2] for v in layer.trainable_variables] == ["kernel", "bias"]
    assert [v.path.rpartition("/")[2] for v in layer.non_trainable_variables] == ["u", "v"]


@pytest.mark.parametrize("kind", KINDS)
def test_scale_of_the_kernel_does_not_matter(kind):
    layer = built(kind, calls=3)
    first = ops.convert_to_numpy(layer(inputs(kind)))
    layer._kernel.assign(10.0 * layer._kernel)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(inputs(kind))), first, atol=2e-6)
    assert np.abs(first).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_is_that_of_the_plain_layer_with_the_divided_kernel(kind):
    layer = built(kind, calls=2)
    plain = {
        "dense": lambda: layers.Dense(32),
        "conv": lambda: layers.Conv2D(16, 3, padding="same"),
        "transpose": lambda: layers.Conv2DTranspose(10, 3, 2, padding="same"),
    }[kind]()
    plain.build(SHAPES[kind])
    plain.kernel.assign(layer._kernel / sigma(layer))
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(inputs(kind))), ops.convert_to_numpy(plain(inputs(kind))), atol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_gradient_is_orthogonal_to_the_kernel(kind, training, gradients_of):
    # keras.layers.SpectralNormalization fails this: its gradient lacks the derivative of sigma.
    layer = built(kind, calls=1 if training else 100)
    loss = lambda: ops.sum(ops.sin(3.0 * layer(inputs(kind), training=training)))  # noqa: E731
    (gradient,) = gradients_of(loss, [layer._kernel])
    kernel = ops.convert_to_numpy(layer._kernel)
    norms = np.linalg.norm(gradient) * np.linalg.norm(kernel)
    assert norms > 1e-3
    assert abs((gradient * kernel).sum()) < 1e-5 * norms


def test_gradient_is_that_of_the_division_by_the_exact_sigma(gradients_of):
    # At converged vectors the layer is W -> W / sigma_1(W); central differences of it, in float64, by an SVD.
    layer = built("dense", calls=200)
    x, bias = ops.convert_to_numpy(inputs("dense")).astype("float64"), ops.convert_to_numpy(layer.bias)
    (gradient,) = gradients_of(lambda: ops.sum(ops.sin(3.0 * layer(inputs("dense")))), [layer._kernel])
    kernel = ops.convert_to_numpy(layer._kernel).astype("float64")

    def loss(kernel):
        return np.sin(3.0 * (x @ (kernel / np.linalg.svd(kernel, compute_uv=False)[0]) + bias)).sum()

    rng, errors, differences = np.random.default_rng(3), [], []
    for _ in range(20):
        step = np.zeros_like(kernel)
        index = tuple(rng.integers(0, size) for size in kernel.shape)
        step[index] = 1e-6
        differences.append((loss(kernel + step) - loss(kernel - step)) / 2e-6)
        errors.append(gradient[index] - differences[-1])
    assert np.abs(errors).max() < 1e-4 * np.abs(differences).max()


def test_a_chain_of_normalized_layers_is_1_lipschitz():
    chain = keras.Sequential([keras.Input((8,)), SNDense(32, activation="relu"), SNDense(32, activation="relu"), SNDense(1)])
    rng = np.random.default_rng(4)
    for weight in chain.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    for _ in range(60):
        chain(ops.ones((1, 8)), training=True)
    x, y = rng.normal(size=(2, 1000, 8)).astype("float32")
    ratio = np.abs(ops.convert_to_numpy(chain(x) - chain(y)))[:, 0] / np.linalg.norm(x - y, axis=1)
    assert ratio.max() <= 1.0 + 1e-4
    assert ratio.max() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_saved_and_loaded(kind, tmp_path):
    layer = built(kind, calls=2)
    model = keras.Sequential([keras.Input(SHAPES[kind][1:]), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is type(layer)
    for old, new in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(old), ops.convert_to_numpy(new))
    np.testing.assert_array_equal(ops.convert_to_numpy(model(inputs(kind))), ops.convert_to_numpy(loaded(inputs(kind))))
    model.save_weights(tmp_path / "model.weights.h5")
    layer._kernel.assign(0.0 * layer._kernel)
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(ops.convert_to_numpy(layer._kernel), ops.convert_to_numpy(loaded.layers[0]._kernel))


def test_reduced_precision_iterates_in_float32():
    layer = built("conv", calls=2, dtype="mixed_bfloat16")
    reference = built("conv", calls=2)
    output = layer(inputs("conv"))
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {layer.u.dtype, layer.v.dtype} == {"float32"}
    np.testing.assert_allclose(ops.convert_to_numpy(layer.u), ops.convert_to_numpy(reference.u), atol=3e-3)
    expected = ops.convert_to_numpy(reference(inputs("conv")))
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(output, "float32")), expected, atol=0.03 * np.abs(expected).max()
    )
