"""What is chosen for a machine: oneDNN before TensorFlow is imported, and the precision that trains fastest on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_gan_zoo
from keras_gan_zoo import backend, machine

ROOT = Path(keras_gan_zoo.__file__).parent.parent


@pytest.fixture
def on(monkeypatch):
    """on({"avx2"}, setting=None): a machine with these flags, in a process with this environment."""

    def pretend(flags, setting=None):
        monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags))
        monkeypatch.delenv(machine.ONEDNN, raising=False)
        if setting is not None:
            monkeypatch.setenv(machine.ONEDNN, setting)

    return pretend


@pytest.mark.parametrize(
    ("flags", "setting", "imported", "expected"),
    [
        ({"avx", "avx2"}, None, False, "1"),
        ({"avx", "avx2"}, "0", False, "0"),
        ({"avx", "avx2"}, None, True, None),
        ({"avx"}, None, False, None),
        ({"neon"}, None, False, None),
        (set(), None, False, None),
    ],
)
def test_onednn_is_switched_on_where_it_is_faster_and_nobody_decided(on, monkeypatch, flags, setting, imported, expected):
    on(flags, setting)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    if imported:
        monkeypatch.setitem(sys.modules, "tensorflow", object())
    machine.switch_on_onednn()
    assert os.environ.get(machine.ONEDNN) == expected


@pytest.mark.parametrize(
    ("flags", "setting", "expected"),
    [
        ({"avx2"}, "1", True),
        ({"avx2"}, "0", False),
        ({"avx2", "avx512_vnni"}, "0", False),
        # Left to TensorFlow, as where it was imported first.
        ({"avx2"}, None, False),
        ({"avx2", "avx512_vnni"}, None, True),
    ],
)
def test_whether_onednn_is_used(on, flags, setting, expected):
    on(flags, setting)
    assert machine.onednn() is expected


@pytest.mark.skipif(sys.platform != "linux", reason="the flags of the CPU are read from /proc/cpuinfo")
def test_tensorflow_sees_the_choice():
    """The first import of the zoo decides, and TensorFlow agrees; a decision of the user's stays."""
    pytest.importorskip("tensorflow")
    program = (
        "import keras_gan_zoo; from keras_gan_zoo import machine; "
        "from tensorflow.python.util import _pywrap_util_port as port; "
        "print('avx2' in machine.cpu_flags(), machine.onednn(), port.IsMklEnabled())"
    )

    def run(**settings):
        environment = {k: v for k, v in os.environ.items() if k != machine.ONEDNN} | settings
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    has_avx2, chosen, real = run()
    assert chosen == real and (chosen == "True" or has_avx2 == "False")
    assert run(TF_ENABLE_ONEDNN_OPTS="0")[1:] == ["False", "False"]


@pytest.mark.parametrize(
    ("keras_backend", "accelerator", "flags", "setting", "dtype", "words"),
    [
        ("tensorflow", None, {"avx2", "avx512_bf16"}, "1", "mixed_bfloat16", "bfloat16 units (AVX512-BF16) and oneDNN"),
        ("tensorflow", None, {"avx2", "amx_bf16"}, "1", "mixed_bfloat16", "bfloat16 units (AMX) and oneDNN"),
        ("tensorflow", None, {"avx2", "avx512_vnni"}, "1", "float32", "without bfloat16 units"),
        ("tensorflow", None, {"avx2", "amx_bf16"}, "0", "float32", "without oneDNN, which TF_ENABLE_ONEDNN_OPTS=1"),
        ("jax", None, {"avx2", "amx_bf16"}, "1", "float32", "under the jax backend"),
        ("torch", None, {"avx2", "amx_bf16"}, "1", "float32", "under the torch backend"),
        ("jax", "a GPU", {"avx2", "amx_bf16"}, "1", "float32", "an accelerator (a GPU)"),
    ],
)
def test_the_fastest_dtype(on, monkeypatch, keras_backend, accelerator, flags, setting, dtype, words):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: keras_backend)
    monkeypatch.setattr(backend, "accelerator", lambda: accelerator)
    on(flags, setting)
    chosen, reason = machine.fastest_dtype()
    assert chosen == dtype and words in reason


@pytest.mark.parametrize(
    ("fields", "cores", "named"),
    [
        ({"model name": "AMD EPYC", "flags": "avx2"}, {0, 1}, "(2 cores of AMD EPYC)"),
        ({"model name": "AMD EPYC"}, {1}, "(1 core of AMD EPYC)"),
        # As on ARM, where Linux tells no model, and Python an architecture at most.
        ({}, {0, 1}, "(2 cores of aarch64)"),
    ],
)
def test_a_processor_is_named_with_its_cores(monkeypatch, fields, cores, named):
    from keras_gan_zoo import provenance

    monkeypatch.setattr(provenance, "accelerator", lambda: None)
    monkeypatch.setattr(machine, "_cpu_fields", lambda: fields)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)
    assert provenance.device().endswith(named)


def test_an_accelerator_is_named(monkeypatch):
    from keras_gan_zoo import provenance

    assert (backend.accelerator() is None) == provenance.device().startswith("cpu")
    monkeypatch.setattr(provenance, "accelerator", lambda: "a GPU")
    assert provenance.device().endswith("(a GPU)")
