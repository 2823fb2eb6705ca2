"""In an environment that has no TensorFlow, the package lists and loads presets, generates, and trains from arrays and .npz.

The environment is a real one, made of links to the packages of this one; nothing is downloaded.
"""

import fnmatch
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import keras_gan_zoo

LEFT_OUT = ("tensorflow*", "tf2onnx*", "tensorboard*", "ai_edge*", "tf_keras*", "*keras_gan_zoo*", "_virtualenv*", "*.pth")

PROGRAM = """
import importlib.util, json, sys
from pathlib import Path
import numpy as np
import keras_gan_zoo
from keras_gan_zoo.config import parse_recipe

try:
    import tensorflow
except ImportError:
    pass
else:
    sys.exit("TensorFlow is installed here")
folder = Path(sys.argv[1])
results = {"presets": [preset.name for preset in keras_gan_zoo.list_presets()]}
gan = keras_gan_zoo.load(folder / "preset")
np.save(folder / "images.npy", gan.generate(4, seed=0))

arrays = np.load(folder / "data.npz")["images"]
before = [weight.copy() for weight in gan.generator.get_weights()]
gan.compile()
history = gan.fit(arrays, batch_size=4, epochs=1, steps_per_epoch=2, verbose=0)
results["from arrays"] = [history.history[name][0] for name in ("discriminator_loss", "generator_loss")]
results["rounds"] = int(gan.rounds)
results["moved"] = any(not np.array_equal(a, b) for a, b in zip(before, gan.generator.get_weights(), strict=True))

recipe = {
    "variant": "dcgan",
    "model": {"image_shape": [16, 16, 1], "width": 4, "latent_dim": 4},
    "data": {"source": str(folder / "data.npz")},
    "training": {"rounds": 2, "batch_size": 4, "checkpoint_rounds": 2, "sample_rounds": 2},
}
trained = keras_gan_zoo.train(parse_recipe(recipe, "the test"), folder / "run")
results["from npz"] = int(trained.rounds)
again = keras_gan_zoo.load(folder / "run" / "preset")
results["generated"] = list(again.generate(3, seed=0).shape)
import keras
results["backend"] = keras.backend.backend()
results["tensorflow"] = [name for name in sys.modules if name.split(".")[0] == "tensorflow"]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment with everything that this one has but TensorFlow and what needs it."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    packages = next((folder / "lib").glob("python*/site-packages"), folder / "Lib" / "site-packages")
    for source in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(source).iterdir():
            left_out = any(fnmatch.fnmatch(entry.name.lower(), pattern) for pattern in LEFT_OUT)
            if not left_out and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    names = ("python", "python.exe")
    return next(path for path in (folder / place / name for place in ("bin", "Scripts") for name in names) if path.exists())


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_without_tensorflow(python, small_gan, tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    gan = small_gan("dcgan", width=4)
    rng = np.random.default_rng(0)
    for variable in gan.generator.trainable_variables:
        variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
    keras_gan_zoo.save_to_preset(gan, tmp_path / "preset")
    np.savez(tmp_path / "data.npz", images=rng.integers(0, 256, (12, 16, 16, 1), dtype=np.uint8))
    paths = {"PYTHONPATH": str(Path(keras_gan_zoo.__file__).parent.parent)}
    environment = {**os.environ, **paths, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [str(python), "-c", PROGRAM, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert results["backend"] == backend and results["tensorflow"] == []
    assert "dcgan_mnist" in results["presets"]
    assert results["rounds"] == results["from npz"] == 2 and results["moved"]
    assert np.isfinite(results["from arrays"]).all() and results["generated"] == [3, 16, 16, 1]
    images = gan.generate(4, seed=0)
    assert images.std() > 0.1
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), images, atol=1e-4)
