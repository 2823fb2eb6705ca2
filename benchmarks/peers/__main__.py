"""Runs other libraries beside the zoo: what they compute, and how fast.

    python -m benchmarks.peers record --inception inception.npz    writes recorded.json, which the tests hold the metrics to
    python -m benchmarks.peers measure '{"contender": ..., ...}'    one measurement, as a line of JSON, for the benchmarks

torch-fidelity and clean-fid import torchvision, which has no build for the CPU-only torch that the tests run beside, so the
metrics have an environment of their own:

    python -m venv peers-env && . peers-env/bin/activate
    pip install torch==2.14.1 torchvision==0.29.1 "scipy<1.18" torch-fidelity==0.4.0 pytorch-fid==0.3.0 clean-fid prdc

`record` takes the weights of the FID network as .npz by --inception, the network that clean-fid loads (NVIDIA's
inception-2015-12-05.pt) by --torchscript, and by --data-set NAME FOLDER what `python -m benchmarks features` has left
in a folder: the distance between the splits of a data set, by us and by the peers in the same run. With --inception
torch-fidelity also computes features of the first images itself; they are kept beside ours by chunks, so that a run that was
stopped goes on. What needs a file that is not given is kept as it was recorded. In the same environment

    pip install keras pydantic typer rich pillow pytest
    KERAS_BACKEND=torch PYTHONPATH=. python -m pytest tests/metrics/test_peers.py

holds our metrics against the peers live, nothing recorded between them.
"""

import json
import sys


def measure(settings):
    """One measurement; what is measured needs no more than its own library."""
    from benchmarks.peers import metrics, training

    for module in (metrics, training):
        if function := getattr(module, settings["contender"], None):
            return function(settings)
    raise ValueError(
        f"contender must be a function of peers.metrics or peers.training. Received: {settings['contender']!r}."
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["measure", settings]:
            print(json.dumps(measure(json.loads(settings))))
        case ["record", *arguments]:
            from benchmarks.peers import metrics

            metrics.record(arguments)
        case _:
            sys.exit(__doc__)
