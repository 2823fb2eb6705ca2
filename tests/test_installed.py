"""What `pip install .` has put into this environment works in an empty folder, and without a network."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import keras_gan_zoo

PROGRAM = """
import json, socket, sys
from pathlib import Path

def refused(*arguments, **options):
    sys.exit("something asked for the network")

socket.socket.connect = socket.getaddrinfo = refused
import numpy as np
import keras_gan_zoo

names = [preset.name for preset in keras_gan_zoo.list_presets() if preset.bytes]
for name in names:
    gan = keras_gan_zoo.load(name)
    inputs = [field.random(np.random.default_rng(0), 8) for field in gan.inputs().values() if not field.optional]
    made = gan.generate(8, seed=0) if gan.generates else gan.translate(*inputs, seed=0)
    np.save(f"{name}.npy", gan.fields()[gan.sample].quantize(made))
print(json.dumps([keras_gan_zoo.__file__, names]))
"""


# Not asked of importlib.metadata, which would find what `pip install .` leaves behind in the repository.
INSTALLED = Path(sysconfig.get_path("purelib")) / "keras_gan_zoo"


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="the package is not installed in this environment (pip install .)")
def test_presets_of_the_installed_package(tmp_path):
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    file, names = json.loads(done.stdout.splitlines()[-1])
    assert Path(file).parent == INSTALLED
    assert names == [preset.name for preset in keras_gan_zoo.list_presets() if preset.bytes]
    for name in names:
        gan = keras_gan_zoo.load(name)
        inputs = [field.random(np.random.default_rng(0), 8) for field in gan.inputs().values() if not field.optional]
        made = gan.generate(8, seed=0) if gan.generates else gan.translate(*inputs, seed=0)
        # As loaded here; where one process rounds a value up and another down, a step of 1 remains.
        assert abs(np.load(tmp_path / f"{name}.npy").astype(int) - gan.fields()[gan.sample].quantize(made)).max() <= 1
