"""Options and constructor arguments: defaults, and errors that name what is possible."""

import dataclasses

import pytest

from keras_gan_zoo.base import Options
from keras_gan_zoo.base.options import check_shape


def test_every_trick_is_off_by_default():
    options = dataclasses.asdict(Options())
    tricks = ("label_smoothing", "label_flipping", "instance_noise", "r1_gamma", "ema_half_life")
    assert not any(options[name] for name in tricks)
    assert options["n_critic"] == 1 and options["latent_distribution"] == "normal"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"n_critic": 0}, "n_critic=0 .* at least 1"),
        ({"latent_distribution": "gauss"}, "'normal' or 'uniform'"),
        ({"label_smoothing": 0.5}, r"label_smoothing=0.5 .* \[0, 0.5\)"),
        ({"label_flipping": -0.1}, r"label_flipping=-0.1 .* \[0, 0.5\)"),
        ({"instance_noise": -1.0, "instance_noise_images": 1}, "instance_noise=-1.0 .* 0 or more"),
        ({"instance_noise": 0.1}, "instance_noise_images=0 .* number of images"),
        ({"r1_gamma": -1.0}, "r1_gamma=-1.0 .* 0 or more"),
        ({"r1_share": 0.0}, r"r1_share=0.0 .* \(0, 1\]"),
        ({"ema_half_life": -1}, "ema_half_life=-1 .* 0 or more"),
        ({"r1_share": 0.5}, "r1_share=0.5 has no effect without r1_gamma"),
        ({"instance_noise_images": 9}, "instance_noise_images=9 has no effect without instance_noise"),
        ({"ema_rampup": 0.1}, "ema_rampup=0.1 has no effect without ema_half_life"),
        ({"ema_rampup": 0.0}, r"ema_rampup=0.0 .* \(0, 1\]"),
    ],
)
def test_impossible_values_are_refused(arguments, expected, tiny_gan):
    with pytest.raises(ValueError, match=expected):
        tiny_gan(**arguments)


def test_unknown_arguments_are_answered_with_the_closest_one(tiny_gan):
    with pytest.raises(TypeError, match=r"GAN\(\) got an unknown argument 'n_critics'; did you mean 'n_critic'\?"):
        tiny_gan(n_critics=3)
    with pytest.raises(TypeError, match="did you mean 'saturating'"):
        tiny_gan(saturated=True)
    with pytest.raises(TypeError, match="the options are .*n_critic"):
        tiny_gan(zzz=3)


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
