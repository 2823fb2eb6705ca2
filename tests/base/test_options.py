"""Options and constructor arguments: defaults, and errors that name what is possible."""

import dataclasses

import pytest

from keras_gan_zoo import BEGAN, GAN
from keras_gan_zoo.base import Options
from keras_gan_zoo.base.arguments import check_shape


def test_every_trick_is_off_by_default():
    options = dataclasses.asdict(Options())
    tricks = ("label_smoothing", "label_flipping", "instance_noise", "r1_gamma", "r2_gamma", "lecam_weight", "augment")
    tricks += ("fake_label_smoothing", "consistency_weight", "fake_consistency_weight", "ada_target", "ema_half_life")
    assert not any(options[name] for name in tricks)
    assert options["top_k"] == options["augment_probability"] == 1
    assert options["n_critic"] == 1 and options["latent_distribution"] == "normal"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"n_critic": 0}, "n_critic must be .* at least 1. Received: n_critic=0"),
        ({"latent_distribution": "gauss"}, "'normal' or 'uniform'"),
        ({"label_smoothing": 0.5}, r"label_smoothing must be in \[0, 0.5\). Received: label_smoothing=0.5"),
        ({"fake_label_smoothing": -0.2}, r"fake_label_smoothing must be in \[0, 0.5\). Received: fake_label_smoothing=-0.2"),
        ({"label_flipping": -0.1}, r"label_flipping must be in \[0, 0.5\). Received: label_flipping=-0.1"),
        (
            {"instance_noise": -1.0, "instance_noise_images": 1},
            "instance_noise must be 0 or more. Received: instance_noise=-1",
        ),
        ({"instance_noise": 0.1}, "instance_noise_images must be the number of images .*Received: instance_noise_images=0"),
        ({"replay_size": -1}, "replay_size must be 0 or more samples. Received: replay_size=-1"),
        ({"replay_size": 0.5}, "replay_size must be an integer. Received: replay_size=0.5"),
        ({"r1_gamma": -1.0}, r"r1_gamma must be in \[0, inf\). Received: r1_gamma=-1.0"),
        ({"r1_share": 0.0}, r"r1_share must be in \(0, 1\]. Received: r1_share=0.0"),
        ({"ema_half_life": -1}, "ema_half_life must be 0 or more images. Received: ema_half_life=-1"),
        ({"r1_share": 0.5}, "r1_share must come with r1_gamma or r2_gamma. Received: r1_share=0.5 alone"),
        (
            {"instance_noise_images": 9},
            "instance_noise_images must come with instance_noise. Received: inst",
        ),
        ({"ema_rampup": 0.1}, "ema_rampup must come with ema_half_life. Received: ema_rampup=0.1"),
        ({"r2_gamma": -1.0}, r"r2_gamma must be in \[0, inf\). Received: r2_gamma=-1.0"),
        ({"r2_gamma": "1"}, "r2_gamma must be a finite number, or a Keras schedule. Received: r2_gamma='1'"),
        ({"r1_gamma": {"class_name": "Adam", "config": {}}}, "r1_gamma must be a number, or a Keras schedule. Received"),
        ({"lecam_weight": 1.0, "lecam_decay": 1.0}, r"lecam_decay must be in \[0, 1\)"),
        ({"lecam_decay": 0.5}, "lecam_decay must come with lecam_weight"),
        ({"consistency_weight": -1.0}, "consistency_weight must be 0 or more"),
        ({"augment": "colour"}, "augment must be names of color, translation, .* Received: augment='colour'"),
        ({"augment_probability": 0.5}, "augment_probability must come with augment"),
        ({"augment": "color", "augment_probability": 2.0}, r"augment_probability must be in \[0, 1\]"),
        ({"ada_target": 0.6}, "ada_target must come with augment"),
        ({"augment": "flip", "ada_target": 0.6, "augment_probability": 0.5}, "must be left to ada_target"),
        ({"top_k": 0.0}, r"top_k must be in \(0, 1\]. Received: top_k=0.0"),
        ({"ema_rampup": 0.0}, r"ema_rampup must be in \(0, 1\]. Received: ema_rampup=0.0"),
    ],
)
def test_impossible_values_are_refused(arguments, expected, tiny_gan):
    with pytest.raises(ValueError, match=expected):
        tiny_gan(**arguments)


def test_the_minimax_form_is_refused_where_the_generator_has_a_loss_of_its_own(tiny_gan):
    from keras_gan_zoo import LSGAN

    assert tiny_gan(saturating=True).options.saturating and not tiny_gan(LSGAN, saturating=False).options.saturating
    with pytest.raises(ValueError, match="saturating must be left out of LSGAN: its generator has a loss of its own"):
        tiny_gan(LSGAN, saturating=True)


def test_unknown_arguments_are_answered_with_the_closest_one(tiny_gan):
    with pytest.raises(TypeError, match=r"GAN.* Received: n_critics=3. Did you mean 'n_critic'\?"):
        tiny_gan(n_critics=3)
    with pytest.raises(TypeError, match="Did you mean 'saturating'"):
        tiny_gan(saturated=True)
    with pytest.raises(TypeError, match="The options are .*n_critic"):
        tiny_gan(zzz=3)
    with pytest.raises(ValueError, match="num_classes must be left out of BEGAN: it has no classes, as CGAN"):
        BEGAN.tiny(num_classes=3)


@pytest.mark.parametrize("shape", [(28, 28), 28, (28, 28, 0), (28.0, 28, 1), (28, 28, 2), (28, 28, 5)])
def test_impossible_image_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="image_shape="):
        check_shape(shape)


def test_image_shapes_become_tuples():
    assert check_shape([28, 14, 3]) == (28, 14, 3)


def test_float16_is_refused_and_the_policy_restored(tiny_gan):
    import keras

    with pytest.raises(ValueError, match="mixed_bfloat16"):
        tiny_gan(dtype="mixed_float16")
    tiny_gan(dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("cls", "arguments", "error"),
    [
        ("gan", {"latent_dim": 0}, "latent_dim"),
        ("gan", {"latent_dim": "4"}, "latent_dim must be an integer. Received: latent_dim='4'"),
        ("gan", {"latent_dim": 4.0}, "latent_dim must be an integer"),
        ("gan", {"width": 0}, "width"),
        ("gan", {"width": True}, "width must be an integer"),
        ("gan", {"saturating": 1}, "saturating must be True or False"),
        ("gan", {"n_critic": 1.5}, "n_critic must be an integer. Received: n_critic=1.5"),
        ("gan", {"simultaneous": "no"}, "simultaneous must be True or False"),
        ("gan", {"label_smoothing": float("nan")}, "label_smoothing must be a finite number"),
        ("gan", {"seed": -1}, "seed"),
        ("gan", {"seed": 2**40}, "seed"),
        ("gan", {"image_shape": (8, 8)}, "image_shape"),
        ("gan", {"image_shape": 8}, "image_shape"),
        ("gan", {"image_shape": (8, 8.0, 1)}, "image_shape"),
        ("dcgan", {"base_size": 0}, "base_size"),
        ("dcgan", {"discriminator_width": 0}, "discriminator_width"),
        ("dcgan", {"discriminator_width": "8"}, "discriminator_width must be an integer or None"),
        ("dcgan", {"discriminator_norm": "bach"}, "discriminator_norm='bach'"),
        ("dcgan", {"output_activation": "relu"}, "output_activation='relu'"),
        ("dcgan", {"num_classes": 2.5}, "num_classes must be an integer or None"),
        ("wgan_gp", {"penalty_weight": -1.0}, "penalty_weight must be in .*Received: penalty_weight=-1.0"),
        ("wgan_gp", {"penalty_weight": None}, "penalty_weight must be a finite number"),
        ("wgan_gp", {"kernel_size": 0}, "kernel_size"),
        ("wgan_gp", {"generator_norm": "x"}, "generator_norm='x'"),
        ("wgan", {"clip_limit": "1"}, "clip_limit must be a finite number"),
        ("began", {"gamma": 2}, r"gamma must be in \[0, 1\]. Received: gamma=2"),
        ("began", {"balance_rate": -1.0}, "balance_rate"),
        ("info_gan", {"categories": 1}, "categories"),
        ("info_gan", {"continuous": 0}, "continuous"),
        ("gan_3d", {"side": 9}, "side"),
        ("gan_3d", {"threshold": float("inf")}, "threshold"),
        ("pix2pix", {"dropout": 1.0}, "dropout"),
        ("pix2pix", {"width": 0}, "width"),
        ("pix2pix", {"source_shape": (16, 16, 2)}, "source_shape"),
        ("seq_gan", {"rollouts": 0}, "rollouts"),
        ("seq_gan", {"embedding": 0}, "embedding"),
        ("seq_gan", {"baseline": 1}, "baseline must be True or False"),
    ],
)
def test_each_argument_is_checked_by_name_kind_and_range(cls, arguments, error, small_gan):
    with pytest.raises((TypeError, ValueError), match=error):
        small_gan(cls, **arguments)


def test_arguments_of_a_class_of_the_users_own_are_checked_too(tiny_gan):
    class Own(GAN):
        def __init__(self, *args, strength: "float | None" = 0.5, kind: str = "a", free=None, **options):
            self.strength, self.kind, self.free = strength, kind, free
            super().__init__(*args, **options)

    for arguments, error in (
        ({"strength": "0.5"}, "strength must be a finite number or None. Received: strength='0.5'"),
        ({"kind": 3}, "kind must be a string"),
    ):
        with pytest.raises(ValueError, match=error):
            tiny_gan(Own, **arguments)
    tiny_gan(Own, strength=None, free={"anything": object()})


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float64", "mixed_float16", "int8_from_float32", "int8", "none", 16]
)
def test_dtypes_that_training_does_not_go_with_are_refused(dtype, small_gan):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'mixed_bfloat16'. Received: dtype="):
        small_gan("dcgan", dtype=dtype)
