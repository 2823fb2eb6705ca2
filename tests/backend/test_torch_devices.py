"""What torch's processes refuse, without others to share with."""

import pytest

torch = pytest.importorskip("torch")

from keras_gan_zoo.backend import torch_devices  # noqa: E402
from keras_gan_zoo.callbacks import DivergedError  # noqa: E402


@pytest.fixture
def group():
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_a_wrapper_around_the_model_is_refused(group, monkeypatch):
    monkeypatch.setattr(torch_devices, "processes", lambda: 2)
    alone, wrapped = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    wrapper = torch.nn.parallel.DistributedDataParallel(wrapped)
    torch_devices.refuse_wrapper(alone)
    with pytest.raises(ValueError, match="A Linear must train without a DistributedDataParallel around it.* Fix: call fit"):
        torch_devices.refuse_wrapper(wrapper.module)


def test_one_machine_is_told_to_use_torchrun():
    with pytest.raises(ValueError, match="strategy='mirrored', devices=4. Fix: torchrun --nproc-per-node 4 "):
        torch_devices.engine("mirrored", 4).__enter__()
    with pytest.raises(ValueError, match="devices must be left out for the strategy multi-worker.* Received: devices=2"):
        torch_devices.engine("multi-worker", 2).__enter__()


def test_errors_of_the_zoo_are_not_those_of_a_lost_process():
    """On torch both are RuntimeErrors, and a training that diverged must say so."""
    assert torch_devices.is_lost(RuntimeError("Connection closed by peer"))
    assert torch_devices.is_lost(torch.distributed.DistBackendError("NCCL"))
    assert not torch_devices.is_lost(DivergedError("loss is not finite")) and not torch_devices.is_lost(
        NotImplementedError()
    )
