"""Options apply or refuse: each changes what two rounds of a variant lead to, or the constructor says that it does not."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_gan_zoo.base import Options
from keras_gan_zoo.models import variants

# Option -> (what it is compared with, itself): some need their owner.
NOISE, R1, AVERAGE = {"instance_noise": 0.5, "instance_noise_images": 100}, {"r1_gamma": 1.0}, {"ema_half_life": 10}
LECAM, AUGMENT = {"lecam_weight": 1.0}, {"augment": "color"}
CHANGES = {
    "n_critic": ({"n_critic": 1}, {"n_critic": 2}),
    "simultaneous": ({}, {"simultaneous": True}),
    "latent_distribution": ({"latent_distribution": "normal"}, {"latent_distribution": "uniform"}),
    "label_smoothing": ({}, {"label_smoothing": 0.2}),
    "label_flipping": ({}, {"label_flipping": 0.4}),
    "instance_noise": ({}, NOISE),
    "instance_noise_images": (NOISE, {**NOISE, "instance_noise_images": 9}),
    "r1_gamma": ({}, R1),
    "r2_gamma": ({}, {"r2_gamma": 1.0}),
    "r1_share": (R1, {**R1, "r1_share": 0.5}),
    "lecam_weight": ({}, LECAM),
    "lecam_decay": (LECAM, {**LECAM, "lecam_decay": 0.5}),
    "consistency_weight": ({}, {"consistency_weight": 10.0}),
    "fake_consistency_weight": ({}, {"fake_consistency_weight": 10.0}),
    "augment": ({}, AUGMENT),
    "augment_probability": (AUGMENT, {**AUGMENT, "augment_probability": 0.5}),
    "ada_target": (AUGMENT, {**AUGMENT, "ada_target": 0.6}),
    "top_k": ({}, {"top_k": 0.5}),
    "ema_half_life": ({}, AVERAGE),
    "ema_rampup": (AVERAGE, {**AVERAGE, "ema_rampup": 0.9}),
}


def test_all_options_are_tried():
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Options)}


@pytest.fixture(scope="module")
def after_two_rounds(small_gan, round_of, short):
    """(name, options) -> weights and averages, or the words with which the constructor refuses; computed once."""
    known = {}

    def of(name, options):
        options = {**short(name), **options}
        key = (name, *sorted(options.items()))
        if key not in known:
            keras.utils.set_random_seed(0)
            try:
                gan = small_gan(name, seed=0, **options)
            except ValueError as error:
                known[key] = str(error)
                return known[key]
            gan.compile(run_eagerly=True)
            for i in range(2):
                gan.train_on_batch(*round_of(gan, minibatch=4, seed=i))
            # Samples are made of these, and drawing some would take longer than the rounds.
            networks = [kept for name in gan.network_names for kept in (getattr(gan, name), gan.network(name))]
            known[key] = [weight for network in networks for weight in network.get_weights()]
        return known[key]

    return of


@pytest.mark.parametrize("option", CHANGES)
@pytest.mark.parametrize("name", variants())
def test_an_option_applies_or_is_refused(name, option, after_two_rounds):
    without, changed = (after_two_rounds(name, options) for options in CHANGES[option])
    if isinstance(changed, str):
        assert any(word in changed for word in (f"{option}=", "penalizes the input gradient", *CHANGES[option][1]))
        assert "leave it out" in changed or "leave the penalty out" in changed
        return
    assert not isinstance(without, str)
    assert any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(without, changed, strict=True))
