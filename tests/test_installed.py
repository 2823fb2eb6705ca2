"""What `pip install .` has put into this environment works in an empty folder, and without a network."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import keras_gan_zoo

# Of digits from noise and from labels, of a translation, and of voxels.
NAMES = ["dcgan_mnist", "cgan_mnist", "pix2pix_facades", "gan_3d_chairs"]
PROGRAM = """
import json, socket, sys

def refused(*arguments, **options):
    sys.exit("something asked for the network")

socket.socket.connect = socket.getaddrinfo = refused
import numpy as np
import keras_gan_zoo

for name in sys.argv[1:]:
    gan = keras_gan_zoo.load(name)
    inputs = [field.random(np.random.default_rng(0), 2) for field in gan.inputs().values() if not field.optional]
    made = gan.generate(2, seed=0) if gan.generates else gan.translate(*inputs, seed=0)
    assert made.shape == (2, *gan.fields()[gan.sample].shape) and np.isfinite(made).all(), name
print(json.dumps([keras_gan_zoo.__file__, [preset.name for preset in keras_gan_zoo.list_presets() if preset.bytes]]))
"""
# Not asked of importlib.metadata, which would find what `pip install .` leaves behind in the repository.
INSTALLED = Path(sysconfig.get_path("purelib")) / "keras_gan_zoo"


def files_of(folder):
    """Path below a folder -> contents, without what Python adds."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="the package is not installed in this environment (pip install .)")
def test_the_package_is_installed_whole(tmp_path):
    """All files are those that the other tests load, so that a few presets show that they are found."""
    package = Path(keras_gan_zoo.__file__).parent
    presets = files_of(package.parent / "zoo_configs")
    expected = files_of(package) | {f"zoo_configs/{path}": content for path, content in presets.items()}
    installed = files_of(INSTALLED)
    assert set(installed) <= set(expected)
    # All but what cards show besides samples.
    left_out = {Path(path).name for path in set(expected) - set(installed)}
    assert {Path(name).suffix for name in left_out} <= {".png", ".txt"} and "samples.png" not in left_out
    assert [path for path, content in installed.items() if content != expected[path]] == []

    command = [sys.executable, "-I", "-c", PROGRAM, *NAMES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    file, names = json.loads(done.stdout.splitlines()[-1])
    assert Path(file).parent == INSTALLED
    assert names == [preset.name for preset in keras_gan_zoo.list_presets() if preset.bytes]
