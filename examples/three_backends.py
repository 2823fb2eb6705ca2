"""Runs another example on TensorFlow, JAX, and PyTorch in turn, each in a process and a folder of its own.

python examples/three_backends.py photos/ --size 64 --epochs 100
"""

import os
import subprocess
import sys
from pathlib import Path

example = Path(__file__).with_name("photos.py")
photos, *options = sys.argv[1:]
for backend in os.environ.get("BACKENDS", "tensorflow,jax,torch").split(","):
    folder = Path(backend)
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(example.resolve()), str(Path(photos).resolve()), *options]
    subprocess.run(command, cwd=folder, env={**os.environ, "KERAS_BACKEND": backend}, check=True)
