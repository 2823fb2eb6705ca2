"""A model whose networks do not fit each other, or their game, is refused when it is built."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gan_zoo import BEGAN, CGAN, DCGAN, GAN, WGANGP, InfoGAN, SeqGAN
from keras_gan_zoo.base import Player
from keras_gan_zoo.models import variant_class
from keras_gan_zoo.networks.sequences import lstm_generator

SHAPE = (8, 8, 1)


def generator(shape=SHAPE, latent_dim=4, called=True):
    stack = [layers.Dense(int(np.prod(shape)), activation="tanh"), layers.Reshape(shape)]
    return keras.Sequential([keras.Input((latent_dim,)), *stack] if called else stack)


def critic(*head, middle=(), called=True):
    stack = [layers.Flatten(), *middle, *(head or [layers.Dense(1)])]
    return keras.Sequential([keras.Input(SHAPE), *stack] if called else stack)


def functional(head):
    images = keras.Input(SHAPE)
    return keras.Model(images, head(images))


class Subclassed(keras.Model):
    def __init__(self, activation):
        super().__init__()
        self.score = layers.Dense(1, activation=activation)

    def call(self, images, training=False):
        return self.score(ops.reshape(images, (-1, 64)))


class Block(layers.Layer):
    """A layer of a user's own, with batch norm inside."""

    mixes_samples = False

    def __init__(self):
        super().__init__()
        self.parts = {"dense": layers.Dense(4), "norm": layers.BatchNormalization()}

    def build(self, shape):
        self.parts["dense"].build(shape)
        self.parts["norm"].build((None, 4))

    def call(self, inputs, training=False):
        return self.parts["norm"](self.parts["dense"](inputs), training=training)


@pytest.mark.parametrize(
    ("cls", "networks", "error"),
    [
        (GAN, {"generator": "dcgan"}, "generator must be a Keras model. Received: generator='dcgan'"),
        (GAN, {"discriminator": False}, "discriminator must be a Keras model. Received: discriminator=False"),
        (GAN, {"generator": lambda: generator((4, 4, 1)), "discriminator": lambda: Subclassed(None)}, "reshape|shape"),
        (GAN, {"generator": lambda: generator((4, 4, 1))}, r"must fit each other. Received: .*\(None, 8, 8, 1\)"),
        (
            BEGAN,
            {"generator": lambda: generator((8, 8, 3)), "discriminator": lambda: functional(layers.Conv2D(1, 1))},
            "must fit each other|must be of shape",
        ),
        (GAN, {"generator": lambda: generator(latent_dim=5)}, "expected axis -1 of input shape to have value 5"),
        (CGAN, {"generator": generator}, "structure of `inputs`"),
        (CGAN, {"discriminator": critic}, "structure of `inputs`"),
        (GAN, {"discriminator": lambda: critic(layers.Dense(2))}, r"one score .* Received: scores of shape \(None, 2\)"),
        (
            BEGAN,
            {"generator": generator, "discriminator": lambda: functional(layers.Conv2D(3, 1))},
            r"samples must be of shape \(8, 8, 1\) .* \(8, 8, 3\)",
        ),
        (GAN, {"generator": lambda: keras.Sequential([generator()], trainable=False)}, "weights to move"),
        (GAN, {"discriminator": lambda: critic(layers.Dense(1, activity_regularizer="l2"))}, "activity_regularizer"),
        (GAN, {"discriminator": lambda: critic(layers.Dense(1, dtype="float64"))}, "must be float32. Received: .*float64"),
        (GAN, {"discriminator": lambda: critic(layers.Dense(1, dtype="bfloat16"))}, "must be float32. Received: .*bfloat16"),
    ],
)
def test_networks_that_do_not_fit_are_refused(cls, networks, error):
    networks = {name: network() if callable(network) else network for name, network in networks.items()}
    with pytest.raises((TypeError, ValueError), match=error):
        cls.tiny(image_shape=SHAPE, latent_dim=4, **networks)


@pytest.mark.parametrize(
    ("discriminator", "layer"),
    [
        (lambda: critic(layers.Dense(1, activation="sigmoid")), "Dense"),
        (lambda: critic(layers.Dense(1), layers.Activation("sigmoid"), layers.Reshape((1,))), "Activation"),
        (lambda: critic(layers.Dense(1), layers.ReLU()), "ReLU"),
        (lambda: critic(layers.Dense(1, activation=lambda x: 3 * ops.tanh(x))), "Dense"),
        (lambda: keras.Sequential([keras.Input(SHAPE), critic(layers.Dense(1, activation="tanh"))]), "Dense"),
        (lambda: functional(lambda x: ops.sigmoid(layers.Dense(1)(layers.Flatten()(x)))), "Sigmoid"),
        (
            lambda: functional(lambda x: layers.GlobalAveragePooling2D()(layers.Conv2D(1, 3, activation="sigmoid")(x))),
            "Conv2D",
        ),
        (lambda: Subclassed("sigmoid"), "Dense"),
    ],
)
@pytest.mark.parametrize("cls", [GAN, DCGAN])
def test_a_judge_whose_scores_are_bounded_is_refused(discriminator, layer, cls):
    with pytest.raises(ValueError, match=f"raw scores, without bounds. Received: {layer} "):
        cls.tiny(image_shape=SHAPE, latent_dim=4, discriminator=discriminator())


def test_a_second_output_does_not_hide_a_bounded_score():
    features = functional(layers.Flatten())
    score = layers.Dense(1, activation="sigmoid")(features.output)
    with pytest.raises(ValueError, match="raw scores"):
        InfoGAN.tiny(image_shape=SHAPE, latent_dim=4, discriminator=keras.Model(features.input, [score, features.output]))


@pytest.mark.parametrize(
    "discriminator",
    [
        lambda: critic(layers.Dense(1), layers.LeakyReLU(0.2)),
        lambda: critic(layers.Dense(1), layers.Reshape((1,)), layers.Dropout(0.1)),
        lambda: functional(lambda x: ops.mean(layers.Conv2D(1, 3)(x), axis=(1, 2))),
        lambda: functional(layers.Conv2D(1, 3)),
        lambda: Subclassed(None),
        lambda: Subclassed("linear"),
    ],
)
def test_a_judge_that_gives_raw_scores_is_taken(discriminator):
    gan = GAN.tiny(image_shape=SHAPE, latent_dim=4, discriminator=discriminator(), generator=generator())
    assert np.isfinite(gan.fit(np.zeros((8, *SHAPE), "uint8"), batch_size=4, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("variant", "network", "output", "layer", "error"),
    [
        (
            "dcgan",
            "generator",
            0,
            layers.Activation("sigmoid"),
            r"give all of \[-1, 1\]. Received: Activation .* in \[0, 1\]",
        ),
        ("dcgan", "generator", 0, layers.ReLU(), r"ReLU .* in \[0, inf\]"),
        (
            "dcgan",
            "generator",
            0,
            layers.Rescaling(0.5),
            r"Activation .* in \[-0.5, 0.5\]|Conv2DTranspose .* in \[-0.5, 0.5\]",
        ),
        ("gan_3d", "generator", 0, layers.Rescaling(0.5), r"give all of \[0, 1\]. .* in \[0, 0.5\]"),
        ("ebgan", "discriminator", 0, layers.Activation("sigmoid"), r"give all of \[-1, 1\]"),
        ("began", "discriminator", 0, layers.Softmax(), r"give all of \[-1, 1\]"),
        ("semi_supervised_gan", "discriminator", 0, layers.Softmax(), "give any number. Received: Softmax"),
        ("mad_gan", "discriminator", 0, layers.Activation("tanh"), "give any number. Received: Activation"),
        ("info_gan", "recognition", 0, layers.Softmax(), "give any number. Received: Softmax"),
        ("info_gan", "recognition", 1, layers.ReLU(), r"give all of \[-1, 1\]. Received: ReLU"),
        *((name, "encoder", 0, layers.ReLU(), r"all of \[-1, 1\]") for name in ("bigan", "mr_gan", "vae_gan", "f_ano_gan")),
    ],
)
def test_an_output_that_cannot_reach_what_is_meant_is_refused(variant, network, output, layer, error):
    cls = variant_class(variant)
    good = getattr(cls.tiny(), network)
    outputs = [layer(tensor) if i == output else tensor for i, tensor in enumerate(good.outputs)]
    with pytest.raises(ValueError, match=f"The {network} of {cls.__name__} must be able to .*{error}"):
        cls.tiny(**{network: keras.Model(good.inputs, outputs[0] if len(outputs) == 1 else outputs)})
    cls.tiny(**{network: good})


@pytest.mark.parametrize(
    "tail",
    [
        [],
        [layers.Activation("tanh")],
        [layers.Activation("softsign")],
        [layers.Activation(ops.sin)],
        [layers.Activation("sigmoid"), layers.Rescaling(2.0, -1.0)],
    ],
)
def test_a_generator_that_reaches_the_range_of_its_samples_is_taken(tail):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(64), layers.Reshape(SHAPE), *tail])
    GAN.tiny(image_shape=SHAPE, latent_dim=4, generator=made)


def test_the_copies_of_an_autoencoder_may_be_bounded():
    head = layers.Conv2D(1, 3, padding="same", activation="tanh")
    BEGAN.tiny(image_shape=SHAPE, latent_dim=4, generator=generator(), discriminator=functional(head))


@pytest.mark.parametrize("half_life", [0, 100])
def test_networks_that_were_not_called_are_built_from_what_reaches_them(half_life):
    networks = {"generator": generator(called=False), "discriminator": critic(called=False)}
    gan = DCGAN(SHAPE, 4, **networks, ema_half_life=half_life, seed=0)
    assert [tuple(w.shape) for w in gan.discriminator.weights] == [(64, 1), (1,)]
    before = gan.generator.get_weights()
    gan.fit(np.random.default_rng(0).integers(0, 256, (8, *SHAPE), dtype=np.uint8), batch_size=4, verbose=0)
    assert not np.array_equal(before[0], gan.generator.get_weights()[0])
    assert gan.generate(3).shape == (3, *SHAPE)


@pytest.mark.parametrize("units", [(10, 1), (1, 2)])
def test_a_recognition_network_must_guess_every_code(units):
    features = keras.Input((16,))
    recognition = keras.Model(features, [layers.Dense(n)(features) for n in units])
    with pytest.raises(ValueError, match="of the recognition network must be of shape"):
        InfoGAN.tiny(image_shape=SHAPE, recognition=recognition)


def test_a_generator_of_tokens_has_the_vocabulary_of_the_model():
    with pytest.raises(ValueError, match="vocabulary=10|out of range"):
        SeqGAN.tiny(generator=lstm_generator(12, width=8, embedding=8))


def test_a_class_of_the_users_own_is_followed_too():
    class Own(GAN):
        def default_generator(self):
            return generator((4, 4, 1))

    with pytest.raises(ValueError, match="networks of Own must fit"):
        Own.tiny(image_shape=SHAPE, latent_dim=4)


@pytest.mark.parametrize("block", [Block, lambda: layers.UnitNormalization(axis=0)])
def test_what_mixes_samples_is_found_inside_of_other_layers(block):
    with pytest.raises(ValueError, match="must not mix the samples"):
        WGANGP.tiny(image_shape=SHAPE, latent_dim=4, discriminator=critic(middle=[block()]))
    assert GAN.tiny(image_shape=SHAPE, latent_dim=4, discriminator=critic(middle=[block()])).may_mix_samples()


@pytest.mark.parametrize(
    "discriminator",
    [
        lambda: critic(middle=[layers.Lambda(lambda x: x - ops.mean(x, axis=0))]),
        lambda: functional(lambda x: layers.Dense(1)(layers.Flatten()(x - ops.mean(x, axis=0)))),
        lambda: Subclassed(None),
    ],
)
def test_what_might_mix_samples_is_judged_in_two_calls(discriminator):
    assert GAN.tiny(image_shape=SHAPE, latent_dim=4, discriminator=discriminator()).may_mix_samples()
    assert not GAN.tiny(image_shape=SHAPE, latent_dim=4, discriminator=critic(layers.Dense(1))).may_mix_samples()


def test_players_share_a_trunk_that_is_nested_in_both():
    trunk = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    one, other = (keras.Sequential([keras.Input((3,)), trunk, layers.Dense(1)]) for _ in range(2))
    alone = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    first, second, third = (Player(name, (network,), None) for name, network in zip("abc", (one, other, alone), strict=True))
    assert first.shares_networks_with(second) and not first.shares_networks_with(third)
    trunk.trainable = False
    assert not first.shares_networks_with(second)


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("semi_supervised_gan", "logits and features"),
        ("info_gan", "scores and features"),
        ("vae_gan", "scores and features"),
        ("ebgan", "copies and codes"),
    ],
)
def test_a_judge_of_several_outputs_must_have_them(variant, names):
    cls = variant_class(variant)
    judge = cls.tiny().discriminator
    with pytest.raises(ValueError, match=f"the discriminator must give {names}. Received: 1 output. Fix: end it with"):
        cls.tiny(discriminator=keras.Model(judge.inputs, judge.outputs[0]))


def test_a_panel_has_as_many_judges_as_the_game():
    cls = variant_class("bayesian_gan")
    with pytest.raises(ValueError, match=r"scores of the discriminator must be of shape \(1, 2\) .*shape \(1, 3\)"):
        cls.tiny(discriminators=2, discriminator=cls.tiny(discriminators=3).discriminator)
