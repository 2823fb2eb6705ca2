"""The throughput benchmark compares like with like, takes turns, and judges by its own limits."""

import json

import numpy as np
import pytest

import keras_gan_zoo
from benchmarks import throughput

torch = pytest.importorskip("torch")
SHAPES = [(28, 28, 1), (20, 13, 3)]


def torch_networks(shape):
    from benchmarks.baselines.torch_loop import Discriminator, Generator

    return Generator(shape, 10, width=6).eval(), Discriminator(shape, width=6).eval()


def count(network):
    running = [b for name, b in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return sum(tensor.numel() for tensor in [*network.parameters(), *running])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_three_generators_and_discriminators_have_equal_sizes(shape):
    from benchmarks.baselines import keras_guide

    gan = keras_gan_zoo.DCGAN(shape, 10, width=6)
    guide = keras_guide.generator(shape, 10, width=6), keras_guide.discriminator(shape, width=6)
    sizes = [network.count_params() for network in (gan.generator, gan.discriminator)]
    assert [network.count_params() for network in guide] == sizes
    assert [count(network) for network in torch_networks(shape)] == sizes


@pytest.mark.parametrize("shape", SHAPES)
def test_the_torch_discriminator_is_the_same_function(shape):
    gan = keras_gan_zoo.DCGAN(shape, 10, width=6, seed=0)
    network = torch_networks(shape)[1]
    with torch.no_grad():
        for layer in gan.discriminator.layers:
            weights = [torch.from_numpy(np.array(w)) for w in layer.get_weights()]
            if layer.name.startswith("down") and len(weights) == 1:
                convolutions = [m for m in network.stages if isinstance(m, torch.nn.Conv2d)]
                target = next(m for m in convolutions if m.weight.shape[:2] == weights[0].shape[:1:-1])
                target.weight.copy_(weights[0].permute(3, 2, 0, 1))
            elif layer.name == "score":
                height, width, channels = gan.discriminator.get_layer("flatten").input.shape[1:]
                rows = weights[0].reshape(height, width, channels).permute(2, 0, 1)
                network.score.weight.copy_(rows.reshape(1, -1))
        images = np.random.default_rng(0).uniform(-1, 1, (4, *shape)).astype("float32")
        ours = np.array(gan.discriminator(images, training=False))[:, 0]
        # The scales of batch norm are drawn at random on both sides; here they are made 1.
        for layer in gan.discriminator.layers:
            if layer.name.endswith("norm"):
                layer.gamma.assign(np.ones(layer.gamma.shape))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(1.0)
        ours = np.array(gan.discriminator(images, training=False))[:, 0]
        theirs = network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    assert np.abs(ours).max() > 1e-4
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-6)
