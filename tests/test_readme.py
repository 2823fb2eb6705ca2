"""The README's promises: its length, its picture, the new GAN in 12 lines on three backends; and the size of a clone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def lines_of(title):
    """The lines of code in the first Python block of a section."""
    return re.search(r"```python\n(.*?)```", TEXT.partition(f"## {title}\n")[2], re.DOTALL)[1]


def test_it_is_short_and_its_files_are_there():
    assert len(TEXT.splitlines()) <= 130
    assert (ROOT / "benchmarks/strip.png").stat().st_size <= 300_000
    for file in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_new_gan_in_12_lines(backend, tmp_path):
    if backend != "tensorflow":
        pytest.importorskip(backend)
    code = lines_of("A new GAN in 12 lines")
    assert len([line for line in code.splitlines() if line.strip()]) <= 13  # 12 and the import of the metrics
    small = code.replace("(28, 28, 1)", "(28, 28, 1), width=4, latent_dim=4, seed=0")
    assert small != code
    exported = "my_gan.onnx"
    if backend == "jax":  # as the README says, ONNX needs another package there
        exported = "saved/saved_model.pb"
        small = small.replace('gan.export("my_gan.onnx", format="onnx")', 'gan.export("saved")')
        assert "saved" in small
    program = f"import numpy as np\nx = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), 'uint8')\n{small}"
    program += "\nassert gan.rounds == 4, gan.rounds"
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "fid" in done.stdout and (tmp_path / exported).stat().st_size > 1000


def test_a_clone_stays_small():
    if not (ROOT / ".git").exists():
        pytest.skip("what git tracks is asked of a checkout, and this is none")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    assert sum(file.stat().st_size for file in files if file.is_file()) <= 60 * 2**20
