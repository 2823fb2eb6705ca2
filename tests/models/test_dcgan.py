"""DCGAN: its networks, and their options."""

import numpy as np
import pytest
from keras import layers

from keras_gan_zoo import DCGAN
from keras_gan_zoo.layers import BatchNorm


def kinds(network):
    return {type(layer) for layer in network.layers}


def test_defaults_are_the_reference_networks():
    gan = DCGAN()
    counts = [sum(int(np.prod(v.shape)) for v in m.trainable_variables) for m in (gan.generator, gan.discriminator)]
    assert counts == [3_576_704, 2_765_568]
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert (float(optimizer.learning_rate), optimizer.beta_1) == (pytest.approx(2e-4), 0.5)


@pytest.mark.parametrize("norm", ["batch", "layer", None])
def test_the_discriminators_norm(norm):
    gan = DCGAN((16, 16, 1), 4, width=4, discriminator_norm=norm)
    assert (BatchNorm in kinds(gan.discriminator)) == (norm == "batch") == gan.may_mix_samples()
    assert (layers.LayerNormalization in kinds(gan.discriminator)) == (norm == "layer")
    assert BatchNorm in kinds(gan.generator)


def test_widths_and_base_size():
    gan = DCGAN((28, 28, 1), 4, width=4, discriminator_width=6, base_size=4)
    assert gan.generator.get_layer("base_map").output.shape[1:] == (4, 4, 16)
    assert gan.discriminator.get_layer("down_14x14").filters == 6
    assert gan.discriminator.get_layer("down_4x4").filters == 24


@pytest.mark.parametrize("norm", ["layer", None])
def test_a_penalty_is_possible_without_batch_norm(norm, round_of):
    gan = DCGAN((16, 16, 1), 4, width=4, discriminator_norm=norm, r1_gamma=1.0, seed=0)
    gan.compile(run_eagerly=True)
    logs = gan.train_on_batch(*round_of(gan), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())


def test_a_penalty_beside_batch_norm_is_refused():
    with pytest.raises(ValueError, match="of DCGAN must not mix the samples of a batch.* Received: BatchNorm"):
        DCGAN((16, 16, 1), 4, width=4, r1_gamma=1.0, seed=0)


def test_the_generator_runs_with_batch_statistics_in_both_steps(gradients_of):
    # In inference mode a new generator's statistics (0, 1) would leave its maps near 0.
    from keras import ops

    gan = DCGAN((16, 16, 1), 4, width=4, seed=0)
    gan.compile(run_eagerly=True)
    fakes = ops.convert_to_numpy(gan.fake_like({"images": ops.zeros((8, 16, 16, 1))})["images"])
    sampled = gan.generate(8, seed=0)
    assert fakes.std() > 10 * sampled.std() > 0
