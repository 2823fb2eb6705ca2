"""DCGAN in plain PyTorch, in the manner of its tutorial (https://pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html).

Our own text: the networks of `keras_gan_zoo.DCGAN` layer by layer (channels, kernels, batch norms, paddings and initial
weights), Adam, binary cross-entropy on logits, a DataLoader over tensors that were scaled beforehand, and a loop that shows
D a real batch and a fake one, and then moves G on the same fakes. The number of threads is PyTorch's own choice.
"""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers.cases import ladder


class Generator(nn.Module):
    """Latents (n, latent_dim) -> images (n, channels, height, width) in [-1, 1]."""

    def __init__(self, image_shape, latent_dim=100, width=64, base_size=7):
        super().__init__()
        sizes = ladder(*image_shape[:2], base_size)
        channels = width * 2 ** max(len(sizes) - 2, 0)
        self.base_shape = (channels, *sizes[-1])
        self.base = nn.Linear(latent_dim, math.prod(self.base_shape), bias=False)
        stages = [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        for i, (height, width_) in reversed(list(enumerate(sizes[:-1]))):
            inputs, channels = channels, channels // 2 if i else image_shape[2]
            stages.append(nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False))
            excess = (2 * sizes[i + 1][0] - height, 2 * sizes[i + 1][1] - width_)
            if any(excess):
                stages.append(nn.ZeroPad2d((0, -excess[1], 0, -excess[0])))
            if i:
                stages += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        self.stages = nn.Sequential(*stages, nn.Tanh())
        self.apply(initialize)

    def forward(self, latents):
        return self.stages(self.base(latents).view(-1, *self.base_shape))


class Discriminator(nn.Module):
    """Images (n, channels, height, width) in [-1, 1] -> logits (n,)."""

    def __init__(self, image_shape, width=64, base_size=7):
        super().__init__()
        sizes = ladder(*image_shape[:2], base_size)
        stages, inputs = [], image_shape[2]
        for i, size in enumerate(sizes[:-1]):
            channels = width * 2**i
            if size[0] % 2 or size[1] % 2:  # Keras pads odd sides by one more at the end
                stages.append(nn.ZeroPad2d((0, size[1] % 2, 0, size[0] % 2)))
            stages.append(nn.Conv2d(inputs, channels, 4, 2, 1, bias=False))
            if i:
                stages.append(nn.BatchNorm2d(channels))
            stages.append(nn.LeakyReLU(0.2, inplace=True))
            inputs = channels
        self.stages = nn.Sequential(*stages, nn.Flatten())
        self.score = nn.Linear(inputs * math.prod(sizes[-1]), 1, bias=False)
        self.apply(initialize)

    def forward(self, images):
        return self.score(self.stages(images)).view(-1)


def initialize(module):
    """Kernels N(0, 0.02), batch norm scales N(1, 0.02)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def loader(images, batch_size):
    """uint8 images (n, height, width, channels) as shuffled batches of float32 in [-1, 1]."""
    data = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1.0
    return DataLoader(TensorDataset(data), batch_size=batch_size, shuffle=True, num_workers=0, drop_last=True)


class Loop:
    """The two networks, their optimizers, and one epoch of training."""

    compiled = False
    batches = staticmethod(loader)

    def __init__(self, image_shape, latent_dim=100, width=64, base_size=7, device="cpu"):
        self.latent_dim, self.device = latent_dim, device
        self.generator = Generator(image_shape, latent_dim, width, base_size).to(device)
        self.discriminator = Discriminator(image_shape, width, base_size).to(device)
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.discriminator, self.generator)
        ]

    def epoch(self, batches):
        """One pass over the batches; returns the losses of each step."""
        return [tuple(loss.item() for loss in self.step(real)) for (real,) in batches]

    def step(self, real):
        """A step of each network; returns their losses."""
        discriminator_optimizer, generator_optimizer = self.optimizers
        real, n = real.to(self.device), len(real)
        ones, zeros = torch.ones(n, device=self.device), torch.zeros(n, device=self.device)
        self.discriminator.zero_grad()
        real_loss = self.criterion(self.discriminator(real), ones)
        real_loss.backward()
        fake = self.generator(torch.randn(n, self.latent_dim, device=self.device))
        fake_loss = self.criterion(self.discriminator(fake.detach()), zeros)
        fake_loss.backward()
        discriminator_optimizer.step()

        self.generator.zero_grad()
        generator_loss = self.criterion(self.discriminator(fake), ones)
        generator_loss.backward()
        generator_optimizer.step()
        return real_loss.detach() + fake_loss.detach(), generator_loss.detach()
