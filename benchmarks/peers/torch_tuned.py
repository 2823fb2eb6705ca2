"""The loop of `torch_loop` as someone who knows PyTorch would tune it (PyTorch's "Performance Tuning Guide").

Images and kernels in `channels_last`, networks through `torch.compile` where a C++ compiler is at hand, batches cut from the
shuffled tensor without a DataLoader, and no loss read before the epoch is over. Networks, losses, optimizers and precision
are those of the plain loop.
"""

import shutil

import torch

from benchmarks.peers.torch_loop import Loop


def has_compiler():
    """Whether `torch.compile` finds what it makes CPU kernels with."""
    return any(map(shutil.which, ("g++", "clang++")))


class Batches:
    """uint8 images (n, height, width, channels) as batches of float32 in [-1, 1], shuffled anew in each pass."""

    def __init__(self, images, batch_size):
        data = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        self.data, self.batch_size = data.contiguous(memory_format=torch.channels_last), batch_size

    def __iter__(self):
        whole = len(self.data) // self.batch_size * self.batch_size
        return ((self.data[part],) for part in torch.randperm(len(self.data))[:whole].split(self.batch_size))


class TunedLoop(Loop):
    """A `Loop` with the same contract."""

    batches = Batches

    def __init__(self, image_shape, latent_dim=100, width=64, base_size=7, device="cpu"):
        super().__init__(image_shape, latent_dim, width, base_size, device)
        self.compiled = device != "cpu" or has_compiler()
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)
            if self.compiled:
                network.compile()

    def epoch(self, batches):
        """One pass over the batches; returns the losses of each step."""
        losses = [self.step(real) for (real,) in batches]
        return [tuple(loss.item() for loss in pair) for pair in losses]
