"""Options apply or refuse: each changes what a few rounds of a variant lead to, or the constructor says that it does not."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_gan_zoo.base import Options
from keras_gan_zoo.base.tricks import ADA_STEPS
from keras_gan_zoo.models import variants
from tests.smallest import smallest_gan

ROUNDS = 6
# Option -> (what it is compared with, itself): some need their owner.
NOISE, R1, AVERAGE = {"instance_noise": 0.5, "instance_noise_images": 100}, {"r1_gamma": 1.0}, {"ema_half_life": 10}
LECAM, AUGMENT = {"lecam_weight": 1.0}, {"augment": "color"}
CHANGES = {
    "n_critic": ({"n_critic": 1}, {"n_critic": 2}),
    "simultaneous": ({}, {"simultaneous": True}),
    "latent_distribution": ({"latent_distribution": "normal"}, {"latent_distribution": "uniform"}),
    "label_smoothing": ({}, {"label_smoothing": 0.2}),
    "fake_label_smoothing": ({}, {"fake_label_smoothing": 0.2}),
    "label_flipping": ({}, {"label_flipping": 0.4}),
    "instance_noise": ({}, NOISE),
    "instance_noise_images": (NOISE, {**NOISE, "instance_noise_images": 9}),
    "replay_size": ({}, {"replay_size": 4}),
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
    "saturating": ({"saturating": False}, {"saturating": True}),
    "top_k": ({}, {"top_k": 0.5}),
    "ema_half_life": ({}, AVERAGE),
    "ema_rampup": (AVERAGE, {**AVERAGE, "ema_rampup": 0.9}),
}


def test_all_options_are_tried():
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Options)}


@pytest.fixture(scope="module")
def played(round_of, short):
    """(name, options, rounds) -> weights and averages after so many, or the words with which the constructor refuses.

    What a variant has played is kept until the next variant comes.
    """
    known = {}

    def play(name, options):
        keras.utils.set_random_seed(0)
        gan = smallest_gan(name, seed=0, **options)
        # Adam takes a dozen operations for each weight where this takes one.
        if name != "bayesian_gan":  # which has an optimizer of its own
            gan.compile(**{f"{player}_optimizer": keras.optimizers.SGD(0.1) for player in gan.optimizer_names})
        gan.run_eagerly = True
        # Samples are made of these, and drawing some would take longer than the rounds.
        networks = [kept for name in gan.network_names for kept in (getattr(gan, name), gan.network(name))]
        for i in range(ROUNDS):
            gan.train_on_batch(*round_of(gan, minibatch=4, seed=i))
            yield [weight for network in networks for weight in network.get_weights()]

    def after(name, options, rounds):
        options = {**short(name), **options}
        key = (name, *sorted(options.items()))
        if key not in known:
            for other in [other for other in known if other[0] != name]:
                del known[other]
            known[key] = play(name, options), []
        game, states = known[key]
        try:
            while len(states) < rounds:
                states.append(next(game))
        except ValueError as error:
            known[key] = game, [str(error)] * ROUNDS
        return known[key][1][rounds - 1]

    return after


def differ(first, second):
    return any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("option", CHANGES)
@pytest.mark.parametrize("name", variants())
def test_an_option_applies_or_is_refused(name, option, played):
    without, changed = CHANGES[option]
    words = played(name, changed, 1)
    if isinstance(words, str):
        assert any(f"{word}=" in words for word in (option, *changed)) or "input gradient of each is penalized" in words
        assert any(fix in words for fix in ("must be left out of", "leave it out", "leave the penalty out"))
        return
    # Most show in the first round, and are asked no further.
    assert any(differ(played(name, without, i), played(name, changed, i)) for i in range(1, ROUNDS + 1))


@pytest.mark.parametrize("name", variants())
def test_the_probability_of_ada_moves_wherever_it_is_taken(name, round_of, short):
    options = {**short(name), **AUGMENT, "ada_target": 0.6}
    try:
        gan = smallest_gan(name, seed=0, **options)
    except ValueError:
        return  # which is asked above
    gan.compile(run_eagerly=True)
    gan.ada_probability.assign(0.5)
    for i in range(ADA_STEPS):
        gan.train_on_batch(*round_of(gan, minibatch=4, seed=i))
    assert float(gan.ada_probability) != 0.5
