"""The memory of a process that measures itself; needs nothing but Python, so that the peers' interpreters have it too."""

import re
import resource
import sys
from pathlib import Path


def peak_memory() -> float:
    """Largest resident set of this process so far, in MB of 10^6 bytes."""
    # Linux counts the memory of the parent, from which a process is forked, into its ru_maxrss, but not into VmHWM.
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
