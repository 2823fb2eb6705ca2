"""How a process measures itself; needs nothing but Python, so that the peers' interpreters have it too."""

import re
import resource
import sys
import time
from pathlib import Path


def peak_memory() -> float:
    """Largest resident set of this process so far, in MB of 10^6 bytes."""
    # Linux counts the memory of the parent, from which a process is forked, into its ru_maxrss, but not into VmHWM.
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def timed(function):
    """Seconds of a call, the number that it returns, and the memory that there has been need of."""
    start = time.perf_counter()
    value = function()
    return {"seconds": time.perf_counter() - start, "value": float(value), "peak_memory_mb": peak_memory()}


def speed_of(function, images, what="training"):
    """Images that a call works off in a second of the clock, and of the processor, all its cores added up."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    seconds = {"second": time.perf_counter() - clock, "cpu_second": time.process_time() - processor}
    return {f"{what}_images_per_{unit}": images / passed for unit, passed in seconds.items()}
