"""Exported generators give the images that the model gives, without this library.

The batch axis must stay free, so each is asked for a number of images that it was not exported with.
"""

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="these formats are written by TensorFlow")

VARIANTS = ("dcgan", "cgan")


@pytest.fixture(scope="module", params=VARIANTS)
def exported(request, small_gan):
    """(model, inputs for 5 images as NumPy arrays, the images)."""
    gan = small_gan(request.param, (16, 16, 3))
    rng = np.random.default_rng(0)
    for variable in gan.generator.trainable_variables:
        # At their initialization the kernels are so small that a generator of zeros would pass.
        variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
    inputs = {"latents": gan.latents(5, seed=0)}
    if request.param == "cgan":
        inputs["labels"] = np.array([0, 1, 2, 1, 0], "int32")
    images = gan.generate(5, **inputs)
    assert images.std() > 0.1 and abs(images[0] - images[1]).max() > 0.1
    return gan, tuple(inputs.values()), images


def test_saved_model(exported, tmp_path):
    import tensorflow as tf

    gan, inputs, images = exported
    gan.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model")
    tensors = [tf.constant(part) for part in inputs]
    result = served.serve(tensors if len(tensors) > 1 else tensors[0])
    np.testing.assert_allclose(result.numpy(), images, atol=1e-4)


@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_onnx(exported, tmp_path):
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed (pip install keras_gan_zoo[export])")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (pip install keras_gan_zoo[export])")
    gan, inputs, images = exported
    gan.export(str(tmp_path / "model.onnx"), format="onnx")
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["latents", "labels"][: len(inputs)]
    (result,) = session.run(None, dict(zip(("latents", "labels"), inputs, strict=False)))
    np.testing.assert_allclose(result, images, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_litert(exported, tmp_path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    gan, inputs, images = exported
    gan.export(str(tmp_path / "model.tflite"), format="litert")
    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    by_name = dict(zip(("latents", "labels"), inputs, strict=False))
    details = {next(name for name in by_name if name in entry["name"]): entry for entry in interpreter.get_input_details()}
    assert set(details) == set(by_name)
    for name, entry in details.items():
        interpreter.resize_tensor_input(entry["index"], by_name[name].shape)
    interpreter.allocate_tensors()
    for name, entry in details.items():
        interpreter.set_tensor(entry["index"], by_name[name].astype(entry["dtype"]))
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(result, images, atol=1e-4)


def test_the_average_is_what_is_exported(small_gan, tmp_path):
    import tensorflow as tf

    gan = small_gan("dcgan", ema_half_life=100)
    for weight in gan.average_generator.weights:
        weight.assign(weight + 0.3)
    latents = gan.latents(3, seed=0)
    gan.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model")
    result = served.serve(tf.constant(latents)).numpy()
    np.testing.assert_allclose(result, gan.generate(len(latents), latents=latents), atol=1e-4)
    assert abs(result - keras.ops.convert_to_numpy(gan.generator(latents, training=False))).max() > 0.1


@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
@pytest.mark.parametrize("half_life", [0, 100])
def test_a_model_that_was_never_called_is_exported(half_life, small_gan, tmp_path):
    """Keras's ONNX exporter asks for a call before it; nobody else should have to know."""
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed (pip install keras_gan_zoo[export])")
    small_gan("dcgan", ema_half_life=half_life).export(str(tmp_path / "model.onnx"), format="onnx")
    assert (tmp_path / "model.onnx").stat().st_size > 1000
