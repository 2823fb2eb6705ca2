"""The CPU, and what trains fastest on it: oneDNN, which must be chosen before TensorFlow is imported, and the precision.

This module imports no framework by itself, so that it can be used before one is imported.
"""

import functools
import os
import platform
import sys
from pathlib import Path

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# On CPUs with one of these, TensorFlow uses oneDNN by itself.
_TENSORFLOW_CHOOSES = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}
# With these, oneDNN multiplies bfloat16 faster than float32; with older AVX-512 it does so at half the speed.
_BFLOAT16_UNITS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}


@functools.cache
def _cpu_fields() -> dict[str, str]:
    """What Linux tells of the first core; nothing without /proc/cpuinfo."""
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    fields = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in fields}


def cpu_flags() -> frozenset[str]:
    """The instruction sets of the CPU, in Linux's names; none without /proc/cpuinfo."""
    return frozenset(_cpu_fields().get("flags", "").split())


def cpu_name() -> str:
    """The model of the CPU; its architecture where the system does not tell the model."""
    return _cpu_fields().get("model name") or platform.processor() or platform.machine()


def cpu_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def switch_on_onednn() -> None:
    """Lets TensorFlow use oneDNN on any x86 CPU with AVX2, unless the user has decided or TensorFlow is loaded already.

    TensorFlow uses it by itself only on CPUs with neural-network instructions. With instructions limited to AVX2, a DCGAN
    trains more than twice as fast with it as without; with SSE4.1 alone it is slower. To measure it on a CPU, run
    `python -m benchmarks throughput --parts dcgan` with TF_ENABLE_ONEDNN_OPTS=0, or with ONEDNN_MAX_CPU_ISA=AVX2.
    """
    if ONEDNN not in os.environ and "tensorflow" not in sys.modules and "avx2" in cpu_flags():
        os.environ[ONEDNN] = "1"


def onednn() -> bool:
    """Whether TensorFlow uses oneDNN in this process (or would, once it is imported)."""
    if ONEDNN in os.environ:
        return os.environ[ONEDNN].lower() in ("1", "true")
    return bool(_TENSORFLOW_CHOOSES & cpu_flags())


def fastest_dtype() -> tuple[str, str]:
    """The dtype policy that trains fastest on this machine, and the machine in words.

    On accelerators it is float32, whose products are computed in TF32: bfloat16 was no faster on an H100.
    """
    import keras

    from .backend import accelerator

    if name := accelerator():
        return "float32", f"an accelerator ({name})"
    if keras.backend.backend() != "tensorflow":
        return "float32", f"a CPU under the {keras.backend.backend()} backend"
    units = [name for flag, name in _BFLOAT16_UNITS.items() if flag in cpu_flags()]
    if not onednn():
        return "float32", f"a CPU ({platform.machine()}) without oneDNN, which {ONEDNN}=1 switches on"
    if units:
        return "mixed_bfloat16", f"a CPU with bfloat16 units ({units[0]}) and oneDNN"
    return "float32", f"a CPU without bfloat16 units ({platform.machine()}), with oneDNN"
